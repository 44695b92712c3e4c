/*
 * What an endpoint of the user's own may do although its type does not say so. A source goes on with none of it: each
 * of these is a defect, which its callers see, and a failed request for the source (S7).
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AccessToken } from "../../AccessToken.js"
import { isTokenError, type TokenError } from "../../TokenError.js"
import { detached } from "../detached.js"

const isAccessToken = Schema.is(AccessToken)

const dieOf = (what: string) => Effect.dieMessage(`The token endpoint ${what}.`)

/** Asks an endpoint. One that cannot be interrupted does not hold up the closing of the source (S3). */
export const checked = (ask: () => Effect.Effect<AccessToken, TokenError>): Effect.Effect<AccessToken, TokenError> =>
  Effect.matchCauseEffect(detached(Effect.suspend(ask)), {
    onSuccess: (token) => isAccessToken(token) ? Effect.succeed(token) : dieOf("returned something else than a token"),
    onFailure: (cause) => {
      // Its callers were not interrupted, and must not seem to be: a program that is interrupted ends in silence.
      if (Cause.isInterruptedOnly(cause)) return dieOf("interrupted itself")
      return Option.exists(Cause.failureOption(cause), (error) => !isTokenError(error))
        ? dieOf("failed with something else than a TokenError")
        : Effect.failCause(cause)
    }
  })
