/*
 * When two credentials are the same, and whether they come from an Effect.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import type { Credentials } from "../ClientCredentials.js"
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

export const isSame = (one: Credentials, other: Credentials): boolean =>
  one.clientId === other.clientId && Equal.equals(one.clientSecret, other.clientSecret)
