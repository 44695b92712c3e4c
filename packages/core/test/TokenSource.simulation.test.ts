/*
 * A month of a token source's life, in seconds. The clock below only jumps from one sleep to the next: TestClock, which
 * waits some real milliseconds each time, would take a minute.
 */
import { TokenError } from "@effect-tilia/core"
import { TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import { scripted } from "./support/scripted.js"

const { after, fail, succeed } = TestTokenEndpoint

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const month = 30 * 24 * hour

const jumpingClock = () => {
  let now = Date.UTC(2026, 0, 1)
  const sleeps = new Set<{ readonly until: number; readonly wake: () => void }>()
  const unsafeCurrentTimeMillis = () => now
  const unsafeCurrentTimeNanos = () => BigInt(now) * 1_000_000n
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
    sleep: (duration: Duration.Duration) =>
      Effect.async((resume) => {
        const sleep = { until: now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
        sleeps.add(sleep)
        return Effect.sync(() => sleeps.delete(sleep))
      })
  }
  /** Fibers run in microtasks: by the next turn of the event loop all of them sleep. */
  const settled = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
  const advance = Effect.fnUntraced(function*(by: number) {
    const end = now + by
    while (true) {
      yield* settled
      const next = [...sleeps].sort((one, other) => one.until - other.until)[0]
      if (next === undefined || next.until > end) break
      sleeps.delete(next)
      now = next.until
      next.wake()
    }
    now = end
  })
  return { clock, advance }
}

interface Outage {
  readonly from: number
  readonly to: number
}

/** Some hours of work, then an outage of up to two hours, and so on. */
const outagesFrom = Effect.fnUntraced(function*(start: number) {
  const outages: Array<Outage> = []
  let at = start
  while (at < start + month) {
    const from = at + (yield* Random.nextIntBetween(minute, 12 * hour))
    at = from + (yield* Random.nextIntBetween(second, 2 * hour))
    outages.push({ from, to: at })
  }
  return outages
})

const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })

const simulated = Effect.gen(function*() {
  const { advance, clock } = jumpingClock()
  const start = clock.unsafeCurrentTimeMillis()
  const end = start + month
  const outages = yield* outagesFrom(start)
  const isDown = (from: number, to: number) => outages.some((outage) => outage.from <= to && from < outage.to)

  const { calls, flights, source, tokens } = yield* scripted(({ at }) =>
    after(300, isDown(at, at) ? fail(unavailable) : succeed())
  )
  const { get } = yield* Effect.withClock(source({ checkEvery: "10 minutes" }), clock)
  /** The end of the last token's life, less the margin; at the start there is none. */
  const usableUntil = () => (tokens.at(-1)?.expiresAt.epochMillis ?? -Infinity) - 10 * second

  const wrong: Array<string> = []
  const answers = { tokens: 0, errors: 0 }
  while (clock.unsafeCurrentTimeMillis() < end) {
    yield* Effect.withClock(get, clock).pipe(
      Effect.either,
      Effect.map((result) => {
        const now = clock.unsafeCurrentTimeMillis()
        if (Either.isRight(result)) {
          answers.tokens++
          const late = now - DateTime.toEpochMillis(result.right.expiresAt)
          // Planted: `usableFor` a minute longer than the life.
          if (late >= 0) wrong.push(`an expired token, ${late} ms after its end`)
        } else {
          answers.errors++
          // Planted: a failed renewal drops the token.
          if (now < usableUntil()) wrong.push(`an error while there is a valid token`)
          // The longest cool-down is 30 s.
          if (!isDown(now - 31 * second, now)) wrong.push(`an error while the server works`)
        }
      }),
      Effect.fork
    )
    yield* advance(yield* Random.nextIntBetween(minute, 10 * minute))
  }
  return { wrong, answers, outages, requests: calls.length, tokens: tokens.length, flights }
}).pipe(Effect.scoped, Effect.provide(Logger.remove(Logger.defaultLogger)))

describe("TokenSource in a simulated month with random outages", () => {
  it.each([1, 2, 3])("the source yields no expired token in 30 days with outages (seed %i, row 80)", async (seed) => {
    const { answers, flights, outages, requests, tokens, wrong } = await Effect.runPromise(
      Effect.withRandom(simulated, Random.make(seed))
    )
    expect(wrong).toStrictEqual([])
    // The simulation is one: most gets succeed, and some outages outlast a token.
    expect(answers.tokens).toBeGreaterThan(5_000)
    expect(answers.errors).toBeGreaterThan(10)
    expect(flights.most).toBe(1)
    // A life is at least 78 % of an hour, since it isn't renewed before. Planted: `dueAt` at half the life.
    expect(tokens).toBeLessThanOrEqual(Math.ceil(month / (0.78 * hour)) + 1)
    // What fails: while the token lives, by the back-off, some 15 s apart after the first few; then what gets may ask
    // for.
    const down = outages.reduce((sum, { from, to }) => sum + to - from, 0)
    expect(requests - tokens).toBeLessThanOrEqual(outages.length * 12 + down / (10 * second))
  })
})
