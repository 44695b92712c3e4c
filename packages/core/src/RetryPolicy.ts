/**
 * How often a failed token request is made again, and after which delays. A policy is a `Schedule` over our own errors,
 * so any schedule will do.
 *
 * Whatever the policy, `TokenEndpoint` retries only errors that are `retryable`, waits at least as long as
 * `Retry-After` says, and stays within its budget.
 *
 * @example
 * import { RetryPolicy } from "@effect-tilia/core"
 * import { Schedule } from "effect"
 *
 * const patient = RetryPolicy.make({ maxAttempts: 10, maxDelay: "10 seconds" })
 * const everySecond = Schedule.spaced("1 second").pipe(Schedule.upTo("20 seconds"))
 *
 * @since 0.1.0
 * @see {@link https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 RFC 9110 §10.2.3} for `Retry-After`
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { duration, validate } from "./internal/input.js"
import type { InvalidInputError, TokenError } from "./TokenError.js"

/**
 * A schedule over the errors of a token request. Its delays are the delays between two attempts.
 *
 * @since 0.1.0
 * @category models
 */
export type RetryPolicy = Schedule.Schedule<unknown, TokenError>

/**
 * The numbers of a policy whose delays grow exponentially and are drawn at random.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How many attempts are made at most, the first one included. A whole number from 1 to 1000.
   *
   * @default 4
   */
  readonly maxAttempts?: number | undefined
  /**
   * The longest delay before the second attempt. It doubles with each further attempt; each delay is drawn between zero
   * and its longest value.
   *
   * @default "200 millis"
   */
  readonly baseDelay?: Duration.DurationInput | undefined
  /**
   * The longest delay of all.
   *
   * @default "5 seconds"
   */
  readonly maxDelay?: Duration.DurationInput | undefined
}

const Attempts = Schema.Int.pipe(Schema.between(1, 1000)).annotations({ description: "a whole number from 1 to 1000" })

/** Exponential, capped, with full jitter, counted (E7). */
const exponential = (maxAttempts: number, baseDelay: Duration.Duration, maxDelay: Duration.Duration): RetryPolicy =>
  Schedule.exponential(baseDelay, 2).pipe(
    Schedule.modifyDelay((_, delay) => Duration.min(delay, maxDelay)),
    Schedule.jitteredWith({ min: 0, max: 1 }),
    Schedule.intersect(Schedule.recurs(maxAttempts - 1))
  )

/**
 * At most 4 attempts, with delays drawn from 0–200 ms, 0–400 ms and 0–800 ms.
 *
 * @since 0.1.0
 * @category constants
 */
export const standard: RetryPolicy = exponential(4, Duration.millis(200), Duration.seconds(5))

/**
 * A single attempt. Only one during which the process was frozen is made again, since its connection may be dead.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: RetryPolicy = Schedule.stop

/**
 * A policy with other numbers than `standard`. A number or a time that is out of range is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (options?: Options) => Effect.Effect<RetryPolicy, InvalidInputError> = Effect.fnUntraced(
  function*({ baseDelay = "200 millis", maxAttempts = 4, maxDelay = "5 seconds" }: Options = {}) {
    return exponential(
      yield* validate("maxAttempts", Attempts)(maxAttempts),
      yield* duration("baseDelay")(baseDelay),
      yield* duration("maxDelay")(maxDelay)
    )
  }
)
