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
} from "../TokenError.js"
import type { Refusal } from "../TokenMediator.js"
import type { Answer } from "./answer.js"
import { classify, paced } from "./refusal.js"
import { retryAfter } from "./retryAfter.js"

/** What the answer is an answer to. `receivedAt` is in milliseconds since 1970. */
export interface Question {
  readonly tokenUrl: string
  readonly attempts: number
  readonly receivedAt: number
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
      return new InvalidClientError(said)
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
      return new InvalidClientError(said)
    case "RateLimited":
      return new RateLimitedError(paced(said, wait))
    case "ServiceUnavailable":
      return new ServiceUnavailableError(paced(said, wait))
    case "InvalidScope":
    case "UnexpectedResponse":
      return unexpected("a mediator doesn't answer with this status")
  }
}
