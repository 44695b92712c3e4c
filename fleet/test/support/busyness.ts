/*
 * Whether the machine is too busy to tell: a store on it is then slow, and a source skips a slow store (T2). A process
 * whose timers are late does not get its turn, nor does an engine beside it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { watch } from "../../../packages/contract/src/internal/busy.js"

/** In milliseconds: less than half of what a source waits for a command. */
const tooLate = 100

/** Whether the machine was too busy at any time since this was asked last. */
export const make: Effect.Effect<() => boolean, never, Scope.Scope> = Effect.gen(function*() {
  let latest = 0
  yield* Effect.forkScoped(watch((late) => {
    latest = Math.max(latest, late)
  }))
  return () => {
    const wasBusy = latest > tooLate
    latest = 0
    return wasBusy
  }
})
