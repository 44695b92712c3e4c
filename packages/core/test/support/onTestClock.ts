import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import * as TestClock from "effect/TestClock"

/** Every draw of chance is this one. */
export const drawing = (draw: number) => Effect.withRandom(Random.fixed([draw]))

/** A token is due at exactly 80 % of its life, and a back-off is half as long as it can be. */
export const centred = drawing(0.5)

/** Lets everything run that needn't wait for a later time. */
export const settle = TestClock.adjust(0)

/** Runs what must not wait for anything, not even for its turn, and dies where it does. */
export const atOnce = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(
    Effect.runtime<never>(),
    (runtime) => Runtime.runFork(runtime)(effect).unsafePoll() ?? Effect.dieMessage("It waits.")
  )
