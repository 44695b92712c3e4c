/*
 * The names and the meaning of all that is told of token requests (S14). The names are written out, since dashboards
 * and alerts know them: a test that takes them from `Telemetry` would not see that one has changed.
 */
import { AuthorizedHttpClient, Telemetry, Tilia, TokenError, TokenEvent, TokenStore } from "@effect-tilia/core"
import { MockHttpClient, TestTokenEndpoint } from "@effect-tilia/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { clientId, clientSecret } from "./fixtures/vendorSample.js"
import { authUrl, token } from "./support/mocked.js"
import { settle } from "./support/onTestClock.js"
import { scripted } from "./support/scripted.js"
import { recordingSpans } from "./support/spans.js"

const { after, fail, succeed } = TestTokenEndpoint

const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 4 })
const refused = new TokenError.InvalidClientError({ status: 401, attempts: 1 })

const numbersOf = (state: MetricState.MetricState.Untyped): ReadonlyArray<number> => {
  if (MetricState.isCounterState(state)) return [Number(state.count)]
  if (MetricState.isHistogramState(state)) return [state.count, state.sum]
  return MetricState.isGaugeState(state) ? [Number(state.value)] : []
}

/** The library's metrics by their names and tags, as a back end sees them. */
const metrics = Effect.map(Metric.snapshot, (pairs) =>
  new Map(
    pairs.filter(({ metricKey }) => metricKey.name.startsWith("tilia")).map(({ metricKey, metricState }) => [
      [metricKey.name, ...metricKey.tags.map(({ key, value }) => `${key}=${value}`)].join(" "),
      numbersOf(metricState)
    ])
  ))

/** The metrics that an effect changes: what it adds to a counter, or to a timer's count and sum, or sets a gauge to. */
const changed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const before = yield* metrics
    yield* effect
    const difference = (name: string, after: ReadonlyArray<number>): ReadonlyArray<number> =>
      name === "tilia_token_expires_in_seconds" ? after : after.map((value, n) => value - (before.get(name)?.[n] ?? 0))
    return Object.fromEntries(
      [...yield* metrics]
        .filter(([name, after]) => !Equal.equals(Chunk.fromIterable(after), Chunk.fromIterable(before.get(name) ?? [])))
        .map(([name, after]) => [name, difference(name, after)])
    )
  })

describe("Names (S14)", () => {
  it("the spans have the names that the documents promise (S14)", () => {
    expect([Telemetry.requestSpan, Telemetry.refreshSpan]).toStrictEqual([
      "TokenEndpoint.requestToken",
      "TokenSource.refresh"
    ])
  })

  it("the events have the tags that the documents promise (S13)", () => {
    expect(Object.keys(TokenEvent).filter((name) => !name.startsWith("$")).sort()).toStrictEqual([
      "Invalidated",
      "RefreshFailed",
      "Refreshed",
      "ScopeNarrowed",
      "StoreSkipped"
    ])
    expect(TokenEvent.StoreSkipped({ reason: "Slow" })._tag).toBe("StoreSkipped")
    expect(TokenEvent.ScopeNarrowed({ missing: [] })._tag).toBe("ScopeNarrowed")
  })

  it.scoped("a request over the whole library has two spans, the flight's and below it the request's (S14)", () =>
    Effect.gen(function*() {
      const { spans, withTracer } = yield* recordingSpans
      const { client } = yield* MockHttpClient.make(() => ({ body: token }))
      const { source } = yield* Tilia.make({
        environment: { authUrl },
        clientId,
        clientSecret,
        scopes: ["user_info"]
      }).pipe(Effect.provideService(HttpClient.HttpClient, client), withTracer)
      yield* source.get.pipe(Effect.withSpan("caller"), withTracer)
      expect(spans.map(({ name, parent }) => [
        name,
        Option.getOrUndefined(Option.map(parent, ({ spanId }) => spans.find((span) => span.spanId === spanId)?.name))
      ])).toStrictEqual([
        ["caller", undefined],
        ["TokenSource.refresh", undefined],
        ["TokenEndpoint.requestToken", "TokenSource.refresh"]
      ])
    }))
})

describe("What the metrics count (S14)", () => {
  it.scoped("a request with its retries counts once, by its outcome, with its time and lifetime (S14)", () =>
    Effect.gen(function*() {
      const { source } = yield* scripted(after("2 seconds", succeed({ lifetime: "1234 seconds" })))
      const { get } = yield* source()
      const asked = Effect.gen(function*() {
        const callers = yield* Effect.fork(Effect.all([get, get, get], { concurrency: "unbounded" }))
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(callers)
        yield* get
      })
      expect(yield* changed(asked)).toStrictEqual({
        "tilia_token_requests_total outcome=success": [1],
        "tilia_token_request_duration time_unit=milliseconds": [1, 2000],
        "tilia_token_expires_in_seconds": [1234]
      })
    }))

  it.scoped("a failure counts as a request and as a failure, by the tag of its error (S14)", () =>
    Effect.gen(function*() {
      const { source } = yield* scripted(after("1 second", fail(unavailable)), fail(refused))
      const { get, refresh } = yield* source()
      const failing = Effect.gen(function*() {
        const caller = yield* Effect.fork(Effect.exit(get))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(caller)
        yield* Effect.exit(get) // within the cool-down: no request
      })
      expect(yield* changed(failing)).toStrictEqual({
        "tilia_token_requests_total outcome=ServiceUnavailableError": [1],
        "tilia_token_request_duration time_unit=milliseconds": [1, 1000],
        "tilia_token_refresh_failures_total error=ServiceUnavailableError": [1]
      })
      yield* TestClock.adjust("1 minute")
      expect(yield* changed(Effect.exit(refresh))).toStrictEqual({
        "tilia_token_requests_total outcome=InvalidClientError": [1],
        "tilia_token_request_duration time_unit=milliseconds": [1, 0],
        "tilia_token_refresh_failures_total error=InvalidClientError": [1]
      })
    }))

  it.scoped("a token from the store is no request, whether it is read or announced (S14, T1)", () =>
    Effect.gen(function*() {
      const { endpoint, source } = yield* scripted(
        succeed({ lifetime: "500 seconds" }),
        succeed({ lifetime: "700 seconds" })
      )
      const store = yield* TokenStore.makeMemory
      const sharing = Effect.provideService(source(), TokenStore.TokenStore, store)
      const [first, second] = [yield* sharing, yield* sharing]
      yield* first.get
      expect(yield* changed(second.get)).toStrictEqual({})
      const announced = Effect.zipRight(first.refresh, settle)
      expect(yield* changed(announced)).toStrictEqual({
        "tilia_token_requests_total outcome=success": [1],
        "tilia_token_request_duration time_unit=milliseconds": [1, 0],
        "tilia_token_expires_in_seconds": [700]
      })
      expect(Option.map(second.peek(), ({ value }) => value)).toStrictEqual(
        Option.map(first.peek(), ({ value }) => value)
      )
      expect(endpoint.calls.length).toBe(2)
    }))
})

describe("Log lines of the whole library (S14)", () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))

  it.scoped("a get that fails logs one Warning, and no attempt of it logs anything, even at Trace (S14)", () =>
    Effect.gen(function*() {
      const { client, received } = yield* MockHttpClient.make(() => ({ status: 503 }))
      const { source } = yield* Tilia.make({
        environment: { authUrl },
        clientId,
        clientSecret,
        scopes: ["user_info"]
      }).pipe(Effect.provideService(HttpClient.HttpClient, client))
      const caller = yield* Effect.fork(Effect.flip(source.get))
      yield* TestClock.adjust("3 seconds")
      const { message } = yield* Fiber.join(caller)
      expect(received.length).toBe(4)
      expect(lines).toStrictEqual([`WARN No new access token. ${message}`])
    }).pipe(
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(LogLevel.All)
    ))
})

describe("Log lines of the authorized client (A2)", () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))

  it.scoped("a refused response whose body breaks while it is drained logs nothing, even at Trace (A2)", () =>
    Effect.gen(function*() {
      let calls = 0
      const broken = () => new ReadableStream({ pull: (controller) => controller.error(new Error("broken")) })
      const api = HttpClient.make((request) =>
        Effect.sync(() =>
          HttpClientResponse.fromWeb(
            request,
            calls++ === 0 ? new Response(broken(), { status: 401 }) : new Response("fine")
          )
        )
      )
      const { source } = yield* scripted(succeed())
      const client = AuthorizedHttpClient.authorize(api, yield* source(), { apiOrigins: ["https://api.example"] })
      expect((yield* client.get("https://api.example/")).status).toBe(200)
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
      yield* settle
      expect(lines.filter((line) => !line.includes("access token"))).toStrictEqual([])
    }).pipe(
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(LogLevel.All)
    ))
})

describe("Warnings of a source (S14, T2)", () => {
  it.scoped("a store that is down is one Warning of each source, however often it is skipped (T2)", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))
      const { source } = yield* scripted(succeed())
      const out = new TokenStore.StoreError({ reason: "Unavailable" })
      const down: TokenStore.TokenStore = { read: () => out, lock: () => out, changes: () => Stream.never }
      const made = yield* source({ background: "onDemand" }).pipe(
        Effect.provideService(TokenStore.TokenStore, down),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      const skipped: Array<string> = []
      yield* Effect.fork(
        Stream.runForEach(made.changes, ({ _tag }) => Effect.sync(() => _tag === "StoreSkipped" && skipped.push(_tag)))
      )
      yield* settle
      for (let n = 0; n < 5; n++) {
        yield* made.refresh
        yield* TestClock.adjust("2 seconds")
      }
      expect(lines.filter((line) => line.startsWith("WARN"))).toStrictEqual([
        "WARN The token store is skipped (Unavailable)."
      ])
      expect(skipped.length).toBeGreaterThanOrEqual(5)
    }))
})
