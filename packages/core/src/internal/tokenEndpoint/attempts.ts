/*
 * The attempts of one call of `requestToken`: how many have begun, and what is told of each when it ends (O3, O4).
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import type { AccessToken } from "../../AccessToken.js"
import * as Instant from "../../Instant.js"
import * as Telemetry from "../../Telemetry.js"
import type { TokenError } from "../../TokenError.js"
import * as Telling from "../telling.js"

/** What is told of an end: `error.type` is absent after a success, and the status where no response came (O2). */
interface Outcome {
  readonly "error.type"?: string
  readonly "http.response.status_code"?: number
}

/** How an attempt or a call has ended, in names and numbers only. An interruption is no outcome. */
export const outcomeOf = (exit: Exit.Exit<AccessToken, TokenError>): Outcome | undefined =>
  Exit.match(exit, {
    onSuccess: (): Outcome => ({ "http.response.status_code": 200 }),
    onFailure: (cause): Outcome | undefined =>
      Option.match(Cause.failureOption(cause), {
        onNone: () => Cause.isInterruptedOnly(cause) ? undefined : { "error.type": "Defect" },
        onSome: (error) => ({
          "error.type": error._tag,
          ..."status" in error && { "http.response.status_code": error.status }
        })
      })
  })

export interface Attempts {
  /** How many have begun. */
  readonly count: () => number
  /** Runs one attempt, which is told how many have begun, itself included. */
  readonly run: (
    attempt: (attempts: number) => Effect.Effect<AccessToken, TokenError>
  ) => Effect.Effect<AccessToken, TokenError>
  /** Tells of the attempt under way, if there is one, whose own end is not awaited. */
  readonly end: (outcome: Outcome) => void
}

/** The attempts of a call. A tracer that throws loses no result. */
export const make = (
  clock: Clock.Clock,
  span: Tracer.Span,
  tags: (outcome: string) => ReadonlyArray<MetricLabel.MetricLabel>
): Attempts => {
  const now = () => Instant.unsafeNow(clock).monotonic
  let count = 0
  let startedAt: number | undefined
  let endedAt = now()

  const end = (outcome: Outcome) => {
    if (startedAt === undefined) return
    const began = startedAt
    const wait = began - endedAt
    startedAt = undefined
    endedAt = now()
    Telemetry.attempts.unsafeUpdate(1, tags(outcome["error.type"] ?? "success"))
    Telling.quietly(() =>
      span.event("tilia.attempt", BigInt(endedAt) * 1_000_000n, {
        "tilia.attempt.number": count,
        "tilia.attempt.duration_ms": endedAt - began,
        "tilia.attempt.wait_ms": wait,
        ...outcome
      })
    )
  }

  return {
    count: () => count,
    end,
    run: (attempt) =>
      Effect.suspend(() => {
        end({ "error.type": "Frozen" }) // it is made again, and its own end is not awaited (S16)
        const number = ++count
        startedAt = now()
        return Effect.onExit(attempt(number), (exit) =>
          Effect.sync(() => {
            const outcome = outcomeOf(exit)
            if (outcome !== undefined && number === count) end(outcome)
          }))
      })
  }
}
