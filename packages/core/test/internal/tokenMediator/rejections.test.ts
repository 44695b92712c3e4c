import { describe, expect, it } from "@effect/vitest"
import * as Rejections from "../../../src/internal/tokenMediator/rejections.js"

/** When pages are believed that reject their token at these times, in seconds. */
const believed = (...seconds: ReadonlyArray<number>): ReadonlyArray<number> => {
  let state = Rejections.none
  return seconds.filter((second) => {
    const next = Rejections.believe(state, second * 1000)
    state = next ?? state
    return next !== undefined
  })
}

const every = (step: number, until: number) => Array.from({ length: until / step + 1 }, (_, n) => n * step)

describe("Rejections by pages (M7)", () => {
  it("the first rejection is believed at once, and the next one after a second (M7)", () => {
    expect(believed(0, 0.5, 0.999, 1)).toStrictEqual([0, 1])
  })

  it("a page that rejects its token each second is believed twice in a minute at most (M7)", () => {
    expect(believed(...every(1, 180))).toStrictEqual([0, 1, 3, 7, 15, 31, 61, 91, 121, 151])
  })

  it.each([1.1, 2, 5, 10, 29])("a page that rejects its token every %d seconds is slowed down too (M7)", (step) => {
    const times = believed(...every(step, step * 200)).slice(8)
    const pauses = times.slice(1).map((time, n) => time - (times[n] ?? 0))
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(30)
  })

  it("a rejection is forgotten after a minute (M7)", () => {
    expect(believed(0, 1, 3, 63, 63.999, 64)).toStrictEqual([0, 1, 3, 63, 64])
  })
})
