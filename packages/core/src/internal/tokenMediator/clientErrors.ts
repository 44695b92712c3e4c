/*
 * A mediator's refusals, as the errors that they are. Pure.
 */
import {
  CredentialsError,
  InvalidClientError,
  InvalidInputError,
  InvalidRequestError,
  InvalidScopeError,
  RateLimitedError,
  ServiceUnavailableError,
  type TokenError,
  TokenTimeoutError,
  TokenTransportError,
  UnexpectedResponseError
} from "../../TokenError.js"
import type { Refusal } from "../../TokenMediator.js"
import type { Answer } from "../tokenEndpoint/rawResponse.js"
import { classify, paced } from "../tokenEndpoint/errorResponse.js"
import { retryAfter } from "../retryAfter.js"

/** What the answer is an answer to. `receivedAt` is in milliseconds since 1970. */
export interface Question {
  readonly tokenUrl: string
  readonly attempts: number
  readonly receivedAt: number
}

/**
 * A page has no id and no secret that could be wrong: with these statuses it is its user who is refused. The codes are OpenID
 * Connect's (Core §3.1.2.6) and OAuth's (RFC 6749 §4.1.2.1).
 */
const userCodes = new Map([[401, "login_required"], [403, "access_denied"]])

const userRefused = (said: { readonly status: number; readonly attempts: number; readonly serverMessage?: string }) => {
  const code = userCodes.get(said.status)
  return new InvalidClientError({ ...said, ...(code !== undefined && { code }) })
}

/** The error that a refusal stands for. Its words are the mediator's own, as its schema has made sure. */
export const errorOf = (
  { _tag, message, retryAfter, retryable }: Refusal,
  { status }: Answer,
  { attempts, tokenUrl }: Question
): TokenError => {
  const said = { status, attempts, serverMessage: message }
  switch (_tag) {
    case "InvalidInputError":
      return new InvalidInputError({
        setting: `A setting of ${tokenUrl}`,
        expected: "valid: its server's log says which"
      })
    case "CredentialsError":
      return new CredentialsError({ message, retryable })
    case "InvalidRequestError":
      return new InvalidRequestError(said)
    case "InvalidClientError":
      return userRefused(said)
    case "InvalidScopeError":
      return new InvalidScopeError(said)
    case "RateLimitedError":
      return new RateLimitedError(paced(said, retryAfter))
    case "ServiceUnavailableError":
      return new ServiceUnavailableError(paced(said, retryAfter))
    case "UnexpectedResponseError":
      return new UnexpectedResponseError({ ...said, tokenUrl, problem: "the mediator refuses" })
    case "TokenTransportError":
      return new TokenTransportError({ reason: retryable ? "Other" : "Tls", tokenUrl, attempts })
    case "TokenTimeoutError":
      return new TokenTimeoutError({ tokenUrl, attempts })
  }
}

/** The error of an answer that isn't a mediator's, but a proxy's, or a server's that has none. Nothing of it is kept. */
export const errorOfStranger = (
  { headers, hiddenRedirect, status, url }: Answer,
  { attempts, receivedAt, tokenUrl }: Question
): TokenError => {
  const said = { status, attempts }
  const unexpected = (problem: string) => new UnexpectedResponseError({ ...said, tokenUrl, problem })
  if (url !== tokenUrl) return unexpected("the HTTP client went on to elsewhere")
  if (hiddenRedirect || (status >= 300 && status < 400)) return unexpected("it redirects, and no redirect is followed")
  if (status === 0) return new TokenTransportError({ reason: "Other", tokenUrl, attempts })
  const wait = retryAfter(headers["retry-after"] ?? "", receivedAt)
  switch (classify(status)) {
    case "InvalidRequest":
      return new InvalidRequestError(said)
    case "InvalidClient":
      return userRefused(said)
    case "RateLimited":
      return new RateLimitedError(paced(said, wait))
    case "ServiceUnavailable":
      return new ServiceUnavailableError(paced(said, wait))
    case "InvalidScope":
    case "UnexpectedResponse":
      return unexpected("a mediator doesn't answer with this status")
  }
}
