/**
 * A token endpoint whose answers are data: for tests of what depends on one. Time is the fiber's clock, so `TestClock`
 * drives it.
 *
 * @since 0.1.0
 */
import * as AccessToken from "@effect-tilia/core/AccessToken"
import type { Input } from "@effect-tilia/core/Scopes"
import { TokenEndpoint } from "@effect-tilia/core/TokenEndpoint"
import { type TokenError, TokenTimeoutError } from "@effect-tilia/core/TokenError"
import type * as Arr from "effect/Array"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestAccessToken from "./TestAccessToken.js"

/**
 * What comes of one request, and after how long.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer {
  readonly after?: Duration.DurationInput
  readonly outcome: "hang" | { readonly token: TestAccessToken.Options } | { readonly error: TokenError }
}

/**
 * A request as the endpoint saw it: `at` is in milliseconds since 1970; `isSingle` says that it wasn't to be tried
 * again, as a background refresh isn't.
 *
 * @since 0.1.0
 * @category models
 */
export interface Call {
  readonly at: number
  readonly scopes: Input
  readonly isSingle: boolean
}

/**
 * The answers in turn, the last one for ever. Each is data, or is made of the call and its number; the first is 0.
 *
 * @since 0.1.0
 * @category models
 */
export type Script = Arr.NonEmptyReadonlyArray<Answer | ((call: Call, n: number) => Answer)>

/**
 * The endpoint, and what became of it so far, in lists and numbers that grow: the calls; the tokens that it granted;
 * how many requests are under way (`open`), the most that ever were at once, and how many were interrupted.
 *
 * @since 0.1.0
 * @category tags
 */
export class TestTokenEndpoint extends Context.Tag("@effect-tilia/testing/TestTokenEndpoint")<
  TestTokenEndpoint,
  TokenEndpoint["Type"] & {
    readonly calls: ReadonlyArray<Call>
    readonly tokens: ReadonlyArray<AccessToken.AccessToken>
    readonly flights: { readonly open: number; readonly most: number; readonly interrupted: number }
  }
>() {}

/**
 * A token: with the scopes that were asked for, unless said otherwise, and, unless it has claims, a text of its own for
 * each request (`token-0`, `token-1` …). Its life begins as it is asked for; one that is over on arrival is a
 * `TokenTimeoutError` (S5).
 *
 * @since 0.1.0
 * @category constructors
 */
export const succeed = (token: TestAccessToken.Options = {}): Answer => ({ outcome: { token } })

/**
 * A failure.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fail = (error: TokenError): Answer => ({ outcome: { error } })

/**
 * No answer, ever.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hang: Answer = { outcome: "hang" }

/**
 * The same answer, so much later.
 *
 * @since 0.1.0
 * @category combinators
 */
export const after = (wait: Duration.DurationInput, answer: Answer): Answer => ({ ...answer, after: wait })

const timesOf = (clock: Clock.Clock) => ({
  wall: clock.unsafeCurrentTimeMillis(),
  monotonic: Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
})

const play = Effect.fnUntraced(function*({ after = 0, outcome }: Answer, scopes: Input, text: string) {
  const clock = yield* Effect.clock
  const began = timesOf(clock)
  if (outcome === "hang") return yield* Effect.never
  yield* Effect.sleep(after)
  if ("error" in outcome) return yield* Effect.fail(outcome.error)
  const now = timesOf(clock)
  // S5, S10: as the real one does, from before the request, by the wall clock or the monotonic clock, whichever says
  // more.
  const age = Math.max(now.wall - began.wall, now.monotonic - began.monotonic)
  const token = yield* TestAccessToken.make({
    scopes,
    issuedAt: DateTime.unsafeMake(now.wall - age),
    text: outcome.token.claims === undefined ? text : undefined,
    ...outcome.token
  })
  return (yield* AccessToken.isExpired(token))
    ? yield* new TokenTimeoutError({ tokenUrl: "the test's endpoint", attempts: 1 })
    : token
})

/**
 * An endpoint that plays a script.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (...script: Script): Effect.Effect<TestTokenEndpoint["Type"]> =>
  Effect.sync(() => {
    const calls: Array<Call> = []
    const tokens: Array<AccessToken.AccessToken> = []
    const flights = { open: 0, most: 0, interrupted: 0 }
    const answer = (call: Call, n: number): Answer => {
      const next = script[Math.min(n, script.length - 1)] ?? script[0]
      return typeof next === "function" ? next(call, n) : next
    }
    return {
      calls,
      tokens,
      flights,
      requestToken: (scopes, options) =>
        Effect.clockWith((clock) => {
          const n = calls.length
          const call = { at: clock.unsafeCurrentTimeMillis(), scopes, isSingle: options?.retry !== undefined }
          calls.push(call)
          flights.most = Math.max(flights.most, ++flights.open)
          return Effect.suspend(() => play(answer(call, n), scopes, `token-${n}`)).pipe(
            Effect.tap((token) => Effect.sync(() => tokens.push(token))),
            Effect.onInterrupt(() => Effect.sync(() => flights.interrupted++)),
            Effect.ensuring(Effect.sync(() => flights.open--))
          )
        })
    }
  })

/**
 * The same as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (...script: Script): Layer.Layer<TestTokenEndpoint | TokenEndpoint> =>
  Layer.effectContext(
    Effect.map(
      make(...script),
      (endpoint) => Context.make(TestTokenEndpoint, endpoint).pipe(Context.add(TokenEndpoint, endpoint))
    )
  )
