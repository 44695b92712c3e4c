/*
 * The authorized client over each HTTP client in Node, against real sockets (rows 90–95 of docs/design/faults.md).
 */
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import * as ScriptedServer from "@effect-tilia/contract/ScriptedServer"
import { AuthorizedHttpClient, Tilia, TokenSource } from "@effect-tilia/core"
import { leakProbe } from "@effect-tilia/testing"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { clients } from "./support/clients.js"
import { clientId, clientSecret } from "./support/endpoint.js"

const { always, awaitRequests, end, httpResponse, inTurn, json, repeat, reset, send, silent, until, wait } =
  ScriptedServer
const { open } = Effect.runSync(NodeScriptedServer.make())

const grant = (n: number) =>
  json(200, { access_token: `swordfish-${n}`, token_type: "Bearer", expires_in: 3600, scope: "user_info" })

/** An authorization server that grants `swordfish-0`, `swordfish-1` and `swordfish-2`. */
const tokenServer = open(inTurn([send(grant(0)), end], [send(grant(1)), end], [send(grant(2)), end]))

const bearers = ({ seen }: ScriptedServer.Server) =>
  Effect.map(
    seen,
    ({ requests }) =>
      requests.filter((request) => /^[A-Z]+ \//.test(request)).map((request) =>
        /^authorization: *(.*)\r$/im.exec(request)?.[1]
      )
  )

const first = "Bearer swordfish-0"
const second = "Bearer swordfish-1"

const refusingOnce = inTurn(
  [send(json(401, { error: "invalid_token" })), end],
  [send(json(200, { name: "a" })), end]
)

/**
 * Responds to the first request after 100 ms, when all of its body has arrived. fetch sends a stream in chunks, and the
 * script would take the last chunk for a second request.
 */
const respondLater = (bytes: Uint8Array): ScriptedServer.Script => inTurn([wait(100), send(bytes), end], [])

const isIdle = ({ used }: ScriptedServer.Seen): boolean => used === 0

describe.each(Object.entries(clients))("%s", (_, http) => {
  /** An authorization server, an API server with this script, and a client that may send its token to that API. */
  const setUp = Effect.fnUntraced(function*(script: ScriptedServer.Script, options: AuthorizedHttpClient.Options = {}) {
    const auth = yield* tokenServer
    const api = yield* open(script)
    const environment = { authUrl: auth.url, apiOrigins: [api.url] }
    const layer = Tilia.layer({ environment, clientId, clientSecret, scopes: ["user_info"], ...options })
    const context = yield* Layer.build(Layer.provide(layer, http))
    const client = Context.get(context, AuthorizedHttpClient.AuthorizedHttpClient)
    const source = Context.get(context, TokenSource.TokenSource)
    return { auth, api, client, source, request: HttpClientRequest.get(`${api.url}/v1/things`) }
  })

  describe("requests that get one 401 (row 90)", () => {
    const post = HttpClientRequest.setMethod("POST")
    const withKey = HttpClientRequest.setHeader("Idempotency-Key", "key-1")
    const withBody = HttpClientRequest.bodyUnsafeJson({ amount: 1 })
    const withStream = HttpClientRequest.setBody(
      HttpBody.stream(Stream.make(new TextEncoder().encode("abc")), "text/plain", 3)
    )

    it.scopedLive.each<{
      readonly what: string
      readonly make: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
      readonly options?: AuthorizedHttpClient.Options
    }>([
      { what: "a GET", make: (request) => request },
      { what: "a POST with an Idempotency-Key", make: (request) => withKey(withBody(post(request))) },
      { what: "a POST with replay `always`", make: (request) => withBody(post(request)), options: { replay: "always" } }
    ])("after a 401 $what is replayed with a new token (A2, row 90)", ({ make, options }) =>
      Effect.gen(function*() {
        const { api, auth, client, request } = yield* setUp(refusingOnce, options)
        const response = yield* client.execute(make(request))
        expect([response.status, yield* response.json]).toStrictEqual([200, { name: "a" }])
        expect(yield* bearers(api)).toStrictEqual([first, second])
        expect((yield* auth.seen).requests.length).toBe(2)
        const [before, after] = (yield* api.seen).requests.map((request) =>
          request.split("\r\n").filter((line) => !/^(authorization|b3|traceparent):/i.test(line))
        )
        expect(after).toStrictEqual(before)
      }))

    it.scopedLive.each<{
      readonly what: string
      readonly make: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
      readonly options?: AuthorizedHttpClient.Options
      readonly play?: ScriptedServer.Script
    }>([
      { what: "a POST", make: (request) => withBody(post(request)) },
      { what: "a GET with replay `never`", make: (request) => request, options: { replay: "never" } },
      {
        what: "a stream with an Idempotency-Key and replay `always`",
        make: (request) => withKey(withStream(post(request))),
        options: { replay: "always" },
        play: respondLater(json(401, { error: "invalid_token" }))
      }
    ])("the 401 to $what is returned (A2, row 90)", ({ make, options, play = refusingOnce }) =>
      Effect.gen(function*() {
        const { api, auth, client, request } = yield* setUp(play, options)
        const response = yield* client.execute(make(request))
        expect([response.status, yield* response.json]).toStrictEqual([401, { error: "invalid_token" }])
        expect(yield* bearers(api)).toStrictEqual([first])
        expect((yield* auth.seen).requests.length).toBe(1)
      }))
  })

  it.scopedLive("50 parallel 401s cause one token request (A3, row 91)", () =>
    Effect.gen(function*() {
      const refused = [awaitRequests(50), send(json(401, {})), end]
      const { api, auth, client, request } = yield* setUp(
        inTurn(refused, ...Array.from({ length: 49 }, () => refused), [send(json(200, {})), end])
      )
      const responses = yield* Effect.all(Array.from({ length: 50 }, () => client.execute(request)), {
        concurrency: "unbounded"
      })
      expect(new Set(responses.map(({ status }) => status))).toStrictEqual(new Set([200]))
      expect((yield* api.seen).requests.length).toBe(100)
      expect((yield* auth.seen).requests.length).toBe(2)
    }))

  it.scopedLive("the client returns a 403 insufficient_scope and keeps the token (A2, row 92)", () =>
    Effect.gen(function*() {
      const refusal = httpResponse(403, { "www-authenticate": "Bearer error=\"insufficient_scope\"" })
      const { api, auth, client, request } = yield* setUp(always(refusal))
      expect((yield* client.execute(request)).status).toBe(403)
      expect((yield* client.execute(request)).status).toBe(403)
      expect(yield* bearers(api)).toStrictEqual([first, first])
      expect((yield* auth.seen).requests.length).toBe(1)
    }))

  it.scopedLive("the client neither connects to another origin nor requests a token for it (A1, row 93)", () =>
    Effect.gen(function*() {
      const other = yield* open(always(json(200, {})))
      const { api, auth, client } = yield* setUp(always(json(200, {})))
      const { port } = new URL(api.url)
      for (const url of [other.url, `http://user@127.0.0.1:${port}/`, `http://localhost:${port}/`]) {
        expect(yield* Effect.flip(client.get(url))).toMatchObject({ _tag: "ForbiddenOriginError" })
      }
      expect((yield* Effect.forEach([api, auth, other], ({ seen }) => seen)).map(({ made }) => made)).toStrictEqual([
        0,
        0,
        0
      ])
    }))

  it.scopedLive.each([301, 302, 303, 307, 308])(
    "the client returns a %i to another origin unchanged and does not send the bearer on (A4, row 94)",
    (status) =>
      Effect.gen(function*() {
        const other = yield* open(always(json(200, {})))
        const { api, client, request } = yield* setUp(always(httpResponse(status, { location: `${other.url}/v1` })))
        for (
          const call of [
            client.execute(request),
            Effect.provideService(client.execute(request), FetchHttpClient.RequestInit, { redirect: "follow" })
          ]
        ) {
          const response = yield* call
          expect([response.status, response.headers["location"]]).toStrictEqual([status, `${other.url}/v1`])
        }
        expect(yield* bearers(api)).toStrictEqual([first, first])
        expect((yield* other.seen).made).toBe(0)
      })
  )

  it.scopedLive("a wrapper that follows redirects cannot reach another origin (A4, row 94)", () =>
    Effect.gen(function*() {
      const other = yield* open(always(json(200, {})))
      const { client, request } = yield* setUp(always(httpResponse(307, { location: other.url })))
      const error = yield* Effect.flip(HttpClient.followRedirects(client).execute(request))
      expect(error).toMatchObject({ _tag: "ForbiddenOriginError", origin: other.url })
      expect((yield* other.seen).made).toBe(0)
    }))

  describe("printed responses and errors (row 95)", () => {
    const text = Effect.flatMap(({ text }: HttpClientResponse.HttpClientResponse) => text)

    it.scopedLive.each<{
      readonly what: string
      readonly play: ScriptedServer.Script
      readonly ends: (
        call: Effect.Effect<HttpClientResponse.HttpClientResponse, unknown>
      ) => Effect.Effect<unknown, unknown>
      readonly tag: string | undefined
    }>([
      { what: "a response", play: always(json(200, { name: "a" })), ends: (call) => call, tag: undefined },
      { what: "a 401", play: always(json(401, {})), ends: (call) => call, tag: undefined },
      { what: "a reset", play: inTurn([reset]), ends: (call) => call, tag: "RequestError" },
      { what: "a response that is not HTTP", play: always("SSH-2.0\r\n"), ends: (call) => call, tag: "RequestError" },
      {
        what: "a bad status",
        play: always(json(500, {})),
        ends: Effect.flatMap(HttpClientResponse.filterStatusOk),
        tag: "ResponseError"
      },
      {
        what: "a body that isn't JSON",
        play: always(httpResponse(200, { "content-type": "application/json" }, "{")),
        ends: Effect.flatMap(({ json }) => json),
        tag: "ResponseError"
      },
      {
        what: "a body that is cut",
        play: always(httpResponse(200, { "content-length": "9" }, "{")),
        ends: text,
        tag: "ResponseError"
      },
      {
        what: "a stream that is cut",
        play: always(httpResponse(200, { "content-length": "9" }, "{")),
        ends: Effect.flatMap(({ stream }) => Stream.runDrain(stream)),
        tag: "ResponseError"
      }
    ])("printed output shows no bearer after $what (A6, row 95)", ({ ends, play, tag }) =>
      Effect.gen(function*() {
        const { api, client, request } = yield* setUp(play)
        const { exit, leaks } = yield* leakProbe(ends(client.execute(request)), ["swordfish"])
        expect((yield* bearers(api))[0]).toBe(first)
        // The span of the wrapped client records that client's own error, which contains the bearer.
        expect(leaks.filter(({ printer }) => printer !== "Span.status")).toStrictEqual([])
        const end = yield* Exit.isFailure(exit) ? Effect.flip(exit) : exit
        expect(end).toMatchObject({ request, ...(tag !== undefined && { _tag: tag }) })
      }))
  })

  describe("streams", () => {
    const dripping = inTurn([
      send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"),
      repeat("a", { every: 5 })
    ])

    it.scopedLive("the client streams a body as it arrives, and closes the socket when the reader stops (A5)", () =>
      Effect.gen(function*() {
        const { api, client, request } = yield* setUp(dripping)
        const chunks = yield* HttpClientResponse.stream(client.execute(request)).pipe(
          Stream.decodeText(),
          Stream.take(3),
          Stream.mkString
        )
        expect(chunks).toMatch(/^a{3,}$/)
        yield* until(api, isIdle)
      }))

    it.scopedLive("the client sends a stream as the body of a request (A5)", () =>
      Effect.gen(function*() {
        const { api, client, request } = yield* setUp(respondLater(json(200, {})))
        const body = HttpBody.stream(Stream.make("abc", "def").pipe(Stream.encodeText), "text/plain", 6)
        const sent = HttpClientRequest.setBody(HttpClientRequest.setMethod(request, "PUT"), body)
        expect((yield* client.execute(sent)).status).toBe(200)
        expect(yield* bearers(api)).toStrictEqual([first])
        expect((yield* api.seen).requests.join("")).toMatch(/\r\n\r\n(abcdef$|3\r\nabc\r\n3\r\ndef\r\n0)/)
      }))

    it.scopedLive("interruption between the headers and the end of the body closes the socket", () =>
      Effect.gen(function*() {
        const { api, client, request } = yield* setUp(dripping)
        const fiber = yield* Effect.fork(Effect.flatMap(client.execute(request), ({ text }) => text))
        yield* until(api, ({ requests }) => requests.length === 1)
        yield* Effect.sleep("30 millis")
        expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
        yield* until(api, isIdle)
      }))
  })

  it.scopedLive("the client closes the socket of an interrupted call and sends nothing more", () =>
    Effect.gen(function*() {
      const { api, client, request } = yield* setUp(silent)
      const fiber = yield* Effect.fork(client.execute(request))
      yield* until(api, ({ requests }) => requests.length === 1)
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      yield* until(api, isIdle)
      expect((yield* api.seen).requests.length).toBe(1)
    }))

  it.scopedLive("the end of a scope closes the socket of an unread response if the given client uses withScope", () =>
    Effect.gen(function*() {
      const { api, source } = yield* setUp(inTurn([send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")]))
      const given = Context.get(yield* Layer.build(http), HttpClient.HttpClient)
      const client = AuthorizedHttpClient.authorize(HttpClient.withScope(given), source, { apiOrigins: [api.url] })
      yield* Effect.scoped(client.get(api.url))
      yield* until(api, isIdle)
    }))
})
