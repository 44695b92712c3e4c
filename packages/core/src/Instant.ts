/*
 * A clock has two hands: the wall clock, which someone may set, and the monotonic one, which may stand still while a machine
 * sleeps. Neither alone tells how old a token is (S10).
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** Both in milliseconds; only differences of `monotonic` mean anything. */
export interface Hands {
  readonly wall: number
  readonly monotonic: number
}

/** The clock of the fiber that asks (S1). */
export const clockOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Clock.Clock =>
  Context.get(fiber.currentDefaultServices, Clock.Clock)

export const read = (clock: Clock.Clock): Hands => ({
  wall: clock.unsafeCurrentTimeMillis(),
  monotonic: Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
})

/** In milliseconds, from a clock that no one sets. */
export const monotonic: Effect.Effect<number> = Effect.map(Effect.clock, (clock) => read(clock).monotonic)

/** The time since then: the larger of what the hands say. */
export const since = (then: Hands, now: Hands): number => Math.max(now.wall - then.wall, now.monotonic - then.monotonic)

/** So long ago, by both hands. */
export const ago = (now: Hands, time: number): Hands => ({ wall: now.wall - time, monotonic: now.monotonic - time })
