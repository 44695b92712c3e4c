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

type Tag = Refusal["_tag"]

/** Why a request is refused, as the metric and the log name it (M3). */
export type Reason =
  | "origin"
  | "method"
  | "content_type"
  | "body_too_large"
  | "body_malformed"
  | "body_slow"
  | "unauthenticated"
  | "forbidden"
  | "principal"
  | "not_granted"
  | "authorize_failed"
  | "authorize_slow"
  | "authorize_died"
  | "wider_claims"
  | "about_to_expire"
  | "died"
  | Tag

/** A request that is refused: the response's status and headers, what its body holds, and why. */
export interface Refused {
  readonly reason: Reason
  readonly status: number
  readonly refusal: Refusal
  readonly headers: Readonly<Record<string, string>>
}

const permanent = (
  reason: Reason,
  status: number,
  _tag: Tag,
  message: string,
  headers: Readonly<Record<string, string>> = {}
): Refused => ({ reason, status, headers, refusal: { _tag, retryable: false, message } })

/** The shortest wait after a failure: a source that has just failed is in its cool-down (S7). */
const shortestWait = Duration.seconds(1)

const temporary = (
  reason: Reason,
  status: number,
  _tag: Tag,
  message: string,
  retryAfter = shortestWait
): Refused => ({ reason, status, headers: {}, refusal: { _tag, retryable: true, message, retryAfter } })

/**
 * Whether the page that asks is of this origin (M3). The browser sets `Sec-Fetch-Site` and `Origin`, and a page can
 * forge neither. Each that is there must say so, and one must be there. `Host` is not looked at, since the sender
 * chooses it.
 */
export const isSameOrigin = (headers: Headers.Headers, origin: string): boolean => {
  const sender = headers["origin"]
  const site = headers["sec-fetch-site"]
  return (sender !== undefined || site !== undefined) &&
    (sender ?? origin) === origin &&
    (site ?? "same-origin") === "same-origin"
}

const shown = (header: string | undefined): string =>
  header === undefined ? "absent" : /^[\x20-\x7e]{0,256}$/.test(header) ? JSON.stringify(header) : "not printable"

/** Where a request says that it comes from: what a log shows of one that is refused for it (B3). */
export const senderOf = (headers: Headers.Headers): string =>
  `its Origin is ${shown(headers["origin"])}, its Sec-Fetch-Site is ${shown(headers["sec-fetch-site"])}`

/**
 * Whether the body is announced as JSON (M3). A form cannot send this type, and a page of another origin only after a
 * preflight, which the mediator refuses.
 */
export const isJson = (headers: Headers.Headers): boolean =>
  headers["content-type"]?.split(";")[0]?.trim().toLowerCase() === "application/json"

/** All scopes that the vendor knows have half a KiB. */
export const maxBytes = 16 * 1024

export const tooLarge = permanent("body_too_large", 413, "InvalidRequestError", "The body may have 16 KiB.")

/** How long the reading of the body, and `authorize`, may take (M6). */
export const timeLimit = Duration.seconds(10)

export const slowBody = temporary(
  "body_slow",
  408,
  "ServiceUnavailableError",
  "The body of the request did not arrive in time."
)

export const malformed = permanent(
  "body_malformed",
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
    return permanent(
      "origin",
      403,
      "InvalidRequestError",
      "Only a page of the origin that this server is set to serve may ask for a token."
    )
  }
  if (method !== "POST") return permanent("method", 405, "InvalidRequestError", "Ask by POST.", { allow: "POST" })
  if (!isJson(headers)) {
    return permanent("content_type", 415, "InvalidRequestError", "The body must be application/json.", {
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

/** What a page is told of an error on the way to the token, or of `authorize`. */
export const fromTokenError = (error: TokenError, reason: Reason = error._tag): Refused => {
  const { _tag, retryable } = error
  if (!retryable) return permanent(reason, 500, _tag, messages[_tag])
  const wait = Duration.max(shortestWait, Duration.millis(requestedWait(error)))
  return temporary(reason, _tag === "RateLimitedError" ? 429 : 503, _tag, messages[_tag], wait)
}

/** `authorize` finds no user who is logged in (M6). */
export const unauthenticated = permanent("unauthenticated", 401, "InvalidClientError", "No user is logged in.")

/** `authorize` finds that the user may have no token (M6). */
export const forbidden = permanent("forbidden", 403, "InvalidClientError", "This user may not have a token.")

/** The session is that of another user than the page believes (M2). */
export const otherPrincipal = permanent(
  "principal",
  403,
  "InvalidClientError",
  "Another user is logged in than the one whom the page names."
)

/** What a page is told of a failure of `authorize`: of the server's own errors never that its user is refused (M6). */
export const fromAuthorize = (error: TokenError): Refused => {
  const { headers, refusal, status } = fromTokenError(error)
  return { reason: "authorize_failed", status: status === 429 ? 503 : status, headers, refusal }
}

/** `authorize` takes too long (M6). */
export const slowAuthorize = temporary(
  "authorize_slow",
  503,
  "ServiceUnavailableError",
  "This server did not decide in time who asks."
)

/** `authorize` grants less than the page asks for (M2). */
export const notGranted = permanent(
  "not_granted",
  400,
  "InvalidScopeError",
  "Not every requested scope is granted."
)

/** The token's claims are wider than the grant (M5). */
export const tooWide = permanent(
  "wider_claims",
  500,
  "UnexpectedResponseError",
  "The token can do more than was granted, and isn't handed out."
)

/** The token has less than a second left. */
export const aboutToExpire = temporary(
  "about_to_expire",
  503,
  "ServiceUnavailableError",
  "The token is about to expire; the next one is coming."
)

/** A defect, of which the page learns nothing. */
export const defect = temporary("died", 500, "ServiceUnavailableError", "Something went wrong.")

/** The same of a defect of `authorize` (M6). */
export const defectOfAuthorize: Refused = { ...defect, reason: "authorize_died" }

/** The scopes in a token's claims: the vendor's `scopes`, and the `scope` of RFC 9068 (M5). */
const claimed = ({ scope = [], scopes = [] }: AccessToken.Claims): ReadonlyArray<string> => [
  ...scopes,
  ...(typeof scope === "string" ? scope.split(/[ ,]+/).filter((name) => name !== "") : scope)
]

/**
 * All scopes that a token can be used for, by its claims and by the response that it came with, which may name fewer
 * (M5). `undefined` if the claims cannot be read or name none.
 */
export const reachOf = (token: AccessToken.AccessToken): ReadonlyArray<string> | undefined =>
  Either.match(Either.map(AccessToken.claims(token), claimed), {
    onLeft: () => undefined,
    onRight: (scopes) => scopes.length === 0 ? undefined : [...new Set([...scopes, ...token.scopes])]
  })

/** Whether all that a token can be used for was granted (M5). A token of unknown reach is refused. */
export const isWithin = (reach: ReadonlyArray<string> | undefined, granted: Scopes): boolean => {
  const all = new Set<string>(granted)
  return reach !== undefined && reach.every((scope) => all.has(scope))
}
