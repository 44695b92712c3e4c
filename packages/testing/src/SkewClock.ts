/**
 * A clock whose wall clock and monotonic clock can move apart, as when a person sets the wall clock, or when the
 * machine sleeps. `TestClock` alone moves both together.
 *
 * @example
 * import { TokenSource } from "@effect-tilia/core"
 * import { SkewClock, TestTokenSource } from "@effect-tilia/testing"
 * import { expect, it } from "@effect/vitest"
 * import { Effect } from "effect"
 *
 * it.effect("a token of one hour is over after the machine has slept for two hours", () =>
 *   Effect.gen(function*() {
 *     const { clock, step } = yield* SkewClock.make
 *     yield* Effect.gen(function*() {
 *       const source = yield* TokenSource.TokenSource
 *       const token = yield* source.get
 *       yield* step(7_200_000)
 *       expect(yield* source.get).not.toBe(token)
 *     }).pipe(Effect.provide(TestTokenSource.layerExpiring("1 hour")), Effect.withClock(clock))
 *   }))
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * The clock, and the control of its wall clock.
 *
 * @since 0.1.0
 * @category models
 */
export interface SkewClock {
  /** The clock, for `Effect.withClock`. */
  readonly clock: Clock.Clock
  /**
   * Moves the wall clock alone, in milliseconds: a positive number moves it forward, a negative one back. A step
   * forward also stands for a machine that slept, since the monotonic clock and the timers stand still meanwhile. No
   * timer fires by a step.
   */
  readonly step: (millis: number) => Effect.Effect<void>
}

/** The wall clock starts in this century, so that a test can tell it from the monotonic clock. */
const start = Date.UTC(2026, 0, 1)

/**
 * A clock over the fiber's own clock. Its wall clock, its monotonic clock and its timers follow that clock, which
 * `TestClock` moves. Its wall clock starts in 2026.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<SkewClock> = Effect.clockWith((clock) =>
  Effect.sync(() => {
    let offset = start
    const unsafeCurrentTimeMillis = () => clock.unsafeCurrentTimeMillis() + offset
    const unsafeCurrentTimeNanos = () => clock.unsafeCurrentTimeNanos()
    return {
      clock: {
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        unsafeCurrentTimeMillis,
        unsafeCurrentTimeNanos,
        currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
        currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
        sleep: (duration) => clock.sleep(duration)
      },
      step: (millis) =>
        Effect.sync(() => {
          offset += millis
        })
    }
  })
)
