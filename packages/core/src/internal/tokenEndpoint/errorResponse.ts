/*
 * The classification of error responses: from a status and a code to one error class. Pure.
 */
import * as Headers from "@effect/platform/Headers"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { ClientSecret } from "../../ClientCredentials.js"
import {
  InvalidClientError,
  InvalidRequestError,
  InvalidScopeError,
  RateLimitedError,
  ServiceUnavailableError,
  type TokenError,
  UnexpectedResponseError
} from "../../TokenError.js"
import * as RetryAfter from "../retryAfter.js"
import { parse } from "../safeUrl.js"
import type { ErrorBody } from "./errorBody.js"
import type { RawResponse } from "./rawResponse.js"
import type { Target } from "./roundTrip.js"
import { sanitize } from "./sanitize.js"

/** What the errors of an endpoint tell about a request, and the secrets that they must not tell. */
export interface Context extends Target {
  /** That of the request, and those of requests before it. */
  readonly secrets: ReadonlyArray<ClientSecret>
}

/** What is known of an error response. A class takes from it what it has a field for. */
export interface Details extends Target {
  readonly status: number
  readonly code?: string | undefined
  readonly serverMessage?: string | undefined
  readonly retryAfter?: Duration.Duration | undefined
  readonly problem: string
}

const common = ({ attempts, code, serverMessage, status, tokenUrl }: Details) => ({
  status,
  attempts,
  tokenUrl,
  ...(code !== undefined && { code }),
  ...(serverMessage !== undefined && { serverMessage })
})

const withWait = (details: Details) => ({
  ...common(details),
  ...(details.retryAfter !== undefined && { retryAfter: details.retryAfter })
})

const classes = {
  InvalidRequestError: (details: Details) => new InvalidRequestError(common(details)),
  InvalidClientError: (details: Details) => new InvalidClientError(common(details)),
  InvalidScopeError: (details: Details) => new InvalidScopeError({ ...common(details), requested: details.requested }),
  RateLimitedError: (details: Details) => new RateLimitedError(withWait(details)),
  ServiceUnavailableError: (details: Details) => new ServiceUnavailableError(withWait(details)),
  UnexpectedResponseError: (details: Details) =>
    new UnexpectedResponseError({ ...common(details), tokenUrl: details.tokenUrl, problem: details.problem })
}

/** The error classes that a response can stand for. */
export type Tag = keyof typeof classes

/** The error of a class. */
export const errorOf = (tag: Tag, details: Details): TokenError => classes[tag](details)

const byStatus = new Map<number, Tag>([
  [400, "InvalidRequestError"],
  [401, "InvalidClientError"],
  [403, "InvalidClientError"],
  [408, "ServiceUnavailableError"],
  [425, "ServiceUnavailableError"],
  [429, "RateLimitedError"],
  [501, "UnexpectedResponseError"],
  [505, "UnexpectedResponseError"]
])

const byCode = new Map<string, Tag>([
  ["invalid_client", "InvalidClientError"],
  ["unauthorized_client", "InvalidClientError"],
  ["invalid_scope", "InvalidScopeError"]
])

/** The codes of a 200 that carries an error. It has no status that would decide, so those of a plain 400 count too. */
const byCodeAlone = new Map<string, Tag>([
  ...byCode,
  ["invalid_request", "InvalidRequestError"],
  ["invalid_grant", "InvalidRequestError"],
  ["unsupported_grant_type", "InvalidRequestError"]
])

/** The statuses with which a code counts. Every other status decides by itself (E4). */
const codesOfStatus = new Map<number, ReadonlyMap<string, Tag>>([
  [200, byCodeAlone],
  [400, byCode],
  [401, byCode],
  [403, byCode]
])

/** The error class that a status and a code stand for. */
export const classify = (status: number, code?: string): Tag =>
  codesOfStatus.get(status)?.get(code?.toLowerCase() ?? "") ??
    byStatus.get(status) ??
    (status >= 500 && status < 600 ? "ServiceUnavailableError" : "UnexpectedResponseError")

/** The origin of a URL, without its path and query. It is sanitized, since even the host may repeat the secret. */
export const originOf = (url: string, { secrets, tokenUrl }: Context): string =>
  sanitize(parse(url, tokenUrl)?.origin ?? "elsewhere", secrets)

const problemOf = ({ headers, status }: RawResponse, context: Context): string => {
  if (status === 200) return "it carries an unknown error"
  if (status < 300 || status >= 400) return "a token endpoint doesn't respond with this status"
  return Option.match(Headers.get(headers, "location"), {
    onNone: () => "it redirects, and no redirect is followed",
    onSome: (location) => `it redirects to ${originOf(location, context)}, and no redirect is followed`
  })
}

/** The error of a response that is not a token, with the server's words made fit to be kept (E8). */
export const fromResponse = (response: RawResponse, context: Context, body: ErrorBody): TokenError => {
  const { headers, receivedAt, status } = response
  const { attempts, requested, secrets, tokenUrl } = context
  const keep = (text = "") => sanitize(text, secrets) || undefined
  return errorOf(classify(status, body.code), {
    tokenUrl,
    requested,
    attempts,
    status,
    code: keep(body.code),
    serverMessage: keep(body.message),
    retryAfter: RetryAfter.parse(Option.getOrElse(Headers.get(headers, "retry-after"), () => ""), receivedAt),
    problem: problemOf(response, context)
  })
}
