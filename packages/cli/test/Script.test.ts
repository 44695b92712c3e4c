import { Faults } from "@effect-tilia/sandbox"
import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Script from "../src/Script.js"

describe("Script", () => {
  it.each([
    ["ok", [{}]],
    ["503,ok", [Faults.status(503), {}]],
    ["429:60", [Faults.status(429, { headers: { "retry-after": "60" } })]],
    ["delay:2 seconds, hang", [Faults.delay("2 seconds"), Faults.hang]],
    ["reset,truncate,revoked", [Faults.reset, Faults.truncate, Faults.revoked]]
  ])("the fault script %s is parsed", (text, faults) => {
    expect(Script.parse(text)).toEqual(Either.right(faults))
  })

  it.each(["", "explode", "503,", "99", "600", "429:", "429:soon", "delay:", "delay:soon"])(
    "the fault script %j is rejected",
    (text) => {
      expect(Either.isLeft(Script.parse(text))).toBe(true)
    }
  )

  it("a fault script begins again after its last fault", () => {
    const faults = Script.cycle([Faults.hang, Faults.reset])
    expect([1, 2, 3].map(() => faults.next().value)).toEqual([Faults.hang, Faults.reset, Faults.hang])
  })
})
