/*
 * What many fibers wait for. Not a Deferred: it copies its list of waiters for each one who comes and each one who goes, and
 * ten thousand callers would spend more time on that than on everything else (P4).
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

export interface Arrival<A, E> {
  /** One effect for all. Interrupting one who waits concerns nobody else (S3): waking it later does nothing. */
  readonly wait: Effect.Effect<A, E>
  /** Wakes all who wait, once. */
  readonly done: (exit: Exit.Exit<A, E>) => void
}

export const make = <A, E>(): Arrival<A, E> => {
  let arrived: Exit.Exit<A, E> | undefined
  let waiting: Array<(exit: Exit.Exit<A, E>) => void> = []
  return {
    wait: Effect.async((wake) => arrived === undefined ? void waiting.push(wake) : wake(arrived)),
    done: (exit) => {
      if (arrived !== undefined) return
      arrived = exit
      for (const wake of waiting) wake(exit)
      waiting = []
    }
  }
}
