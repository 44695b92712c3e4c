/*
 * The six situations of a user's tests, with the kit.
 */
import {
  AccessToken,
  AuthorizedHttpClient,
  Environment,
  Tilia,
  TokenEndpoint,
  TokenError,
  TokenSource
} from "@effect-tilia/core"
import { Faults, Sandbox } from "@effect-tilia/sandbox"
import {
  InMemoryHttpClient,
  MockHttpClient,
  SandboxHttpClient,
  SkewClock,
  TestAccessToken,
  TestTokenEndpoint,
  TestTokenSource
} from "@effect-tilia/testing"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const api = "https://api.example"
const down = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })
const get = Effect.flatMap(TokenSource.TokenSource, (source) => source.get)
const { text } = TestAccessToken

const call = Effect.flatMap(AuthorizedHttpClient.AuthorizedHttpClient, (http) => http.get(`${api}/me`))

/** An authorized client over a mock, with whatever source. */
const authorized = AuthorizedHttpClient.layer().pipe(
  Layer.provide(Environment.layer({ authUrl: "https://auth.example", apiOrigins: [api] }))
)

describe("TestAccessToken", () => {
  it.effect("has the life, the scopes and the claims that it is given", () =>
    Effect.gen(function*() {
      const token = yield* TestAccessToken.make({ life: "5 minutes", scopes: ["a", "b"], claims: { integrator: "me" } })
      expect(token.scopes).toStrictEqual(["a", "b"])
      expect(yield* AccessToken.claims(token)).toMatchObject({ exp: 300, scopes: ["a", "b"], integrator: "me" })
      yield* TestClock.adjust("5 minutes")
      expect(yield* AccessToken.isExpired(token)).toBe(true)
    }))
})

describe("TestTokenSource", () => {
  it.effect("a token is there", () =>
    Effect.gen(function*() {
      yield* call
      const { received } = yield* MockHttpClient.MockHttpClient
      expect(received).toMatchObject([{ method: "GET", url: `${api}/me`, headers: { authorization: "Bearer abc" } }])
    }).pipe(
      Effect.provide(authorized),
      Effect.provide([TestTokenSource.layer({ text: "abc" }), MockHttpClient.layer({ answer: { body: { ok: true } } })])
    ))

  it.effect("no token is to be had", () =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(call)).toMatchObject({ _tag: "ServiceUnavailableError" })
    }).pipe(
      Effect.provide(authorized),
      Effect.provide([TestTokenSource.layerFailing(down), MockHttpClient.layer()])
    ))

  it.effect("a token expires in mid test", () =>
    Effect.gen(function*() {
      expect(text(yield* get)).toBe("token-0")
      yield* TestClock.adjust("2 minutes")
      expect(text(yield* get)).not.toBe("token-0")
    }).pipe(Effect.provide(TestTokenSource.layerExpiring("1 minute"))))
})

describe("TestTokenEndpoint", () => {
  const { after, fail, hang, layer, succeed } = TestTokenEndpoint

  it.effect("gives its answers in turn, repeats the last, and records the calls", () =>
    Effect.gen(function*() {
      const source = yield* TokenSource.make({ scopes: ["a"], coolDown: { base: 1 } })
      expect((yield* Effect.flip(source.get))._tag).toBe(down._tag)
      yield* TestClock.adjust(1)
      const fiber = yield* Effect.fork(source.get)
      yield* TestClock.adjust("3 seconds")
      expect(text(yield* Fiber.join(fiber))).toBe("token-1")
      yield* TestClock.adjust("1 hour")
      const { calls } = yield* TestTokenEndpoint.TestTokenEndpoint
      expect(calls).toMatchObject([
        { at: 0, isSingle: false, scopes: ["a"] },
        { at: 1, isSingle: false, scopes: ["a"] },
        { isSingle: true, scopes: ["a"] }
      ])
    }).pipe(
      Effect.scoped,
      Effect.provide(layer(fail(down), after("3 seconds", succeed({ life: "1 hour" })), hang))
    ))

  const ask = Effect.flatMap(TokenEndpoint.TokenEndpoint, (endpoint) => endpoint.requestToken(["a", "b"]))

  it.effect("makes an answer of the call and its number, and grants what was asked for or what it says", () =>
    Effect.gen(function*() {
      const granted = (yield* ask).scopes
      const token = yield* ask
      expect([granted, token.scopes]).toStrictEqual([["a", "b"], ["a"]])
      expect(yield* AccessToken.claims(token)).toMatchObject({ scopes: ["a"], integrator: "me" })
      expect((yield* TestTokenEndpoint.TestTokenEndpoint).tokens.at(-1)).toBe(token)
    }).pipe(
      Effect.provide(
        layer(({ scopes }, n) => succeed(n === 0 ? {} : { scopes: scopes.slice(0, 1), claims: { integrator: "me" } }))
      )
    ))

  it.effect("counts the requests that are under way, the most at once, and the interrupted ones", () =>
    Effect.gen(function*() {
      const { flights, tokens } = yield* TestTokenEndpoint.TestTokenEndpoint
      const [first, second] = [yield* Effect.fork(ask), yield* Effect.fork(ask)]
      yield* TestClock.adjust("1 second")
      expect(flights).toStrictEqual({ open: 1, most: 2, interrupted: 0 })
      yield* Fiber.interrupt(second)
      expect(flights).toStrictEqual({ open: 0, most: 2, interrupted: 1 })
      expect(tokens).toStrictEqual([yield* Fiber.join(first)])
    }).pipe(Effect.provide(layer(after("1 second", succeed()), hang))))

  it.effect("S5: a life begins as it is asked for, and one that is over on arrival is a time-out", () =>
    Effect.gen(function*() {
      const asked = yield* Effect.fork(Effect.all([ask, Effect.either(ask)]))
      yield* TestClock.adjust("6 seconds")
      const [{ expiresAt, issuedAt }, late] = yield* Fiber.join(asked)
      expect([issuedAt, expiresAt].map(({ epochMillis }) => epochMillis)).toStrictEqual([0, 4000])
      expect(late).toMatchObject({ left: { _tag: "TokenTimeoutError" } })
    }).pipe(Effect.provide(layer(
      after("3 seconds", succeed({ life: "4 seconds" })),
      after("3 seconds", succeed({ life: "3 seconds" }))
    ))))
})

describe("SkewClock", () => {
  it.effect("goes on as TestClock does, but for its wall clock, which steps alone", () =>
    Effect.gen(function*() {
      const { clock, step } = yield* SkewClock.make
      const start = clock.unsafeCurrentTimeMillis()
      const times = () => [clock.unsafeCurrentTimeMillis() - start, clock.unsafeCurrentTimeNanos() / 1_000_000n]
      const sleeper = yield* Effect.fork(Effect.withClock(Effect.sleep("2 seconds"), clock))
      yield* step(-3_600_000)
      expect(times()).toStrictEqual([-3_600_000, 0n])
      yield* step(3_610_000)
      yield* TestClock.adjust("1 second")
      expect(times()).toStrictEqual([11_000, 1000n])
      expect(sleeper.unsafePoll()).toBe(null) // no timer fires for a step
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(sleeper)
    }))
})

describe("MockHttpClient", () => {
  it.effect("keeps each request as a value, and answers as it is told", () =>
    Effect.gen(function*() {
      const http = yield* HttpClient.HttpClient
      const text = Effect.flatMap((response: HttpClientResponse.HttpClientResponse) => response.text)
      const form = HttpClientRequest.post(`${api}/form`).pipe(HttpClientRequest.bodyUrlParams({ a: "b c" }))
      expect(yield* text(http.execute(form))).toBe("0")
      yield* TestClock.adjust("1 second")
      const stream = HttpClientRequest.put(`${api}/stream?a=b`).pipe(
        HttpClientRequest.bodyStream(Stream.make(new TextEncoder().encode("piece by piece")))
      )
      expect(yield* text(http.execute(stream))).toBe("1")
      expect((yield* MockHttpClient.MockHttpClient).received).toMatchObject([
        { at: 0, method: "POST", url: `${api}/form`, body: "a=b+c" },
        { at: 1000, method: "PUT", url: `${api}/stream?a=b`, body: "piece by piece" }
      ])
    }).pipe(Effect.provide(MockHttpClient.layerHandler((_, n) => new Response(`${n}`)))))

  it.effect("what an answer fails with is the cause of a RequestError", () =>
    Effect.gen(function*() {
      const failing = MockHttpClient.layerHandler(() => Effect.fail({ code: "ECONNREFUSED" }))
      const error = yield* Effect.flip(HttpClient.get(api)).pipe(Effect.provide(failing))
      expect(error).toMatchObject({ _tag: "RequestError", reason: "Transport", cause: { code: "ECONNREFUSED" } })
    }))

  const unexpected = (...expected: ReadonlyArray<MockHttpClient.Expected>) =>
    Effect.flatMap(HttpClient.HttpClient, (http) => http.get(`${api}/me`)).pipe(
      Effect.provide(MockHttpClient.layer(...expected)),
      Effect.exit,
      Effect.map((exit) => Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "no failure")
    )

  it.effect("a request that wasn't expected is a defect that says what came and what was awaited", () =>
    Effect.gen(function*() {
      expect(yield* unexpected()).toContain(
        "Unexpected request 1, GET https://api.example/me: expected no more than 0."
      )
      expect(yield* unexpected({ method: "POST", url: /invoices/, answer: {} })).toContain("expected POST /invoices/.")
    }))
})

describe("InMemoryHttpClient", () => {
  it.effect("asks an application: its answer, and its defect as a broken connection", () =>
    Effect.gen(function*() {
      const http = InMemoryHttpClient.make(Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
        request.url === "/defect"
          ? Effect.die("a defect")
          : Effect.orDie(Effect.map(request.text, (body) => HttpServerResponse.text(`${request.url}: ${body}`)))))
      const response = yield* http.post(`${api}/me?a=b`, { body: HttpBody.text("hello") })
      expect(yield* response.text).toBe("/me?a=b: hello")
      const error = yield* Effect.flip(http.get(`${api}/defect`))
      expect(error).toMatchObject({ _tag: "RequestError", reason: "Transport", cause: "a defect" })
    }))
})

describe("SandboxHttpClient", () => {
  const url = SandboxHttpClient.url
  const tilia = (options: Partial<Tilia.Options> = {}) =>
    Tilia.layer({
      environment: { authUrl: url, apiOrigins: [url] },
      ...Sandbox.wellKnown,
      scopes: ["user_info"],
      ...options
    }).pipe(Layer.provideMerge(SandboxHttpClient.layer()))
  const whoami = Effect.flatMap(AuthorizedHttpClient.AuthorizedHttpClient, (http) => http.get(`${url}/whoami`))

  it.effect("real codecs, no socket: a token, a call, a 401 that is replayed", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      expect((yield* whoami).status).toBe(200)
      yield* sandbox.revokeAll
      expect((yield* whoami).status).toBe(200)
      expect((yield* sandbox.received).map(({ path, status }) => `${path} ${status}`)).toStrictEqual([
        "/token 200",
        "/whoami 200",
        "/whoami 401",
        "/token 200",
        "/whoami 200"
      ])
    }).pipe(Effect.provide(tilia())))

  it.effect("the same fault scripts: an outage, a reset, a body that breaks off", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      const asked = Effect.flip(Effect.flatMap(TokenSource.TokenSource, (source) => source.refresh))
      yield* sandbox.script([Faults.status(503)])
      expect(yield* asked).toMatchObject({ _tag: "ServiceUnavailableError" })
      yield* TestClock.adjust("1 second")
      yield* sandbox.script([Faults.reset])
      expect(yield* asked).toMatchObject({ _tag: "TokenTransportError", reason: "Reset" })
    }).pipe(Effect.provide(tilia({ retry: { maxAttempts: 1 } }))))

  it.live("a body that breaks off is a reset", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script([Faults.truncate])
      expect(yield* Effect.flip(get)).toMatchObject({ _tag: "TokenTransportError", reason: "Reset" })
    }).pipe(Effect.provide(tilia({ retry: { maxAttempts: 1 } }))))
})
