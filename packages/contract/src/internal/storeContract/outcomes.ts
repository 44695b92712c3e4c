/*
 * What the holder of a lock leaves in a store.
 */
import * as TokenError from "@effect-tilia/core/TokenError"
import { Failed, type Failure, Granted, type Lock } from "@effect-tilia/core/TokenStore"
import * as TestAccessToken from "@effect-tilia/testing/TestAccessToken"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export const tokenOf = (text: string, lifetime: Duration.DurationInput = "1 hour") =>
  TestAccessToken.make({ text, lifetime })

export const grant = (lock: Lock, text: string) =>
  Effect.flatMap(tokenOf(text), (token) => lock.settle(Granted({ token })))

export const tokenUrl = "https://auth.example.com/token"

/** As a server's error may be: with every field that an error can have. */
export const failure: Failure = {
  error: new TokenError.ServiceUnavailableError({
    tokenUrl,
    status: 503,
    code: "temporarily_unavailable",
    serverMessage: "a \"quoted\" text — 7 €",
    attempts: 4,
    retryAfter: Duration.seconds(7)
  }),
  failures: 3,
  remaining: Duration.seconds(20),
  isBinding: true
}

/** What is left in a store. */
export const kinds = ["token", "failure"] as const

export type Kind = typeof kinds[number]

/** How a holder leaves it. */
export const leaving = {
  token: (lock: Lock) => grant(lock, "left"),
  failure: ({ settle }: Lock) => settle(Failed({ failure }))
} as const
