/**
 * A point in time on two clocks: the wall clock, which a person or NTP may set, and the monotonic clock, which may
 * stand still while the machine sleeps. Neither of them alone tells how old a token is.
 *
 * @example
 * import { Instant } from "@effect-tilia/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const before = yield* Instant.now
 *   yield* Effect.sleep("1 second")
 *   return Instant.elapsed(before, yield* Instant.now) // 1000, or more if the wall clock was set forward
 * })
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * One reading of both clocks. All times are in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Instant {
  /** Milliseconds since 1970. Can jump in both directions when the clock is set. */
  readonly wall: number
  /** Milliseconds since an arbitrary start: only differences mean anything. Never goes back. */
  readonly monotonic: number
}

/**
 * Reads both clocks at once, without an Effect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsafeNow = (clock: Clock.Clock): Instant => ({
  wall: clock.unsafeCurrentTimeMillis(),
  monotonic: Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
})

/**
 * The current instant, by the `Clock` of the fiber that runs it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const now: Effect.Effect<Instant> = Effect.map(Effect.clock, unsafeNow)

/**
 * The monotonic clock alone, in milliseconds: for measuring how long something takes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const monotonic: Effect.Effect<number> = Effect.map(now, ({ monotonic }) => monotonic)

/**
 * The milliseconds that have passed from one instant to another: the larger of what the two clocks say. So neither a
 * wall clock that was set back nor a machine that slept makes a token look younger than it is.
 *
 * @since 0.1.0
 * @category getters
 */
export const elapsed = (from: Instant, to: Instant): number =>
  Math.max(to.wall - from.wall, to.monotonic - from.monotonic)

/**
 * The instant that lies `millis` milliseconds before another one, on both clocks.
 *
 * @since 0.1.0
 * @category combinators
 */
export const before = (instant: Instant, millis: number): Instant => ({
  wall: instant.wall - millis,
  monotonic: instant.monotonic - millis
})
