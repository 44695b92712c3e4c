/*
 * A clock whose hands move apart, over the test's own: sleeps follow the test's clock, as a machine's timers do.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export interface TwoHands {
  readonly clock: Clock.Clock
  /** The time that has truly gone by, in milliseconds, whatever the hands say. */
  readonly elapsed: () => number
  /** Someone sets the wall clock: forward, or back where it is negative. */
  readonly step: (by: number) => void
  /** The machine sleeps: only the wall clock goes on, and no timer fires. */
  readonly suspend: (by: number) => void
}

/** The wall clock starts in this century, so that nobody takes one hand for the other. */
const epoch = Date.UTC(2026, 0, 1)

export const twoHands = (awake: Clock.Clock): TwoHands => {
  let stepped = 0
  let asleep = 0
  const unsafeCurrentTimeMillis = () => epoch + awake.unsafeCurrentTimeMillis() + asleep + stepped
  const unsafeCurrentTimeNanos = () => awake.unsafeCurrentTimeNanos()
  return {
    clock: {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis,
      unsafeCurrentTimeNanos,
      currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
      currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
      sleep: (duration) => awake.sleep(duration)
    },
    elapsed: () => awake.unsafeCurrentTimeMillis() + asleep,
    step: (by) => {
      stepped += by
    },
    suspend: (by) => {
      asleep += by
    }
  }
}
