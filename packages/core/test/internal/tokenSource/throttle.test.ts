import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Throttle from "../../../src/internal/tokenSource/throttle.js"

describe("S9: forced tokens", () => {
  /** Time passes until another token may be forced; it is, and whoever forced it refuses it at once, or doesn't. */
  const next = (forced: Throttle.Throttle, isRefused: boolean, minInterval: number): Throttle.Throttle => {
    const again = Throttle.rejected(forced, forced.lastForcedAt + forced.interval, minInterval)
    return isRefused ? Throttle.rejected(again, again.lastForcedAt, minInterval) : again
  }
  const intervals = (minInterval: number, ...areRefused: ReadonlyArray<boolean>): ReadonlyArray<number> => {
    const first = Throttle.rejected({ ...Throttle.initial(minInterval), lastForcedAt: 0 }, minInterval, minInterval)
    return Arr.scan(areRefused, first, (forced, isRefused) => next(forced, isRefused, minInterval))
      .map(({ interval }) => interval)
  }

  it("none is recent where there was none", () => {
    expect(Throttle.isClosed(Throttle.initial(1000), 0)).toBe(false)
  })

  it.each([[0, true], [999, true], [1000, false], [5000, false]])("one is recent after %i ms: %s", (passed, recent) => {
    expect(Throttle.isClosed({ lastForcedAt: 7, interval: 1000, wasRejected: false }, 7 + passed)).toBe(recent)
  })

  it("within the interval a refusal is ignored, but remembered", () => {
    const forced: Throttle.Throttle = { lastForcedAt: 7, interval: 1000, wasRejected: false }
    expect(Throttle.rejected(forced, 1006, 1000)).toStrictEqual({ ...forced, wasRejected: true })
  })

  it("the first refusal of all forces a token", () => {
    expect(Throttle.rejected(Throttle.initial(1000), 7, 1000)).toStrictEqual({
      lastForcedAt: 7,
      interval: 1000,
      wasRejected: false
    })
  })

  it("the interval doubles to 30 s while each token is refused within it", () => {
    expect(intervals(1000, true, true, true, true, true, true, true).map((interval) => interval / 1000)).toStrictEqual(
      [1, 1, 2, 4, 8, 16, 30, 30]
    )
  })

  it("and is as short as at first once a token was good for one interval", () => {
    expect(intervals(1000, true, true, true, false, false)).toStrictEqual([1000, 1000, 2000, 4000, 8000, 1000])
  })

  it("one longer than 30 s stays as it is", () => {
    expect(intervals(45_000, true, true, true)).toStrictEqual([45_000, 45_000, 45_000, 45_000])
  })
})
