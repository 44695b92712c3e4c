/*
 * The retry of a token request: which errors, after which delays, and until when (E7).
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Instant from "../../Instant.js"
import * as RetryPolicy from "../../RetryPolicy.js"
import { type InvalidInputError, isRetryable, type TokenError } from "../../TokenError.js"
import { requestedWait } from "../retryAfter.js"

/** The policy that an option holds: a policy as it is, or the numbers of one. */
export const policyOf = (
  option: RetryPolicy.RetryPolicy | RetryPolicy.Options
): Effect.Effect<RetryPolicy.RetryPolicy, InvalidInputError> =>
  Schedule.isSchedule(option) ? Effect.succeed(option) : RetryPolicy.make(option)

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
 * Repeats an attempt as the policy says, up to the deadline, a time of the monotonic clock in milliseconds. A first
 * attempt that succeeds does not pay for making the schedule (P3).
 */
export const withRetries = <A>(
  attempt: Effect.Effect<A, TokenError>,
  policy: RetryPolicy.RetryPolicy,
  deadline: number
): Effect.Effect<A, TokenError> =>
  Effect.catchIf(attempt, isRetryable, (error) =>
    Effect.suspend(() => {
      let isFirst = true
      const next = Effect.suspend(() => {
        if (!isFirst) return attempt
        isFirst = false // its outcome is known
        return Effect.fail(error)
      })
      return Effect.retry(next, { schedule: within(policy, deadline), while: isRetryable })
    }))
