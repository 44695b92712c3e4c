import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { validate } from "../../../src/internal/tokenSource/options.js"
import type { Options } from "../../../src/TokenSource.js"

const scopes = ["user_info"]
const messageOf = (options: Partial<Options>): string =>
  Either.match(validate({ scopes, ...options }), { onLeft: ({ message }) => message, onRight: () => "" })

describe("Options of a token source", () => {
  it("the options of a token source have the defaults of the design in milliseconds", () => {
    expect(validate({ scopes })).toStrictEqual(Either.right({
      scopes,
      refreshAt: 0.8,
      jitter: 0.02,
      expiryMargin: 10_000,
      background: "timer",
      idleAfter: undefined,
      start: "lazy",
      minRefreshInterval: 1000,
      coolDown: { base: 1000, max: 10_000, maxNotRetryable: 60_000 },
      maxRetryAfter: 600_000,
      checkEvery: 60_000
    }))
  })

  it("the options of a token source are taken as given, with times to the next millisecond", () => {
    const given = {
      scopes: ["read_wallet"],
      refreshAt: 0.5,
      jitter: 0.4,
      expiryMargin: 1,
      background: "onDemand",
      idleAfter: 2,
      start: "eager",
      minRefreshInterval: 3,
      coolDown: { base: 4, max: 5, maxNotRetryable: 7 },
      maxRetryAfter: 8,
      checkEvery: 6
    } as const
    expect(validate(given)).toStrictEqual(Either.right(given))
    expect(validate({ ...given, checkEvery: "1500 micros", jitter: 0 })).toStrictEqual(
      Either.right({ ...given, checkEvery: 2, jitter: 0 })
    )
  })

  it.each([[0.8, 0.02], [0.99, 0.01], [0.01, 0.005]])(
    "with refreshAt %d, the default of jitter is %d (S15)",
    (refreshAt, jitter) => {
      const options = validate({ scopes, refreshAt })
      expect(Either.isRight(options) && options.right.jitter).toBeCloseTo(jitter, 10)
    }
  )

  const aTime = "a time longer than zero and shorter than 25 days, as \"10 seconds\""

  it.each<[string, Partial<Options>]>([
    [
      "scopes must be one scope or more, each of printable ASCII without space, comma, quote or backslash, and no UUID.",
      { scopes: [] }
    ],
    ["refreshAt must be a number above 0 and below 1.", { refreshAt: 1 }],
    ["refreshAt must be a number above 0 and below 1.", { refreshAt: 0 }],
    ["jitter must be a number from 0 to 0.5.", { jitter: 0.51 }],
    ["jitter must be less than refreshAt, and at most 1 - refreshAt.", { refreshAt: 0.01, jitter: 0.01 }],
    ["jitter must be less than refreshAt, and at most 1 - refreshAt.", { refreshAt: 0.8, jitter: 0.21 }],
    [`expiryMargin must be ${aTime}.`, { expiryMargin: 0 }],
    ["background must be \"timer\" or \"onDemand\".", JSON.parse("{\"background\":\"always\"}")],
    [`idleAfter must be ${aTime}.`, { idleAfter: 0 }],
    ["start must be \"lazy\" or \"eager\".", JSON.parse("{\"start\":\"never\"}")],
    [`minRefreshInterval must be ${aTime}.`, { minRefreshInterval: 0 }],
    [`coolDown.base must be ${aTime}.`, { coolDown: { base: 0 } }],
    [`coolDown.max must be ${aTime}.`, { coolDown: { max: 0 } }],
    [`coolDown.maxNotRetryable must be ${aTime}.`, { coolDown: { maxNotRetryable: 0 } }],
    [`maxRetryAfter must be ${aTime}.`, { maxRetryAfter: 0 }],
    [`checkEvery must be ${aTime}.`, { checkEvery: 0 }]
  ])("a bad option has the error \"%s\" (row 64)", (message, options) => {
    expect(messageOf(options)).toBe(message)
  })
})
