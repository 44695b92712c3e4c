/*
 * Who gets the signals that are sent to this process: the command itself, which they interrupt, or the process that it
 * runs.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** The signals that end a process unless it handles them. */
export const handled = ["SIGINT", "SIGTERM", "SIGHUP"] as const

export type Signal = typeof handled[number]

export interface Signals {
  /** Until the scope closes, signals do not interrupt the command, but go to the recipient. */
  readonly passTo: (recipient: (signal: Signal) => void) => Effect.Effect<void, never, Scope.Scope>
}

export const Signals: Context.Tag<Signals, Signals> = Context.GenericTag("@effect-tilia/cli/Signals")
