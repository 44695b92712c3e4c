/*
 * The page's errors: a mediator's refusals as the errors that they stand for. Pure.
 */
import {
  CredentialsError,
  InvalidInputError,
  type TokenError,
  TokenTimeoutError,
  TokenTransportError
} from "../../TokenError.js"
import * as RetryAfter from "../retryAfter.js"
import * as ErrorResponse from "../tokenEndpoint/errorResponse.js"
import type { RawResponse } from "../tokenEndpoint/rawResponse.js"
import type { Target } from "../tokenEndpoint/roundTrip.js"
import type { Refusal } from "./protocol.js"

/**
 * A page has no client id and no secret that could be wrong: the first two refuse its user. Their codes are those of
 * OpenID Connect Core §3.1.2.6 and RFC 6749 §4.1.2.1. The third refuses the page itself, whoever uses it (B3).
 */
const codes = new Map([
  ["InvalidClientError 401", "login_required"],
  ["InvalidClientError 403", "access_denied"],
  ["InvalidRequestError 403", "wrong_origin"]
])

const errorOf = (tag: ErrorResponse.Tag, details: ErrorResponse.Details): TokenError =>
  ErrorResponse.errorOf(tag, { ...details, code: codes.get(`${tag} ${details.status}`) })

/** The error that a refusal stands for. Its message is the mediator's own, as its schema has made sure. */
export const fromRefusal = (refusal: Refusal, { status }: RawResponse, target: Target): TokenError => {
  const { _tag, message, retryAfter, retryable } = refusal
  const { attempts, tokenUrl } = target
  switch (_tag) {
    case "InvalidInputError":
      return new InvalidInputError({
        setting: `A setting of ${tokenUrl}`,
        expected: "valid: its server's log says which"
      })
    case "CredentialsError":
      return new CredentialsError({ message, retryable })
    case "TokenTransportError":
      return new TokenTransportError({ reason: retryable ? "Other" : "Tls", tokenUrl, attempts })
    case "TokenTimeoutError":
      return new TokenTimeoutError({ tokenUrl, attempts })
    default:
      return errorOf(_tag, {
        ...target,
        status,
        serverMessage: message,
        retryAfter,
        problem: "the mediator refuses"
      })
  }
}

/**
 * The error of a response that no mediator has made: a proxy's, or that of a server without one. None of it is kept.
 */
export const fromOther = (response: RawResponse, target: Target): TokenError => {
  const { attempts, tokenUrl } = target
  const { headers, isHiddenRedirect, receivedAt, status, url } = response
  const details = (problem: string): ErrorResponse.Details => ({ ...target, status, problem })
  const unexpected = (problem: string) => errorOf("UnexpectedResponseError", details(problem))
  if (url !== tokenUrl) return unexpected("the HTTP client went on to elsewhere")
  if (isHiddenRedirect || (status >= 300 && status < 400)) {
    return unexpected("it redirects, and no redirect is followed")
  }
  if (status === 0) return new TokenTransportError({ reason: "Other", tokenUrl, attempts })
  return errorOf(ErrorResponse.classify(status), {
    ...details("a mediator doesn't respond with this status"),
    retryAfter: RetryAfter.parse(headers["retry-after"] ?? "", receivedAt)
  })
}
