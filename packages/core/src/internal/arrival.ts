/*
 * What many fibers wait for. Not a Deferred, which copies its list of waiters for each one who comes and for each one who
 * goes: ten thousand callers would spend more time on that than on everything else (P4).
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

export interface Arrival<A, E> {
  exit: Exit.Exit<A, E> | undefined
  readonly waiting: Set<(exit: Exit.Exit<A, E>) => void>
}

export const make = <A, E>(): Arrival<A, E> => ({ exit: undefined, waiting: new Set() })

/** Wakes all who wait, once. */
export const done = <A, E>(arrival: Arrival<A, E>, exit: Exit.Exit<A, E>): void => {
  if (arrival.exit !== undefined) return
  arrival.exit = exit
  for (const wake of arrival.waiting) wake(exit)
  arrival.waiting.clear()
}

/** Interrupting one who waits concerns nobody else (S3). */
export const wait = <A, E>(arrival: Arrival<A, E>): Effect.Effect<A, E> =>
  Effect.async((wake) => {
    if (arrival.exit !== undefined) return wake(arrival.exit)
    arrival.waiting.add(wake)
    return Effect.sync(() => arrival.waiting.delete(wake))
  })
