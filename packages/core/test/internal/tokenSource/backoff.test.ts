import { TokenError } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import { beforeRetry, coolDown, type Policy } from "../../../src/internal/tokenSource/backoff.js"

const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })
const refused = new TokenError.InvalidClientError({ status: 401, attempts: 1 })
const limited = (retryAfter: Duration.DurationInput) =>
  new TokenError.RateLimitedError({ status: 429, attempts: 1, retryAfter: Duration.decode(retryAfter) })

const policy: Policy = {
  coolDown: { base: 1000, max: 10_000, maxNotRetryable: 60_000 },
  maxRetryAfter: 600_000
}

describe("Back-off of the background refresh (S6)", () => {
  const longest = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
  it.each(longest.map((most, failures): [number, number] => [failures, most]))(
    "after %i failures the back-off is drawn from all of 0–%i ms (S6)",
    (failures, most) => {
      expect([0, 0.5, 1].map((draw) => beforeRetry(policy, failures, unavailable, draw))).toStrictEqual([
        0,
        most / 2,
        most
      ])
    }
  )

  it.each<[string, number, number, number]>([
    ["longer than the draw", 90_000, 1, 90_000],
    ["shorter than the draw", 300, 1, 1000],
    ["with the shortest draw", 300, 0, 300]
  ])("a Retry-After %s is a floor for the back-off (S6)", (_, wait, draw, pause) => {
    expect(beforeRetry(policy, 0, limited(wait), draw)).toBe(pause)
  })

  it.prop(
    "the back-off is whole milliseconds from 0 to 30 s after any number of failures (S6)",
    [FastCheck.nat(100_000), FastCheck.double({ min: 0, max: 1, noNaN: true })],
    ([failures, draw]) => {
      const pause = beforeRetry(policy, failures, unavailable, draw)
      expect(Number.isInteger(pause)).toBe(true)
      expect(pause).toBeGreaterThanOrEqual(0)
      expect(pause).toBeLessThanOrEqual(30_000)
    }
  )
})

describe("Cool-down (S7)", () => {
  const after = (error: TokenError.TokenError | undefined) =>
    Arr.makeBy(8, (failures) => coolDown(policy, failures, error, 0.5) / 1000)

  it.each<[string, TokenError.TokenError | undefined, ReadonlyArray<number>]>([
    ["a retryable error", unavailable, [1, 2, 4, 8, 10, 10, 10, 10]],
    ["refused credentials", refused, [1, 2, 4, 8, 16, 32, 60, 60]],
    ["a defect", undefined, [1, 2, 4, 8, 16, 32, 60, 60]]
  ])("after %s the cool-down doubles from its base to its maximum (S7)", (_, error, pauses) => {
    expect(after(error)).toStrictEqual(pauses)
  })

  it("the cool-down is drawn by a fifth to either side (S7)", () => {
    expect([0, 0.25, 1].map((draw) => coolDown(policy, 0, unavailable, draw))).toStrictEqual([800, 900, 1200])
  })

  it.each<[string, number, TokenError.TokenError, Partial<Policy["coolDown"]>, number]>([
    ["a Retry-After is a floor for the cool-down", 0, limited("90 seconds"), {}, 90_000],
    ["a Retry-After that is shorter than the cool-down changes nothing", 3, limited("2 seconds"), {}, 8000],
    ["the maximum of the cool-down bounds its base, too", 0, unavailable, { base: 60_000, max: 5000 }, 5000],
    ["the cool-down never overflows", 100_000, unavailable, {}, 10_000]
  ])("%s (S7)", (_, failures, error, options, pause) => {
    expect(coolDown({ ...policy, coolDown: { ...policy.coolDown, ...options } }, failures, error, 0.5)).toBe(pause)
  })
})

describe("Retry-After (E7)", () => {
  it.each<[string, Partial<Policy>, number]>([
    ["for ten minutes", {}, 600_000],
    ["as long as the option says", { maxRetryAfter: 7000 }, 7000],
    ["for all of it, where the option allows that", { maxRetryAfter: 2_000_000_000 }, 86_400_000]
  ])("a Retry-After of a day is obeyed %s (E7)", (_, option, pause) => {
    expect([
      beforeRetry({ ...policy, ...option }, 0, limited("1 day"), 0.5),
      coolDown({ ...policy, ...option }, 0, limited("1 day"), 0.5)
    ]).toStrictEqual([pause, pause])
  })
})
