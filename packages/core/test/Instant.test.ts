import { Instant } from "@effect-tilia/core"
import { SkewClock } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"

/** A clock that stands still, and shows these times. */
const standing = (wall: number, nanos: bigint): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: () => wall,
  unsafeCurrentTimeNanos: () => nanos,
  currentTimeMillis: Effect.succeed(wall),
  currentTimeNanos: Effect.succeed(nanos),
  sleep: () => Effect.void
})

describe("Reading both clocks", () => {
  it.each([
    [0n, 0],
    [999_999n, 0],
    [1_000_000n, 1],
    [1_999_999n, 1],
    [123_456_789_000_000n, 123_456_789]
  ])("%d nanoseconds of the monotonic clock are %i whole milliseconds", (nanos, monotonic) => {
    expect(Instant.unsafeNow(standing(7, nanos))).toStrictEqual({ wall: 7, monotonic })
  })

  it.effect("now and monotonic read the clocks of the fiber that runs them", () =>
    Effect.gen(function*() {
      const { clock, step } = yield* SkewClock.make
      const first = yield* Effect.withClock(Instant.now, clock)
      yield* TestClock.adjust("3 seconds")
      yield* step(-1000)
      const second = yield* Effect.withClock(Instant.now, clock)
      expect(second.wall - first.wall).toBe(2000)
      expect(second.monotonic - first.monotonic).toBe(3000)
      expect(yield* Effect.withClock(Instant.monotonic, clock)).toBe(second.monotonic)
      expect(yield* Instant.now).toStrictEqual({ wall: 3000, monotonic: 3000 })
    }))
})

describe("Time between two instants (S10)", () => {
  const from = { wall: 1_000_000, monotonic: 500 }
  it.each([
    ["both clocks moved alike", { wall: 1_000_070, monotonic: 570 }, 70],
    ["no time passed", from, 0],
    ["the wall clock was set forward", { wall: 1_009_000, monotonic: 570 }, 9000],
    ["the wall clock was set back", { wall: 900_000, monotonic: 570 }, 70],
    ["the machine slept and the monotonic clock stood still", { wall: 1_005_000, monotonic: 500 }, 5000],
    ["the first instant is the later one", { wall: 999_990, monotonic: 480 }, -10]
  ])("the elapsed time is the larger one of the two clocks when %s (S10)", (_, to, expected) => {
    expect(Instant.elapsed(from, to)).toBe(expected)
  })

  it.each([[0], [1], [70], [-70]])(
    "the instant that lies %i ms before another one does so on both clocks (S10)",
    (n) => {
      expect(Instant.before(from, n)).toStrictEqual({ wall: 1_000_000 - n, monotonic: 500 - n })
      expect(Instant.elapsed(Instant.before(from, n), from)).toBe(n)
    }
  )
})
