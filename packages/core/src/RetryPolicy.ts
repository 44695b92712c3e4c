/**
 * How often a token request is tried again, and after what delays. A policy is a `Schedule` over our own errors, so
 * that any schedule will do.
 *
 * Whatever the policy, `TokenEndpoint` tries again only what is retryable, waits at least as long as `Retry-After` says
 * and stays within its budget (E7).
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { duration, validate } from "./internal/input.js"
import type { InvalidInputError, TokenError } from "./TokenError.js"

/**
 * @since 0.1.0
 * @category models
 */
export type RetryPolicy = Schedule.Schedule<unknown, TokenError>

/**
 * The numbers of a policy: `maxAttempts` counts the first attempt too (4); the delay before the next is drawn between
 * zero and `baseDelay` (200 milliseconds), which doubles at each attempt up to `maxDelay` (5 seconds).
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly maxAttempts?: number | undefined
  readonly baseDelay?: Duration.DurationInput | undefined
  readonly maxDelay?: Duration.DurationInput | undefined
}

const Attempts = Schema.Int.pipe(Schema.between(1, 1000)).annotations({ description: "a whole number from 1 to 1000" })

/** E7: exponential, capped, with full jitter, counted. */
const backOff = (maxAttempts: number, baseDelay: Duration.Duration, maxDelay: Duration.Duration): RetryPolicy =>
  Schedule.exponential(baseDelay, 2).pipe(
    Schedule.modifyDelay((_, delay) => Duration.min(delay, maxDelay)),
    Schedule.jitteredWith({ min: 0, max: 1 }),
    Schedule.intersect(Schedule.recurs(maxAttempts - 1))
  )

/**
 * The policy of E7: at most 4 attempts, the delays drawn from 0–200 ms, 0–400 ms, 0–800 ms.
 *
 * @since 0.1.0
 * @category constants
 */
export const standard: RetryPolicy = backOff(4, Duration.millis(200), Duration.seconds(5))

/**
 * One attempt, no other.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: RetryPolicy = Schedule.stop

/**
 * A policy with numbers of one's own. A number that is no count, or a time that is no time, is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  { baseDelay = "200 millis", maxAttempts = 4, maxDelay = "5 seconds" }: Options
): Either.Either<RetryPolicy, InvalidInputError> =>
  Either.map(
    Either.all([
      validate("maxAttempts", Attempts)(maxAttempts),
      duration("baseDelay")(baseDelay),
      duration("maxDelay")(maxDelay)
    ]),
    (numbers) => backOff(...numbers)
  )

/**
 * A policy, from what an option may hold: a policy as it is, or the numbers of one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const from = (policy: RetryPolicy | Options): Either.Either<RetryPolicy, InvalidInputError> =>
  Schedule.isSchedule(policy) ? Either.right(policy) : make(policy)
