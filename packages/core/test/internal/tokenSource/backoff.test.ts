import { TokenError } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import { beforeRetry, coolDown } from "../../../src/internal/tokenSource/backoff.js"

const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })
const limited = (retryAfter: Duration.DurationInput) =>
  new TokenError.RateLimitedError({ status: 429, attempts: 1, retryAfter: Duration.decode(retryAfter) })

describe("Back-off of the background refresh (S6)", () => {
  const longest = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
  it.each(longest.map((most, failures): [number, number] => [failures, most]))(
    "after %i failures the back-off is drawn from all of 0–%i ms (S6)",
    (failures, most) => {
      expect([0, 0.5, 1].map((draw) => beforeRetry(failures, unavailable, draw))).toStrictEqual([0, most / 2, most])
    }
  )

  it.each<[string, number, number, number]>([
    ["longer than the draw", 90_000, 1, 90_000],
    ["shorter than the draw", 300, 1, 1000],
    ["with the shortest draw", 300, 0, 300]
  ])("a Retry-After %s is a floor for the back-off (S6)", (_, wait, draw, pause) => {
    expect(beforeRetry(0, limited(wait), draw)).toBe(pause)
  })

  it.prop(
    "the back-off is whole milliseconds from 0 to 30 s after any number of failures (S6)",
    [FastCheck.nat(100_000), FastCheck.double({ min: 0, max: 1, noNaN: true })],
    ([failures, draw]) => {
      const pause = beforeRetry(failures, unavailable, draw)
      expect(Number.isInteger(pause)).toBe(true)
      expect(pause).toBeGreaterThanOrEqual(0)
      expect(pause).toBeLessThanOrEqual(30_000)
    }
  )
})

describe("Cool-down (S7)", () => {
  const policy = { base: 1000, max: 30_000 }

  it("the cool-down doubles from its base to its maximum (S7)", () => {
    const pauses = Arr.makeBy(8, (failures) => coolDown(failures, unavailable, policy))
    expect(pauses).toStrictEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })

  it.each<[string, number, TokenError.TokenError, { base: number; max: number }, number]>([
    ["a Retry-After is a floor for the cool-down", 0, limited("90 seconds"), policy, 90_000],
    ["a Retry-After that is shorter than the cool-down changes nothing", 3, limited("2 seconds"), policy, 8000],
    ["the maximum of the cool-down bounds its base, too", 0, unavailable, { base: 60_000, max: 5000 }, 5000],
    ["the cool-down never overflows", 100_000, unavailable, policy, 30_000]
  ])("%s (S7)", (_, failures, error, policy, pause) => {
    expect(coolDown(failures, error, policy)).toBe(pause)
  })
})
