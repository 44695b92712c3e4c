import { RetryPolicy, TokenEndpoint, TokenError, TokenMediator, TokenSource } from "@effect-tilia/core"
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import { leakProbe, linesShowing, MockHttpClient, TestAccessToken } from "@effect-tilia/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
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
      Effect.provideServiceEffect(HttpClient.HttpClient, browser(app))
    )
    return { asked, ...endpoint, layer: Layer.succeed(TokenEndpoint.TokenEndpoint, endpoint) }
  })

describe("TokenMediator.make and its requestToken", () => {
  it.scoped("the page counts the remaining lifetime of the server's token from before its own request", () =>
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

  it.scoped("a page that names a rejected token gets a new one, as far as the server's source allows", () =>
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

  it.scoped("the page sends its scopes and the fingerprint of a rejected token, but no token and no secret", () =>
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

  it.scoped("the page completes a mediatorUrl that is a path with its own origin", () =>
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

  it.effect("TokenMediator.layer provides a token endpoint", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* TokenEndpoint.TokenEndpoint
      expect(text(yield* requestToken(["a"]))).toBe("abc")
    }).pipe(
      Effect.provide(TokenMediator.layer({ mediatorUrl })),
      Effect.provide(
        MockHttpClient.layer({
          reply: { body: { access_token: "abc", token_type: "Bearer", expires_in: "60", scope: "a" } }
        })
      )
    ))

  it.scoped("a mediatorUrl that is a path is an InvalidInputError where a path has no origin (B3)", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* TokenMediator.make({ mediatorUrl: "/tilia/token" })
      // Without time on the test's clock nothing could be tried again.
      expect(yield* Effect.flip(requestToken(["a"]))).toMatchObject({
        _tag: "InvalidInputError",
        setting: "mediatorUrl",
        expected: "a whole URL, since a path has no origin here"
      })
    }).pipe(Effect.provide(MockHttpClient.layer())))
})

describe("Options of TokenMediator.make", () => {
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
    "TokenMediator.make accepts the mediatorUrl \"%s\" (row 62)",
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
  ])("TokenMediator.make refuses the mediatorUrl \"%s\" (row 62)", (url) =>
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
    ["maxAttempts", { retry: { maxAttempts: 0 } }],
    ["principal", { principal: "" }],
    ["principal", { principal: "a".repeat(257) }]
  ])("TokenMediator.make refuses a bad %s (rows 62 and 64)", ([setting, options]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Effect.provide(TokenMediator.make({ mediatorUrl, ...options }), MockHttpClient.layer())
      )
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
    }))
})

describe("Wire schemas of the mediator", () => {
  const { Refusal, Request } = TokenMediator

  it.each<[string, unknown, unknown]>([
    ["scopes", { scopes: ["b", "a", "b"] }, { scopes: ["b", "a"] }],
    ["scopes and the page's user", { scopes: ["a"], principal: "é" }, { scopes: ["a"], principal: "é" }],
    ["scopes and the hash of a rejected token", { scopes: ["a"], rejected: 7 }, { scopes: ["a"], rejected: 7 }]
  ])("the schema of a page's request decodes %s", (_, json, request) => {
    expect(Schema.decodeUnknownEither(Request)(json)).toStrictEqual(Either.right(request))
  })

  it.each<[string, unknown]>([
    ["an empty list of scopes", { scopes: [] }],
    ["a text in place of scopes", { scopes: "swordfish" }],
    ["a token in place of its hash", { scopes: ["a"], rejected: "swordfish" }],
    ["a fraction in place of a hash", { scopes: ["a"], rejected: 0.5 }],
    ["an empty principal", { scopes: ["swordfish"], principal: "" }],
    ["a principal that is too long", { scopes: ["a"], principal: "swordfish".repeat(50) }],
    ["a principal that is not a text", { scopes: ["a"], principal: ["swordfish"] }],
    ["null in place of a record", null]
  ])("the schema of a page's request refuses %s and does not show it (E8)", (_, json) => {
    const error = Either.getOrThrow(Either.flip(Schema.decodeUnknownEither(Request)(json)))
    expect(error.message).toBe(
      "must be a request to a mediator: scopes, an array, and perhaps principal and rejected; the value is not shown"
    )
    expect(linesShowing("swordfish", error)).toStrictEqual([])
  })

  const refusal = { _tag: "RateLimitedError", retryable: true, message: "No." } as const
  const waits = (retryAfter: unknown) => Schema.decodeUnknownEither(Refusal)({ ...refusal, retryAfter })

  it.each([[0, 0], [1, 1], [1000, 1], [1001, 2], [86_400_000, 86_400], [172_800_000, 86_400]])(
    "a wait of %i ms is sent as %i s, rounded up and a day at most",
    (millis, retryAfter) => {
      expect(Schema.encodeSync(Refusal)({ ...refusal, retryAfter: Duration.millis(millis) })).toStrictEqual(
        { ...refusal, retryAfter }
      )
      expect(waits(retryAfter)).toStrictEqual(
        Either.right({ ...refusal, retryAfter: Duration.seconds(retryAfter) })
      )
    }
  )

  it.each([-1, 86_401, 0.5, "7", null])("the schema of a refusal refuses a wait of %j", (retryAfter) => {
    expect(waits(retryAfter)).toMatchObject({ _tag: "Left" })
  })

  it.each([
    [true, "printable ASCII characters", " ~"],
    [true, "256 characters", "x".repeat(256)],
    [false, "257 characters", "x".repeat(257)],
    [false, "no characters", ""],
    [false, "a newline", "No.\n"],
    [false, "DEL", "No.\u007f"],
    [false, "a terminal escape", "\u001b[2JNo."]
  ])("it is %s that the message of a refusal may have %s", (accepted, _, message) => {
    expect(Schema.is(Refusal)({ ...refusal, message })).toBe(accepted)
  })
})

describe("Errors that a page receives", () => {
  const words = "the vendor's own words"
  const said = { status: 400, code: words, serverMessage: words, attempts: 4 }
  const tokenUrl = "https://auth.example/token"
  const retryAfter = Duration.seconds(90)

  it.scoped.each<[string, TokenError.TokenError]>([
    ["InvalidInputError", new TokenError.InvalidInputError({ setting: "x", expected: words })],
    ["CredentialsError", new TokenError.CredentialsError({ message: words, retryable: false })],
    ["a retryable CredentialsError", new TokenError.CredentialsError({ message: words, retryable: true })],
    ["InvalidRequestError", new TokenError.InvalidRequestError(said)],
    ["InvalidClientError", new TokenError.InvalidClientError(said)],
    ["InvalidScopeError", new TokenError.InvalidScopeError(said)],
    ["RateLimitedError", new TokenError.RateLimitedError({ ...said, retryAfter })],
    ["ServiceUnavailableError", new TokenError.ServiceUnavailableError({ ...said, retryAfter })],
    ["UnexpectedResponseError", new TokenError.UnexpectedResponseError({ ...said, tokenUrl, problem: words })],
    ["TokenTransportError", new TokenError.TokenTransportError({ reason: "Refused", tokenUrl, attempts: 4 })],
    ["a TokenTransportError of TLS", new TokenError.TokenTransportError({ reason: "Tls", tokenUrl, attempts: 4 })],
    ["TokenTimeoutError", new TokenError.TokenTimeoutError({ tokenUrl, attempts: 4 })]
  ])("a page receives %s as itself, without the vendor's words", ([, sent]) =>
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
    "a page receives the %i of authorize as an InvalidClientError with the code %s",
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

  it.scoped("a page that asks for more scopes than granted receives an InvalidScopeError", () =>
    Effect.gen(function*() {
      const { asked, requestToken } = yield* page(jwt)
      const error = yield* Effect.flip(requestToken(["user_info", "write_invoices"]))
      expect(error).toMatchObject({ _tag: "InvalidScopeError", status: 400 })
      expect(asked).toStrictEqual([])
    }))
})

describe("Pages that are refused for what they are", () => {
  /** A session that another tab can change, and the scopes of each user. */
  const session = () => {
    const scopesOf = new Map([["alice", ["user_info"]], ["bob", ["user_info", "write_invoices"]]])
    const tabs = { user: "alice" }
    return {
      logIn: (user: string) => {
        tabs.user = user
      },
      authorize: () => Effect.succeed({ principal: tabs.user, scopes: scopesOf.get(tabs.user) ?? [] })
    }
  }

  it.scoped("a page gets no token of a user who has logged in in another tab (M2, row 142)", () =>
    Effect.gen(function*() {
      const { authorize, logIn } = session()
      const { asked, layer, requestToken } = yield* page(jwt, { principal: "alice" }, { authorize })
      const tab = yield* TokenSource.make({ scopes: ["user_info"] }).pipe(Effect.provide(layer))
      const first = yield* tab.get
      logIn("bob")
      const error = yield* Effect.flip(requestToken(["user_info"]))
      expect(error).toMatchObject({ _tag: "InvalidClientError", status: 403, code: "access_denied", attempts: 1 })
      expect(error.message).toContain("Another user is logged in")
      // The tab keeps its user's token until it expires, and adopts no other.
      yield* TestClock.adjust("59 minutes")
      expect(Option.map(tab.peek(), text)).toStrictEqual(Option.some(text(first)))
      yield* TestClock.adjust("2 minutes")
      expect(yield* Effect.flip(tab.get)).toMatchObject({ _tag: "InvalidClientError", code: "access_denied" })
      expect(new Set(asked.flat())).toStrictEqual(new Set(["user_info"])) // and none with Bob's scopes
      logIn("alice")
      yield* TestClock.adjust("5 minutes")
      expect((yield* tab.get).scopes).toStrictEqual(["user_info"])
    }))

  it.scoped("authorize can compare the page's principal by itself (M2)", () =>
    Effect.gen(function*() {
      const seen: Array<string | undefined> = []
      const authorize = ({ principal }: TokenMediatorServer.PageRequest) => {
        seen.push(principal)
        return principal === "bob" ? Effect.succeed(["user_info"]) : TokenMediatorServer.forbidden
      }
      const outcome = (options: Partial<TokenMediator.Options>) =>
        Effect.flatMap(page(jwt, options, { authorize }), ({ requestToken }) =>
          Effect.match(requestToken(["user_info"]), {
            onFailure: ({ _tag }) =>
              _tag,
            onSuccess: () => "granted"
          }))
      expect(yield* outcome({ principal: "bob" })).toBe("granted")
      expect(yield* outcome({ principal: "alice" })).toBe("InvalidClientError")
      expect(yield* outcome({})).toBe("InvalidClientError")
      expect(seen).toStrictEqual(["bob", "alice", undefined])
    }))

  it.scoped("a page that names no user gets the token of the session (M2)", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* page(jwt, {}, { authorize: session().authorize })
      expect((yield* requestToken(["user_info"])).scopes).toStrictEqual(["user_info"])
    }))

  it.scoped("a page of another origin than the mediator's option learns that, and does not ask again (B3)", () =>
    Effect.gen(function*() {
      const { asked, requestToken } = yield* page(jwt, {}, { origin: "https://www.shop.example" })
      const error = yield* Effect.flip(requestToken(["user_info"]))
      expect(error).toMatchObject({ _tag: "InvalidRequestError", status: 403, code: "wrong_origin", attempts: 1 })
      expect(error.message).toMatch(/`origin` must be the origin of this page/)
      expect(asked).toStrictEqual([])
    }))

  it.scoped("the server's own refused secret does not tell a page that its user must log in (M6)", () =>
    Effect.gen(function*() {
      const refused = new TokenError.InvalidClientError({ status: 401, attempts: 1, code: "invalid_client" })
      for (const [answer, authorize] of [[() => refused, undefined], [jwt, () => refused]] as const) {
        const { requestToken } = yield* page(answer, {}, authorize && { authorize })
        const error = yield* Effect.flip(requestToken(["user_info"])).pipe(
          Effect.provide(Logger.remove(Logger.defaultLogger))
        )
        expect(error).toMatchObject({ _tag: "InvalidClientError", status: 500 })
        expect("code" in error ? error.code : undefined).toBeUndefined()
      }
    }))
})

describe("Responses that the page turns into errors", () => {
  const refusal = { _tag: "InvalidScopeError", retryable: false, message: "No." }
  it.scoped.each<[string, MockHttpClient.Reply, string]>([
    ["a proxy's 502", { status: 502, body: "<html>Bad Gateway" }, "ServiceUnavailableError"],
    ["a proxy's 429", { status: 429, body: "slow down" }, "RateLimitedError"],
    ["a 404 without a mediator", { status: 404, body: "not found" }, "UnexpectedResponseError"],
    [
      "a redirect to a login page",
      { status: 302, headers: { location: "https://login.example/" } },
      "UnexpectedResponseError"
    ],
    ["a server's 401", { status: 401 }, "InvalidClientError"],
    ["no response at all", Effect.succeed(Response.error()), "TokenTransportError"],
    ["HTML in place of a token", { status: 200, body: "<html>" }, "UnexpectedResponseError"],
    ["a refusal with an unknown tag", { status: 400, body: { ...refusal, _tag: "Other" } }, "InvalidRequestError"],
    [
      "a refusal with an unprintable message",
      { status: 400, body: { ...refusal, message: "\u001b[2J" } },
      "InvalidRequestError"
    ],
    [
      "a refusal with a message that is too long",
      { status: 400, body: { ...refusal, message: "a".repeat(257) } },
      "InvalidRequestError"
    ],
    ["a refusal with status 200", { status: 200, body: refusal }, "UnexpectedResponseError"],
    ["a refusal of the mediator", { status: 400, body: refusal }, "InvalidScopeError"]
  ])("the page fails with the error that belongs to %s", ([, answer, _tag]) =>
    Effect.gen(function*() {
      const { requestToken } = yield* TokenMediator.make({ mediatorUrl, retry: RetryPolicy.none })
      const error = yield* Effect.flip(requestToken(["a"]))
      expect(error).toMatchObject({ _tag, attempts: 1 })
      expect(linesShowing("\u001b[2J", error)).toStrictEqual([])
    }).pipe(Effect.provide(MockHttpClient.layerHandler(() => answer))))
})

it.scoped("the page detects a client that follows redirects by itself (E3)", () =>
  Effect.gen(function*() {
    const client = HttpClient.followRedirects(yield* HttpClient.HttpClient)
    const { requestToken } = yield* TokenMediator.make({ mediatorUrl }).pipe(
      Effect.provideService(HttpClient.HttpClient, client)
    )
    const error = yield* Effect.flip(requestToken(["a"]))
    expect(error).toMatchObject({ _tag: "UnexpectedResponseError", problem: "the HTTP client went on to elsewhere" })
  }).pipe(Effect.provide(MockHttpClient.layer(
    { reply: { status: 307, headers: { location: "https://evil.example/" } } },
    { reply: { body: { access_token: "abc", token_type: "Bearer", expires_in: "60", scope: "a" } } }
  ))))

describe("Time limits and retries of the page (E6, E7)", () => {
  it.scoped("the page does not begin a wait of a proxy's Retry-After that exceeds the budget (E6, E7)", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* TokenMediator.make({ mediatorUrl })
      const error = yield* Effect.flip(requestToken(["a"]))
      expect(error).toMatchObject({ _tag: "ServiceUnavailableError", retryAfter: Duration.seconds(60) })
    }).pipe(Effect.provide(MockHttpClient.layer({ reply: { status: 503, headers: { "retry-after": "60" } } }))))

  it.scoped("the page tries again after a retryable error, but not before Retry-After (E6, E7)", () =>
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

  it.scoped("a mediator that sends no response causes a TokenTimeoutError (E6, E7)", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* page(() => Effect.never, { attemptTimeout: "2 seconds", retry: RetryPolicy.none })
      const fiber = yield* Effect.fork(Effect.flip(requestToken(["user_info"])))
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TokenTimeoutError", tokenUrl: mediatorUrl, attempts: 1 })
    }))
})

describe("Narrowed scopes (E9)", () => {
  const narrow = (n: number) => jwt(n, ["user_info"])
  const authorize = () => Effect.succeed(["user_info", "read_kycs"])

  it.scoped("with onNarrowedScope \"fail\", fewer scopes than requested are an InvalidScopeError (E9)", () =>
    Effect.gen(function*() {
      const { requestToken } = yield* page(narrow, { onNarrowedScope: "fail" }, { authorize })
      const error = yield* Effect.flip(requestToken(["user_info", "read_kycs"]))
      expect(error).toMatchObject({ _tag: "InvalidScopeError", status: 200, serverMessage: "not granted: read_kycs" })
    }))
})

describe("TokenMediator.layerConfig", () => {
  const configured = (url: string) =>
    Effect.flatMap(TokenEndpoint.TokenEndpoint, ({ requestToken }) => requestToken(["a"])).pipe(
      Effect.provide(TokenMediator.layerConfig({ mediatorUrl: Config.string("MEDIATOR_URL") })),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["MEDIATOR_URL", url]])))
    )
  const grant = { access_token: "abc", token_type: "Bearer", expires_in: "60", scope: "a" }

  it.effect("the mediator's URL comes from the configuration", () =>
    Effect.gen(function*() {
      const { scopes } = yield* configured(mediatorUrl)
      expect(scopes).toStrictEqual(["a"])
    }).pipe(Effect.provide(MockHttpClient.layer({ method: "POST", url: mediatorUrl, reply: { body: grant } }))))

  it.effect("a URL of the configuration that is not safe is a ConfigError that names the setting (F4)", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(configured("http://swordfish.example"))
      expect(error).toMatchObject({ _op: "InvalidData", path: ["MEDIATOR_URL"] })
      expect(linesShowing("swordfish", error)).toStrictEqual([])
    }).pipe(Effect.provide(MockHttpClient.layer())))
})
