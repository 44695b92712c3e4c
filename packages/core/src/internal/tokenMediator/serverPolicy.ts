/*
 * What a mediator decides: which requests it reads, what it grants, and what it tells a page of an error. Pure.
 */
import type * as Headers from "@effect/platform/Headers"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as AccessToken from "../../AccessToken.js"
import type { Scopes } from "../../Scopes.js"
import type { TokenError } from "../../TokenError.js"
import { requestedWait } from "../retryAfter.js"
import type { Refusal } from "./protocol.js"

/** A request that is refused: the response's status and headers, and what its body holds. */
export interface Refused {
  readonly status: number
  readonly refusal: Refusal
  readonly headers: Readonly<Record<string, string>>
}

type Tag = Refusal["_tag"]

const permanent = (
  status: number,
  _tag: Tag,
  message: string,
  headers: Readonly<Record<string, string>> = {}
): Refused => ({ status, headers, refusal: { _tag, retryable: false, message } })

/** The shortest wait after a failure: a source that has just failed is in its cool-down (S7). */
const shortestWait = Duration.seconds(1)

const temporary = (status: number, _tag: Tag, message: string, retryAfter = shortestWait): Refused => ({
  status,
  headers: {},
  refusal: { _tag, retryable: true, message, retryAfter }
})

/**
 * Whether the page that asks is of this origin (M3). `Sec-Fetch-Site`, which the browser sets, decides; if it is
 * absent, `Origin` does, which a page cannot forge either. `Host` is not looked at, since the sender chooses it.
 */
export const isSameOrigin = (headers: Headers.Headers, origin: string): boolean => {
  const site = headers["sec-fetch-site"]
  return site === undefined ? headers["origin"] === origin : site === "same-origin"
}

/**
 * Whether the body is announced as JSON (M3). A form cannot send this type, and a page of another origin only after a
 * preflight, which the mediator refuses.
 */
export const isJson = (headers: Headers.Headers): boolean =>
  headers["content-type"]?.split(";")[0]?.trim().toLowerCase() === "application/json"

/** All scopes that the vendor knows have half a KiB. */
export const maxBytes = 16 * 1024

export const tooLarge = permanent(413, "InvalidRequestError", "The body may have 16 KiB.")

export const malformed = permanent(
  400,
  "InvalidRequestError",
  "The body must be JSON, as {\"scopes\":[\"user_info\"]}."
)

/** Why a request is refused before its body is read, if it is (M3). */
export const refusalBeforeReading = (
  { headers, method }: { readonly method: string; readonly headers: Headers.Headers },
  origin: string
): Refused | undefined => {
  if (!isSameOrigin(headers, origin)) {
    return permanent(403, "InvalidClientError", "Only a page of this server's own origin may ask for a token.")
  }
  if (method !== "POST") return permanent(405, "InvalidRequestError", "Ask by POST.", { allow: "POST" })
  if (!isJson(headers)) {
    return permanent(415, "InvalidRequestError", "The body must be application/json.", {
      "accept-post": "application/json"
    })
  }
  return Number(headers["content-length"] ?? 0) > maxBytes ? tooLarge : undefined
}

/** Our own messages: the page never sees those of the authorization server and of the application (M3). */
const messages: Record<Tag, string> = {
  InvalidInputError: "A setting of this server isn't valid; its log says which.",
  CredentialsError: "This server has no credentials of its own at hand.",
  InvalidRequestError: "The authorization server didn't accept what this server asked.",
  InvalidClientError: "The authorization server refused this server's own credentials.",
  InvalidScopeError: "Not every scope may be had.",
  RateLimitedError: "There have been too many token requests.",
  ServiceUnavailableError: "There is no token to be had at the moment.",
  UnexpectedResponseError: "The authorization server's response isn't a token.",
  TokenTransportError: "The authorization server can't be reached.",
  TokenTimeoutError: "The authorization server didn't respond in time."
}

/** What a page is told of an error on the way to the token. */
export const fromTokenError = (error: TokenError): Refused => {
  const { _tag, retryable } = error
  if (!retryable) return permanent(500, _tag, messages[_tag])
  const wait = Duration.max(shortestWait, Duration.millis(requestedWait(error)))
  return temporary(_tag === "RateLimitedError" ? 429 : 503, _tag, messages[_tag], wait)
}

/** What a page is told of a failure of `authorize` (M2). */
export const fromAuthorize = (error: TokenError): Refused => {
  if (error._tag === "InvalidScopeError") return permanent(400, error._tag, messages[error._tag])
  if (error._tag !== "InvalidClientError") return fromTokenError(error)
  return error.status === 401
    ? permanent(401, error._tag, "No user is logged in.")
    : permanent(403, error._tag, "This user may not have a token.")
}

/** `authorize` grants less than the page asks for (M2). */
export const notGranted = permanent(400, "InvalidScopeError", "Not every requested scope is granted.")

/** The token's claims are wider than the grant (M5). */
export const tooWide = permanent(
  500,
  "UnexpectedResponseError",
  "The token can do more than was granted, and isn't handed out."
)

/** The token has less than a second left. */
export const aboutToExpire = temporary(
  503,
  "ServiceUnavailableError",
  "The token is about to expire; the next one is coming."
)

/** A defect, of which the page learns nothing. */
export const defect = temporary(500, "ServiceUnavailableError", "Something went wrong.")

/**
 * All scopes that a token can be used for, by its claims and by the response that it came with, which may name fewer
 * (M5). `undefined` if the claims cannot be read or name none.
 */
export const reachOf = (token: AccessToken.AccessToken): ReadonlyArray<string> | undefined =>
  Either.match(AccessToken.claims(token), {
    onLeft: () => undefined,
    onRight: ({ scopes }) => scopes === undefined ? undefined : [...new Set([...scopes, ...token.scopes])]
  })

/** Whether all that a token can be used for was granted (M5). A token of unknown reach is refused. */
export const isWithin = (reach: ReadonlyArray<string> | undefined, granted: Scopes): boolean => {
  const all = new Set<string>(granted)
  return reach !== undefined && reach.every((scope) => all.has(scope))
}
