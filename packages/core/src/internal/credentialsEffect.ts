/*
 * Whether credentials come from an Effect, as their type says.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { InvalidInputError } from "../TokenError.js"

/** What is no Effect may be the secret itself, which Effect would print as it dies of it. */
export const checked = <A, E, R>(
  credentials: Effect.Effect<A, E, R>
): Either.Either<Effect.Effect<A, E, R>, InvalidInputError> =>
  Effect.isEffect(credentials)
    ? Either.right(credentials)
    : Either.left(
      new InvalidInputError({ setting: "credentials", expected: "an Effect that yields clientId and clientSecret" })
    )
