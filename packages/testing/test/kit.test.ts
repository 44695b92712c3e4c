/*
 * The kit in the situations that tests of a user come to.
 */
import {
  AccessToken,
  AuthorizedHttpClient,
  Environment,
  RetryPolicy,
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
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const api = "https://api.example"
const down = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })
const get = Effect.flatMap(TokenSource.TokenSource, (source) => source.get)
const { text } = TestAccessToken

const call = Effect.flatMap(AuthorizedHttpClient.AuthorizedHttpClient, (http) => http.get(`${api}/me`))

/** An authorized client over the client and the source in the context. */
const authorized = AuthorizedHttpClient.layer().pipe(
  Layer.provide(Environment.layer({ authUrl: "https://auth.example", apiOrigins: [api] }))
)

describe("TestAccessToken", () => {
  it.effect("TestAccessToken.make makes a token with the given lifetime, scopes and claims", () =>
    Effect.gen(function*() {
      const token = yield* TestAccessToken.make({
        lifetime: "5 minutes",
        scopes: ["a", "b"],
        claims: { integrator: "me" }
      })
      expect(token.scopes).toStrictEqual(["a", "b"])
      expect(yield* AccessToken.claims(token)).toMatchObject({ exp: 300, scopes: ["a", "b"], integrator: "me" })
      yield* TestClock.adjust("5 minutes")
      expect(yield* AccessToken.isExpired(token)).toBe(true)
    }))
})

describe("TestTokenSource", () => {
  it.effect("a call carries the token of TestTokenSource.layer", () =>
    Effect.gen(function*() {
      yield* call
      const { received } = yield* MockHttpClient.MockHttpClient
      expect(received).toMatchObject([{ method: "GET", url: `${api}/me`, headers: { authorization: "Bearer abc" } }])
    }).pipe(
      Effect.provide(authorized),
      Effect.provide([TestTokenSource.layer({ text: "abc" }), MockHttpClient.layer({ reply: { body: { ok: true } } })])
    ))

  it.effect("a call fails with the error of TestTokenSource.layerFailing", () =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(call)).toMatchObject({ _tag: "ServiceUnavailableError" })
    }).pipe(
      Effect.provide(authorized),
      Effect.provide([TestTokenSource.layerFailing(down), MockHttpClient.layer()])
    ))

  it.effect("TestTokenSource.layerExpiring yields another token after the lifetime of the first", () =>
    Effect.gen(function*() {
      expect(text(yield* get)).toBe("token-0")
      yield* TestClock.adjust("2 minutes")
      expect(text(yield* get)).not.toBe("token-0")
    }).pipe(Effect.provide(TestTokenSource.layerExpiring("1 minute"))))
})

describe("TestTokenEndpoint", () => {
  const { after, fail, hang, layer, succeed } = TestTokenEndpoint

  it.effect("TestTokenEndpoint gives its responses in turn and records the calls", () =>
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
        { at: 0, isSingleAttempt: false, scopes: ["a"] },
        { at: 1, isSingleAttempt: true, scopes: ["a"] }, // after a cool-down (S7)
        { isSingleAttempt: true, scopes: ["a"] }
      ])
    }).pipe(
      Effect.scoped,
      Effect.provide(layer(fail(down), after("3 seconds", succeed({ lifetime: "1 hour" })), hang))
    ))

  const requestToken = Effect.flatMap(TokenEndpoint.TokenEndpoint, (endpoint) => endpoint.requestToken(["a", "b"]))

  it.effect("TestTokenEndpoint makes a response from a call and its number, with the requested or its own scopes", () =>
    Effect.gen(function*() {
      const granted = (yield* requestToken).scopes
      const token = yield* requestToken
      expect([granted, token.scopes]).toStrictEqual([["a", "b"], ["a"]])
      expect(yield* AccessToken.claims(token)).toMatchObject({ scopes: ["a"], integrator: "me" })
      expect((yield* TestTokenEndpoint.TestTokenEndpoint).tokens.at(-1)).toBe(token)
    }).pipe(
      Effect.provide(
        layer(({ scopes }, n) => succeed(n === 0 ? {} : { scopes: scopes.slice(0, 1), claims: { integrator: "me" } }))
      )
    ))

  it.effect("TestTokenEndpoint records the rejected token of a call, and whether it is a single attempt (C4)", () =>
    Effect.gen(function*() {
      const { calls, requestToken } = yield* TestTokenEndpoint.TestTokenEndpoint
      const rejected = yield* requestToken(["a"])
      yield* requestToken(["a"], { rejected, retry: RetryPolicy.none })
      yield* requestToken(["a"], { retry: { maxAttempts: 1 } })
      yield* requestToken(["a"], { retry: yield* RetryPolicy.make({ maxAttempts: 1 }) })
      yield* requestToken(["a"], { retry: Schedule.recurs(0) })
      yield* requestToken(["a"], { retry: { maxAttempts: 2 } })
      yield* requestToken(["a"], { retry: {} })
      yield* requestToken(["a"], { retry: RetryPolicy.standard })
      yield* requestToken(["a"], { retry: yield* RetryPolicy.make({ maxAttempts: 3 }) })
      yield* requestToken(["a"], { retry: Schedule.spaced("1 hour") })
      expect(calls).toStrictEqual([
        { at: 0, scopes: ["a"], isSingleAttempt: false, rejected: undefined },
        { at: 0, scopes: ["a"], isSingleAttempt: true, rejected },
        ...Array<unknown>(3).fill({ at: 0, scopes: ["a"], isSingleAttempt: true, rejected: undefined }),
        ...Array<unknown>(5).fill({ at: 0, scopes: ["a"], isSingleAttempt: false, rejected: undefined })
      ])
    }).pipe(Effect.provide(layer(succeed()))))

  it.effect("TestTokenEndpoint counts the open requests, the most at once, and the interrupted ones", () =>
    Effect.gen(function*() {
      const { flights, tokens } = yield* TestTokenEndpoint.TestTokenEndpoint
      const [first, second] = [yield* Effect.fork(requestToken), yield* Effect.fork(requestToken)]
      yield* TestClock.adjust("1 second")
      expect(flights).toStrictEqual({ open: 1, most: 2, interrupted: 0 })
      yield* Fiber.interrupt(second)
      expect(flights).toStrictEqual({ open: 0, most: 2, interrupted: 1 })
      expect(tokens).toStrictEqual([yield* Fiber.join(first)])
    }).pipe(Effect.provide(layer(after("1 second", succeed()), hang))))

  it.effect("a lifetime starts at the request, and a token that expires on its way is a timeout (S5)", () =>
    Effect.gen(function*() {
      const tokens = yield* Effect.fork(Effect.all([requestToken, Effect.either(requestToken)]))
      yield* TestClock.adjust("6 seconds")
      const [{ expiresAt, issuedAt }, late] = yield* Fiber.join(tokens)
      expect([issuedAt, expiresAt].map(({ epochMillis }) => epochMillis)).toStrictEqual([0, 4000])
      expect(late).toMatchObject({ left: { _tag: "TokenTimeoutError" } })
    }).pipe(Effect.provide(layer(
      after("3 seconds", succeed({ lifetime: "4 seconds" })),
      after("3 seconds", succeed({ lifetime: "3 seconds" }))
    ))))
})

describe("SkewClock", () => {
  it.effect("SkewClock follows TestClock, but its wall clock can step alone", () =>
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
      expect(sleeper.unsafePoll()).toBe(null) // no timer fires by a step
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(sleeper)
    }))
})

describe("MockHttpClient", () => {
  it.effect("MockHttpClient records each request and responds as its handler says", () =>
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

  it.effect("the failure of a MockHttpClient handler is the cause of a RequestError", () =>
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

  it.effect("an unexpected request to MockHttpClient is a defect that shows what was expected", () =>
    Effect.gen(function*() {
      expect(yield* unexpected()).toContain(
        "Unexpected request 1, GET https://api.example/me: expected no more than 0."
      )
      expect(yield* unexpected({ method: "POST", url: /invoices/, reply: {} })).toContain("expected POST /invoices/.")
    }))
})

describe("MockHttpClient.layer", () => {
  const endOf = (layer: Layer.Layer<HttpClient.HttpClient>, ...urls: ReadonlyArray<string>) =>
    Effect.flatMap(HttpClient.HttpClient, (http) => Effect.forEach(urls, (url) => http.get(url))).pipe(
      Effect.provide(layer),
      Effect.exit,
      Effect.map((exit) => Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "no failure")
    )
  const one = { method: "GET", url: `${api}/one`, reply: {} }
  const two = { method: "POST", url: /two/, reply: {} }

  it.effect("an expected request that never came is a defect that says which one (C4)", () =>
    Effect.gen(function*() {
      expect(yield* endOf(MockHttpClient.layer(one), `${api}/one`)).toBe("no failure")
      expect(yield* endOf(MockHttpClient.layer())).toBe("no failure")
      expect(yield* endOf(MockHttpClient.layer(one, two), `${api}/one`)).toContain(
        "Only 1 of 2 requests came: POST /two/ did not."
      )
    }))

  it.effect("a test that has failed is told only of its own failure, not of requests that never came (C4)", () =>
    Effect.gen(function*() {
      const end = yield* endOf(MockHttpClient.layer(one, one), `${api}/two`)
      expect(end).toContain("Unexpected request 1")
      expect(end).not.toContain("requests came")
    }))

  it.effect("a reply can be used twice, and a Response that was read says that it cannot (C4)", () =>
    Effect.gen(function*() {
      const reply = { status: 201, headers: { "x-a": "b" }, body: "hello" }
      const http = yield* HttpClient.HttpClient.pipe(Effect.provide(MockHttpClient.layerHandler(() => reply)))
      for (let n = 0; n < 3; n++) {
        const response = yield* http.get(`${api}/me`)
        expect([response.status, response.headers["x-a"], yield* response.text]).toStrictEqual([201, "b", "hello"])
      }
      const once = new Response("hello")
      const other = yield* HttpClient.HttpClient.pipe(Effect.provide(MockHttpClient.layerHandler(() => once)))
      yield* Effect.flatMap(other.get(api), ({ text }) => text)
      expect(Cause.pretty(yield* Effect.flip(Effect.sandbox(other.get(api))))).toContain("reply with its parts")
    }))
})

describe("raw bodies", () => {
  const bytes = new TextEncoder().encode("\ufeffh\u00e9llo")
  async function* pieces() {
    yield bytes.subarray(0, 5)
    yield bytes.subarray(5)
  }
  const bodies: ReadonlyArray<readonly [string, () => unknown]> = [
    ["a text", () => "\ufeffh\u00e9llo"],
    ["a Uint8Array", () => bytes],
    ["an ArrayBuffer", () => bytes.slice().buffer],
    ["a DataView", () => new DataView(Uint8Array.of(0, ...bytes).buffer, 1)],
    ["a Blob", () => new Blob([bytes])],
    ["a web stream", () => new Blob([bytes]).stream()],
    ["an async iterable", pieces]
  ]

  it.effect.each(bodies)(
    "%s as a raw body arrives at a mock and at an application as it was (C4)",
    ([, body]) =>
      Effect.gen(function*() {
        const request = () => HttpClientRequest.post(`${api}/raw`, { body: HttpBody.raw(body()) })
        const mock = yield* MockHttpClient.make(() => ({}))
        yield* mock.client.execute(request())
        expect(mock.received[0]?.body).toBe("\ufeffh\u00e9llo")
        const http = yield* InMemoryHttpClient.make(Effect.flatMap(HttpServerRequest.HttpServerRequest, (received) =>
          Effect.orDie(
            Effect.map(received.arrayBuffer, (body) => HttpServerResponse.uint8Array(new Uint8Array(body)))
          )))
        const response = yield* http.execute(request())
        expect(new Uint8Array(yield* response.arrayBuffer)).toStrictEqual(bytes)
      })
  )

  it.effect("bytes that are no text arrive at an application as they were, and FormData as a form (C4)", () =>
    Effect.gen(function*() {
      const echo = yield* InMemoryHttpClient.make(
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (received) =>
          Effect.orDie(
            Effect.map(received.arrayBuffer, (body) => HttpServerResponse.uint8Array(new Uint8Array(body)))
          ))
      )
      const send = (body: unknown) =>
        Effect.flatMap(echo.post(`${api}/raw`, { body: HttpBody.raw(body) }), (response) => response.arrayBuffer)
      expect(new Uint8Array(yield* send(Uint8Array.of(255, 0, 128)))).toStrictEqual(Uint8Array.of(255, 0, 128))
      const form = new FormData()
      form.set("name", "value")
      expect(new TextDecoder().decode(yield* send(form))).toContain("name=\"name\"\r\n\r\nvalue")
      expect(new TextDecoder().decode(yield* send(new URLSearchParams({ a: "b c" })))).toBe("a=b+c")
    }))
})

describe("InMemoryHttpClient", () => {
  it.effect("InMemoryHttpClient returns an application's response or its defect", () =>
    Effect.gen(function*() {
      const http = yield* InMemoryHttpClient.make(Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
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

  it.effect("a client over SandboxHttpClient gets a token, calls the API, and replays a call after a 401", () =>
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

  it.effect("SandboxHttpClient plays a scripted 503 and a scripted reset", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      const failure = Effect.flip(Effect.flatMap(TokenSource.TokenSource, (source) => source.refresh))
      yield* sandbox.script([Faults.status(503)])
      expect(yield* failure).toMatchObject({ _tag: "ServiceUnavailableError" })
      yield* TestClock.adjust("1 second")
      yield* sandbox.script([Faults.reset])
      expect(yield* failure).toMatchObject({ _tag: "TokenTransportError", reason: "Reset" })
    }).pipe(Effect.provide(tilia({ retry: { maxAttempts: 1 } }))))

  it.live("SandboxHttpClient reports a truncated body as a reset", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script([Faults.truncate])
      expect(yield* Effect.flip(get)).toMatchObject({ _tag: "TokenTransportError", reason: "Reset" })
    }).pipe(Effect.provide(tilia({ retry: { maxAttempts: 1 } }))))
})
