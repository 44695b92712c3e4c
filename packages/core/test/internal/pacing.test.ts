import { TokenError } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import {
  askedToWait,
  backOff,
  coolDown,
  type Forced,
  isRecent,
  neverForced,
  refused
} from "../../src/internal/pacing.js"

const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })
const limited = (retryAfter: Duration.DurationInput) =>
  new TokenError.RateLimitedError({ status: 429, attempts: 1, retryAfter: Duration.decode(retryAfter) })

describe("Wait that a server asks for", () => {
  it.each<[string, TokenError.TokenError | undefined, number]>([
    ["an error that names a wait", limited("90 seconds"), 90_000],
    ["an error that names a wait of zero", limited(0), 0],
    ["an error that names no wait", unavailable, 0],
    ["a request without an error", undefined, 0],
    ["an error that can't name a wait", new TokenError.InvalidClientError({ status: 401, attempts: 1 }), 0]
  ])("askedToWait reads the wait of %s", (_, error, wait) => {
    expect(askedToWait(error)).toBe(wait)
  })
})

describe("Back-off of the background refresh (S6)", () => {
  const longest = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
  it.each(longest.map((most, failures): [number, number] => [failures, most]))(
    "after %i failures the back-off is drawn from all of 0–%i ms (S6)",
    (failures, most) => {
      expect([0, 0.5, 1].map((draw) => backOff(failures, unavailable, draw))).toStrictEqual([0, most / 2, most])
    }
  )

  it.each<[string, number, number, number]>([
    ["longer than the draw", 90_000, 1, 90_000],
    ["shorter than the draw", 300, 1, 1000],
    ["with the shortest draw", 300, 0, 300]
  ])("a Retry-After %s is a floor for the back-off (S6)", (_, wait, draw, pause) => {
    expect(backOff(0, limited(wait), draw)).toBe(pause)
  })

  it.prop(
    "the back-off is whole milliseconds from 0 to 30 s after any number of failures (S6)",
    [FastCheck.nat(100_000), FastCheck.double({ min: 0, max: 1, noNaN: true })],
    ([failures, draw]) => {
      const pause = backOff(failures, unavailable, draw)
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

describe("Forced tokens (S9)", () => {
  /** Time passes until another token may be forced; it is, and whoever forced it refuses it at once, or doesn't. */
  const next = (forced: Forced, isRefused: boolean, minInterval: number): Forced => {
    const again = refused(forced, forced.at + forced.interval, minInterval)
    return isRefused ? refused(again, again.at, minInterval) : again
  }
  const intervals = (minInterval: number, ...areRefused: ReadonlyArray<boolean>): ReadonlyArray<number> => {
    const first = refused({ ...neverForced(minInterval), at: 0 }, minInterval, minInterval)
    return Arr.scan(areRefused, first, (forced, isRefused) => next(forced, isRefused, minInterval))
      .map(({ interval }) => interval)
  }

  it("no forced token is recent before the first one (S9)", () => {
    expect(isRecent(neverForced(1000), 0)).toBe(false)
  })

  it.each([[0, true], [999, true], [1000, false], [5000, false]])(
    "after %i ms of an interval of 1 s it is %s that the forced token is recent (S9)",
    (passed, recent) => {
      expect(isRecent({ at: 7, interval: 1000, refused: false }, 7 + passed)).toBe(recent)
    }
  )

  it("a rejection within the interval is ignored but remembered (S9)", () => {
    const forced: Forced = { at: 7, interval: 1000, refused: false }
    expect(refused(forced, 1006, 1000)).toStrictEqual({ ...forced, refused: true })
  })

  it("the first rejection forces a token (S9)", () => {
    expect(refused(neverForced(1000), 7, 1000)).toStrictEqual({ at: 7, interval: 1000, refused: false })
  })

  it("the interval doubles to 30 s while each forced token is rejected within it (S9)", () => {
    expect(intervals(1000, true, true, true, true, true, true, true).map((interval) => interval / 1000)).toStrictEqual(
      [1, 1, 2, 4, 8, 16, 30, 30]
    )
  })

  it("the interval is short again after a forced token that is good for one interval (S9)", () => {
    expect(intervals(1000, true, true, true, false, false)).toStrictEqual([1000, 1000, 2000, 4000, 8000, 1000])
  })

  it("an interval longer than 30 s stays as it is (S9)", () => {
    expect(intervals(45_000, true, true, true)).toStrictEqual([45_000, 45_000, 45_000, 45_000])
  })
})
