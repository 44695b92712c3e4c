/**
 * A token endpoint whose replies you script as data. It waits on the fiber's clock, so `TestClock` controls it.
 *
 * @example
 * import { TokenError, TokenSource } from "@effect-tilia/core"
 * import { TestTokenEndpoint } from "@effect-tilia/testing"
 * import { Layer } from "effect"
 *
 * const { after, fail, succeed } = TestTokenEndpoint
 *
 * // The first request fails. Each further one returns a token after 300 milliseconds.
 * const Source = TokenSource.layer({ scopes: ["user_info"] }).pipe(
 *   Layer.provideMerge(TestTokenEndpoint.layer(
 *     fail(new TokenError.ServiceUnavailableError({ status: 503, attempts: 4 })),
 *     after("300 millis", succeed({ lifetime: "1 hour" }))
 *   ))
 * )
 *
 * @since 0.1.0
 */
import * as AccessToken from "@effect-tilia/core/AccessToken"
import * as Instant from "@effect-tilia/core/Instant"
import type { Input } from "@effect-tilia/core/Scopes"
import { type RequestOptions, TokenEndpoint } from "@effect-tilia/core/TokenEndpoint"
import { ServiceUnavailableError, type TokenError, TokenTimeoutError } from "@effect-tilia/core/TokenError"
import type * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as TestAccessToken from "./TestAccessToken.js"

/**
 * What the endpoint does for one call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reply {
  /**
   * How long the call takes.
   *
   * @default 0
   */
  readonly after?: Duration.DurationInput
  /** How the call ends: `"hang"`, never; `token`, with a token that has these properties; `error`, with this error. */
  readonly outcome: "hang" | { readonly token: TestAccessToken.Options } | { readonly error: TokenError }
}

/**
 * A call of `requestToken`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Call {
  /** When the call began, in milliseconds since 1970, by the fiber's clock. */
  readonly at: number
  /** The requested scopes. */
  readonly scopes: Input
  /**
   * Whether the caller's `retry` makes a single attempt, as that of a background refresh does: `RetryPolicy.none`,
   * numbers with `maxAttempts: 1`, or any other schedule that is done after one attempt. To tell that, the endpoint
   * runs the schedule's first step with a `ServiceUnavailableError`.
   */
  readonly isSingleAttempt: boolean
  /** The token that the caller wants to replace because the API rejected it, if there is one. */
  readonly rejected: AccessToken.AccessToken | undefined
}

/**
 * The replies in order. The last one is repeated. A reply can also be a function of the call and of the number of calls
 * before it.
 *
 * @since 0.1.0
 * @category models
 */
export type Script = Arr.NonEmptyReadonlyArray<Reply | ((call: Call, index: number) => Reply)>

/**
 * The endpoint, and a record of its calls.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestTokenEndpoint extends TokenEndpoint {
  /** The calls so far, in order. The array grows. */
  readonly calls: ReadonlyArray<Call>
  /** The tokens that were granted so far, in order. The array grows. */
  readonly tokens: ReadonlyArray<AccessToken.AccessToken>
  /** How many calls are, or were, under way. The numbers change. */
  readonly flights: {
    /** The calls that are under way now. */
    readonly open: number
    /** The most calls that were under way at the same time. */
    readonly most: number
    /** The calls that were interrupted. */
    readonly interrupted: number
  }
}

/**
 * @since 0.1.0
 * @category tags
 */
export const TestTokenEndpoint: Context.Tag<TestTokenEndpoint, TestTokenEndpoint> = Context.GenericTag(
  "@effect-tilia/testing/TestTokenEndpoint"
)

/**
 * A token. Unless you set them, it has the requested scopes, and a text with the number of calls before it: `token-0`,
 * `token-1` and so on. With `claims`, its text is a JWT. Its lifetime begins with the call. If the lifetime is over
 * when the call ends, the call fails with a `TokenTimeoutError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const succeed = (token: TestAccessToken.Options = {}): Reply => ({ outcome: { token } })

/**
 * A failure with this error.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fail = (error: TokenError): Reply => ({ outcome: { error } })

/**
 * A call that never ends, unless its caller interrupts it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hang: Reply = { outcome: "hang" }

/**
 * The same reply after this time.
 *
 * @since 0.1.0
 * @category combinators
 */
export const after = (wait: Duration.DurationInput, reply: Reply): Reply => ({ ...reply, after: wait })

/** An error that every policy may retry. */
const retryable = new ServiceUnavailableError({ status: 503, attempts: 1 })

/**
 * Whether a policy makes no second attempt. A policy is any schedule, so only its first step tells. The step waits for
 * nothing, and what it draws at random is not taken from the test's own generator.
 */
const isSingleAttempt = (retry: RequestOptions["retry"]): Effect.Effect<boolean> => {
  if (retry === undefined) return Effect.succeed(false)
  if (!Schedule.isSchedule(retry)) return Effect.succeed(retry.maxAttempts === 1)
  return Effect.clockWith((clock) =>
    retry.step(clock.unsafeCurrentTimeMillis(), retryable, retry.initial).pipe(
      Effect.map(([, , decision]) => ScheduleDecision.isDone(decision)),
      Effect.withRandom(Random.make("the first step"))
    )
  )
}

const play = Effect.fnUntraced(function*({ after = 0, outcome }: Reply, scopes: Input, text: string) {
  const start = yield* Instant.now
  if (outcome === "hang") return yield* Effect.never
  yield* Effect.sleep(after)
  if ("error" in outcome) return yield* Effect.fail(outcome.error)
  const now = yield* Instant.now
  // Counts the age by both clocks from before the request, as a real endpoint does (S5, S10).
  const age = Instant.elapsed(start, now)
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
export const make = (...script: Script): Effect.Effect<TestTokenEndpoint> =>
  Effect.sync(() => {
    const calls: Array<Call> = []
    const tokens: Array<AccessToken.AccessToken> = []
    const flights = { open: 0, most: 0, interrupted: 0 }

    const replyTo = (call: Call, index: number): Reply => {
      const next = script[Math.min(index, script.length - 1)] ?? script[0]
      return typeof next === "function" ? next(call, index) : next
    }

    const begin = () => {
      flights.open += 1
      flights.most = Math.max(flights.most, flights.open)
    }
    const interrupted = Effect.sync(() => {
      flights.interrupted += 1
    })
    const end = Effect.sync(() => {
      flights.open -= 1
    })

    return {
      calls,
      tokens,
      flights,
      requestToken: (scopes, { rejected, retry } = {}) =>
        Effect.zipWith(
          Clock.currentTimeMillis,
          isSingleAttempt(retry),
          (at, isSingleAttempt) => ({ at, isSingleAttempt })
        ).pipe(Effect.flatMap(({ at, isSingleAttempt }) => {
          const index = calls.length
          const call: Call = { at, scopes, isSingleAttempt, rejected }
          calls.push(call)
          begin()
          return Effect.suspend(() => play(replyTo(call, index), scopes, `token-${index}`)).pipe(
            Effect.tap((token) => Effect.sync(() => tokens.push(token))),
            Effect.onInterrupt(() => interrupted),
            Effect.ensuring(end)
          )
        }))
    }
  })

/**
 * The endpoint as a Layer, under both of its tags: see `make`.
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
