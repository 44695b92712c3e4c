/*
 * The retry of a token request: which errors, after which delays, and until when (E7).
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Instant from "../../Instant.js"
import * as RetryPolicy from "../../RetryPolicy.js"
import { InvalidInputError, isRetryable, type TokenError } from "../../TokenError.js"
import { requestedWait } from "../retryAfter.js"
import type { TimeLimit } from "./timeLimit.js"

/** The policy that an option holds: a policy as it is, or the numbers of one. */
export const policyOf = (
  option: RetryPolicy.RetryPolicy | RetryPolicy.Options
): Effect.Effect<RetryPolicy.RetryPolicy, InvalidInputError> =>
  Schedule.isSchedule(option)
    ? Effect.succeed(option)
    : Predicate.isReadonlyRecord(option)
    ? RetryPolicy.make(option)
    : new InvalidInputError({ setting: "retry", expected: "a RetryPolicy, or an object with its numbers" })

/** The policy's delays, none shorter than `Retry-After`, and none that would end after the deadline. */
const within = (policy: RetryPolicy.RetryPolicy, deadline: number): RetryPolicy.RetryPolicy =>
  policy.pipe(
    Schedule.passthrough,
    Schedule.modifyDelay((error, delay) =>
      Duration.millis(Math.ceil(Math.max(Duration.toMillis(delay), requestedWait(error))))
    ),
    Schedule.delays,
    Schedule.checkEffect((_, delay) =>
      Effect.map(Instant.monotonic, (now) => now + Duration.toMillis(delay) < deadline)
    )
  )

/**
 * Repeats an attempt as the policy says, up to the deadline, a time of the monotonic clock in milliseconds. A policy
 * that does not decide by then ends with the last error (E6). A first attempt that succeeds does not pay for any of
 * this (P3).
 */
export const withRetries = <A>(
  attempt: Effect.Effect<A, TokenError>,
  policy: RetryPolicy.RetryPolicy,
  deadline: number,
  timeLimit: TimeLimit
): Effect.Effect<A, TokenError> => {
  const attemptAfter = (
    error: TokenError,
    driver: Schedule.ScheduleDriver<unknown, TokenError>
  ): Effect.Effect<A, TokenError> =>
    Effect.flatMap(Instant.monotonic, (now) =>
      timeLimit(driver.next(error), {
        duration: Duration.millis(Math.max(0, deadline - now)),
        onTimeout: Option.none,
        isRepeatable: false
      })).pipe(
        Effect.matchEffect({
          onFailure: () => Effect.fail(error),
          onSuccess: () => Effect.catchIf(attempt, isRetryable, (error) => attemptAfter(error, driver))
        })
      )
  return Effect.catchIf(
    attempt,
    isRetryable,
    (error) => Effect.flatMap(Schedule.driver(within(policy, deadline)), (driver) => attemptAfter(error, driver))
  )
}
