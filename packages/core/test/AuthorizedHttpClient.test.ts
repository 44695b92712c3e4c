import { AccessToken, AuthorizedHttpClient, Environment, TokenError, TokenSource } from "@effect-tilia/core"
import { leakProbe, linesShowing, MockHttpClient, TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import * as Headers from "@effect/platform/Headers"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import type * as HttpApiError from "@effect/platform/HttpApiError"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, expectTypeOf, it, vi } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { identity } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import type { ParseError } from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { scripted } from "./support/scripted.js"
import { recordingSpans } from "./support/spans.js"

const { after, fail, succeed } = TestTokenEndpoint
const { text } = TestAccessToken

const origin = "https://accounts.tilia-inc.com"
const url = `${origin}/v1/things`
const apiOrigins = Environment.production.apiOrigins

/** An API that answers as it is told, and a real source over a scripted endpoint. */
const setUp = Effect.fnUntraced(function*(
  handle: MockHttpClient.Handler,
  tokens: TestTokenEndpoint.Script = [succeed()]
) {
  const { calls, source: makeSource } = yield* scripted(...tokens)
  const source = yield* makeSource()
  return { source, tokenRequests: calls, ...(yield* MockHttpClient.make(handle)) }
})

const authorized = (
  { client, source }: { readonly client: HttpClient.HttpClient; readonly source: TokenSource.TokenSource },
  options: AuthorizedHttpClient.Options = {}
) => AuthorizedHttpClient.authorize(client, source, { apiOrigins, ...options })

const bearers = (received: ReadonlyArray<MockHttpClient.Received>) =>
  received.map(({ headers }) => headers["authorization"])

/** What the caller's headers became, without what signing and tracing add. */
const ownHeaders = ({ headers }: MockHttpClient.Received) => Struct.omit(headers, "authorization", "b3", "traceparent")

/** 401 to the tokens before the n-th. */
const refusingBefore = (n: number) => ({ headers }: MockHttpClient.Received, sent: number) => ({
  status: Number(/^Bearer token-(\d+)$/.exec(headers["authorization"] ?? "")?.[1]) < n ? 401 : 200,
  body: `answer ${sent}`
})

const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })

type Body = Pick<ReadableStreamDefaultController<Uint8Array>, "close" | "enqueue" | "error">

/** An answer whose body is made piece by piece, and how far it came. */
const bodied = (status: number, pull: (body: Body, pulls: number) => void) => {
  const body = { pulls: 0, isOver: false }
  const over = () => {
    body.isOver = true
  }
  const handle = () => {
    const source: UnderlyingDefaultSource<Uint8Array> = {
      cancel: over,
      pull: (controller) =>
        pull({
          close: () => {
            over()
            controller.close()
          },
          enqueue: (chunk) => controller.enqueue(chunk),
          error: (reason) => controller.error(reason)
        }, ++body.pulls)
    }
    return new Response(new ReadableStream(source, { highWaterMark: 0 }), { status })
  }
  return { body, handle }
}

/** Lets real time pass until this holds, but not for ever. */
const eventually = (condition: () => boolean) =>
  Effect.promise(async () => {
    for (let n = 0; n < 100 && !condition(); n++) await new Promise((resolve) => setImmediate(resolve))
  })

describe.concurrent("Origins that may receive the bearer (A1)", () => {
  describe.each([
    ["another origin", "https://other.example/v1", "https://other.example"],
    ["http:", "http://accounts.tilia-inc.com/v1", "http://accounts.tilia-inc.com"],
    [
      "a look-alike host",
      "https://accounts.tilia-inc.com.evil.example/v1",
      "https://accounts.tilia-inc.com.evil.example"
    ],
    ["a host below it", "https://evil.accounts.tilia-inc.com", "https://evil.accounts.tilia-inc.com"],
    ["the host above it", "https://tilia-inc.com", "https://tilia-inc.com"],
    ["a host with a final dot", "https://accounts.tilia-inc.com./", "https://accounts.tilia-inc.com."],
    ["a host in another's path", "https://evil.example/accounts.tilia-inc.com", "https://evil.example"],
    ["a host as another's user", "https://accounts.tilia-inc.com@evil.example/", "https://evil.example"],
    ["another port", "https://accounts.tilia-inc.com:8443/", "https://accounts.tilia-inc.com:8443"],
    ["another environment", "https://accounts.staging.tilia-inc.com", "https://accounts.staging.tilia-inc.com"],
    ["a user in the URL", "https://swordfish@accounts.tilia-inc.com/", origin],
    ["a user and a password in the URL", "https://user:swordfish@accounts.tilia-inc.com/", origin],
    ["a password alone", "https://:swordfish@accounts.tilia-inc.com/", origin],
    ["a blob of that origin", "blob:https://accounts.tilia-inc.com/x", origin],
    ["another scheme", "ftp://accounts.tilia-inc.com/", "ftp://accounts.tilia-inc.com"],
    ["a relative URL", "/v1/things", "what is no URL"],
    ["garbage", "https://", "what is no URL"]
  ])("%s", (_, target, shown) => {
    it.scoped(`a request to "${target}" fails before a token is requested (A1, row 93)`, () =>
      Effect.gen(function*() {
        const { received, tokenRequests, ...given } = yield* setUp(() => ({}))
        const error = yield* Effect.flip(authorized(given).get(target))
        expect(error).toMatchObject({ _tag: "ForbiddenOriginError", origin: shown, retryable: false })
        expect(linesShowing("swordfish", error)).toStrictEqual([])
        expect(received).toStrictEqual([])
        expect(tokenRequests).toStrictEqual([])
      }))
  })

  describe.each([
    ["http beyond loopback", "http://api.example"],
    ["http to a look-alike of loopback", "http://localhost.evil.example"],
    ["a user", "https://swordfish@api.example"],
    ["a password", "https://:swordfish@api.example"],
    ["a query", "https://api.example/?swordfish"],
    ["a fragment", "https://api.example/v1/#swordfish"],
    ["no scheme", "api.example"],
    ["every origin", "*"]
  ])("An entry of apiOrigins with %s", (what, listed) => {
    const apiOrigins = ["https://good.example", listed]

    it.scoped(`authorize refuses each request if apiOrigins has an entry with ${what} (A1, E2, row 93)`, () =>
      Effect.gen(function*() {
        const { client, received, source, tokenRequests } = yield* setUp(() => ({}))
        const authorized = AuthorizedHttpClient.authorize(client, source, { apiOrigins })
        for (const target of ["https://good.example/", `${listed}/v1`]) {
          const error = yield* Effect.flip(authorized.get(target))
          expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "apiOrigins" })
          expect(linesShowing("swordfish", error)).toStrictEqual([])
        }
        expect([received.length, tokenRequests.length]).toStrictEqual([0, 0])
      }))

    it.scoped(`the Layer refuses an environment made by hand that has an entry with ${what} (A1, E2)`, () =>
      Effect.gen(function*() {
        const { client, source } = yield* setUp(() => ({}))
        const error = yield* Effect.flip(
          AuthorizedHttpClient.make().pipe(
            Effect.provideService(HttpClient.HttpClient, client),
            Effect.provideService(TokenSource.TokenSource, source),
            Effect.provideService(Environment.Environment, { ...Environment.staging, apiOrigins })
          )
        )
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "apiOrigins" })
      }))
  })

  it.scoped.each([
    "https://api.example/",
    "HTTPS://API.Example",
    "https://api.example:443",
    new URL("https://api.example"),
    "https://api.example/v1",
    "https://api.example/v1/",
    "https://api.example/x/../v1"
  ])("authorize takes the entry %s in the form that a URL has (A1)", (listed) =>
    Effect.gen(function*() {
      const { client, received, source } = yield* setUp(() => ({}))
      const authorized = AuthorizedHttpClient.authorize(client, source, { apiOrigins: [listed] })
      yield* authorized.get("https://api.example/v1/things")
      expect(bearers(received)).toStrictEqual(["Bearer token-0"])
    }))

  it.scoped("the bearer starts a hosted flow on the vendor's authorization server, and goes nowhere else there (A1)", () =>
    Effect.gen(function*() {
      for (const { apiOrigins, authUrl, tokenUrl } of [Environment.production, Environment.staging]) {
        const { client, received, source } = yield* setUp(() => ({}))
        const authorized = AuthorizedHttpClient.authorize(client, source, { apiOrigins })
        yield* authorized.post(`${authUrl}/authorize/user`)
        expect(bearers(received)).toStrictEqual(["Bearer token-0"])
        for (const other of [tokenUrl, authUrl, `${authUrl}/authorizeX`, `${authUrl}/authorize/../token`]) {
          expect(yield* Effect.flip(authorized.post(other))).toMatchObject({
            _tag: "ForbiddenOriginError",
            origin: authUrl
          })
        }
        expect(received.length).toBe(1)
      }
    }))

  it.each([
    ["a listed origin", origin],
    ["every API of the environment", "https://wallets.tilia-inc.com/v2/wallet?a=b#c"],
    ["a URL in upper case", "HTTPS://ACCOUNTS.TILIA-INC.COM/"],
    ["an origin with its default port", "https://accounts.tilia-inc.com:443/"],
    ["loopback over http", "http://127.0.0.1:3000/"],
    ["a URL whose backslash counts as a slash", "https://accounts.tilia-inc.com\\@evil.example/"]
  ])("the client sends the bearer to %s (A1)", (_, target) =>
    Effect.gen(function*() {
      const { client, received, source } = yield* setUp(() => ({}))
      const options = { apiOrigins: [...apiOrigins, "http://127.0.0.1:3000"] }
      yield* AuthorizedHttpClient.authorize(client, source, options).get(target)
      expect(bearers(received)).toStrictEqual(["Bearer token-0"])
    }).pipe(Effect.scoped, Effect.runPromise))

  describe("The URL that the given client makes (A1)", () => {
    const prepending = (client: HttpClient.HttpClient, prefix: string) =>
      HttpClient.mapRequest(client, HttpClientRequest.prependUrl(prefix))

    it.scoped("a given client that changes the URL to another origin is refused (A1, row 93)", () =>
      Effect.gen(function*() {
        const { client, received, source, tokenRequests } = yield* setUp(() => ({}))
        const elsewhere = authorized({ client: prepending(client, "https://evil.example"), source })
        expect(yield* Effect.flip(elsewhere.get("/v1"))).toMatchObject({ origin: "https://evil.example" })

        const replacing = HttpClient.mapRequest(client, HttpClientRequest.setUrl("https://evil.example/v1"))
        expect(yield* Effect.flip(authorized({ client: replacing, source }).get(url))).toMatchObject({
          _tag: "ForbiddenOriginError",
          origin: "https://evil.example"
        })
        expect([received.length, tokenRequests.length]).toStrictEqual([0, 0])
      }))

    it.scoped("a relative URL receives the bearer with a listed origin put before it (A1)", () =>
      Effect.gen(function*() {
        const { client, received, source } = yield* setUp(() => ({}))
        yield* authorized({ client: prepending(client, origin), source }).get("/v1/things")
        yield* authorized({ client, source }).pipe(
          HttpClient.mapRequest(HttpClientRequest.prependUrl(origin)),
          (client) => client.get("/v1/things")
        )
        expect(received.map(({ url }) => url)).toStrictEqual([url, url])
        expect(bearers(received)).toStrictEqual(["Bearer token-0", "Bearer token-0"])
      }))
  })

  it("a ForbiddenOriginError says which origin is refused, and what to do (A1)", () => {
    expect(new AuthorizedHttpClient.ForbiddenOriginError({ origin: "https://x.example" }).message).toBe(
      "The access token isn't sent to https://x.example: use a plain HTTPS URL at one of apiOrigins, " +
        "or list this origin there, with or without a path."
    )
  })

  it.scoped("a Host header that names another host is refused, whoever sets it (A1, row 93)", () =>
    Effect.gen(function*() {
      const { client, received, source, tokenRequests } = yield* setUp(() => ({}))
      const setting = HttpClient.mapRequest(client, HttpClientRequest.setHeader("Host", "evil.example"))
      for (
        const call of [
          authorized({ client, source }).get(url, { headers: { host: "evil.example" } }),
          authorized({ client: setting, source }).get(url)
        ]
      ) {
        expect(yield* Effect.flip(call)).toMatchObject({ _tag: "ForbiddenOriginError", origin: "https://evil.example" })
      }
      expect([received.length, tokenRequests.length]).toStrictEqual([0, 0])
    }))

  it.scoped("authorize refuses each request if replay is none of its values (E2)", () =>
    Effect.gen(function*() {
      const { client, received, source } = yield* setUp(() => ({}))
      const replay = JSON.parse("\"off\"")
      const error = yield* Effect.flip(AuthorizedHttpClient.authorize(client, source, { apiOrigins, replay }).get(url))
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "replay" })
      expect(received).toStrictEqual([])
    }))

  it.scoped("the client sends no request with an empty list of origins (A1)", () =>
    Effect.gen(function*() {
      const { client, received, source } = yield* setUp(() => ({}))
      const error = yield* Effect.flip(AuthorizedHttpClient.authorize(client, source, { apiOrigins: [] }).get(url))
      expect(error).toMatchObject({ _tag: "ForbiddenOriginError", origin })
      expect(received).toStrictEqual([])
    }))
})

describe.concurrent("Replay after a 401 (A2)", () => {
  const withKey = HttpClientRequest.setHeader("Idempotency-Key", "key-1")
  const make = (method: HttpClientRequest.HttpClientRequest["method"]) => HttpClientRequest.make(method)(url)
  const form = new FormData()
  form.append("a", "b")
  const stream = () => Stream.make(new TextEncoder().encode("abc"))

  const methods = (["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"] as const).flatMap((method) => {
    const isIdempotent = method !== "POST" && method !== "PATCH"
    return [
      [method, make(method), undefined, isIdempotent],
      [`${method} with an Idempotency-Key`, withKey(make(method)), undefined, true],
      [`${method} with replay "always"`, make(method), "always", true],
      [`${method} with a key and replay "never"`, withKey(make(method)), "never", false]
    ] as const
  })
  const bodies = ([
    ["text", () => HttpBody.text("abc"), true],
    ["bytes", () => HttpBody.uint8Array(new Uint8Array([1, 2])), true],
    ["JSON", () => HttpBody.unsafeJson({ a: 1 }), true],
    ["a form", () => HttpBody.formData(form), true],
    ["a raw text", () => HttpBody.raw("abc"), true],
    ["raw form fields", () => HttpBody.raw(new URLSearchParams({ a: "b" })), true],
    ["a raw Blob", () => HttpBody.raw(new Blob(["a"])), true],
    ["a raw form", () => HttpBody.raw(form), true],
    ["a stream", () => HttpBody.stream(stream()), false],
    ["a raw stream", () => HttpBody.raw(new Blob(["abc"]).stream()), false],
    ["an unknown object", () => HttpBody.raw({ next: () => ({ done: true }) }), false]
  ] as const).flatMap(([what, body, isReadTwice]) =>
    [
      [`PUT with ${what}`, HttpClientRequest.setBody(make("PUT"), body()), undefined, isReadTwice],
      [`POST with a key and ${what}`, withKey(HttpClientRequest.setBody(make("POST"), body())), undefined, isReadTwice],
      [`POST with ${what}`, HttpClientRequest.setBody(make("POST"), body()), undefined, false],
      [`POST with ${what} and replay "always"`, HttpClientRequest.setBody(make("POST"), body()), "always", isReadTwice]
    ] as const
  )

  describe.each([...methods, ...bodies])("%s", (what, request, replay, isReplayed) => {
    it.scoped(
      isReplayed
        ? `the client replays ${what} after a 401 (A2, row 90)`
        : `the client returns the 401 of ${what} without a replay (A2, row 90)`,
      () =>
        Effect.gen(function*() {
          const { client, received, source, tokenRequests } = yield* setUp(refusingBefore(1))
          const bodies: Array<HttpBody.HttpBody> = []
          const noting = HttpClient.tapRequest(client, ({ body }) => Effect.sync(() => bodies.push(body)))
          const { status } = yield* authorized({ client: noting, source }, { replay }).execute(request)
          expect(bearers(received)).toStrictEqual(
            isReplayed ? ["Bearer token-0", "Bearer token-1"] : ["Bearer token-0"]
          )
          expect(status).toBe(isReplayed ? 200 : 401)
          expect(tokenRequests.length).toBe(isReplayed ? 2 : 1)
          for (const sent of received) {
            expect(ownHeaders(sent)).toStrictEqual({ ...request.headers })
            expect([sent.method, sent.url]).toStrictEqual([request.method, url])
          }
          expect(bodies.length).toBe(received.length)
          for (const body of bodies) expect(body).toBe(request.body)
          if (!isReplayed) expect(source.peek()).toStrictEqual(Option.none()) // S8: it was refused all the same
        })
    )
  })

  it.scoped("the caller can read the body of a 401 that is returned (A2, row 90)", () =>
    Effect.gen(function*() {
      const refused = yield* authorized(yield* setUp(refusingBefore(1))).post(url)
      expect([refused.status, yield* refused.text]).toStrictEqual([401, "answer 0"])
    }))

  it.scoped("a second 401 is returned as it is and causes no third token request (A2)", () =>
    Effect.gen(function*() {
      const { received, tokenRequests, ...given } = yield* setUp(refusingBefore(9))
      const refused = yield* authorized(given).get(url)
      expect([refused.status, yield* refused.text]).toStrictEqual([401, "answer 1"])
      expect(bearers(received)).toStrictEqual(["Bearer token-0", "Bearer token-1"])
      expect(tokenRequests.length).toBe(2)
    }))

  /** A source that yields these tokens in turn, the last one for ever, and what was invalidated. */
  const listing = (...texts: ReadonlyArray<string>) => {
    const invalidated: Array<string> = []
    let gets = 0
    const source: TokenSource.TokenSource = {
      get: Effect.suspend(() => TestAccessToken.make({ text: texts[Math.min(gets++, texts.length - 1)] ?? "" })),
      refresh: Effect.never,
      invalidate: (token) => Effect.sync(() => invalidated.push(text(token))),
      peek: Option.none,
      ready: Effect.void,
      changes: Stream.empty
    }
    return { invalidated, source }
  }

  it.effect("a second 401 invalidates the token that the replay was sent with (A2, S9)", () =>
    Effect.gen(function*() {
      const { invalidated, source } = listing("one", "two")
      const { client, received } = yield* MockHttpClient.make(() => ({ status: 401 }))
      expect((yield* authorized({ client, source }).get(url)).status).toBe(401)
      expect(bearers(received)).toStrictEqual(["Bearer one", "Bearer two"])
      expect(invalidated).toStrictEqual(["one", "two"])
    }))

  it.effect("a 401 invalidates the token that it was sent with, and a 200 after the replay invalidates none (A2)", () =>
    Effect.gen(function*() {
      const { invalidated, source } = listing("one", "two")
      const { client } = yield* MockHttpClient.make((_, n) => ({ status: n === 0 ? 401 : 200 }))
      expect((yield* authorized({ client, source }).get(url)).status).toBe(200)
      expect(invalidated).toStrictEqual(["one"])
    }))

  it.effect("a request that is not replayed is refused with its token invalidated all the same (A2)", () =>
    Effect.gen(function*() {
      const { invalidated, source } = listing("one", "two")
      const { client, received } = yield* MockHttpClient.make(() => ({ status: 401 }))
      expect((yield* authorized({ client, source }).post(url)).status).toBe(401)
      expect([invalidated, received.length]).toStrictEqual([["one"], 1])
    }))

  it.effect("a token with the same text is not tried once more, although it is another object (A2, S9)", () =>
    Effect.gen(function*() {
      const { invalidated, source } = listing("one", "one")
      const { client, received } = yield* MockHttpClient.make(() => ({ status: 401, body: "no" }))
      const refused = yield* authorized({ client, source }).get(url)
      expect([refused.status, yield* refused.text]).toStrictEqual([401, "no"])
      expect(received.length).toBe(1)
      expect(invalidated).toStrictEqual(["one"])
    }))

  it.effect("a token that was stored and decoded counts as the same token, whatever its lifetime (A2, S9)", () =>
    Effect.gen(function*() {
      const token = yield* TestAccessToken.make({ text: "one" })
      const stored = yield* Schema.encode(AccessToken.AccessToken)(token)
      const expiresAt = DateTime.formatIso(DateTime.add(token.expiresAt, { hours: 1 }))
      const decode = Schema.decode(AccessToken.AccessToken)
      for (const decoded of [yield* decode(stored), yield* decode({ ...stored, expiresAt })]) {
        const { source } = listing("one")
        const tokens = [token, decoded]
        const get = Effect.suspend(() => Effect.succeed(tokens.shift() ?? decoded))
        const { client, received } = yield* MockHttpClient.make(() => ({ status: 401, body: "no" }))
        const refused = yield* authorized({ client, source: { ...source, get } }).get(url)
        expect([refused.status, yield* refused.text, received.length]).toStrictEqual([401, "no", 1])
      }
    }))

  it.effect("each request carries the token that the source yields at that moment (A2)", () =>
    Effect.gen(function*() {
      const { source } = listing("one", "two", "three")
      const { client, received } = yield* MockHttpClient.make(() => ({}))
      const calling = authorized({ client, source })
      for (let n = 0; n < 3; n++) yield* calling.get(url)
      expect(bearers(received)).toStrictEqual(["Bearer one", "Bearer two", "Bearer three"])
    }))

  it.scoped("a 401 within the interval is returned without a replay, and the token stays (A2, S9, row 78)", () =>
    Effect.gen(function*() {
      const { received, tokenRequests, ...given } = yield* setUp(refusingBefore(9))
      const client = authorized(given)
      yield* client.get(url)
      const refused = yield* client.get(url)
      expect([refused.status, yield* refused.text]).toStrictEqual([401, "answer 2"])
      expect(bearers(received).slice(2)).toStrictEqual(["Bearer token-1"])
      expect(tokenRequests.length).toBe(2)
      expect(Option.map(given.source.peek(), text)).toStrictEqual(Option.some("token-1"))

      yield* TestClock.adjust("1 minute")
      yield* client.get(url)
      expect(bearers(received).slice(3)).toStrictEqual(["Bearer token-1", "Bearer token-2"])
      expect(tokenRequests.length).toBe(3)
    }))

  describe("A 401 that the given client made an error (A2)", () => {
    const strict = <A extends { readonly client: HttpClient.HttpClient }>(given: A): A => ({
      ...given,
      client: HttpClient.filterStatusOk(given.client)
    })

    it.scoped("the client replays a request whose 401 is a ResponseError of the given client (A2)", () =>
      Effect.gen(function*() {
        const { received, ...given } = yield* setUp(refusingBefore(1))
        const { status } = yield* authorized(strict(given)).get(url)
        expect(status).toBe(200)
        expect(bearers(received)).toStrictEqual(["Bearer token-0", "Bearer token-1"])
      }))

    it.scoped("the ResponseError of a 401 is returned as it is without a replay and after a second 401 (A2)", () =>
      Effect.gen(function*() {
        const { received, ...given } = yield* setUp(refusingBefore(9))
        const client = authorized(strict(given))
        for (const [call, last] of [[client.get(url), 1], [client.post(url), 2]] as const) {
          const error = yield* Effect.flip(call)
          expect(error).toMatchObject({ _tag: "ResponseError", reason: "StatusCode", response: { status: 401 } })
          if (error._tag !== "ResponseError") return
          expect(yield* error.response.text).toBe(`answer ${last}`)
        }
        expect(received.length).toBe(3)
      }))

    it.scoped("a ResponseError with status 500 causes no replay, and the token stays (A2)", () =>
      Effect.gen(function*() {
        const { received, ...given } = yield* setUp(() => ({ status: 500 }))
        const error = yield* Effect.flip(authorized(strict(given)).get(url))
        expect(error).toMatchObject({ _tag: "ResponseError", response: { status: 500 } })
        expect(received.length).toBe(1)
        expect(Option.isSome(given.source.peek())).toBe(true)
      }))
  })

  describe.each([
    [403, "insufficient_scope"],
    [400, "invalid_request"],
    [407, "proxy"],
    [302, "elsewhere"],
    [503, "later"]
  ])("%d %s", (status, error) => {
    it.scoped(
      status === 403
        ? "a 403 is returned without a replay, and the token stays (A2, row 92)"
        : `a ${status} is returned without a replay, and the token stays (A2)`,
      () =>
        Effect.gen(function*() {
          const headers = { "www-authenticate": `Bearer error="${error}"` }
          const { received, tokenRequests, ...given } = yield* setUp(() => ({ status, body: error, headers }))
          const response = yield* authorized(given).get(url)
          expect([response.status, yield* response.text]).toStrictEqual([status, error])
          expect(response.headers["www-authenticate"]).toBe(headers["www-authenticate"])
          expect([received.length, tokenRequests.length]).toStrictEqual([1, 1])
          expect(Option.map(given.source.peek(), text)).toStrictEqual(Option.some("token-0"))
        })
    )
  })

  describe("Calls without a token (A2)", () => {
    it.scoped("a call without a token fails with the source's error and sends no request (A2)", () =>
      Effect.gen(function*() {
        const { received, ...given } = yield* setUp(() => ({}), [fail(unavailable)])
        expect(yield* Effect.flip(authorized(given).get(url))).toMatchObject({ ...unavailable })
        expect(received).toStrictEqual([])
      }))

    it.scoped("a call without a new token for its replay fails with the source's error and drains the 401 (A2)", () =>
      Effect.gen(function*() {
        const { body, handle } = bodied(401, (controller) => controller.close())
        const { received, ...given } = yield* setUp(handle, [succeed(), fail(unavailable)])
        expect(yield* Effect.flip(authorized(given).get(url))).toMatchObject({ ...unavailable })
        expect(received.length).toBe(1)
        yield* eventually(() => body.isOver)
        expect(body.isOver).toBe(true)
      }))
  })

  describe("The body of a 401 (A2)", () => {
    /** Refuses with this body, and notes how it stood when the request came again. */
    const replayedAfter = Effect.fnUntraced(function*(
      pull: (body: Body, pulls: number) => void,
      given: (client: HttpClient.HttpClient) => HttpClient.HttpClient = (client) => client
    ) {
      const { body, handle } = bodied(401, pull)
      const seen: Array<typeof body> = []
      const { client, source } = yield* setUp((_, n) => {
        if (n === 0) return handle()
        seen.push({ ...body })
        return {}
      })
      return { call: authorized({ client: given(client), source }).get(url), body, seen }
    })

    it.scoped("the client reads the body of a 401 to its end beside the replay (A2)", () =>
      Effect.gen(function*() {
        const { body, call, seen } = yield* replayedAfter((controller, pulls) =>
          pulls === 4 ? controller.close() : controller.enqueue(new Uint8Array(1024))
        )
        expect((yield* call).status).toBe(200)
        expect(seen.length).toBe(1)
        yield* eventually(() => body.isOver)
        expect(body).toStrictEqual({ pulls: 4, isOver: true })
      }))

    it.scoped("the client stops reading the body of a 401 after 64 KiB (A2)", () =>
      Effect.gen(function*() {
        const { body, call } = yield* replayedAfter((controller) => controller.enqueue(new Uint8Array(16 * 1024)))
        expect((yield* call).status).toBe(200)
        yield* eventually(() => body.isOver)
        expect(body).toStrictEqual({ pulls: 4, isOver: true })
      }))

    it.scoped("a body of a 401 that stalls delays no replay, and is cancelled after a second (A2, row 131)", () =>
      Effect.gen(function*() {
        const { body, call, seen } = yield* replayedAfter(() => undefined)
        expect((yield* call).status).toBe(200)
        expect(seen.length).toBe(1)
        yield* eventually(() => body.pulls > 0)
        yield* TestClock.adjust("999 millis")
        yield* eventually(() => body.isOver)
        expect(body).toStrictEqual({ pulls: 1, isOver: false })
        yield* TestClock.adjust("1 millis")
        yield* eventually(() => body.isOver)
        expect(body).toStrictEqual({ pulls: 1, isOver: true })
      }))

    it.scoped("the body of a 401 is read while the new token is awaited (A2, row 131)", () =>
      Effect.gen(function*() {
        const { body, handle } = bodied(401, (_) => _.close())
        const given = yield* setUp((_, n) => n === 0 ? handle() : {}, [succeed(), after("1 second", succeed())])
        const fiber = yield* Effect.fork(authorized(given).get(url))
        yield* eventually(() => body.isOver)
        expect([body.isOver, given.received.length]).toStrictEqual([true, 1])
        yield* TestClock.adjust("1 second")
        expect((yield* Fiber.join(fiber)).status).toBe(200)
      }))

    /** A source that is asked for its second token, or told of a 401, in this way. */
    const sourceWith = (ways: Partial<TokenSource.TokenSource>) => ({ ...listing("one", "two").source, ...ways })

    it.scoped.each<readonly [string, TokenSource.TokenSource]>([
      [
        "while it waits for a token",
        (() => {
          const { source } = listing("one")
          let gets = 0
          return sourceWith({ get: Effect.suspend(() => gets++ === 0 ? source.get : Effect.never) })
        })()
      ],
      ["while the source hears of the 401", sourceWith({ invalidate: () => Effect.never })]
    ])(
      "the body of a 401 is read to its end if the caller is interrupted %s (A2, row 131)",
      ([, source]) =>
        Effect.gen(function*() {
          const { body, handle } = bodied(401, (_, pulls) => pulls === 2 ? _.close() : _.enqueue(new Uint8Array(1)))
          const { client, received } = yield* MockHttpClient.make(handle)
          const fiber = yield* Effect.fork(authorized({ client, source }).get(url))
          while (received.length === 0) yield* eventually(() => received.length === 1)
          yield* eventually(() => false)
          yield* Fiber.interrupt(fiber)
          yield* eventually(() => body.isOver)
          expect(body).toStrictEqual({ pulls: 2, isOver: true })
          expect(received.length).toBe(1)
        })
    )

    it.scoped.each([0, 1])(
      "the body of 401 number %d is read to its end if the source dies of it (A2)",
      (at) =>
        Effect.gen(function*() {
          const bodies = [bodied(401, (_) => _.close()), bodied(401, (_) => _.close())]
          const { client } = yield* MockHttpClient.make((_, n) => bodies[n]?.handle() ?? {})
          let refusals = 0
          const source = sourceWith({ invalidate: () => refusals++ === at ? Effect.die("no") : Effect.void })
          const exit = yield* Effect.exit(authorized({ client, source }).get(url))
          expect(exit).toStrictEqual(Exit.die("no"))
          yield* eventually(() => bodies[at]?.body.isOver === true)
          expect(bodies[at]?.body.isOver).toBe(true)
        })
    )

    it.scoped("after a wait for the same token the request is sent again, since the first body is read (A2)", () =>
      Effect.gen(function*() {
        const { source } = listing("one")
        let gets = 0
        const waiting = sourceWith({
          get: Effect.suspend(() => gets++ === 1 ? Effect.delay(source.get, "1 second") : source.get)
        })
        const { client, received } = yield* MockHttpClient.make((_, n) => ({ status: 401, body: `answer ${n}` }))
        const fiber = yield* Effect.fork(authorized({ client, source: waiting }).get(url))
        while (gets < 2) yield* eventually(() => gets === 2)
        yield* TestClock.adjust("1 second")
        const refused = yield* Fiber.join(fiber)
        expect([refused.status, yield* refused.text, received.length]).toStrictEqual([401, "answer 1", 2])
      }))

    it.scoped("the client replays although the body of the 401 breaks off (A2)", () =>
      Effect.gen(function*() {
        const { call, seen } = yield* replayedAfter((controller) => controller.error(new Error("reset")))
        expect((yield* call).status).toBe(200)
        expect(seen.length).toBe(1)
      }))

    it.scoped("the client replays although the given client has read the body of the 401 (A2)", () =>
      Effect.gen(function*() {
        const { call, seen } = yield* replayedAfter(
          (controller) => controller.close(),
          HttpClient.tap(({ text }) => text)
        )
        expect((yield* call).status).toBe(200)
        expect(seen.length).toBe(1)
      }))
  })
})

describe.concurrent("Concurrent 401s (A3)", () => {
  it.scoped("50 concurrent 401s cause one token request (A3, row 91)", () =>
    Effect.gen(function*() {
      const gate = yield* Effect.makeLatch()
      const { received, tokenRequests, ...given } = yield* setUp(
        (request, n) =>
          Effect.zipRight(n === 49 ? gate.open : Effect.void, gate.await).pipe(
            Effect.as(refusingBefore(1)(request, n))
          ),
        [succeed(), after("1 second", succeed())]
      )
      const call = authorized(given).get(url)
      const fiber = yield* Effect.fork(Effect.all(Array.from({ length: 50 }, () => call), { concurrency: "unbounded" }))
      yield* TestClock.adjust("1 second")
      const answers = yield* Fiber.join(fiber)
      expect(answers.map(({ status }) => status)).toStrictEqual(Array.from({ length: 50 }, () => 200))
      expect(received.length).toBe(100)
      expect(tokenRequests.length).toBe(2)
    }))

  it.scoped("a late 401 is replayed with the token that the source has by then (A3)", () =>
    Effect.gen(function*() {
      const gate = yield* Effect.makeLatch()
      const { received, tokenRequests, ...given } = yield* setUp((request, n) =>
        Effect.as(n === 0 ? gate.await : Effect.void, refusingBefore(1)(request, n))
      )
      const call = authorized(given).get(url)
      const late = yield* Effect.fork(call)
      yield* Effect.yieldNow()
      yield* call
      yield* TestClock.adjust("10 seconds")
      yield* gate.open
      expect((yield* Fiber.join(late)).status).toBe(200)
      expect(bearers(received)).toStrictEqual(["Bearer token-0", "Bearer token-0", "Bearer token-1", "Bearer token-1"])
      expect(tokenRequests.length).toBe(2)
    }))
})

describe.concurrent("Redirects (A4)", () => {
  it.scoped("the client returns a redirect to another origin as it is (A4, row 94)", () =>
    Effect.gen(function*() {
      const { received, ...given } = yield* setUp(() => ({
        status: 307,
        headers: { location: "https://evil.example/" }
      }))
      const { headers, status } = yield* authorized(given).get(url)
      expect([status, headers["location"]]).toStrictEqual([307, "https://evil.example/"])
      expect(received.length).toBe(1)
    }))

  it.scoped("a wrapper that follows a redirect to another origin is refused there (A4, row 94)", () =>
    Effect.gen(function*() {
      const { received, ...given } = yield* setUp(() => ({
        status: 307,
        headers: { location: "https://evil.example/" }
      }))
      const following = HttpClient.followRedirects(authorized(given))
      expect(yield* Effect.flip(following.get(url))).toMatchObject({
        _tag: "ForbiddenOriginError",
        origin: "https://evil.example"
      })
      expect(received.map(({ url }) => url)).toStrictEqual([url])
    }))
})

const Thing = Schema.Struct({ name: Schema.String })
const Api = HttpApi.make("api").add(
  HttpApiGroup.make("things").add(HttpApiEndpoint.get("read", "/v1/things").addSuccess(Thing))
)
type Thing = typeof Thing.Type

describe.concurrent("HttpApiClient (A5)", () => {
  const json = (n: number): MockHttpClient.Handler => (request, sent) => ({
    ...refusingBefore(n)(request, sent),
    body: { name: "a" }
  })

  it.scoped("HttpApiClient.makeWith takes the client and keeps its error types (A5)", () =>
    Effect.gen(function*() {
      const { received, ...given } = yield* setUp(json(1))
      const api = yield* HttpApiClient.makeWith(Api, { httpClient: authorized(given), baseUrl: origin })
      const read = api.things.read({})
      expectTypeOf(read).toEqualTypeOf<
        Effect.Effect<
          Thing,
          | HttpApiError.HttpApiDecodeError
          | HttpClientError.HttpClientError
          | ParseError
          | TokenError.TokenError
          | AuthorizedHttpClient.ForbiddenOriginError
        >
      >()
      expect(yield* read).toStrictEqual({ name: "a" })
      expect(bearers(received)).toStrictEqual(["Bearer token-0", "Bearer token-1"])
    }))

  it.scoped("a call of HttpApiClient.makeWith fails with the typed errors of the client (A5)", () =>
    Effect.gen(function*() {
      const given = yield* setUp(json(0), [fail(unavailable)])
      const api = yield* HttpApiClient.makeWith(Api, { httpClient: authorized(given), baseUrl: origin })
      expect(yield* Effect.flip(api.things.read({}))).toMatchObject({ ...unavailable })
      const elsewhere = yield* HttpApiClient.makeWith(Api, {
        httpClient: authorized(given),
        baseUrl: "https://x.example"
      })
      expect(yield* Effect.flip(elsewhere.things.read({}))).toMatchObject({ _tag: "ForbiddenOriginError" })
    }))

  it.scoped("HttpApiClient.make takes the client through transformClient without its error types (A5)", () =>
    Effect.gen(function*() {
      const { received, ...given } = yield* setUp(json(1))
      const make = HttpApiClient.make(Api, {
        baseUrl: origin,
        transformClient: (client) => AuthorizedHttpClient.toHttpClient(authorized({ ...given, client }))
      })
      const api = yield* Effect.provideService(make, HttpClient.HttpClient, given.client)
      const read = api.things.read({})
      expectTypeOf(read).toEqualTypeOf<
        Effect.Effect<Thing, HttpApiError.HttpApiDecodeError | HttpClientError.HttpClientError | ParseError>
      >()
      expect(yield* read).toStrictEqual({ name: "a" })
      expect(bearers(received)).toStrictEqual(["Bearer token-0", "Bearer token-1"])
    }))

  it.scoped("HttpApiClient.make uses the client that layerHttpClient provides as HttpClient (A5)", () =>
    Effect.gen(function*() {
      const { received, ...given } = yield* setUp(json(1))
      const layer = Layer.provide(
        AuthorizedHttpClient.layerHttpClient,
        Layer.succeed(AuthorizedHttpClient.AuthorizedHttpClient, authorized(given))
      )
      expectTypeOf(layer).toEqualTypeOf<Layer.Layer<HttpClient.HttpClient>>()
      const api = yield* Effect.provide(HttpApiClient.make(Api, { baseUrl: origin }), layer)
      expect(yield* api.things.read({})).toStrictEqual({ name: "a" })
      expect(bearers(received)).toStrictEqual(["Bearer token-0", "Bearer token-1"])
    }))

  it.scoped("the client as a plain HttpClient wraps token errors in a RequestError and keeps other errors (A5)", () =>
    Effect.gen(function*() {
      const given = yield* setUp(() => ({ status: 500 }), [fail(unavailable), succeed()])
      const client = AuthorizedHttpClient.toHttpClient(
        authorized({ ...given, client: HttpClient.filterStatusOk(given.client) })
      )
      const request = HttpClientRequest.get(url)
      expect(yield* Effect.flip(client.execute(request))).toMatchObject({
        _tag: "RequestError",
        reason: "Transport",
        request,
        cause: { ...unavailable },
        description: unavailable.message
      })
      const elsewhere = yield* Effect.flip(client.get("https://evil.example"))
      expect(elsewhere).toMatchObject({ _tag: "RequestError", cause: { _tag: "ForbiddenOriginError" } })
      yield* TestClock.adjust("1 minute") // S7
      expect(yield* Effect.flip(client.get(url))).toMatchObject({ _tag: "ResponseError", response: { status: 500 } })
    }))

  it.scoped("the caller reads the body of a response as a stream after a replay (A5)", () =>
    Effect.gen(function*() {
      const { handle } = bodied(200, (controller, n) =>
        n > 3 ? controller.close() : controller.enqueue(new TextEncoder().encode(`${n}`)))
      const given = yield* setUp((_, n) =>
        n === 0 ? { status: 401 } : handle()
      )
      const chunks = yield* HttpClientResponse.stream(authorized(given).get(url)).pipe(
        Stream.decodeText(),
        Stream.runCollect
      )
      expect([...chunks]).toStrictEqual(["1", "2", "3"])
    }))

  it.scoped("the caller reads the body of a response in every form (A5)", () =>
    Effect.gen(function*() {
      const type = { "content-type": "application/x-www-form-urlencoded", "set-cookie": "c=d" }
      const client = authorized(yield* setUp(() => ({ body: "a=b", headers: type })))
      const answered = client.get(url)
      expect(yield* Effect.flatMap(answered, (_) => _.text)).toBe("a=b")
      expect(yield* Effect.flatMap(answered, (_) => _.urlParamsBody)).toStrictEqual([["a", "b"]])
      expect((yield* Effect.flatMap(answered, (_) => _.arrayBuffer)).byteLength).toBe(3)
      expect((yield* Effect.flatMap(answered, (_) => _.formData)).get("a")).toBe("b")
      const { cookies, remoteAddress } = yield* answered
      expect(cookies.toJSON()).toMatchObject({ cookies: { c: { value: "d" } } })
      expect(remoteAddress).toStrictEqual(Option.none())
    }))
})

describe("The bearer in what is printed (A6)", () => {
  const leaksOf = (effect: Effect.Effect<unknown, unknown>) => leakProbe(effect, ["token-0", "token-1"])
  const request = HttpClientRequest.post(url, { headers: { "x-mine": "1" } })
  const notJson = () => ({ body: "{", headers: { "content-type": "application/json" } })
  const failing = () => Effect.fail(new Error("reset"))
  const reading =
    (read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown, unknown>) =>
    (call: Effect.Effect<HttpClientResponse.HttpClientResponse, unknown>) => Effect.flatMap(call, read)

  /** The answers, what the given client makes of them, and what is done with the answer. */
  const cases: ReadonlyArray<
    readonly [
      what: string,
      handle: MockHttpClient.Handler,
      ends: (call: Effect.Effect<HttpClientResponse.HttpClientResponse, unknown>) => Effect.Effect<unknown, unknown>,
      given: (client: HttpClient.HttpClient) => HttpClient.HttpClient
    ]
  > = [
    [
      "a response",
      () => ({ body: { a: 1 }, headers: { "content-type": "application/json" } }),
      reading(Effect.succeed),
      identity
    ],
    ["a 401", () => ({ status: 401 }), reading(Effect.succeed), identity],
    ["a RequestError", failing, (call) => call, identity],
    [
      "a ResponseError of filterStatusOk",
      () => ({ status: 500 }),
      reading(HttpClientResponse.filterStatusOk),
      identity
    ],
    ["a ResponseError of the given client", () => ({ status: 500 }), (call) => call, HttpClient.filterStatusOk],
    ["a 401 that the given client made an error", () => ({ status: 401 }), (call) => call, HttpClient.filterStatusOk],
    ["an error of json", notJson, reading((_) => _.json), identity],
    ["an error of schemaBodyJson", notJson, reading(HttpClientResponse.schemaBodyJson(Thing)), identity],
    ["an error of formData", notJson, reading((_) => _.formData), identity],
    ["an error of text", bodied(200, (_) => _.error("reset")).handle, reading((_) => _.text), identity],
    [
      "an error of urlParamsBody",
      bodied(200, (_) => _.error("reset")).handle,
      reading((_) => _.urlParamsBody),
      identity
    ],
    ["an error of arrayBuffer", bodied(200, (_) => _.error("reset")).handle, reading((_) => _.arrayBuffer), identity],
    ["an error of a stream", () => ({ status: 204 }), reading((_) => Stream.runDrain(_.stream)), identity]
  ]

  /** The request that an answer or an error holds, and the one that its answer holds. */
  const requestsOf = (end: unknown): ReadonlyArray<unknown> =>
    HttpClientError.isHttpClientError(end) && end._tag === "ResponseError"
      ? [end.request, end.response.request]
      : typeof end === "object" && end !== null && "request" in end
      ? [end.request]
      : []

  describe.each(cases)("%s", (what, handle, ends, given) => {
    const probed = Effect.fnUntraced(function*(
      authorize: (client: HttpClient.HttpClient, source: TokenSource.TokenSource) => Effect.Effect<
        HttpClientResponse.HttpClientResponse,
        unknown
      >
    ) {
      const { client, source } = yield* setUp(handle)
      return yield* leaksOf(ends(authorize(given(client), source)))
    })

    it.scoped(`${what} shows no bearer and holds the request of the caller (A6, row 95)`, () =>
      Effect.gen(function*() {
        const { exit, leaks } = yield* probed((client, source) => authorized({ client, source }).execute(request))
        expect(leaks).toStrictEqual([])
        const end = yield* Exit.isFailure(exit) ? Effect.flip(exit) : exit
        const held = requestsOf(end)
        expect(held.length).toBeGreaterThan(0)
        for (const one of held) expect(one).toBe(request)
      }))

    it.scoped(`the leak probe sees the bearer of a plain client in ${what} (A6, row 95)`, () =>
      Effect.gen(function*() {
        const { leaks } = yield* probed((client, source) =>
          Effect.flatMap(source.get, (token) => client.execute(HttpClientRequest.bearerToken(request, token.value)))
        )
        expect(leaks).not.toStrictEqual([])
      }))
  })

  it.scoped("requests, responses and errors that are logged on the way show no bearer (A6, row 95)", () =>
    Effect.gen(function*() {
      const client = authorized(yield* setUp(() => ({ status: 401 })))
      const logging = client.pipe(
        HttpClient.tapRequest(Effect.logInfo),
        HttpClient.tap((response) => Effect.logInfo("answered", response)),
        HttpClient.filterStatusOk,
        HttpClient.tapError((error) => Effect.logError("failed", error))
      )
      const { leaks } = yield* leaksOf(logging.get(url))
      expect(leaks).toStrictEqual([])
    }))

  it.scoped("a response prints as platform's own response does, but for the body (A6, rows 95 and 132)", () =>
    Effect.gen(function*() {
      const { client, ...given } = yield* setUp(() => ({
        body: { a: 1 },
        headers: { "content-type": "application/json" }
      }))
      const [theirs, ours] = yield* Effect.all([
        client.execute(request),
        authorized({ client, ...given }).execute(request)
      ])
      expect(yield* ours.json).toStrictEqual(yield* theirs.json)
      const shown = (value: unknown) => Struct.omit(JSON.parse(JSON.stringify(value)), "request", "body")
      expect(shown(ours)).toStrictEqual(shown(theirs))
      expect(JSON.stringify(ours)).not.toContain("body\":{\"a\"")
      expect(HttpClientResponse.TypeId in ours).toBe(true)
    }))

  const printers: ReadonlyArray<readonly [string, (response: HttpClientResponse.HttpClientResponse) => unknown]> = [
    ["JSON.stringify", JSON.stringify],
    ["util.inspect, as console.log does", (response) => inspect(response)],
    ["util.inspect with its getters", (response) => inspect(response, { getters: true, showHidden: true })],
    ["toString", String],
    ["toJSON", (response) => response.toJSON()],
    ["Effect.log", (response) => Effect.runSync(Effect.provide(Effect.log(response), Logger.pretty))]
  ]
  const types = ["application/json", "text/plain", "application/x-www-form-urlencoded"]

  it.effect.each(printers.flatMap(([name, print]) => types.map((type) => [name, type, print] as const)))(
    "%s of a response whose type is %s reads nothing of its body (A6, row 132)",
    ([, type, print]) =>
      Effect.gen(function*() {
        const { body, handle } = bodied(200, (_) => _.close())
        const { client, source } = yield* setUp(() => {
          const web = handle()
          web.headers.set("content-type", type)
          return web
        })
        const response = yield* authorized({ client, source }).get(url)
        vi.spyOn(console, "log").mockReturnValue(undefined)
        print(response)
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        expect(body.pulls).toBe(0)
        expect(yield* response.text).toBe("")
      }).pipe(Effect.ensuring(Effect.sync(() => vi.restoreAllMocks())), Effect.scoped)
  )

  it.scoped("a body that the caller has read is not printed either (A6, row 132)", () =>
    Effect.gen(function*() {
      const response = yield* authorized(yield* setUp(() => ({ body: "swordfish" }))).get(url)
      expect(yield* response.text).toBe("swordfish")
      expect(linesShowing("swordfish", response)).toStrictEqual([])
    }))

  describe("The span that platform makes for the request (A6, row 133)", () => {
    const redacting = (names: ReadonlyArray<string | RegExp>) => Effect.locally(Headers.currentRedactedNames, names)
    const attributesOf = Effect.fnUntraced(function*(
      call: (client: HttpClient.HttpClient, source: TokenSource.TokenSource) => Effect.Effect<unknown, unknown>
    ) {
      const { spans, withTracer } = yield* recordingSpans
      const { client, source } = yield* setUp(() => ({}))
      yield* withTracer(call(client, source))
      return spans.filter(({ name }) => name === "http.client GET").map(({ attributes }) => new Map(attributes))
    })
    const header = (name: string) => `http.request.header.${name}`

    it.scoped("the span hides the bearer if the user names other headers only (A6, row 133)", () =>
      Effect.gen(function*() {
        const spans = yield* attributesOf((client, source) =>
          redacting(["x-mine", /^x-your/])(
            authorized({ client, source }).get(url, { headers: { "x-mine": "a", "x-yours": "b", "x-other": "c" } })
          )
        )
        expect(spans.length).toBe(1)
        expect(spans[0]?.get(header("authorization"))).toBe("<redacted>")
        expect(spans[0]?.get(header("x-mine"))).toBe("<redacted>")
        expect(spans[0]?.get(header("x-yours"))).toBe("<redacted>")
        expect(spans[0]?.get(header("x-other"))).toBe("c")
      }))

    it.scoped("the span hides the bearer if the given client redacts nothing (A6, row 133)", () =>
      Effect.gen(function*() {
        const spans = yield* attributesOf((client, source) =>
          authorized({ client: HttpClient.transformResponse(client, redacting([])), source }).get(url)
        )
        expect(spans.map((attributes) => attributes.get(header("authorization")))).toStrictEqual(["<redacted>"])
      }))

    it.scoped("the span hides the bearer if the given client redacts nothing around each request (A6, row 133)", () =>
      Effect.gen(function*() {
        const spans = yield* attributesOf((client, source) =>
          authorized({ client: HttpClient.transform(client, redacting([])), source }).get(url)
        )
        expect(spans.map((attributes) => attributes.get(header("authorization")))).toStrictEqual(["<redacted>"])
      }))

    it.scoped("the given client prints no bearer if the user names other headers only (A6, row 133)", () =>
      Effect.gen(function*() {
        const { client, source } = yield* setUp(() => ({}))
        const printed: Array<unknown> = []
        const printing = HttpClient.transform(
          client,
          (effect, request) =>
            Effect.flatMap(
              Effect.getFiberRefs,
              (refs) =>
                Effect.sync(() =>
                  printed.push(Inspectable.withRedactableContext(refs, () => Inspectable.toJSON(request)))
                )
            )
              .pipe(Effect.zipRight(effect))
        )
        yield* redacting(["x-mine"])(authorized({ client: printing, source }).get(url))
        expect(printed).toMatchObject([{ url }])
        expect(JSON.stringify(printed)).not.toContain("token-0")
      }))

    it.scoped.each(
      [["a span that is", (span: Tracer.Span) => span], [
        "a frozen one",
        (span: Tracer.Span) => Object.freeze(span)
      ]] as const
    )(
      "%s the same for all calls hides the bearer of each, and is not changed at each (A6, row 133)",
      ([_, kind]) =>
        Effect.gen(function*() {
          const native = yield* Effect.tracer
          const told: Array<unknown> = []
          let shared: Tracer.Span | undefined
          const tracer = Tracer.make({
            ...native,
            span: (...args) =>
              shared ??= kind(Object.assign(native.span(...args), {
                attribute: (...attribute: ReadonlyArray<unknown>) => void told.push(attribute),
                end: () => {}
              }))
          })
          const { client, source } = yield* setUp(() => ({}))
          const call = authorized({ client, source }).get(url)
          yield* Effect.withTracer(call, tracer)
          const changed = shared?.attribute
          yield* Effect.withTracer(Effect.repeatN(call, 20), tracer)
          expect(shared?.attribute).toBe(changed)
          expect(told.length).toBeGreaterThan(20)
          expect(JSON.stringify(told)).not.toContain("token-0")
        })
    )

    it.scoped("a bearer that the API sends back is shown to the caller, and in no span or print (A6, row 133)", () =>
      Effect.gen(function*() {
        const challenge = "Bearer realm=\"a\", error=\"invalid_token\""
        const { spans, withTracer } = yield* recordingSpans
        const given = yield* setUp(({ headers }) => ({
          headers: { "x-echo": headers["authorization"] ?? "", "www-authenticate": challenge }
        }))
        const response = yield* withTracer(authorized(given).get(url))
        expect(response.headers["x-echo"]).toBe("Bearer token-0")
        expect(linesShowing("token-0", response)).toStrictEqual([])
        const attributes = spans.flatMap(({ attributes }) => [...attributes])
        expect(attributes).toContainEqual(["http.response.header.x-echo", "<redacted>"])
        expect(attributes).toContainEqual(["http.response.header.www-authenticate", challenge])
        expect(linesShowing("token-0", spans)).toStrictEqual([])
      }))

    it.scoped("a call leaves the user's names of redacted headers as they are (A6, row 133)", () =>
      Effect.gen(function*() {
        const client = authorized(yield* setUp(() => ({})))
        const after = yield* redacting(["x-mine"])(
          Effect.zipRight(client.get(url), FiberRef.get(Headers.currentRedactedNames))
        )
        expect(after).toStrictEqual(["x-mine"])
      }))
  })
})

describe.concurrent("AuthorizedHttpClient.layer", () => {
  const build = Effect.fnUntraced(function*(options?: AuthorizedHttpClient.Options) {
    const { client, received, source } = yield* setUp(refusingBefore(1))
    const layer = AuthorizedHttpClient.layer(options).pipe(Layer.provide([
      Layer.succeed(HttpClient.HttpClient, client),
      Layer.succeed(TokenSource.TokenSource, source),
      Environment.layer({ authUrl: "https://auth.example", apiOrigins: [origin] })
    ]))
    const context = yield* Layer.build(layer)
    return { authorized: Context.get(context, AuthorizedHttpClient.AuthorizedHttpClient), received }
  })

  it.scoped("the client of the Layer sends the token to the environment's origins only (A1)", () =>
    Effect.gen(function*() {
      const { authorized, received } = yield* build()
      expect((yield* authorized.get(url)).status).toBe(200)
      expect(yield* Effect.flip(authorized.get("https://wallets.tilia-inc.com"))).toMatchObject({
        _tag: "ForbiddenOriginError"
      })
      expect((yield* authorized.post(url)).status).toBe(200)
      expect(received.length).toBe(3)
    }))

  it.scoped("the client of the Layer replays as the option replay says (A2)", () =>
    Effect.gen(function*() {
      const never = yield* build({ replay: "never" })
      expect((yield* never.authorized.get(url)).status).toBe(401)
      const always = yield* build({ replay: "always" })
      expect((yield* always.authorized.post(url)).status).toBe(200)
    }))

  it.scoped("AuthorizedHttpClient.layer refuses an unknown value of replay (E2)", () =>
    Effect.gen(function*() {
      // @ts-expect-error: it takes three words only
      const error = yield* Effect.flip(build({ replay: "sometimes" }))
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "replay" })
    }))
})

describe.concurrent("AuthorizedHttpClient.layerConfig", () => {
  const configured = Effect.fnUntraced(function*(replay: string) {
    const { client, received, source } = yield* setUp(refusingBefore(1))
    const options = {
      replay: Config.map(Config.string("REPLAY"), (text): AuthorizedHttpClient.Replay => JSON.parse(text))
    }
    const call = Effect.flatMap(AuthorizedHttpClient.AuthorizedHttpClient, (authorized) => authorized.post(url)).pipe(
      Effect.provide(
        AuthorizedHttpClient.layerConfig(options).pipe(Layer.provide([
          Layer.succeed(HttpClient.HttpClient, client),
          Layer.succeed(TokenSource.TokenSource, source),
          Environment.layer({ authUrl: "https://auth.example", apiOrigins: [origin] })
        ]))
      ),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["REPLAY", replay]])))
    )
    return { call, received }
  })

  it.scoped("the option replay comes from the configuration (A2)", () =>
    Effect.gen(function*() {
      const { call, received } = yield* configured("\"always\"")
      expect((yield* call).status).toBe(200)
      expect(received.length).toBe(2)
    }))

  it.scoped("a value of the configuration that is not one of replay is a ConfigError that names it (E2)", () =>
    Effect.gen(function*() {
      const { call } = yield* configured("\"sometimes\"")
      const error = yield* Effect.flip(call)
      expect(error).toMatchObject({ _op: "InvalidData", path: ["REPLAY"] })
      expect(String(error)).toContain("must be \"idempotent\", \"always\" or \"never\"")
    }))
})
