/*
 * A source's options, and what can be observed of it (S13, S14).
 */
import { Telemetry, TokenEndpoint, TokenError, type TokenEvent, TokenSource } from "@effect-tilia/core"
import { linesShowing, TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { centred, settle } from "./support/onTestClock.js"
import { scripted, textAtOnce } from "./support/scripted.js"
import { recordingSpans } from "./support/spans.js"

const { after, fail, succeed } = TestTokenEndpoint
const { text } = TestAccessToken

const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 4 })
const refused = new TokenError.InvalidClientError({ status: 401, attempts: 1 })

describe("Options of a token source", () => {
  it.scoped("with background \"onDemand\", a get after the due time starts the refresh, and no timer does", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed(), after("1 second", succeed()))
      const made = yield* centred(source({ background: "onDemand" }))
      yield* made.get
      yield* TestClock.adjust("2879 seconds")
      yield* made.get
      expect(yield* TestClock.sleeps()).toHaveLength(0)
      yield* TestClock.adjust("10 minutes")
      expect(calls).toHaveLength(1)
      expect(yield* textAtOnce(made)).toBe("token-0")
      yield* TestClock.adjust("1 second")
      expect(calls[1]).toMatchObject({ at: 3_479_000, isSingleAttempt: true })
      expect(yield* textAtOnce(made)).toBe("token-1")
    }))

  it.scoped("a source with start \"lazy\" sends no request before the first get", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed())
      yield* source()
      yield* TestClock.adjust("2 hours")
      expect(calls).toHaveLength(0)
    }))

  it.scoped("a source with start \"eager\" requests a token at once and does not wait for it", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(after("1 second", succeed()))
      const { peek, ready } = yield* source({ start: "eager" })
      yield* settle
      expect(calls).toMatchObject([{ at: 0, isSingleAttempt: false }])
      const health = yield* Effect.fork(ready)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(health)
      expect(Option.map(peek(), text)).toStrictEqual(Option.some("token-0"))
      expect(calls).toHaveLength(1)
    }))

  it.scoped("a source with start \"eager\" counts as used when it is made, at any date", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const { calls, source } = yield* scripted(succeed())
      yield* centred(source({ start: "eager" }))
      yield* TestClock.adjust("2880 seconds")
      expect(calls).toHaveLength(2)
    }))

  it.scoped("a source with start \"eager\" is made although its request fails, and ready fails", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(fail(refused))
      const { ready } = yield* source({ start: "eager" })
      expect(yield* Effect.flip(ready)).toMatchObject({ _tag: "InvalidClientError" })
      expect(calls).toHaveLength(1)
    }))

  it.scoped("TokenSource.peek sends no request", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed())
      const { get, peek } = yield* source({ background: "onDemand" })
      expect(peek()).toStrictEqual(Option.none())
      const token = yield* get
      expect(peek()).toStrictEqual(Option.some(token))
      yield* TestClock.adjust("3589 seconds")
      expect(peek()).toStrictEqual(Option.some(token))
      yield* settle
      expect(calls).toHaveLength(1)
    }))

  const noTime = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]
  const outOfRange: Array<[string, Partial<TokenSource.Options>]> = [
    ...[[], ["a b"], [""]].map((scopes): [string, Partial<TokenSource.Options>] => ["scopes", { scopes }]),
    ...[0, -0.5, 1, 2, Number.NaN, Infinity].map((refreshAt): [string, Partial<TokenSource.Options>] => [
      "refreshAt",
      { refreshAt }
    ]),
    ...[-0.01, 0.51, Number.NaN, Infinity].map((jitter): [string, Partial<TokenSource.Options>] => [
      "jitter",
      { jitter }
    ]),
    ...noTime.flatMap((time): Array<[string, Partial<TokenSource.Options>]> => [
      ["expiryMargin", { expiryMargin: time }],
      ["idleAfter", { idleAfter: time }],
      ["minRefreshInterval", { minRefreshInterval: time }],
      ["coolDown.base", { coolDown: { base: time } }],
      ["coolDown.max", { coolDown: { max: time } }],
      ["checkEvery", { checkEvery: time }]
    ]),
    ["background", JSON.parse("{\"background\":\"always\"}")],
    ["start", JSON.parse("{\"start\":\"never\"}")]
  ]
  it.effect.each(outOfRange)(
    "TokenSource.make refuses a bad %s: %j (row 64)",
    ([setting, options]) =>
      Effect.gen(function*() {
        const { calls, source } = yield* scripted(succeed())
        const error = yield* Effect.flip(Effect.scoped(source({ start: "eager", ...options })))
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
        expect(calls).toHaveLength(0)
      })
  )

  const configured = (env: Record<string, string>, endpoint: TokenEndpoint.TokenEndpoint) =>
    Effect.flatMap(TokenSource.TokenSource, ({ get }) => get).pipe(
      Effect.provide(TokenSource.layerConfig()),
      Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env))))
    )

  it.effect("TokenSource.layerConfig reads the scopes from TILIA_SCOPES", () =>
    Effect.gen(function*() {
      const { endpoint } = yield* scripted(succeed())
      const { scopes } = yield* configured({ TILIA_SCOPES: "user_info,read_wallet" }, endpoint)
      expect(scopes).toStrictEqual(["user_info", "read_wallet"])
    }))

  it.effect.each<[string, Record<string, string>]>([
    ["missing", {}],
    ["empty", { TILIA_SCOPES: "" }],
    ["malformed", { TILIA_SCOPES: "a b" }]
  ])(
    "TokenSource.layerConfig fails with a ConfigError when TILIA_SCOPES is %s (row 63)",
    ([, env]) =>
      Effect.gen(function*() {
        const { calls, endpoint } = yield* scripted(succeed())
        const error = yield* Effect.flip(configured(env, endpoint))
        expect(ConfigError.isConfigError(error)).toBe(true)
        expect(String(error)).toContain("TILIA_SCOPES")
        expect(calls).toHaveLength(0)
      })
  )
})

describe("TokenSource.changes (S13)", () => {
  const observed = ({ changes }: TokenSource.TokenSource) =>
    Effect.gen(function*() {
      const events: Array<TokenEvent.TokenEvent> = []
      const reader = yield* Effect.fork(Stream.runForEach(changes, (event) => Effect.sync(() => events.push(event))))
      yield* settle
      return { events, reader }
    })

  it.scoped("the source emits each token, failure and invalidation in order, without a token's text (S13)", () =>
    Effect.gen(function*() {
      const { source } = yield* scripted(succeed(), succeed(), fail(unavailable), succeed({ scopes: ["user_info"] }))
      const made = yield* centred(source({ scopes: ["user_info", "read_wallet"], background: "onDemand" }))
      const { events } = yield* observed(made)
      yield* made.invalidate(yield* made.get)
      yield* made.get
      yield* TestClock.adjust("2 seconds")
      yield* Effect.flip(made.refresh)
      yield* TestClock.adjust("1 second")
      yield* made.refresh
      yield* settle
      const both = ["user_info", "read_wallet"]
      expect(events).toMatchObject([
        { _tag: "Refreshed", scopes: both, expiresAt: { epochMillis: 3_600_000 } },
        { _tag: "Invalidated", expiresAt: { epochMillis: 3_600_000 } },
        { _tag: "Refreshed", scopes: both },
        { _tag: "RefreshFailed", error: unavailable },
        { _tag: "Refreshed", scopes: ["user_info"], expiresAt: { epochMillis: 3_603_000 } },
        { _tag: "ScopeNarrowed", missing: ["read_wallet"] }
      ])
      expect(linesShowing("token-", events)).toStrictEqual([])
    }))

  it.scoped("the source emits the failures and the tokens of background refreshes (S13)", () =>
    Effect.gen(function*() {
      const { source } = yield* scripted(succeed(), fail(unavailable), succeed())
      const made = yield* centred(source())
      yield* made.get
      const { events } = yield* observed(made)
      yield* TestClock.adjust("2890 seconds")
      expect(events.map(({ _tag }) => _tag)).toStrictEqual(["RefreshFailed", "Refreshed"])
    }))

  it.effect("the stream of changes ends when the scope of the source closes (S13)", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { source } = yield* scripted(succeed())
      const made = yield* Scope.extend(source(), scope)
      const { events, reader } = yield* observed(made)
      yield* made.get
      yield* settle
      yield* Scope.close(scope, Exit.void)
      expect(yield* Fiber.await(reader)).toStrictEqual(Exit.void)
      expect(events).toHaveLength(1)
    }))
})

describe("Telemetry of a token source (S14)", () => {
  it.scoped("the span of a flight is a root span with links to the spans of its waiting callers (S14)", () =>
    Effect.gen(function*() {
      const { spans, withTracer } = yield* recordingSpans
      const { source } = yield* scripted(after("1 second", succeed()))
      const { get } = yield* source().pipe(Effect.withSpan("boot"), withTracer)
      const caller = (name: string) => Effect.fork(get.pipe(Effect.withSpan(name), withTracer))
      const callers = [yield* caller("first"), yield* caller("second")]
      yield* settle
      callers.push(yield* caller("late"))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(Fiber.all(callers))
      yield* Effect.withSpan(get, "warm").pipe(withTracer)
      expect(spans.map(({ name }) => name)).toStrictEqual([
        "boot",
        "first",
        "second",
        Telemetry.refreshSpan,
        "late",
        "warm"
      ])
      const flight = spans.find(({ name }) => name === Telemetry.refreshSpan)
      expect(flight?.parent).toStrictEqual(Option.none())
      expect(flight?.links.map(({ span }) => spans.find(({ spanId }) => spanId === span.spanId)?.name)).toStrictEqual([
        "first",
        "second",
        "late"
      ])
      expect(flight?.status._tag).toBe("Ended")
    }))

  it.scoped("the span of a request is a child of the flight's span (S14)", () =>
    Effect.gen(function*() {
      const { spans, withTracer } = yield* recordingSpans
      const { requestToken } = yield* TestTokenEndpoint.make(succeed())
      const { get } = yield* TokenSource.make({ scopes: ["user_info"] }).pipe(
        Effect.provideService(TokenEndpoint.TokenEndpoint, {
          requestToken: (...args) => Effect.withSpan(requestToken(...args), Telemetry.requestSpan)
        }),
        withTracer
      )
      yield* get
      const [flight, request] = spans
      expect(request?.name).toBe(Telemetry.requestSpan)
      expect(Option.map(request?.parent ?? Option.none(), ({ spanId }) => spanId)).toStrictEqual(
        Option.some(flight?.spanId)
      )
    }))

  it.scoped("an outage logs one Warning and one Info, and refused credentials log an Error (S14)", () =>
    Effect.gen(function*() {
      const lines: Array<[string, string]> = []
      const capture = Logger.make(({ logLevel, message }) => lines.push([logLevel.label, String(message)]))
      const { source } = yield* scripted(
        succeed(),
        succeed(),
        fail(unavailable),
        fail(unavailable),
        fail(refused),
        fail(refused),
        succeed(),
        succeed()
      )
      const { get, refresh } = yield* source({ background: "onDemand" }).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, capture)),
        Logger.withMinimumLogLevel(LogLevel.All)
      )
      yield* get
      for (let n = 0; n < 7; n++) {
        yield* TestClock.adjust("2 seconds")
        yield* Effect.exit(refresh)
        yield* settle
      }
      expect(lines.map(([level]) => level)).toStrictEqual(
        ["DEBUG", "DEBUG", "WARN", "DEBUG", "ERROR", "DEBUG", "INFO", "DEBUG"]
      )
      expect(lines[2]?.[1]).toContain(unavailable.message)
      expect(lines[4]?.[1]).toContain(refused.message)
      expect(linesShowing("token-", lines)).toStrictEqual([])
    }))
})
