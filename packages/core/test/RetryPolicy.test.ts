import { RetryPolicy, TokenError } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

import { policyOf } from "../src/internal/tokenEndpoint/retry.js"

const error = new TokenError.TokenTimeoutError({ tokenUrl: "https://auth.example/token", attempts: 1 })

/**
 * The delays that a policy draws between attempts that all fail, in milliseconds: one fewer than there are attempts.
 */
const delays = (policy: RetryPolicy.RetryPolicy, seed: number): ReadonlyArray<number> =>
  policy.pipe(
    Schedule.delays,
    Schedule.run(0, Arr.replicate(error, 1001)),
    Effect.withRandom(Random.make(seed)),
    Effect.runSync,
    Chunk.toReadonlyArray,
    // A schedule's last word is that there is no further attempt.
    Arr.dropRight(1),
    Arr.map(Duration.toMillis)
  )

const attempts = (policy: RetryPolicy.RetryPolicy) =>
  Effect.gen(function*() {
    let count = 0
    const attempt = Effect.suspend(() => {
      count++
      return Effect.fail(error)
    })
    yield* Effect.flip(Effect.retry(attempt, policy))
    return count
  })

describe("RetryPolicy.standard (E7)", () => {
  const drawn = Arr.makeBy(500, (seed) => delays(RetryPolicy.standard, seed))

  it("RetryPolicy.standard makes at most 4 attempts (E7)", () => {
    for (const of of drawn) expect(of).toHaveLength(3)
  })

  it.each([[0, 200], [1, 400], [2, 800]])(
    "RetryPolicy.standard draws delay %i from all of 0–%i ms (E7)",
    (n, bound) => {
      const nth = drawn.map((delays) => delays[n] ?? Number.NaN)
      expect(Math.min(...nth)).toBeGreaterThanOrEqual(0)
      expect(Math.min(...nth)).toBeLessThan(bound * 0.05)
      expect(Math.max(...nth)).toBeLessThanOrEqual(bound)
      expect(Math.max(...nth)).toBeGreaterThan(bound * 0.95)
      const mean = nth.reduce((sum, delay) => sum + delay) / nth.length
      expect(Math.abs(mean / bound - 0.5)).toBeLessThan(0.05)
    }
  )

  it("RetryPolicy.standard equals RetryPolicy.make without options (E7)", () => {
    const made = Effect.runSync(RetryPolicy.make())
    for (const seed of [1, 2, 3]) expect(delays(made, seed)).toStrictEqual(delays(RetryPolicy.standard, seed))
  })
})

describe("RetryPolicy.none", () => {
  it.effect("RetryPolicy.none makes one attempt", () =>
    Effect.gen(function*() {
      expect(yield* attempts(RetryPolicy.none)).toBe(1)
    }))
})

describe("RetryPolicy.make", () => {
  it.prop(
    "RetryPolicy.make draws maxAttempts − 1 delays, delay n from 0 to min(maxDelay, baseDelay × 2ⁿ)",
    [
      FastCheck.integer({ min: 1, max: 40 }),
      FastCheck.integer({ min: 1, max: 1e4 }),
      FastCheck.integer({ min: 1, max: 1e5 }),
      FastCheck.integer()
    ],
    ([maxAttempts, baseDelay, maxDelay, seed]) => {
      const drawn = delays(Effect.runSync(RetryPolicy.make({ maxAttempts, baseDelay, maxDelay })), seed)
      expect(drawn).toHaveLength(maxAttempts - 1)
      for (const [n, delay] of drawn.entries()) {
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThanOrEqual(Math.min(maxDelay, baseDelay * 2 ** n))
      }
    }
  )

  it.live.each([1, 2, 5])(
    "a policy with maxAttempts %i makes that many attempts",
    (maxAttempts) =>
      Effect.gen(function*() {
        const policy = yield* RetryPolicy.make({ maxAttempts, baseDelay: "1 millis", maxDelay: "1 millis" })
        expect(yield* attempts(policy)).toBe(maxAttempts)
      })
  )

  it("the delays of 1000 attempts never exceed maxDelay", () => {
    const drawn = delays(Effect.runSync(RetryPolicy.make({ maxAttempts: 1000, maxDelay: "1 minute" })), 1)
    expect(drawn).toHaveLength(999)
    expect(Math.max(...drawn)).toBeLessThanOrEqual(60_000)
  })

  it.each<RetryPolicy.Options>([
    { maxAttempts: 1 },
    { maxAttempts: 1000 },
    { baseDelay: 1, maxDelay: "24 days" },
    { baseDelay: "1 second", maxDelay: "1 second" },
    { baseDelay: Duration.millis(5), maxDelay: [1, 0] }
  ])("RetryPolicy.make accepts %j", (options) => {
    expect(Effect.runSyncExit(RetryPolicy.make(options))).toMatchObject({ _tag: "Success" })
  })

  const refused = (setting: string, expected: string) => ({ _tag: "InvalidInputError", setting, expected })

  it.each([1, "1", true, null, [], () => 1])("a retry of %j, which is no policy, is refused (row 64)", (retry) => {
    const given: unknown = retry
    expect(Effect.runSync(Effect.flip(policyOf(given as RetryPolicy.Options)))).toMatchObject({ setting: "retry" })
  })

  it.each([0, -1, -0, 1.5, Number.NaN, Infinity, -Infinity, 1001])(
    "RetryPolicy.make refuses maxAttempts %d (row 64)",
    (maxAttempts) => {
      expect(Effect.runSync(Effect.flip(RetryPolicy.make({ maxAttempts })))).toMatchObject(
        refused("maxAttempts", "a whole number from 1 to 1000")
      )
    }
  )

  const aTime = "a time longer than zero and shorter than 25 days, as \"10 seconds\""
  const noTimes: ReadonlyArray<Duration.DurationInput> = [
    0,
    -1,
    Number.NaN,
    Infinity,
    -Infinity,
    0n,
    "0 seconds",
    "-1 seconds",
    "25 days",
    Duration.zero,
    Duration.infinity,
    Duration.millis(-5),
    Duration.millis(2 ** 31)
  ]

  it.each(noTimes.map((time) => [String(time), time] as const))(
    "RetryPolicy.make refuses a delay of %s (row 64)",
    (_, time) => {
      expect(Effect.runSync(Effect.flip(RetryPolicy.make({ baseDelay: time })))).toMatchObject(
        refused("baseDelay", aTime)
      )
      expect(Effect.runSync(Effect.flip(RetryPolicy.make({ maxDelay: time })))).toMatchObject(
        refused("maxDelay", aTime)
      )
    }
  )
})

describe("policyOf", () => {
  it("policyOf takes a policy as it is", () => {
    for (const policy of [RetryPolicy.standard, RetryPolicy.none, Schedule.recurs(2)]) {
      expect(Effect.runSync(policyOf(policy))).toBe(policy)
    }
  })

  it("policyOf takes the options of RetryPolicy.make and refuses what it refuses", () => {
    expect(delays(Effect.runSync(policyOf({ maxAttempts: 3 })), 1)).toHaveLength(2)
    expect(Effect.runSyncExit(policyOf({ maxAttempts: 0 }))).toMatchObject({ _tag: "Failure" })
  })
})
