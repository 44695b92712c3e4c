/*
 * Whether the machine is too busy to tell: a store on it is then slow, and a source skips a slow store (T2). A process
 * whose timers are late does not get its turn, nor does an engine beside it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { performance } from "node:perf_hooks"

const tick = 25

/** In milliseconds: less than half of what a source waits for a command. */
const tooLate = 100

/** Whether the machine was too busy at any time since this was asked last. */
export const make: Effect.Effect<() => boolean, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    let latest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      const now = performance.now()
      latest = Math.max(latest, now - last - tick)
      last = now
    }, tick)
    const wasBusy = () => {
      const was = latest > tooLate
      latest = 0
      return was
    }
    return { timer, wasBusy }
  }),
  ({ timer }) => Effect.sync(() => clearInterval(timer))
).pipe(Effect.map(({ wasBusy }) => wasBusy))
