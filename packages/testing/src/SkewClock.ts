/**
 * A clock whose wall time and monotonic time can be skewed from each other: someone sets the wall clock, or the machine
 * sleeps, and code that counts time must not be fooled (S10). `TestClock` alone moves the two together.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * Such a clock, and `step`, which moves its wall time alone by so many milliseconds, forward, or back where they are
 * negative: someone has set the wall clock. A machine that was asleep is a step forward, too: neither its monotonic
 * clock nor its timers went on meanwhile.
 *
 * @since 0.1.0
 * @category models
 */
export interface SkewClock {
  readonly clock: Clock.Clock
  readonly step: (millis: number) => Effect.Effect<void>
}

/** The wall time starts in this century, so that a test tells it from the monotonic time. */
const epoch = Date.UTC(2026, 0, 1)

/**
 * A clock over the fiber's own, for `Effect.withClock`: its wall time and its monotonic time go on, and its sleeps end,
 * as `TestClock` moves. Its wall time starts in 2026.
 *
 * @example
 * import { TokenSource } from "@effect-tilia/core"
 * import { SkewClock, TestTokenSource } from "@effect-tilia/testing"
 * import { expect, it } from "@effect/vitest"
 * import { Effect } from "effect"
 *
 * it.effect("a token of an hour is over after two hours of sleep", () =>
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
 * @category constructors
 */
export const make: Effect.Effect<SkewClock> = Effect.clockWith((clock) =>
  Effect.sync(() => {
    let ahead = epoch
    const unsafeCurrentTimeMillis = () => clock.unsafeCurrentTimeMillis() + ahead
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
          ahead += millis
        })
    }
  })
)
