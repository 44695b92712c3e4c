/*
 * What is said on standard error while a command works: to somebody who waits at a terminal, that an attempt has
 * failed; with `--verbose`, every step (L3).
 */
import * as RetryPolicy from "@effect-tilia/core/RetryPolicy"
import type { TokenError } from "@effect-tilia/core/TokenError"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"

/** How long a step took, as `123 ms`. */
export const milliseconds = (time: Duration.Duration): string => `${Math.round(Duration.toMillis(time))} ms`

export interface Progress {
  /** A step that is not worth a line on a terminal. */
  readonly step: (text: string) => Effect.Effect<void>
  /** The standard policy, which says what an attempt has failed with. */
  readonly retry: RetryPolicy.RetryPolicy
}

/** `Attempt 1 failed (ServiceUnavailableError, 503).` What comes next is the policy's decision, and the budget's. */
export const failed = (error: TokenError, attempt: number): string => {
  const status = "status" in error ? `, ${error.status}` : ""
  const wait = "retryAfter" in error && error.retryAfter !== undefined
    ? ` The server asks to wait ${Duration.format(error.retryAfter)}.`
    : ""
  return `Attempt ${attempt} failed (${error._tag}${status}).${wait}`
}

const silent = () => Effect.void

export const make = (
  { isTerminal, isVerbose }: { readonly isTerminal: boolean; readonly isVerbose: boolean }
): Progress => {
  const show = (text: string) => Console.error(text)
  const attempt = isVerbose || isTerminal ? show : silent
  return {
    step: isVerbose ? show : silent,
    retry: RetryPolicy.standard.pipe(
      Schedule.passthrough,
      Schedule.zipWith(Schedule.forever, (error, index) => ({ error, attempt: index + 1 })),
      Schedule.onDecision((out, decision) =>
        ScheduleDecision.isContinue(decision) ? attempt(failed(out.error, out.attempt)) : Effect.void
      )
    )
  }
}

/** For the flags of a command. */
export const forProcess = (isVerbose: boolean): Progress => make({ isTerminal: process.stderr.isTTY, isVerbose })
