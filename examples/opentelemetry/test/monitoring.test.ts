/*
 * The rules and the dashboard in `monitoring/` against what a real exporter sends, and the story of an outage as an
 * operator sees it (O6).
 */
import { Tilia, TokenEndpoint, TokenSource, TokenStore } from "@effect-tilia/core"
import { MockHttpClient } from "@effect-tilia/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { namesIn, type Sample } from "./support/promql.js"
import { alerting, dashboard, rules } from "./support/rules.js"
import * as Scrape from "./support/scrape.js"

const secret = "9bc00ca4-937e-4946-bdb5-0814b603334d"
const token = { access_token: "abc", token_type: "Bearer", expires_in: 3600, scope: "user_info" }
const options = {
  environment: { authUrl: "https://auth.example", apiOrigins: ["https://api.example"] },
  clientId: "3f2bfe5b-19b8-41c1-88d7-70a1586bce94",
  clientSecret: secret,
  scopes: ["user_info"]
}

/** All services of a client, against a scripted server. */
const staged = (name: string, handle: MockHttpClient.Handler) =>
  Effect.flatMap(
    MockHttpClient.make(handle),
    ({ client }) => Effect.provideService(Tilia.make({ ...options, name }), HttpClient.HttpClient, client)
  )

describe("The files in monitoring/ (O6)", () => {
  /** Makes the library send each of its metrics, and scrapes them. */
  const scraped = Effect.gen(function*() {
    const scrape = yield* Scrape.make
    const out = new TokenStore.StoreError({ reason: "Unavailable" })
    const down: TokenStore.TokenStore = { read: () => out, lock: () => out, changes: () => Stream.never }
    const { client, endpoint } = yield* staged(
      "everything",
      ({ url }, n) => url.startsWith("https://auth") ? { body: token } : { status: n < 3 ? 401 : 200 }
    )
    yield* client.get("https://api.example/")
    const refused = yield* staged("refused", () => ({ status: 401 }))
    yield* Effect.exit(refused.source.get)
    yield* Effect.flatMap(endpointSource(endpoint, down), ({ get }) => get)
    return yield* scrape
  })

  const endpointSource = (
    endpoint: Effect.Effect.Success<ReturnType<typeof staged>>["endpoint"],
    store: TokenStore.TokenStore
  ) =>
    TokenSource.make({ scopes: ["user_info"] }).pipe(
      Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint),
      Effect.provideService(TokenStore.TokenStore, store)
    )

  let samples: ReadonlyArray<Sample> = []
  beforeAll(async () => {
    samples = await Effect.runPromise(Effect.scoped(scraped).pipe(Logger.withMinimumLogLevel(LogLevel.None)))
  })

  const expressions = [
    ...rules.map(({ alert, expr }) => [alert, expr, ""] as const),
    ...dashboard.panels.flatMap(({ targets, title }) =>
      targets.map(({ expr, legendFormat }) => [title, expr.replaceAll("$__rate_interval", "5m"), legendFormat] as const)
    )
  ]

  it.effect.each(expressions)(
    "%s uses only metrics and labels that are sent (O6)",
    ([_, expression, legend]) =>
      Effect.sync(() => {
        const { grouped, selectors } = namesIn(expression)
        expect(selectors.length).toBeGreaterThan(0)
        for (const { matchers, name } of selectors) {
          const sent = samples.filter((sample) => sample.name === name)
          expect(sent, name).not.toStrictEqual([])
          for (const { label, operator, value } of matchers) {
            const values = sent.map(({ labels }) => labels[label])
            if (operator === "=") expect(values, `${name} ${label}`).toContain(value)
            else expect(values.filter((value) => value !== undefined), `${name} ${label}`).not.toStrictEqual([])
          }
          const shown = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label)
          for (const label of [...grouped, ...shown]) {
            expect(sent.some(({ labels }) => labels[label] !== undefined), `${name} by ${label}`).toBe(true)
          }
        }
      })
  )

  it.effect("a scrape has exactly the metrics that the documents list, with their labels (O3)", () =>
    Effect.sync(() => {
      const sent = samples.filter(({ labels }) => /^(everything|refused)$/.test(labels["client"] ?? ""))
      const labels = new Map<string, string>()
      for (const { labels: found, name } of sent) {
        const own = Object.keys(found).filter((label) => label !== "otel_scope_name") // the exporter adds that one
        if (!/_(bucket|min|max)$/.test(name)) labels.set(name, own.sort().join(" "))
      }
      expect(Object.fromEntries([...labels].sort())).toStrictEqual({
        tilia_token_attempts_total: "client environment outcome scopes",
        tilia_token_consecutive_failures: "client environment scopes",
        tilia_token_expires_in_seconds: "client environment scopes",
        tilia_token_expiry_timestamp_seconds: "client environment scopes",
        tilia_token_invalidations_total: "client environment scopes",
        tilia_token_last_failure_timestamp_seconds: "client environment scopes",
        tilia_token_refresh_total: "client environment origin outcome scopes",
        tilia_token_replays_total: "client environment scopes",
        tilia_token_request_duration_count: "client environment scopes time_unit",
        tilia_token_request_duration_sum: "client environment scopes time_unit",
        tilia_token_store_skipped_total: "client environment reason scopes",
        tilia_token_waiting_callers: "client environment scopes"
      })
    }))
})

describe("An outage as an operator sees it (O6)", () => {
  const ruleNamed = (name: string) => {
    const rule = rules.find(({ alert }) => alert === name)
    if (rule === undefined) throw new Error(`There is no alert ${name}.`)
    return alerting(rule)
  }

  it.scoped("it is in log, traces and metrics from its start to its end, and the alert fires while calls work (O6)", () =>
    Effect.gen(function*() {
      const began = yield* Clock.currentTimeMillis
      const elapsed = Effect.map(Clock.currentTimeMillis, (now) => (now - began) / 1000)
      const lines: Array<string> = []
      const spans: Array<Tracer.Span> = []
      const native = yield* Effect.tracer
      const tracer = Tracer.make({
        ...native,
        span: (...args) => {
          const span = native.span(...args)
          spans.push(span)
          return span
        }
      })
      const logger = Logger.make(({ date, logLevel, message }) => {
        if (LogLevel.greaterThan(logLevel, LogLevel.Debug)) {
          lines.push(`${(date.getTime() - began) / 1000} ${logLevel.label} ${String(message)}`)
        }
      })

      let isDown = false
      const { source } = yield* staged("outage", () => isDown ? { status: 503 } : { body: token }).pipe(
        Effect.withTracer(tracer),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      const scrape = Effect.map(
        yield* Scrape.make,
        (samples) => samples.filter(({ labels }) => labels["client"] === "outage")
      )
      const soon = ruleNamed("TiliaTokenExpiresSoon")
      const missing = ruleNamed("TiliaTokenMissing")

      /** What is seen at each scrape: whether a caller gets a token, and which alerts fire. */
      const history: Array<{ readonly at: number; readonly works: boolean; readonly alerts: ReadonlyArray<string> }> =
        []
      const observe = Effect.gen(function*() {
        const caller = yield* Effect.fork(Effect.exit(source.get))
        yield* TestClock.adjust("30 seconds")
        const exit = yield* caller
        const now = (yield* Clock.currentTimeMillis) / 1000
        const samples = yield* scrape
        const alerts = [["soon", soon(samples, now)], ["missing", missing(samples, now)]] as const
        history.push({
          at: yield* elapsed,
          works: exit._tag === "Success",
          alerts: alerts.flatMap(([name, fires]) => fires ? [name] : [])
        })
      })
      const until = (seconds: number) =>
        Effect.repeat(observe, { while: () => Effect.map(elapsed, (t) => t < seconds) })

      yield* until(1800)
      isDown = true
      yield* until(4200)
      isDown = false
      yield* until(4500)

      const first = (predicate: (seen: typeof history[number]) => boolean) => history.find(predicate)?.at ?? Infinity
      const alerted = first(({ alerts }) => alerts.includes("soon"))
      const failed = first(({ works }) => !works)
      // Due at 2880 s; 15 % are left at 3060 s; the token counts as expired at 3590 s.
      expect(alerted).toBe(3090)
      expect(failed).toBeGreaterThan(3590)
      expect(first(({ alerts }) => alerts.includes("missing"))).toBeLessThan(failed + 60)
      expect(history.filter(({ at }) => at <= 1800 || at > 4260).flatMap(({ alerts }) => alerts)).toStrictEqual([])
      expect(history.at(-1)?.works).toBe(true)

      // One line when it begins, one when it ends.
      expect(lines).toStrictEqual([
        expect.stringMatching(/^2880 WARN No new access token\. The server can't issue a token at the moment \(503\)/),
        expect.stringMatching(/^42\d\d(\.\d+)? INFO There is a new access token again\.$/)
      ])

      // Each failed refresh is a trace, from the first to the last.
      const refreshes = spans.filter(({ name }) => name === "TokenSource.refresh").map((
        { attributes, status: { startTime } }
      ) => ({
        at: Number(startTime / 1_000_000n - BigInt(began)) / 1000,
        error: attributes.get("error.type")
      }))
      const outage = refreshes.filter(({ error }) => error === "ServiceUnavailableError")
      expect(outage[0]?.at).toBe(2880)
      expect(outage.at(-1)?.at).toBeGreaterThan(4130)
      for (const [n, { at }] of outage.entries()) expect(at - (outage[n - 1]?.at ?? at)).toBeLessThan(31)
      const granted = refreshes.filter(({ error }) => error === undefined).map(({ at }) => at)
      expect(granted).toStrictEqual([0, expect.any(Number)])
      expect(granted[1]).toBeLessThanOrEqual(4230) // at the first call after the longest cool-down

      // The counters agree with the traces.
      const value = (name: string, outcome?: string) =>
        Effect.map(
          scrape,
          (samples) => samples.find((sample) => sample.name === name && sample.labels["outcome"] === outcome)?.value
        )
      expect(yield* value("tilia_token_refresh_total", "ServiceUnavailableError")).toBe(outage.length)
      expect(yield* value("tilia_token_refresh_total", "success")).toBe(2)
      expect(yield* value("tilia_token_consecutive_failures")).toBe(0)
    }).pipe(Effect.withRandom(Random.fixed([0.5]))))
})
