/*
 * The names and the meaning of all that is told of token requests (S14). The names are written out, since dashboards
 * and alerts know them: a test that takes them from `Telemetry` would not see that one has changed.
 */
import {
  AuthorizedHttpClient,
  Environment,
  Telemetry,
  Tilia,
  TokenEvent,
  TokenMediator,
  TokenStore
} from "@effect-tilia/core"
import { leakProbe, MockHttpClient, TestTokenEndpoint } from "@effect-tilia/testing"
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
import { clientId, clientSecret, token as jwt } from "./fixtures/vendorSample.js"
import { authUrl, token } from "./support/mocked.js"
import { drawing, settle } from "./support/onTestClock.js"
import { scripted } from "./support/scripted.js"
import { recordingSpans } from "./support/spans.js"

const { after, succeed } = TestTokenEndpoint

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
      /(seconds|failures) /.test(name) ? after : after.map((value, n) => value - (before.get(name)?.[n] ?? 0))
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
      "RefreshDied",
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

/** All services of a client with a name, against a scripted server. */
const staged = (handle: MockHttpClient.Handler, options: Partial<Tilia.Options> = {}) =>
  Effect.gen(function*() {
    const { client } = yield* MockHttpClient.make(handle)
    return yield* Tilia.make({
      environment: { authUrl: "https://auth.example:8443", apiOrigins: ["https://api.example"] },
      clientId,
      clientSecret,
      name: "invoices",
      scopes: ["write_invoices", "user_info"],
      ...options
    }).pipe(Effect.provideService(HttpClient.HttpClient, client))
  })

const granted = { ...token, scope: "user_info,write_invoices" }
const labels = "environment=auth.example client=invoices scopes=user_info,write_invoices"

describe("Labels (O1)", () => {
  const environments = [
    ["production", Environment.production, "production"],
    ["staging", Environment.staging, "staging"],
    ["a server of your own", { authUrl: "https://auth.example:8443/tenant" }, "auth.example"]
  ] as const

  it.scoped.each(environments)("the environment of %s is the vendor's name for it, or else its host (O1)", (
    [_, environment, expected]
  ) =>
    Effect.gen(function*() {
      const { endpoint, source } = yield* staged(() => ({ body: granted }), { environment })
      expect(endpoint.labels).toStrictEqual({ environment: expected, client: "invoices" })
      expect(source.labels).toStrictEqual({
        environment: expected,
        client: "invoices",
        scopes: "user_info,write_invoices"
      })
    }))

  it.scoped("in a page the environment is the mediator, and a client without a name has no such label (O1)", () =>
    Effect.gen(function*() {
      const { client } = yield* MockHttpClient.make(() => ({ body: granted }))
      const { labels } = yield* TokenMediator.make({ mediatorUrl: "https://page.example/tilia/token" }).pipe(
        Effect.provideService(HttpClient.HttpClient, client)
      )
      expect(labels).toStrictEqual({ environment: "mediator" })
    }))

  it.scoped.each(["", "two words", "a\nb", "é", "{x}", "x".repeat(65)])("the name %j is refused, and not shown (O1)", (
    name
  ) =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(staged(() => ({ body: granted }), { name }))).toMatchObject({
        _tag: "InvalidInputError",
        message: expect.stringMatching(/^name must be 1 to 64 letters, digits and \._:@\/-/)
      })
    }))
})

describe("What the metrics count (O3)", () => {
  it.scoped("a token counts as one refresh and one attempt, and says when it expires (O3)", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000_000)
      const { source } = yield* staged(() => ({ body: granted }), { name: "counts" })
      const tags = labels.replace("invoices", "counts")
      expect(yield* changed(Effect.zipRight(source.get, source.get))).toStrictEqual({
        [`tilia_token_refresh_total ${tags} outcome=success origin=server`]: [1],
        [`tilia_token_attempts_total ${tags} outcome=success`]: [1],
        [`tilia_token_request_duration time_unit=milliseconds ${tags}`]: [1, 0],
        [`tilia_token_expiry_timestamp_seconds ${tags}`]: [4600],
        [`tilia_token_expires_in_seconds ${tags}`]: [3600],
        [`tilia_token_consecutive_failures ${tags}`]: [0],
        [`tilia_token_waiting_callers ${tags}`]: [0]
      })
    }))

  const outcomes: ReadonlyArray<readonly [string, MockHttpClient.Reply, string]> = [
    ["a 400", { status: 400 }, "InvalidRequestError"],
    ["a 401", { status: 401 }, "InvalidClientError"],
    ["a 429", { status: 429 }, "RateLimitedError"],
    ["a 503", { status: 503 }, "ServiceUnavailableError"],
    ["a body that is no token", { body: {} }, "UnexpectedResponseError"]
  ]

  it.scoped.each(outcomes)("%s counts as a failed attempt and a failed refresh, by its error (O3)", (
    [_, reply, tag]
  ) =>
    Effect.gen(function*() {
      const { source } = yield* staged(() => reply, { retry: { maxAttempts: 1 }, name: `fails-${tag}` })
      const tags = labels.replace("invoices", `fails-${tag}`)
      const difference = yield* changed(Effect.zipRight(Effect.exit(source.get), Effect.exit(source.get)))
      expect(difference).toStrictEqual({
        [`tilia_token_refresh_total ${tags} outcome=${tag} origin=server`]: [1],
        [`tilia_token_attempts_total ${tags} outcome=${tag}`]: [1],
        [`tilia_token_request_duration time_unit=milliseconds ${tags}`]: [1, 0],
        [`tilia_token_consecutive_failures ${tags}`]: [1],
        [`tilia_token_last_failure_timestamp_seconds ${tags}`]: [0],
        [`tilia_token_waiting_callers ${tags}`]: [0]
      })
    }))

  it.scoped("each attempt of a request counts, and the request once; failures go back to 0 with a token (O3)", () =>
    Effect.gen(function*() {
      const { source } = yield* staged((_, n) => n < 2 ? { status: 503 } : { body: granted })
      const asked = Effect.gen(function*() {
        const caller = yield* Effect.fork(source.get)
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(caller)
      })
      expect(yield* changed(asked)).toMatchObject({
        [`tilia_token_refresh_total ${labels} outcome=success origin=server`]: [1],
        [`tilia_token_attempts_total ${labels} outcome=success`]: [1],
        [`tilia_token_attempts_total ${labels} outcome=ServiceUnavailableError`]: [2]
      })
      const counted = yield* metrics
      expect(counted.get(`tilia_token_consecutive_failures ${labels}`)).toStrictEqual([0])
    }))

  it.scoped("the time of the last failure moves with each failure, and with nothing else (O3)", () =>
    Effect.gen(function*() {
      const { source } = yield* staged((_, n) => n < 2 ? { status: 503 } : { body: granted }, {
        retry: { maxAttempts: 1 },
        name: "moves"
      })
      const gauge = `tilia_token_last_failure_timestamp_seconds ${labels.replace("invoices", "moves")}`
      for (const expected of [60, 120, 120]) {
        yield* TestClock.adjust("1 minute")
        yield* Effect.exit(source.get)
        expect((yield* metrics).get(gauge)).toStrictEqual([expected])
      }
    }))

  it.scoped("an attempt that takes too long counts once, as a timeout (O3, E6)", () =>
    Effect.gen(function*() {
      const { source } = yield* staged(() => Effect.never, { attemptTimeout: "1 second", retry: { maxAttempts: 1 } })
      const asked = Effect.gen(function*() {
        const caller = yield* Effect.fork(Effect.exit(source.get))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(caller)
      })
      expect(yield* changed(asked)).toMatchObject({
        [`tilia_token_attempts_total ${labels} outcome=TokenTimeoutError`]: [1]
      })
    }))

  it.scoped("callers count as waiting only while they wait, whether they get a token or leave (O3)", () =>
    Effect.gen(function*() {
      const { source } = yield* scripted(after("2 seconds", succeed()))
      const { get } = yield* source()
      const waiting = Effect.map(metrics, (found) => found.get("tilia_token_waiting_callers scopes=user_info")?.[0])
      const before = (yield* waiting) ?? 0
      const callers = yield* Effect.replicateEffect(Effect.fork(get), 3)
      yield* settle
      expect(yield* waiting).toBe(before + 3)
      for (const caller of callers.slice(0, 1)) yield* Fiber.interrupt(caller)
      expect(yield* waiting).toBe(before + 2)
      yield* TestClock.adjust("2 seconds")
      expect(yield* waiting).toBe(before)
      yield* get
      expect(yield* waiting).toBe(before)
    }))

  it.scoped("a token of another process is a refresh of the origin store, and no attempt (O3, T1)", () =>
    Effect.gen(function*() {
      const { endpoint, source } = yield* scripted(succeed({ lifetime: "500 seconds" }))
      const store = yield* TokenStore.makeMemory
      const sharing = Effect.provideService(source(), TokenStore.TokenStore, store)
      const [first, second] = [yield* sharing, yield* sharing]
      yield* first.get
      expect(yield* changed(second.get)).toStrictEqual({
        "tilia_token_refresh_total scopes=user_info outcome=success origin=store": [1]
      })
      expect(endpoint.calls.length).toBe(1)
    }))

  it.scoped("a token that the API rejects counts as invalidated, its expiry is now, and the replay counts (O3, A2)", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(5_000_000)
      const { client, source } = yield* staged(
        ({ url }, n) => url.startsWith("https://api") ? { status: n === 1 ? 401 : 200 } : { body: granted },
        { name: "replays" }
      )
      const tags = labels.replace("invoices", "replays")
      yield* source.get
      yield* TestClock.adjust("10 seconds")
      expect(yield* changed(client.get("https://api.example/"))).toMatchObject({
        [`tilia_token_invalidations_total ${tags}`]: [1],
        [`tilia_token_replays_total ${tags}`]: [1],
        [`tilia_token_expiry_timestamp_seconds ${tags}`]: [8610]
      })
      yield* TestClock.adjust("10 seconds")
      const dropped = yield* changed(source.invalidate(yield* source.get))
      expect(dropped).toMatchObject({ [`tilia_token_expiry_timestamp_seconds ${tags}`]: [5020] })
    }))

  it.scoped("a store that fails counts by the reason (O3, T2)", () =>
    Effect.gen(function*() {
      const { source } = yield* scripted(succeed())
      const out = new TokenStore.StoreError({ reason: "Unavailable" })
      const down: TokenStore.TokenStore = { read: () => out, lock: () => out, changes: () => Stream.never }
      const { get } = yield* Effect.provideService(source(), TokenStore.TokenStore, down)
      expect(yield* changed(get)).toMatchObject({
        "tilia_token_store_skipped_total scopes=user_info reason=Unavailable": [1]
      })
    }))

  it.scoped("tags of whoever makes a client are on its metrics, and those of a caller are not (S3, O1)", () =>
    Effect.gen(function*() {
      const { source } = yield* Effect.tagMetrics(staged(() => ({ body: granted }), { name: "tagged" }), "tenant", "a")
      const found = yield* changed(Effect.tagMetrics(source.get, "tenant", "caller"))
      expect(Object.keys(found).length).toBe(7)
      for (const name of Object.keys(found)) expect(name).toMatch(/ tenant=a environment=/)
    }))
})

describe("What the spans say (O2)", () => {
  const told = (handle: MockHttpClient.Handler, options: Partial<Tilia.Options> = {}) =>
    Effect.gen(function*() {
      const { events, spans, withTracer } = yield* recordingSpans
      const { source } = yield* withTracer(staged(handle, { ...options, name: "spans" }))
      const caller = yield* Effect.fork(Effect.exit(source.get))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(caller)
      return spans.map((span) => ({
        name: span.name,
        attributes: Object.fromEntries(span.attributes),
        events: events.filter((event) => event.span === span && event.args[0] === "tilia.attempt").map(
          ({ args: [, time, attributes] }) => ({ at: Number(time / 1_000_000n), ...attributes })
        )
      }))
    })

  const common = {
    "tilia.environment": "auth.example",
    "tilia.client": "spans",
    "tilia.scopes": "user_info,write_invoices"
  }
  const server = { "server.address": "auth.example", "server.port": 8443 }

  it.scoped("a refresh and its request say who asked for what, where, how often and with which result (O2, O4)", () =>
    Effect.gen(function*() {
      expect(yield* drawing(0.5)(told((_, n) => n < 1 ? { status: 503 } : { body: granted }))).toStrictEqual([
        {
          name: "TokenSource.refresh",
          attributes: { ...common, "tilia.refresh.background": false, "tilia.token.origin": "server" },
          events: []
        },
        {
          name: "TokenEndpoint.requestToken",
          attributes: { ...common, ...server, "tilia.attempts": 2, "http.response.status_code": 200 },
          events: [
            {
              at: 0,
              "tilia.attempt.number": 1,
              "tilia.attempt.duration_ms": 0,
              "tilia.attempt.wait_ms": 0,
              "error.type": "ServiceUnavailableError",
              "http.response.status_code": 503
            },
            {
              at: 100,
              "tilia.attempt.number": 2,
              "tilia.attempt.duration_ms": 0,
              "tilia.attempt.wait_ms": 100,
              "http.response.status_code": 200
            }
          ]
        }
      ])
    }))

  const failures: ReadonlyArray<readonly [string, MockHttpClient.Handler, string, number | undefined]> = [
    ["a 401", () => ({ status: 401 }), "InvalidClientError", 401],
    ["a 503", () => ({ status: 503 }), "ServiceUnavailableError", 503],
    ["silence", () => Effect.never, "TokenTimeoutError", undefined],
    ["a client that dies", () => Effect.die(clientSecret), "Defect", undefined],
    ["no connection", () => Effect.interrupt, "TokenTransportError", undefined]
  ]

  it.scoped.each(failures)("after %s both spans and the attempt have the kind of the error (O2, O4)", (
    [_, handle, type, status]
  ) =>
    Effect.gen(function*() {
      const [refresh, request] = yield* told(handle, { retry: { maxAttempts: 1 }, attemptTimeout: "1 second" })
      const outcome = { "error.type": type, ...status !== undefined && { "http.response.status_code": status } }
      expect(refresh?.attributes).toMatchObject({ "tilia.token.origin": "server", "error.type": type })
      expect(request?.attributes).toStrictEqual({ ...common, ...server, "tilia.attempts": 1, ...outcome })
      expect(request?.events).toStrictEqual([{
        at: type === "TokenTimeoutError" ? 1000 : 0,
        "tilia.attempt.number": 1,
        "tilia.attempt.duration_ms": type === "TokenTimeoutError" ? 1000 : 0,
        "tilia.attempt.wait_ms": 0,
        ...outcome
      }])
    }))
})

describe("Nothing that is told holds a secret (E8)", () => {
  const secrets = [clientSecret, jwt]

  it.live("neither a success nor a failure that repeats the secret and a JWT shows one (E8, O1)", () =>
    Effect.gen(function*() {
      const echo = { status: 400, body: { error: "invalid_request", error_description: secrets.join(" ") } }
      const { exit, leaks } = yield* leakProbe(
        Effect.scoped(Effect.gen(function*() {
          for (const reply of [{ body: { ...granted, access_token: secrets[1] } }, echo]) {
            const { source } = yield* staged(() => reply, { name: "leaks", retry: { maxAttempts: 1 } })
            yield* Effect.exit(Effect.asVoid(source.get))
          }
        })),
        secrets
      )
      expect(exit._tag).toBe("Success")
      expect(leaks).toStrictEqual([])
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
        "WARN The token store is skipped (Unavailable). Until it works again, this process requests tokens for itself."
      ])
      expect(skipped.length).toBeGreaterThanOrEqual(5)
    }))
})
