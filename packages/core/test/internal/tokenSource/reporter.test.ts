import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Stream from "effect/Stream"
import * as Reporter from "../../../src/internal/tokenSource/reporter.js"
import * as Scopes from "../../../src/Scopes.js"
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
  const annotations: Array<Record<string, unknown>> = []
  const logger = Logger.make(({ annotations: found, logLevel, message }) => {
    annotations.push(Object.fromEntries(found))
    lines.push(`${logLevel.label} ${String(message)}`)
  })
  const scopes = yield* Scopes.make(["a", "b"])
  const reporter = yield* Reporter.make(scopes, { environment: "staging", client: "invoices", scopes: "a,b" }, {
    publish: (event) => Effect.sync(() => events.push(event)),
    subscribe: Stream.empty
  })
  const logging = <A>(effect: Effect.Effect<A>) =>
    effect.pipe(
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(LogLevel.All)
    )
  return {
    annotations,
    events,
    lines,
    token: yield* TestAccessToken.make({ scopes: ["a", "b"], text: "swordfish" }),
    granted: (...args: Parameters<Reporter.Reporter["granted"]>) => logging(reporter.granted(...args)),
    failed: (...args: Parameters<Reporter.Reporter["failed"]>) => logging(reporter.failed(...args)),
    died: (...args: Parameters<Reporter.Reporter["died"]>) => logging(reporter.died(...args)),
    adopted: (...args: Parameters<Reporter.Reporter["adopted"]>) => logging(reporter.adopted(...args)),
    invalidated: (...args: Parameters<Reporter.Reporter["invalidated"]>) => logging(reporter.invalidated(...args)),
    skipped: (...args: Parameters<Reporter.Reporter["skipped"]>) => logging(reporter.skipped(...args)),
    deferred: (...args: Parameters<Reporter.Reporter["deferred"]>) => logging(reporter.deferred(...args)),
    shared: logging(reporter.shared)
  }
})

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

  const consequence = "Until it works again, this process requests tokens for itself."

  it.effect("a store that fails is one Warning with its consequence, and one Info when it works again (T2, O5)", () =>
    Effect.gen(function*() {
      const { lines, shared, skipped } = yield* setUp
      yield* shared
      for (const reason of ["Slow", "Unavailable"] as const) yield* skipped(new StoreError({ reason }))
      yield* shared
      yield* shared
      yield* skipped(new StoreError({ reason: "Slow" }))
      expect(lines).toStrictEqual([
        `WARN The token store is skipped (Slow). ${consequence}`,
        `DEBUG The token store is skipped (Unavailable). ${consequence}`,
        "INFO The token store works again: tokens are shared.",
        `WARN The token store is skipped (Slow). ${consequence}`
      ])
    }))

  it.effect("a store that has logged its failure itself is no second Warning, nor a second Info (O5)", () =>
    Effect.gen(function*() {
      const { lines, shared, skipped } = yield* setUp
      yield* skipped(new StoreError({ reason: "Unavailable", isLogged: true }))
      yield* shared
      expect(lines).toStrictEqual([`DEBUG The token store is skipped (Unavailable). ${consequence}`])
    }))

  it.effect("a line shows which client it is about (O1)", () =>
    Effect.gen(function*() {
      const { annotations, failed } = yield* setUp
      yield* failed(unavailable, 5)
      expect(annotations).toStrictEqual([{ environment: "staging", client: "invoices", scopes: "a,b" }])
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
