import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Throttle from "../../../src/internal/tokenSource/throttle.js"

describe("Forced tokens (S9)", () => {
  /** Time passes until another token may be forced; it is, and the API rejects it at once, or doesn't. */
  const next = (forced: Throttle.Throttle, isRefused: boolean, minInterval: number): Throttle.Throttle => {
    const again = Throttle.rejected(forced, forced.lastForcedAt + forced.interval, minInterval)
    return isRefused ? Throttle.rejected(again, again.lastForcedAt, minInterval) : again
  }
  const intervals = (minInterval: number, ...areRefused: ReadonlyArray<boolean>): ReadonlyArray<number> => {
    const first = Throttle.rejected({ ...Throttle.initial(minInterval), lastForcedAt: 0 }, minInterval, minInterval)
    return Arr.scan(areRefused, first, (forced, isRefused) => next(forced, isRefused, minInterval))
      .map(({ interval }) => interval)
  }

  it("no forced token is recent before the first one (S9)", () => {
    expect(Throttle.isClosed(Throttle.initial(1000), 0)).toBe(false)
  })

  const never = Number.NEGATIVE_INFINITY

  it("a throttle begins with the shortest interval and without a rejection (S9)", () => {
    expect(Throttle.initial(1000)).toStrictEqual({ lastForcedAt: never, interval: 1000, lastRejectedAt: never })
  })

  it("a forced refresh starts the interval anew, and keeps its length and what is remembered (S9)", () => {
    const before = { lastForcedAt: 7, interval: 4000, lastRejectedAt: 6 }
    expect(Throttle.forced(before, 5000)).toStrictEqual({ ...before, lastForcedAt: 5000 })
  })

  it.each([[0, true], [999, true], [1000, false], [5000, false]])(
    "after %i ms of an interval of 1 s it is %s that the forced token is recent (S9)",
    (passed, recent) => {
      expect(Throttle.isClosed({ lastForcedAt: 7, interval: 1000, lastRejectedAt: never }, 7 + passed)).toBe(recent)
    }
  )

  it("a rejection within the interval is ignored but remembered (S9)", () => {
    const forced: Throttle.Throttle = { lastForcedAt: 7, interval: 1000, lastRejectedAt: never }
    expect(Throttle.rejected(forced, 1006, 1000)).toStrictEqual({ ...forced, lastRejectedAt: 1006 })
  })

  it("the first rejection forces a token (S9)", () => {
    expect(Throttle.rejected(Throttle.initial(1000), 7, 1000)).toStrictEqual({
      lastForcedAt: 7,
      interval: 1000,
      lastRejectedAt: never
    })
  })

  it.each([[59_999, 4000], [60_000, 1000]])(
    "%i ms after a token was rejected within its interval of 2 s, a rejection starts one of %i ms (S9)",
    (passed, interval) => {
      const before: Throttle.Throttle = { lastForcedAt: 7, interval: 2000, lastRejectedAt: 8 }
      expect(Throttle.rejected(before, 8 + passed, 1000).interval).toBe(interval)
    }
  )

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
