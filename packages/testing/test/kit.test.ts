/*
 * The six situations of a user's tests, with the kit.
 */
import { AccessToken, AuthorizedHttpClient, Environment, Tilia, TokenError, TokenSource } from "@effect-tilia/core"
import { Faults, Sandbox } from "@effect-tilia/sandbox"
import {
  MockHttpClient,
  SandboxHttpClient,
  TestAccessToken,
  TestTokenEndpoint,
  TestTokenSource
} from "@effect-tilia/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"

const api = "https://api.example"
const down = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })
const get = Effect.flatMap(TokenSource.TokenSource, (source) => source.get)
const text = (token: AccessToken.AccessToken) => Redacted.value(token.value)

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
      const [request] = yield* (yield* MockHttpClient.MockHttpClient).received
      expect(request).toMatchObject({ method: "GET", url: `${api}/me`, headers: { authorization: "Bearer abc" } })
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
      expect(text(yield* get)).toBe("token-1")
      yield* TestClock.adjust("2 minutes")
      expect(text(yield* get)).not.toBe("token-1")
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
      expect(text(yield* Fiber.join(fiber))).toBe("token-2")
      yield* TestClock.adjust("1 hour")
      const { calls } = yield* TestTokenEndpoint.TestTokenEndpoint
      expect((yield* calls).map(({ isSingle, scopes }) => ({ isSingle, scopes }))).toStrictEqual([
        { isSingle: false, scopes: ["a"] },
        { isSingle: false, scopes: ["a"] },
        { isSingle: true, scopes: ["a"] }
      ])
    }).pipe(
      Effect.scoped,
      Effect.provide(layer(fail(down), after("3 seconds", succeed({ life: "1 hour" })), hang))
    ))
})

describe("MockHttpClient", () => {
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
