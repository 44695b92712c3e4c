import { RetryPolicy, TokenEndpoint, TokenError, TokenMediator } from "@effect-tilia/core"
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import { leakProbe, linesShowing, MockHttpClient, TestAccessToken } from "@effect-tilia/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it, vi } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { hash } from "../src/internal/tokenMediator/rejectedToken.js"
import { application, browser, jwt, mediatorUrl, vendor } from "./support/mediator.js"

const { text } = TestAccessToken

/** A page of an application: its token endpoint, and what asked the vendor. */
const page = (
  answer: Parameters<typeof vendor>[0],
  options: Partial<TokenMediator.Options> = {},
  application_: Partial<TokenMediatorServer.Options> = {}
) =>
  Effect.gen(function*() {
    const { asked, sources } = vendor(answer)
    const { app } = yield* application({ sources, ...application_ })
    const endpoint = yield* TokenMediator.make({ mediatorUrl, ...options }).pipe(
      Effect.provideService(HttpClient.HttpClient, browser(app))
    )
    return { asked, ...endpoint, layer: Layer.succeed(TokenEndpoint.TokenEndpoint, endpoint) }
  })

describe("requestToken", () => {
  it.scoped("yields the server's token, with the life that is left of it from before it was asked for", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* page((n, scopes) => Effect.delay(jwt(n, scopes), "2 seconds"))
      const fiber = yield* Effect.fork(requestToken(["user_info"]))
      yield* TestClock.adjust("2 seconds")
      const token = yield* Fiber.join(fiber)
      expect(token).toMatchObject({ tokenType: "Bearer", scopes: ["user_info"] })
      expect(DateTime.toEpochMillis(token.issuedAt)).toBe(0)
      // The vendor granted 3600 s after 2 s; the page, whose count began before that, is on the safe side.
      expect(DateTime.toEpochMillis(token.expiresAt)).toBe(3_600_000)
    }))

  it.scoped("all get the same token, but for who has held it, as far as the server's source allows", () =>
    Effect.gen(function*() {
      const { asked, requestToken } = yield* page(jwt)
      const first = yield* requestToken(["user_info"])
      yield* TestClock.adjust("1 minute")
      expect(text(yield* requestToken(["user_info"]))).toBe(text(first))
      const second = yield* requestToken(["user_info"], { rejected: first })
      expect(text(second)).not.toBe(text(first))
      expect(text(yield* requestToken(["user_info"], { rejected: second }))).toBe(text(second))
      expect(asked.length).toBe(2)
    }))

  it.scoped("sends the scopes, and what it holds: no secret, and not the token", () =>
    Effect.gen(function*() {
      const grant = { access_token: "abc", token_type: "Bearer", expires_in: "60", scope: "a,b" }
      yield* Effect.gen(function*() {
        const { requestToken } = yield* TokenMediator.make({ mediatorUrl })
        yield* requestToken(["a", "b"])
        const rejected = yield* TestAccessToken.make()
        yield* requestToken(["a", "b"], { rejected })
        const { received } = yield* MockHttpClient.MockHttpClient
        expect(received.map(({ body, method, url }) => [method, url, JSON.parse(body)])).toStrictEqual([
          ["POST", mediatorUrl, { scopes: ["a", "b"] }],
          ["POST", mediatorUrl, { scopes: ["a", "b"], rejected: hash(rejected) }]
        ])
        expect(received[0]?.headers).toMatchObject({ "accept": "application/json", "content-type": "application/json" })
        expect(Object.keys(received[0]?.headers ?? {}).sort()).toStrictEqual([
          "accept",
          "content-length",
          "content-type"
        ])
      }).pipe(Effect.provide(MockHttpClient.layerHandler(() => ({ body: grant }))))
    }))

  it.scoped("a path is completed by the browser", () =>
    Effect.gen(function*() {
      vi.stubGlobal("location", { origin: "https://shop.example", pathname: "/cart/" })
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllGlobals()))
      const grant = { access_token: "abc", token_type: "Bearer", expires_in: "60", scope: "a" }
      yield* Effect.gen(function*() {
        const { requestToken } = yield* TokenMediator.make({ mediatorUrl: "/tilia/token" })
        yield* requestToken(["a"])
        const { received } = yield* MockHttpClient.MockHttpClient
        expect(received.map(({ url }) => url)).toStrictEqual([mediatorUrl])
      }).pipe(Effect.provide(MockHttpClient.layerHandler(() => ({ body: grant }))))
    }))

  it.effect("comes with a Layer, too", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* TokenEndpoint.TokenEndpoint
      expect(text(yield* requestToken(["a"]))).toBe("abc")
    }).pipe(
      Effect.provide(TokenMediator.layer({ mediatorUrl })),
      Effect.provide(
        MockHttpClient.layer({
          answer: { body: { access_token: "abc", token_type: "Bearer", expires_in: "60", scope: "a" } }
        })
      )
    ))

  it.scoped("outside of a browser a path leads nowhere", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* TokenMediator.make({ mediatorUrl: "/tilia/token", retry: RetryPolicy.none })
      expect(yield* Effect.flip(requestToken(["a"]))).toMatchObject({ _tag: "TokenTransportError", reason: "Other" })
    }).pipe(Effect.provide(MockHttpClient.layer())))
})

describe("row 62: mediatorUrl", () => {
  const make = (mediatorUrl: string | URL) =>
    Effect.provide(Effect.exit(TokenMediator.make({ mediatorUrl })), MockHttpClient.layer())

  it.scoped.each([
    "/token",
    "/",
    "/a/b",
    "https://shop.example/t",
    new URL("https://shop.example/t"),
    "http://localhost:3000/t"
  ])(
    "%s is one",
    (url) =>
      Effect.gen(function*() {
        expect((yield* make(url))._tag).toBe("Success")
      })
  )

  it.scoped.each([
    "",
    "token",
    "//evil.example/t",
    "/\\evil.example/t",
    "/token?a=b",
    "/token#a",
    "http://shop.example/t",
    "https://u:p@shop.example/t",
    "https://shop.example/t?a=b",
    "javascript:alert(1)"
  ])("%s is none", (url) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(yield* make(url))
      expect(error).toMatchObject({
        _tag: "InvalidInputError",
        setting: "mediatorUrl",
        expected: "a path or an https URL (http on loopback only) without user, query or fragment"
      })
    }))

  it.scoped.each<[string, Partial<TokenMediator.Options>]>([
    ["budget", { budget: 0 }],
    ["attemptTimeout", { attemptTimeout: -1 }],
    ["maxAttempts", { retry: { maxAttempts: 0 } }]
  ])("row 64: %s", ([setting, options]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Effect.provide(TokenMediator.make({ mediatorUrl, ...options }), MockHttpClient.layer())
      )
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
    }))
})

describe("the wire", () => {
  const { Refusal, Request } = TokenMediator

  it.each<[string, unknown, unknown]>([
    ["scopes", { scopes: ["b", "a", "b"] }, { scopes: ["b", "a"] }],
    ["scopes, and what is rejected", { scopes: ["a"], rejected: 7 }, { scopes: ["a"], rejected: 7 }]
  ])("a request has %s", (_, json, request) => {
    expect(Schema.decodeUnknownEither(Request)(json)).toStrictEqual(Either.right(request))
  })

  it.each<[string, unknown]>([
    ["no scopes", { scopes: [] }],
    ["a text for scopes", { scopes: "swordfish" }],
    ["a token", { scopes: ["a"], rejected: "swordfish" }],
    ["half a number", { scopes: ["a"], rejected: 0.5 }],
    ["nothing", null]
  ])("a request with %s is refused, and not quoted (E8)", (_, json) => {
    const error = Either.getOrThrow(Either.flip(Schema.decodeUnknownEither(Request)(json)))
    expect(error.message).toBe(
      "must be a request to a mediator: scopes, an array, and perhaps rejected; the value is not shown"
    )
    expect(linesShowing("swordfish", error)).toStrictEqual([])
  })

  const refusal = { _tag: "RateLimitedError", retryable: true, message: "No." } as const
  const waits = (retryAfter: unknown) => Schema.decodeUnknownEither(Refusal)({ ...refusal, retryAfter })

  it.each([[0, 0], [1, 1], [1000, 1], [1001, 2], [86_400_000, 86_400], [172_800_000, 86_400]])(
    "a wait of %i ms is sent as %i s: rounded up, and at most a day",
    (millis, retryAfter) => {
      expect(Schema.encodeSync(Refusal)({ ...refusal, retryAfter: Duration.millis(millis) })).toStrictEqual(
        { ...refusal, retryAfter }
      )
      expect(waits(retryAfter)).toStrictEqual(
        Either.right({ ...refusal, retryAfter: Duration.seconds(retryAfter) })
      )
    }
  )

  it.each([-1, 86_401, 0.5, "7", null])("a wait of %j is none", (retryAfter) => {
    expect(waits(retryAfter)).toMatchObject({ _tag: "Left" })
  })

  it.each([
    [true, "printable ASCII", " ~"],
    [true, "256 characters", "x".repeat(256)],
    [false, "257 characters", "x".repeat(257)],
    [false, "nothing", ""],
    [false, "a newline", "No.\n"],
    [false, "DEL", "No.\u007f"],
    [false, "a terminal escape", "\u001b[2JNo."]
  ])("%s: a message may be %s", (accepted, _, message) => {
    expect(Schema.is(Refusal)({ ...refusal, message })).toBe(accepted)
  })
})

describe("each error crosses the wire as itself, without the vendor's words", () => {
  const words = "the vendor's own words"
  const said = { status: 400, code: words, serverMessage: words, attempts: 4 }
  const tokenUrl = "https://auth.example/token"
  const retryAfter = Duration.seconds(90)

  it.scoped.each<[string, TokenError.TokenError]>([
    ["InvalidInputError", new TokenError.InvalidInputError({ setting: "x", expected: words })],
    ["CredentialsError", new TokenError.CredentialsError({ message: words, retryable: false })],
    ["CredentialsError, retryable", new TokenError.CredentialsError({ message: words, retryable: true })],
    ["InvalidRequestError", new TokenError.InvalidRequestError(said)],
    ["InvalidClientError", new TokenError.InvalidClientError(said)],
    ["InvalidScopeError", new TokenError.InvalidScopeError(said)],
    ["RateLimitedError", new TokenError.RateLimitedError({ ...said, retryAfter })],
    ["ServiceUnavailableError", new TokenError.ServiceUnavailableError({ ...said, retryAfter })],
    ["UnexpectedResponseError", new TokenError.UnexpectedResponseError({ ...said, tokenUrl, problem: words })],
    ["TokenTransportError", new TokenError.TokenTransportError({ reason: "Refused", tokenUrl, attempts: 4 })],
    ["TokenTransportError, Tls", new TokenError.TokenTransportError({ reason: "Tls", tokenUrl, attempts: 4 })],
    ["TokenTimeoutError", new TokenError.TokenTimeoutError({ tokenUrl, attempts: 4 })]
  ])("%s", ([, sent]) =>
    Effect.gen(function*() {
      const { requestToken } = yield* page(() => sent, { retry: RetryPolicy.none })
      const received = yield* Effect.flip(requestToken(["user_info"]))
      expect(received).toBeInstanceOf(sent.constructor)
      expect(received.retryable).toBe(sent.retryable)
      expect("retryAfter" in received ? received.retryAfter : undefined).toStrictEqual(
        "retryAfter" in sent ? sent.retryAfter : undefined
      )
      expect(received.message).toMatch(/^[A-Z].*\.$/)
      const { leaks } = yield* leakProbe(Effect.fail(received), [words, "auth.example"])
      expect(leaks).toStrictEqual([])
    }))

  it.scoped.each(
    [[401, "login_required", TokenMediatorServer.unauthenticated], [
      403,
      "access_denied",
      TokenMediatorServer.forbidden
    ]] as const
  )(
    "authorize's %i",
    ([status, code, authorize]) =>
      Effect.gen(function*() {
        const { requestToken } = yield* page(jwt, {}, { authorize: () => authorize })
        const error = yield* Effect.flip(requestToken(["user_info"]))
        expect(error).toMatchObject({
          _tag: "InvalidClientError",
          status,
          code,
          attempts: 1,
          serverMessage: expect.any(String)
        })
      })
  )

  it.scoped("more scopes than granted", () =>
    Effect.gen(function*() {
      const { asked, requestToken } = yield* page(jwt)
      const error = yield* Effect.flip(requestToken(["user_info", "write_invoices"]))
      expect(error).toMatchObject({ _tag: "InvalidScopeError", status: 400 })
      expect(asked).toStrictEqual([])
    }))
})

describe("what isn't the mediator's own refusal", () => {
  const refusal = { _tag: "InvalidScopeError", retryable: false, message: "No." }
  it.scoped.each<[string, MockHttpClient.Answer, string]>([
    ["a proxy's 502", { status: 502, body: "<html>Bad Gateway" }, "ServiceUnavailableError"],
    ["a proxy's 429", { status: 429, body: "slow down" }, "RateLimitedError"],
    ["no mediator there", { status: 404, body: "not found" }, "UnexpectedResponseError"],
    ["a login page", { status: 302, headers: { location: "https://login.example/" } }, "UnexpectedResponseError"],
    ["a server's 401", { status: 401 }, "InvalidClientError"],
    ["no answer at all", Effect.succeed(Response.error()), "TokenTransportError"],
    ["a page in place of a token", { status: 200, body: "<html>" }, "UnexpectedResponseError"],
    ["a tag that no one knows", { status: 400, body: { ...refusal, _tag: "Other" } }, "InvalidRequestError"],
    ["a message that is none", { status: 400, body: { ...refusal, message: "\u001b[2J" } }, "InvalidRequestError"],
    [
      "a message that is too long",
      { status: 400, body: { ...refusal, message: "a".repeat(257) } },
      "InvalidRequestError"
    ],
    ["a refusal that isn't refused", { status: 200, body: refusal }, "UnexpectedResponseError"],
    ["a refusal", { status: 400, body: refusal }, "InvalidScopeError"]
  ])("%s", ([, answer, _tag]) =>
    Effect.gen(function*() {
      const { requestToken } = yield* TokenMediator.make({ mediatorUrl, retry: RetryPolicy.none })
      const error = yield* Effect.flip(requestToken(["a"]))
      expect(error).toMatchObject({ _tag, attempts: 1 })
      expect(linesShowing("\u001b[2J", error)).toStrictEqual([])
    }).pipe(Effect.provide(MockHttpClient.layerHandler(() => answer))))
})

it.scoped("E3: a client that follows redirects by itself is found out", () =>
  Effect.gen(function*() {
    const client = HttpClient.followRedirects(yield* HttpClient.HttpClient)
    const { requestToken } = yield* TokenMediator.make({ mediatorUrl }).pipe(
      Effect.provideService(HttpClient.HttpClient, client)
    )
    const error = yield* Effect.flip(requestToken(["a"]))
    expect(error).toMatchObject({ _tag: "UnexpectedResponseError", problem: "the HTTP client went on to elsewhere" })
  }).pipe(Effect.provide(MockHttpClient.layer(
    { answer: { status: 307, headers: { location: "https://evil.example/" } } },
    { answer: { body: { access_token: "abc", token_type: "Bearer", expires_in: "60", scope: "a" } } }
  ))))

describe("E6, E7", () => {
  it.scoped("a proxy's Retry-After is a floor, too", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* TokenMediator.make({ mediatorUrl })
      const error = yield* Effect.flip(requestToken(["a"]))
      expect(error).toMatchObject({ _tag: "ServiceUnavailableError", retryAfter: Duration.seconds(60) })
    }).pipe(Effect.provide(MockHttpClient.layer({ answer: { status: 503, headers: { "retry-after": "60" } } }))))

  it.scoped("what is retryable is tried again, and not before Retry-After", () =>
    Effect.gen(function*() {
      const failing = new TokenError.ServiceUnavailableError({
        status: 503,
        attempts: 4,
        retryAfter: Duration.seconds(5)
      })
      const { asked, requestToken } = yield* page((n, scopes) => n === 0 ? Effect.fail(failing) : jwt(n, scopes))
      const fiber = yield* Effect.fork(requestToken(["user_info"]))
      yield* TestClock.adjust("4999 millis")
      expect(asked.length).toBe(1)
      yield* TestClock.adjust("1 millis")
      expect((yield* Fiber.join(fiber)).scopes).toStrictEqual(["user_info"])
      expect(asked.length).toBe(2)
    }))

  it.scoped("a mediator that doesn't answer is a TokenTimeoutError", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* page(() => Effect.never, { attemptTimeout: "2 seconds", retry: RetryPolicy.none })
      const fiber = yield* Effect.fork(Effect.flip(requestToken(["user_info"])))
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TokenTimeoutError", tokenUrl: mediatorUrl, attempts: 1 })
    }))
})

describe("E9", () => {
  const narrow = (n: number) => jwt(n, ["user_info"])
  const authorize = () => Effect.succeed(["user_info", "read_kycs"])

  it.scoped("onNarrowedScope: \"fail\"", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* page(narrow, { onNarrowedScope: "fail" }, { authorize })
      const error = yield* Effect.flip(requestToken(["user_info", "read_kycs"]))
      expect(error).toMatchObject({ _tag: "InvalidScopeError", status: 200, serverMessage: "not granted: read_kycs" })
    }))
})
