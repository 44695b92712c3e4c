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

describe("a token's life (S4, S5)", () => {
  it.effect("is from the moment before the request to its end, whatever the time", () =>
    Effect.gen(function*() {
      const token = yield* TestAccessToken.make({ issuedAt: DateTime.unsafeMake(7000), life: "1 hour" })
      expect(lifetimeOf(token)).toBe(hour)
    }))

  it.each<[number, number, number]>([
    [1 * second, 800, 900],
    [5 * second, 4000, 4500],
    [60 * second, 48_000, 54_000],
    [100 * second, 80_000, 90_000],
    [hour, 2_880_000, 3_590_000],
    [400 * day, 320 * day, 400 * day - 10_000]
  ])("row 76: one of %d ms is due at %d and usable for %d", (lifetime, staleAfter, expiredAfter) => {
    const of = validity(lifetime, begin, 0.5, policy)
    expect(of.staleAfter).toBeCloseTo(staleAfter, 3)
    expect(of).toMatchObject({ begin, expiredAfter })
  })

  it.each([[0, 78_000], [0.25, 79_000], [0.5, 80_000], [1, 82_000]])(
    "a draw of %d is due at %d",
    (draw, staleAfter) => {
      expect(validity(100_000, begin, draw, policy).staleAfter).toBeCloseTo(staleAfter, 6)
    }
  )

  it.each([
    ["below a tenth of the life counts in full", 9999, 90_001],
    ["above it is cut to that", 10_001, 90_000],
    ["far above it too", day, 90_000]
  ])("a margin %s", (_, expiryMargin, expiredAfter) => {
    expect(validity(100_000, begin, 0.5, { ...policy, expiryMargin }).expiredAfter).toBe(expiredAfter)
  })

  it.each([
    ["after the end is due at the end", { refreshAt: 0.99, jitter: 0.5 }, 1, 90_000],
    ["before the beginning is due at once", { refreshAt: 0.01, jitter: 0.5 }, 0, 0]
  ])("a draw %s", (_, unlikely, draw, staleAfter) => {
    expect(validity(100_000, begin, draw, { ...policy, ...unlikely }).staleAfter).toBe(staleAfter)
  })

  it.prop(
    "is in order, whatever the policy: 0 ≤ due ≤ usable < life, and usable for nine tenths of it at least",
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
      expect(staleAfter).toBeLessThanOrEqual(expiredAfter)
      expect(expiredAfter).toBeLessThan(lifetime)
      expect(expiredAfter).toBeGreaterThan(lifetime * 0.9 - 1)
    }
  )
})

describe("fresh, refresh in the background, or wait? (S4–S6, S10)", () => {
  const minute = validity(60_000, begin, 0.5, policy) // due at 48 s, usable for 54 s

  it.each<[string, Instant, number, ReturnType<typeof decide>]>([
    ["new", after(0), never, { _tag: "Fresh", holdsFor: 48_000 }],
    ["a moment before it is due", after(47_999), never, { _tag: "Fresh", holdsFor: 1 }],
    ["when it is due", after(48_000), never, { _tag: "Stale", holdsFor: 6000 }],
    ["a moment before it expires", after(53_999), never, { _tag: "Stale", holdsFor: 1 }],
    ["when it expires", after(54_000), never, { _tag: "Expired", holdsFor: Infinity }],
    ["long after", after(day), never, { _tag: "Expired", holdsFor: Infinity }],
    ["before it began", after(-hour), never, { _tag: "Fresh", holdsFor: hour + 48_000 }],
    ["due, but to be left alone for 2 s", after(49_000), after(51_000).monotonic, { _tag: "Fresh", holdsFor: 2000 }],
    ["due, but to be left alone beyond its end", after(49_000), after(day).monotonic, {
      _tag: "Fresh",
      holdsFor: 5000
    }],
    ["due, and left alone for long enough", after(51_000), after(51_000).monotonic, {
      _tag: "Stale",
      holdsFor: 3000
    }],
    ["expired, and to be left alone", after(54_000), after(day).monotonic, { _tag: "Expired", holdsFor: Infinity }],
    ["not due, and to be left alone for less", after(1000), after(2000).monotonic, { _tag: "Fresh", holdsFor: 47_000 }],
    ["an hour ahead on the wall", after(hour, 1000), never, { _tag: "Expired", holdsFor: Infinity }],
    ["an hour back on the wall, due by the other hand", after(-hour, 48_000), never, {
      _tag: "Stale",
      holdsFor: 6000
    }],
    ["an hour back on the wall, expired by the other hand", after(-hour, 54_000), never, {
      _tag: "Expired",
      holdsFor: Infinity
    }],
    ["with a monotonic hand that stood still", after(50_000, 0), never, { _tag: "Stale", holdsFor: 4000 }]
  ])("row 75: %s", (_, now, notBefore, decision) => {
    expect(decide(minute, notBefore, now)).toStrictEqual(decision)
  })

  const lifetime = FastCheck.integer({ min: 1, max: 400 * day })
  const draw = FastCheck.double({ min: 0, max: 1, noNaN: true })
  const time = FastCheck.integer({ min: -day, max: 400 * day })
  const notBefore = FastCheck.oneof(FastCheck.constant(never), time)

  it.prop(
    "what it says holds until it says that it has to be decided again, and not longer",
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
    "no hand of the clock makes a token live longer than the other one would",
    [lifetime, draw, time, time],
    ([lifetime, draw, wall, monotonic]) => {
      const token = validity(lifetime, begin, draw, policy)
      const isUsable = (now: Instant) => decide(token, never, now)._tag !== "Expired"
      expect(isUsable(after(wall, monotonic))).toBe(isUsable(after(wall)) && isUsable(after(monotonic)))
    }
  )
})
