/*
 * Work that is asked for more often than it needs to be done (T9). Not a `Stream.buffer`, which costs a page 2 kB (P7).
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fibers from "../fibers.js"

/** Does the work at once, and at most once within `pause`; who asks meanwhile is served by the next time. */
export const make = (work: Effect.Effect<void>, pause: Duration.Duration, run: Fibers.Run): Effect.Effect<void> => {
  let isRunning = false
  let isAskedFor = false

  const loop: Effect.Effect<void> = Effect.suspend(() => {
    isRunning = isAskedFor
    isAskedFor = false
    return isRunning ? Effect.zipRight(Effect.zipRight(work, Effect.sleep(pause)), loop) : Effect.void
  })

  return Effect.sync(() => {
    isAskedFor = true
    if (isRunning) return
    isRunning = true
    run(loop)
  })
}
