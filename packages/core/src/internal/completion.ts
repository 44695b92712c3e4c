/*
 * What many fibers wait for. It is not a `Deferred`, because that copies its list of waiters for each fiber that comes
 * and goes: ten thousand callers would spend more time on that than on everything else (P4).
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

export interface Completion<A, E> {
  /** One effect for all fibers. One that is interrupted leaves nothing behind, and the others wait on (S3). */
  readonly wait: Effect.Effect<A, E>
  /** Wakes all fibers that wait, and those that come later. Only the first call counts. */
  readonly complete: (exit: Exit.Exit<A, E>) => void
}

/** `changed` is told how many more fibers wait now, or how many fewer. */
export const make = <A, E>(changed: (by: number) => void = () => {}): Completion<A, E> => {
  let completed: Exit.Exit<A, E> | undefined
  const waiting = new Set<(exit: Exit.Exit<A, E>) => void>()
  return {
    wait: Effect.async((wake) => {
      if (completed !== undefined) return wake(completed)
      waiting.add(wake)
      changed(1)
      return Effect.sync(() => waiting.delete(wake) && changed(-1))
    }),
    complete: (exit) => {
      if (completed !== undefined) return
      completed = exit
      changed(-waiting.size)
      for (const wake of waiting) wake(exit)
      waiting.clear()
    }
  }
}
