/*
 * A clock that only its owner moves. `TestClock` waits some real milliseconds at each step, so an outage with a caller
 * every 10 ms would take half a minute. All times are in milliseconds.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export interface VirtualClock {
  readonly clock: Clock.Clock
  /** The time since the clock was made. */
  readonly now: () => number
  /** Moves the clock, and lets everything run that need not wait for a later time. */
  readonly advance: (millis: number) => Promise<void>
}

interface Sleeper {
  readonly until: number
  readonly wake: () => void
}

/** How often the event loop goes round until a request without a network has its response. */
const turns = 3

export const make = (): VirtualClock => {
  let now = 0
  const sleepers = new Set<Sleeper>()

  const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
    Effect.async((resume) => {
      const sleeper = { until: now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      sleepers.add(sleeper)
      return Effect.sync(() => sleepers.delete(sleeper))
    })

  const advance = async (millis: number) => {
    now += millis
    for (const sleeper of sleepers) {
      if (sleeper.until > now) continue
      sleepers.delete(sleeper)
      sleeper.wake()
    }
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  const unsafeCurrentTimeMillis = () => now
  const unsafeCurrentTimeNanos = () => BigInt(Math.round(now * 1e6))
  return {
    clock: {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis,
      unsafeCurrentTimeNanos,
      currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
      currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
      sleep
    },
    now: () => now,
    advance
  }
}
