import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as Reporter from "../../../src/internal/tokenSource/reporter.js"
import * as Scopes from "../../../src/Scopes.js"
import * as Telemetry from "../../../src/Telemetry.js"
import { InvalidClientError, RateLimitedError, ServiceUnavailableError } from "../../../src/TokenError.js"
import type { TokenEvent } from "../../../src/TokenEvent.js"
import { StoreError } from "../../../src/TokenStore.js"

const unavailable = new ServiceUnavailableError({ status: 503, attempts: 4 })
const limited = new RateLimitedError({ status: 429, attempts: 1, retryAfter: Duration.seconds(3) })
const refused = new InvalidClientError({ status: 401, attempts: 1 })

/** A reporter of a source for two scopes, its events, its log, and a token for both scopes. */
const setUp = Effect.gen(function*() {
  const events: Array<TokenEvent> = []
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))
  const reporter = Reporter.make(yield* Scopes.make(["a", "b"]), {
    publish: (event) => Effect.sync(() => events.push(event)),
    subscribe: Stream.empty
  })
  const logging = <A>(effect: Effect.Effect<A>) =>
    effect.pipe(
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(LogLevel.All)
    )
  return {
    events,
    lines,
    token: yield* TestAccessToken.make({ scopes: ["a", "b"], text: "swordfish" }),
    granted: (...args: Parameters<Reporter.Reporter["granted"]>) => logging(reporter.granted(...args)),
    failed: (...args: Parameters<Reporter.Reporter["failed"]>) => logging(reporter.failed(...args)),
    died: (...args: Parameters<Reporter.Reporter["died"]>) => logging(reporter.died(...args)),
    adopted: (...args: Parameters<Reporter.Reporter["adopted"]>) => logging(reporter.adopted(...args)),
    invalidated: (...args: Parameters<Reporter.Reporter["invalidated"]>) => logging(reporter.invalidated(...args)),
    skipped: (...args: Parameters<Reporter.Reporter["skipped"]>) => logging(reporter.skipped(...args))
  }
})

const counts = Effect.all({
  success: Metric.value(Metric.tagged(Telemetry.requests, "outcome", "success")),
  unavailable: Metric.value(Metric.tagged(Telemetry.requests, "outcome", "ServiceUnavailableError")),
  limited: Metric.value(Metric.tagged(Telemetry.requests, "outcome", "RateLimitedError")),
  failures: Metric.value(Metric.tagged(Telemetry.refreshFailures, "error", "ServiceUnavailableError")),
  durations: Metric.value(Telemetry.requestDuration),
  expiresIn: Metric.value(Telemetry.expiresIn)
})

/** What an effect adds to the metrics. */
const counted = (effect: Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    const before = yield* counts
    yield* effect
    const after = yield* counts
    return {
      success: after.success.count - before.success.count,
      unavailable: after.unavailable.count - before.unavailable.count,
      limited: after.limited.count - before.limited.count,
      failures: after.failures.count - before.failures.count,
      durations: [after.durations.count - before.durations.count, after.durations.sum - before.durations.sum],
      expiresIn: after.expiresIn.value
    }
  })

const none = { success: 0, unavailable: 0, limited: 0, failures: 0, durations: [0, 0] }

describe("Events of a source (S13)", () => {
  it.effect("each token, failure and invalidation is an event without the token's text (S13)", () =>
    Effect.gen(function*() {
      const { adopted, events, failed, granted, invalidated, token } = yield* setUp
      yield* granted(token, 5)
      yield* adopted(token)
      yield* failed(unavailable, 5)
      yield* invalidated(token)
      const { expiresAt, scopes } = token
      expect(events).toStrictEqual([
        expect.objectContaining({ _tag: "Refreshed", scopes, expiresAt }),
        expect.objectContaining({ _tag: "Refreshed", scopes, expiresAt }),
        expect.objectContaining({ _tag: "RefreshFailed", error: unavailable }),
        expect.objectContaining({ _tag: "Invalidated", expiresAt })
      ])
      expect(JSON.stringify(events)).not.toContain("swordfish")
    }))

  it.effect("a token with fewer scopes than requested causes a second event, which names the missing ones (E9)", () =>
    Effect.gen(function*() {
      const { adopted, events } = yield* setUp
      yield* adopted(yield* TestAccessToken.make({ scopes: ["b", "c"] }))
      expect(events).toMatchObject([{ _tag: "Refreshed", scopes: ["b", "c"] }, {
        _tag: "ScopeNarrowed",
        missing: ["a"]
      }])
    }))

  it.effect("a command of the store that fails is an event each time, with the reason (T2)", () =>
    Effect.gen(function*() {
      const { events, skipped } = yield* setUp
      yield* skipped(new StoreError({ reason: "Slow" }))
      yield* skipped(new StoreError({ reason: "Unavailable" }))
      expect(events).toMatchObject([
        { _tag: "StoreSkipped", reason: "Slow" },
        { _tag: "StoreSkipped", reason: "Unavailable" }
      ])
    }))
})

describe("Metrics of a source (S14)", () => {
  it.effect("a granted token counts as a success, with the time that it took and its lifetime (S14)", () =>
    Effect.gen(function*() {
      const { granted } = yield* setUp
      const token = yield* TestAccessToken.make({ lifetime: "1234 seconds" })
      expect(yield* counted(granted(token, 70))).toStrictEqual({
        ...none,
        success: 1,
        durations: [1, 70],
        expiresIn: 1234
      })
    }))

  it.effect("a failure counts by its error, with the time that it took (S14)", () =>
    Effect.gen(function*() {
      const { failed } = yield* setUp
      const { expiresIn } = yield* counted(Effect.void)
      expect(yield* counted(failed(unavailable, 30))).toStrictEqual({
        ...none,
        unavailable: 1,
        failures: 1,
        durations: [1, 30],
        expiresIn
      })
      expect(yield* counted(failed(limited, 40))).toStrictEqual({ ...none, limited: 1, durations: [1, 40], expiresIn })
    }))

  it.effect("a token that another source has requested is no request, but its lifetime is noted (S14, T6)", () =>
    Effect.gen(function*() {
      const { adopted, invalidated } = yield* setUp
      const token = yield* TestAccessToken.make({ lifetime: "99 seconds" })
      expect(yield* counted(adopted(token))).toStrictEqual({ ...none, expiresIn: 99 })
      expect(yield* counted(invalidated(token))).toStrictEqual({ ...none, expiresIn: 99 })
    }))
})

describe("Log of a source (S14)", () => {
  it.effect("an outage is one Warning when it starts, and one Info when it ends (S14)", () =>
    Effect.gen(function*() {
      const { failed, granted, lines, token } = yield* setUp
      yield* granted(token, 5)
      yield* failed(unavailable, 5)
      yield* failed(unavailable, 5)
      yield* failed(limited, 5)
      yield* granted(token, 5)
      yield* granted(token, 5)
      yield* failed(limited, 5)
      expect(lines).toStrictEqual([
        "DEBUG A new access token.",
        `WARN No new access token. ${unavailable.message}`,
        `DEBUG No new access token yet. ${unavailable.message}`,
        `DEBUG No new access token yet. ${limited.message}`,
        "INFO There is a new access token again.",
        "DEBUG A new access token.",
        `WARN No new access token. ${limited.message}`
      ])
    }))

  it.effect("refused credentials are an Error each time that they are news (S14)", () =>
    Effect.gen(function*() {
      const { adopted, failed, lines, token } = yield* setUp
      yield* failed(refused, 5)
      yield* failed(refused, 5)
      yield* failed(unavailable, 5)
      yield* failed(refused, 5)
      yield* adopted(token)
      yield* failed(refused, 5)
      expect(lines).toStrictEqual([
        `ERROR ${refused.message}`,
        `DEBUG No new access token yet. ${refused.message}`,
        `DEBUG No new access token yet. ${unavailable.message}`,
        `ERROR ${refused.message}`,
        "INFO There is a new access token again.",
        `ERROR ${refused.message}`
      ])
    }))

  it.effect("a store that fails is one Warning, and Debug after that (T2)", () =>
    Effect.gen(function*() {
      const { lines, skipped } = yield* setUp
      for (const reason of ["Slow", "Unavailable"] as const) yield* skipped(new StoreError({ reason }))
      expect(lines).toStrictEqual([
        "WARN The token store is skipped (Slow).",
        "DEBUG The token store is skipped (Unavailable)."
      ])
    }))
})

describe("A defect in a report (S14, E8)", () => {
  const cases: ReadonlyArray<readonly [string, () => unknown, RegExp]> = [
    ["an error", () => new TypeError("swordfish"), /^TypeError at .+reporter\.test\.ts:\d+:\d+\)?$/],
    ["an error whose message looks like a place", () => new Error("swordfish\n    at swordfish"), /^Error at .+\d\)?$/],
    [
      "an error without a stack",
      () => Object.assign(new RangeError("swordfish"), { stack: undefined }),
      /^RangeError$/
    ],
    ["a text", () => "swordfish", /^string$/],
    ["an object", () => ({ secret: "swordfish" }), /^object$/],
    ["nothing", () => undefined, /^undefined$/]
  ]

  it.effect.each(cases)(
    "a report of %s has its kind and its place, and nothing that may be secret (S14, E8)",
    ([, make, expected]) =>
      Effect.gen(function*() {
        const { died, events, lines } = yield* setUp
        yield* died(make(), 5)
        expect(events).toStrictEqual([{ _tag: "RefreshDied", defect: expect.stringMatching(expected) }])
        expect(JSON.stringify([events, lines])).not.toContain("swordfish")
      })
  )

  it.effect("a defect that repeats itself is an Error once, and one after a failure is an Error again (S14)", () =>
    Effect.gen(function*() {
      const { died, failed, granted, lines, token } = yield* setUp
      for (const report of [died("no", 1), died("no", 1), failed(unavailable, 1), died("no", 1), granted(token, 1)]) {
        yield* report
      }
      expect(lines.map((line) => line.split(" ")[0])).toStrictEqual(["ERROR", "DEBUG", "DEBUG", "ERROR", "INFO"])
    }))
})
