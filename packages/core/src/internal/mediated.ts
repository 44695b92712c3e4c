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
import type { Question } from "./refusal.js"

/** The error that a refusal stands for. Its words are the mediator's own, as the schema has made sure. */
export const errorOf = (
  { _tag, message, retryAfter, retryable }: Refusal,
  { status }: Answer,
  { attempts, tokenUrl }: Question
): TokenError => {
  const said = { status, attempts, serverMessage: message }
  const paced = retryAfter === undefined ? said : { ...said, retryAfter }
  switch (_tag) {
    case "InvalidInputError":
      return new InvalidInputError({
        setting: `A setting of ${tokenUrl}`,
        expected: "valid, and its server knows which"
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
      return new RateLimitedError(paced)
    case "ServiceUnavailableError":
      return new ServiceUnavailableError(paced)
    case "UnexpectedResponseError":
      return new UnexpectedResponseError({ ...said, tokenUrl, problem: "the mediator refuses" })
    case "TokenTransportError":
      return new TokenTransportError({ reason: retryable ? "Other" : "Tls", tokenUrl, attempts })
    case "TokenTimeoutError":
      return new TokenTimeoutError({ tokenUrl, attempts })
  }
}
