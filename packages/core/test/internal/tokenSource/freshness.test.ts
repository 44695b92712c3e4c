import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type { Instant } from "../../../src/Instant.js"
import { lifetime as lifetimeOf } from "../../../src/internal/accessToken.js"
import { decide, type Policy, validity } from "../../../src/internal/tokenSource/freshness.js"

const policy: Policy = { refreshAt: 0.8, jitter: 0.02, expiryMargin: 10_000 }
const second = 1000
const hour = 3600 * second
const day = 24 * hour
const never = Number.NEGATIVE_INFINITY

/** An instant so long after the token's beginning, by two clocks that started apart. */
const begin: Instant = { wall: 1_000_000, monotonic: 5 }
const after = (wall: number, monotonic = wall): Instant => ({
  wall: begin.wall + wall,
  monotonic: begin.monotonic + monotonic
})

describe("Lifetime of a token (S4, S5)", () => {
  it.effect("the lifetime lasts from before the request to the expiry, whatever the clock says (S4, S5)", () =>
    Effect.gen(function*() {
      const token = yield* TestAccessToken.make({ issuedAt: DateTime.unsafeMake(7000), lifetime: "1 hour" })
      expect(lifetimeOf(token)).toBe(hour)
    }))

  it.each<[number, number, number]>([
    [1 * second, 800, 900],
    [5 * second, 4000, 4500],
    [60 * second, 48_000, 54_000],
    [100 * second, 80_000, 90_000],
    [hour, 2_880_000, 3_590_000],
    [400 * day, 320 * day, 400 * day - 10_000]
  ])(
    "a token with a lifetime of %d ms is due at %d ms and usable for %d ms (S4, S5, row 76)",
    (lifetime, staleAfter, expiredAfter) => {
      const of = validity(lifetime, begin, 0.5, policy)
      expect(of.staleAfter).toBeCloseTo(staleAfter, 3)
      expect(of).toMatchObject({ begin, expiredAfter })
    }
  )

  it.each([[0, 78_000], [0.25, 79_000], [0.5, 80_000], [1, 82_000]])(
    "the random draw %d makes a token of 100 s due at %d ms (S4, S5)",
    (draw, staleAfter) => {
      expect(validity(100_000, begin, draw, policy).staleAfter).toBeCloseTo(staleAfter, 6)
    }
  )

  it.each([
    ["below a tenth of the lifetime counts in full", 9999, 90_001],
    ["above a tenth of the lifetime is cut to a tenth", 10_001, 90_000],
    ["far above a tenth of the lifetime is cut to a tenth", day, 90_000]
  ])("an expiryMargin %s (S4, S5)", (_, expiryMargin, expiredAfter) => {
    expect(validity(100_000, begin, 0.5, { ...policy, expiryMargin }).expiredAfter).toBe(expiredAfter)
  })

  it.each([
    ["beyond the end makes a token due before its end", { refreshAt: 0.99, jitter: 0.5 }, 1, 85_000],
    ["before the beginning makes a token due at once", { refreshAt: 0.01, jitter: 0.5 }, 0, 0]
  ])("a random draw %s (S4, S5)", (_, unlikely, draw, staleAfter) => {
    expect(validity(100_000, begin, draw, { ...policy, ...unlikely }).staleAfter).toBe(staleAfter)
  })

  it.each([
    ["a minute, with refreshAt 0.95", 60_000, { refreshAt: 0.95, jitter: 0 }, 51_000, 54_000],
    [
      "a minute, with a margin of a second",
      60_000,
      { refreshAt: 0.99, jitter: 0, expiryMargin: second },
      56_000,
      59_000
    ],
    ["a second", second, { refreshAt: 0.999, jitter: 0 }, 850, 900],
    ["an hour, with refreshAt 0.999", hour, { refreshAt: 0.999, jitter: 0 }, 3_580_000, 3_590_000],
    [
      "an hour, with a margin of a minute",
      hour,
      { refreshAt: 0.99, jitter: 0, expiryMargin: 60_000 },
      3_530_000,
      3_540_000
    ],
    ["an hour, with refreshAt 0.99", hour, { refreshAt: 0.99, jitter: 0 }, 3_564_000, 3_590_000]
  ])(
    "a token of %s is due some time before it expires (S4, row 167)",
    (_, lifetime, unlikely, staleAfter, expiredAfter) => {
      const of = validity(lifetime, begin, 0.5, { ...policy, ...unlikely })
      expect(of).toMatchObject({ staleAfter, expiredAfter })
      expect(decide(of, never, after(staleAfter))._tag).toBe("Stale")
    }
  )

  it.prop(
    "any policy has 0 ≤ due < usable < lifetime, with usable at least nine tenths of the lifetime (S4, S5)",
    [
      FastCheck.integer({ min: 1, max: 400 * day }),
      FastCheck.double({ min: 0, max: 1, noNaN: true }),
      FastCheck.record({
        refreshAt: FastCheck.double({ min: 0, max: 1, noNaN: true }),
        jitter: FastCheck.double({ min: 0, max: 0.5, noNaN: true }),
        expiryMargin: FastCheck.integer({ min: 1, max: 2 ** 31 - 1 })
      })
    ],
    ([lifetime, draw, policy]) => {
      const { staleAfter, expiredAfter } = validity(lifetime, begin, draw, policy)
      expect(staleAfter).toBeGreaterThanOrEqual(0)
      expect(staleAfter).toBeLessThan(expiredAfter)
      expect(expiredAfter).toBeLessThan(lifetime)
      expect(expiredAfter).toBeGreaterThan(lifetime * 0.9 - 1)
    }
  )
})

describe("Freshness of a token (S4-S6, S10)", () => {
  const minute = validity(60_000, begin, 0.5, policy) // due at 48 s, usable for 54 s

  it.each<[string, Instant, number, ReturnType<typeof decide>]>([
    ["a new token is fresh", after(0), never, { _tag: "Fresh", holdsFor: 48_000 }],
    ["a token is fresh until a moment before it is due", after(47_999), never, { _tag: "Fresh", holdsFor: 1 }],
    ["a token is stale when it is due", after(48_000), never, { _tag: "Stale", holdsFor: 6000 }],
    ["a token is stale until a moment before it expires", after(53_999), never, { _tag: "Stale", holdsFor: 1 }],
    ["a token is expired when its end comes", after(54_000), never, { _tag: "Expired", holdsFor: Infinity }],
    ["a token is expired long after its end", after(day), never, { _tag: "Expired", holdsFor: Infinity }],
    ["a token is fresh before its beginning", after(-hour), never, { _tag: "Fresh", holdsFor: hour + 48_000 }],
    ["a due token is fresh during a back-off of 2 s", after(49_000), after(51_000).monotonic, {
      _tag: "Fresh",
      holdsFor: 2000
    }],
    ["a due token is fresh until its end during a back-off beyond its end", after(49_000), after(day).monotonic, {
      _tag: "Fresh",
      holdsFor: 5000
    }],
    ["a due token is stale after a back-off", after(51_000), after(51_000).monotonic, {
      _tag: "Stale",
      holdsFor: 3000
    }],
    ["an expired token is expired during a back-off", after(54_000), after(day).monotonic, {
      _tag: "Expired",
      holdsFor: Infinity
    }],
    ["a token that is not due is fresh during a shorter back-off", after(1000), after(2000).monotonic, {
      _tag: "Fresh",
      holdsFor: 47_000
    }],
    ["a token is expired by a wall clock that is an hour ahead", after(hour, 1000), never, {
      _tag: "Expired",
      holdsFor: Infinity
    }],
    ["a token is stale by the monotonic clock while the wall clock is an hour back", after(-hour, 48_000), never, {
      _tag: "Stale",
      holdsFor: 6000
    }],
    ["a token is expired by the monotonic clock while the wall clock is an hour back", after(-hour, 54_000), never, {
      _tag: "Expired",
      holdsFor: Infinity
    }],
    ["a token is stale by the wall clock while the monotonic clock stands still", after(50_000, 0), never, {
      _tag: "Stale",
      holdsFor: 4000
    }]
  ])("%s (S4-S6, S10, row 75)", (_, now, notBefore, decision) => {
    expect(decide(minute, notBefore, now)).toStrictEqual(decision)
  })

  const lifetime = FastCheck.integer({ min: 1, max: 400 * day })
  const draw = FastCheck.double({ min: 0, max: 1, noNaN: true })
  const time = FastCheck.integer({ min: -day, max: 400 * day })
  const notBefore = FastCheck.oneof(FastCheck.constant(never), time)

  it.prop(
    "a decision about freshness holds for exactly as long as it says (S4-S6, S10)",
    [lifetime, draw, time, time, notBefore],
    ([lifetime, draw, wall, monotonic, notBefore]) => {
      const token = validity(lifetime, begin, draw, policy)
      const { _tag, holdsFor } = decide(token, notBefore, after(wall, monotonic))
      expect(holdsFor).toBeGreaterThan(0)
      const at = (passed: number) => decide(token, notBefore, after(wall + passed, monotonic + passed))._tag
      expect(at(Math.floor(holdsFor * 0.999))).toBe(_tag)
      if (holdsFor !== Infinity) expect(at(Math.ceil(holdsFor) + 1)).not.toBe(_tag)
    }
  )

  it.prop(
    "no hand of the clock makes a token usable for longer than the other hand does (S4-S6, S10)",
    [lifetime, draw, time, time],
    ([lifetime, draw, wall, monotonic]) => {
      const token = validity(lifetime, begin, draw, policy)
      const isUsable = (now: Instant) => decide(token, never, now)._tag !== "Expired"
      expect(isUsable(after(wall, monotonic))).toBe(isUsable(after(wall)) && isUsable(after(monotonic)))
    }
  )
})
