/*
 * The error of a request that callers get once more, without another request (S7, S9). Pure.
 */
import * as Duration from "effect/Duration"
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
import * as CoolDown from "../coolDown.js"

const waiting = ({ retryAfter }: RateLimitedError | ServiceUnavailableError, coolDown: Duration.Duration) => ({
  coolDown,
  retryAfter: retryAfter === undefined ? coolDown : Duration.max(retryAfter, coolDown)
})

/** The same error, which says that nothing was sent, and when the next request may be made. */
export const unsent = (error: TokenError, coolDown: Duration.Duration): TokenError => {
  switch (error._tag) {
    case "InvalidInputError":
      return new InvalidInputError({ ...error, coolDown })
    case "CredentialsError":
      return new CredentialsError({ ...error, message: error.message + CoolDown.sentence(coolDown), coolDown })
    case "InvalidRequestError":
      return new InvalidRequestError({ ...error, coolDown })
    case "InvalidClientError":
      return new InvalidClientError({ ...error, coolDown })
    case "InvalidScopeError":
      return new InvalidScopeError({ ...error, coolDown })
    case "RateLimitedError":
      return new RateLimitedError({ ...error, ...waiting(error, coolDown) })
    case "ServiceUnavailableError":
      return new ServiceUnavailableError({ ...error, ...waiting(error, coolDown) })
    case "UnexpectedResponseError":
      return new UnexpectedResponseError({ ...error, coolDown })
    case "TokenTransportError":
      return new TokenTransportError({ ...error, coolDown })
    case "TokenTimeoutError":
      return new TokenTimeoutError({ ...error, coolDown })
  }
}
