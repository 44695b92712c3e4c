/*
 * A token endpoint whose answers are data, on the test's clock.
 */
import { AccessToken, Scopes, TokenEndpoint, TokenError, TokenSource } from "@effect-tilia/core"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Hands from "../../src/internal/hands.js"

/** What comes of one request, and after how long: a token that lives so many seconds (3600), or an error, or nothing. */
export interface Answer {
  readonly after?: Duration.DurationInput
  readonly life?: number
  readonly scopes?: ReadonlyArray<string>
  readonly fail?: TokenError.TokenError
  readonly hang?: true
}

export interface Call {
  /** In milliseconds, by the test's clock. */
  readonly at: number
  /** A single attempt, as the background makes them. */
  readonly isSingle: boolean
}

/** The texts of the tokens are `token-0`, `token-1` and so on, by the number of the request. */
export const scriptedEndpoint = (answerTo: (n: number) => Answer) => {
  const calls: Array<Call> = []
  /** The numbers of the requests that came to a token. */
  const granted: Array<number> = []
  /** How many requests are under way, and how many were ever interrupted. */
  const flights = { open: 0, most: 0, interrupted: 0 }
  const requestToken = (input: Scopes.Input, options?: TokenEndpoint.RequestOptions) =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      const began = Hands.read(clock)
      const n = calls.length
      calls.push({ at: yield* Clock.currentTimeMillis, isSingle: options?.retry !== undefined })
      const { after = 0, fail, hang, life = 3600, scopes = input } = answerTo(n)
      flights.most = Math.max(flights.most, ++flights.open)
      if (hang) return yield* Effect.never
      yield* Effect.sleep(after)
      if (fail !== undefined) return yield* fail
      // As the real one does (S5): a token that is over on arrival is none.
      const now = Hands.read(clock)
      const age = Hands.since(began, now)
      if (age >= life * 1000) return yield* new TokenError.TokenTimeoutError({ tokenUrl: "the script", attempts: 1 })
      granted.push(n)
      const tokenScopes = Either.getOrThrow(Scopes.make(scopes))
      return AccessToken.fromResponse(
        {
          accessToken: Redacted.make(`token-${n}`),
          tokenType: "Bearer",
          expiresIn: life,
          scopes: Option.some(tokenScopes)
        },
        tokenScopes,
        DateTime.unsafeMake(now.wall - age)
      )
    }).pipe(
      Effect.onInterrupt(() => Effect.sync(() => flights.interrupted++)),
      Effect.ensuring(Effect.sync(() => flights.open--))
    )
  const endpoint = Layer.succeed(TokenEndpoint.TokenEndpoint, { requestToken })
  return {
    calls,
    granted,
    flights,
    endpoint,
    /** A source over this endpoint, for the scope `user_info`. */
    source: (options: Partial<TokenSource.Options> = {}) =>
      Effect.provide(TokenSource.make({ scopes: ["user_info"], ...options }), endpoint)
  }
}

/** The answers in turn, the last one for ever. */
export const inTurn = (...answers: readonly [Answer, ...ReadonlyArray<Answer>]) => (n: number): Answer =>
  answers[Math.min(n, answers.length - 1)] ?? answers[0]

/** A token's text: for assertions only. */
export const text = (token: AccessToken.AccessToken): string => Redacted.value(token.value)

export const millis = (time: Duration.DurationInput): number => Duration.toMillis(time)
