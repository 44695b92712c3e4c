/*
 * What a mediator decides. Pure; tested by tables.
 */
import type * as Headers from "@effect/platform/Headers"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as AccessToken from "../../AccessToken.js"
import type { Scopes } from "../../Scopes.js"
import type { TokenError } from "../../TokenError.js"
import type { Refusal } from "../../TokenMediator.js"
import { askedToWait } from "../tokenSource/backoff.js"

/** A request that is refused: the answer's status and headers, and what it holds. */
export interface Refused {
  readonly status: number
  readonly refusal: Refusal
  readonly headers: Readonly<Record<string, string>>
}

type Tag = Refusal["_tag"]

const useless = (
  status: number,
  _tag: Tag,
  message: string,
  headers: Readonly<Record<string, string>> = {}
): Refused => ({ status, headers, refusal: { _tag, retryable: false, message } })

/** So long there is nothing to be had after a failure: a source that has just failed isn't asked again (S7). */
const briefly = Duration.seconds(1)

const later = (status: number, _tag: Tag, message: string, retryAfter = briefly): Refused => ({
  status,
  headers: {},
  refusal: { _tag, retryable: true, message, retryAfter }
})

/**
 * M3: whether the page that asks is of this origin. The browser's own word decides; where it gives none, `Origin` does, which
 * no page can forge. `Host` is what the asker says, and says nothing.
 */
export const isSameOrigin = (headers: Headers.Headers, origin: string): boolean => {
  const site = headers["sec-fetch-site"]
  return site === undefined ? headers["origin"] === origin : site === "same-origin"
}

/** M3: a form can't send this type, nor can a page of another origin without asking first, which nobody answers. */
export const isJson = (headers: Headers.Headers): boolean =>
  headers["content-type"]?.split(";")[0]?.trim().toLowerCase() === "application/json"

/** A list of all scopes that the vendor knows has half of a KiB. */
export const maxBytes = 16 * 1024

export const tooLarge = useless(413, "InvalidRequestError", "The body may have 16 KiB.")

export const malformed = useless(400, "InvalidRequestError", "The body must be JSON, as {\"scopes\":[\"user_info\"]}.")

/** M3: why a request isn't even read, if so. */
export const unread = (
  { headers, method }: { readonly method: string; readonly headers: Headers.Headers },
  origin: string
): Refused | undefined => {
  if (!isSameOrigin(headers, origin)) {
    return useless(403, "InvalidClientError", "Only a page of this server's own origin may ask for a token.")
  }
  if (method !== "POST") return useless(405, "InvalidRequestError", "Ask by POST.", { allow: "POST" })
  if (!isJson(headers)) {
    return useless(415, "InvalidRequestError", "The body must be application/json.", {
      "accept-post": "application/json"
    })
  }
  return Number(headers["content-length"] ?? 0) > maxBytes ? tooLarge : undefined
}

/** In our own words: what the authorization server said, and what an application's error says, stays here (M3). */
const words: Record<Tag, string> = {
  InvalidInputError: "A setting of this server isn't valid; its log says which.",
  CredentialsError: "This server has no credentials of its own at hand.",
  InvalidRequestError: "The authorization server didn't accept what this server asked.",
  InvalidClientError: "The authorization server refused this server's own credentials.",
  InvalidScopeError: "Not every scope may be had.",
  RateLimitedError: "There have been too many token requests.",
  ServiceUnavailableError: "There is no token to be had at the moment.",
  UnexpectedResponseError: "The authorization server's answer is no token.",
  TokenTransportError: "The authorization server can't be reached.",
  TokenTimeoutError: "The authorization server didn't answer in time."
}

/** What a page is told of an error on the way to the token. */
export const fromTokenError = (error: TokenError): Refused => {
  const { _tag, retryable } = error
  if (!retryable) return useless(500, _tag, words[_tag])
  const wait = Duration.max(briefly, Duration.millis(askedToWait(error)))
  return later(_tag === "RateLimitedError" ? 429 : 503, _tag, words[_tag], wait)
}

/** M2: what a page is told where `authorize` fails. */
export const fromAuthorize = (error: TokenError): Refused => {
  if (error._tag === "InvalidScopeError") return useless(400, error._tag, words[error._tag])
  if (error._tag !== "InvalidClientError") return fromTokenError(error)
  return error.status === 401
    ? useless(401, error._tag, "Nobody is logged in.")
    : useless(403, error._tag, "Whoever is logged in may not have a token.")
}

/** M2: `authorize` decides, whatever the page asks for. */
export const notGranted = useless(400, "InvalidScopeError", "Not every scope that was asked for is granted.")

/** M5 */
export const tooWide = useless(
  500,
  "UnexpectedResponseError",
  "The token can do more than was granted, and isn't handed out."
)

export const isOver = later(503, "ServiceUnavailableError", "The token is about to expire; the next one is coming.")

/** Nothing is known of what went wrong, and nothing is said. */
export const broken = later(500, "ServiceUnavailableError", "Something went wrong.")

/**
 * M5: the scopes that a token can be used for, as its claims say, and the answer that it came with; the answer alone is known to
 * name fewer. `undefined` where the claims can't be read, or don't say.
 */
export const reachOf = (token: AccessToken.AccessToken): ReadonlyArray<string> | undefined =>
  Either.match(AccessToken.claims(token), {
    onLeft: () => undefined,
    onRight: ({ scopes }) => scopes === undefined ? undefined : [...new Set([...scopes, ...token.scopes])]
  })

/** M5: whether all that a token can be used for was granted. What nobody can tell was not. */
export const isWithin = (reach: ReadonlyArray<string> | undefined, granted: Scopes): boolean => {
  const all = new Set<string>(granted)
  return reach !== undefined && reach.every((scope) => all.has(scope))
}
