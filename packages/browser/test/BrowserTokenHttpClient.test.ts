/*
 * The browser's client in a real page, under `TokenEndpoint` and by itself, over real sockets.
 */
import { BrowserTokenHttpClient } from "@effect-tilia/browser"
import { ClientCredentials, Environment, TokenEndpoint } from "@effect-tilia/core"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as RemoteServer from "./support/RemoteServer.js"

const { answer, json } = RemoteServer

/** The vendor page's pair. */
const clientId = "3f2bfe5b-19b8-41c1-88d7-70a1586bce94"
const clientSecret = "9bc00ca4-937e-4946-bdb5-0814b603334d"

const token = { access_token: "abc", token_type: "Bearer", expires_in: "3600", scope: "user_info,write_invoices" }

/** Asks that address for a token, twice at most, without a wait between. */
const requestToken = (authUrl: string, options: TokenEndpoint.Options = {}) =>
  Effect.flatMap(TokenEndpoint.TokenEndpoint, (endpoint) => endpoint.requestToken(["user_info", "write_invoices"]))
    .pipe(
      Effect.provide(
        TokenEndpoint.layer({ retry: { maxAttempts: 2, baseDelay: "1 millis" }, ...options }).pipe(
          Layer.provide([
            ClientCredentials.layer({ clientId, clientSecret }),
            Environment.layer({ authUrl }),
            BrowserTokenHttpClient.layer
          ])
        )
      )
    )

const gzip = (bytes: Uint8Array<ArrayBuffer>) =>
  Effect.promise(() => new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))).bytes())

describe("browser", () => {
  it.scopedLive("E1: one POST without a preflight, credentials in the body only, no trace headers", () =>
    Effect.gen(function*() {
      const server = yield* RemoteServer.make(json(200, token))
      const { value } = yield* requestToken(`${server.url}/prefix/`).pipe(Effect.withSpan("caller"))
      expect(Redacted.value(value)).toBe("abc")
      const { requests } = yield* server.told
      expect(requests.length).toBe(1)
      const [head = "", body] = requests.join("").split("\r\n\r\n")
      expect(head).toMatch(/^POST \/prefix\/token HTTP\/1\.1\r\n/)
      expect(head).toMatch(/^accept: application\/json\r$/mi)
      expect(head).not.toMatch(/^(traceparent|b3|cookie|referer):/mi)
      expect(head).not.toContain(clientSecret)
      expect(body).toBe(
        `client_id=${clientId}&client_secret=${clientSecret}` +
          "&grant_type=client_credentials&scope=user_info%2Cwrite_invoices"
      )
    }))

  it.scopedLive("a refusal is typed", () =>
    Effect.gen(function*() {
      const server = yield* RemoteServer.make(json(401, { error: "invalid_client" }))
      const error = yield* Effect.flip(requestToken(server.url))
      expect(error).toMatchObject({ _tag: "InvalidClientError", status: 401, code: "invalid_client", attempts: 1 })
    }))

  describe("row 16: what the page can't tell apart is an error that is tried again", () => {
    const other = { _tag: "TokenTransportError", reason: "Other", retryable: true, attempts: 2 }

    it.scopedLive("connection refused", () =>
      Effect.gen(function*() {
        expect(yield* Effect.flip(requestToken(yield* RemoteServer.gone))).toMatchObject(other)
      }))

    it.scopedLive("no such name", () =>
      Effect.gen(function*() {
        expect(yield* Effect.flip(requestToken("https://nowhere.invalid"))).toMatchObject(other)
      }))

    it.scopedLive("a CORS refusal, although the request arrived", () =>
      Effect.gen(function*() {
        const server = yield* RemoteServer.make(answer(200, {}, JSON.stringify(token), {}))
        expect(yield* Effect.flip(requestToken(server.url))).toMatchObject(other)
        expect((yield* server.told).requests.length).toBe(2)
      }))

    it.scopedLive("no HTTP", () =>
      Effect.gen(function*() {
        const server = yield* RemoteServer.make({ bytes: "\u0000\u0001\u0002\r\n\r\n", then: "end" })
        expect(yield* Effect.flip(requestToken(server.url))).toMatchObject(other)
      }))
  })

  it.scopedLive.each([301, 302, 303, 307, 308])(
    "row 20, row 16: %i is refused, and its target hears nothing",
    (status) =>
      Effect.gen(function*() {
        const target = yield* RemoteServer.make(json(200, token))
        const server = yield* RemoteServer.make(answer(status, { location: `${target.url}/token` }))
        const error = yield* Effect.flip(requestToken(server.url))
        expect(error).toMatchObject({ _tag: "UnexpectedResponseError", retryable: false, attempts: 1 })
        expect((yield* target.told).made).toBe(0)
      })
  )

  it.scopedLive("row 27: a body without an end is cut, and the connection with it", () =>
    Effect.gen(function*() {
      const server = yield* RemoteServer.make(RemoteServer.flood)
      const error = yield* Effect.flip(requestToken(server.url))
      expect(error).toMatchObject({ _tag: "UnexpectedResponseError", problem: "its body is larger than 256 KiB" })
      yield* RemoteServer.until(server, ({ used }) => used === 0)
    }))

  it.scopedLive("row 27: a gzip bomb is cut", () =>
    Effect.gen(function*() {
      const bomb = yield* gzip(new Uint8Array(20 * 1024 * 1024))
      const server = yield* RemoteServer.make(answer(200, { "content-encoding": "gzip" }, bomb))
      const error = yield* Effect.flip(requestToken(server.url))
      expect(error).toMatchObject({ _tag: "UnexpectedResponseError", problem: "its body is larger than 256 KiB" })
    }))

  it.scopedLive("row 28: gzip is decoded", () =>
    Effect.gen(function*() {
      const body = yield* gzip(new TextEncoder().encode(JSON.stringify(token)))
      const server = yield* RemoteServer.make(answer(200, { "content-encoding": "gzip" }, body))
      expect(Redacted.value((yield* requestToken(server.url)).value)).toBe("abc")
    }))

  describe.each([
    ["before headers", RemoteServer.wait("")],
    ["in mid body", RemoteServer.midBody],
    ["a byte at a time", RemoteServer.drip]
  ])("%s", (_, act) => {
    it.scopedLive("row 9: an attempt ends in time, and its socket is closed", () =>
      Effect.gen(function*() {
        const server = yield* RemoteServer.make(act)
        const error = yield* Effect.flip(requestToken(server.url, { attemptTimeout: "100 millis" }))
        expect(error).toMatchObject({ _tag: "TokenTimeoutError", attempts: 2 })
        const { requests } = yield* RemoteServer.until(server, ({ used }) => used === 0)
        expect(requests.length).toBe(2)
      }))

    it.scopedLive("row 10: interruption closes the socket, and nothing is tried again", () =>
      Effect.gen(function*() {
        const server = yield* RemoteServer.make(act)
        const fiber = yield* Effect.fork(requestToken(server.url))
        yield* RemoteServer.until(server, ({ requests, used }) => requests.length === 1 && used === 1)
        expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
        const { requests } = yield* RemoteServer.until(server, ({ used }) => used === 0)
        expect(requests.length).toBe(1)
      }))
  })
})

describe("browser, by itself", () => {
  const post = (url: string, client: Layer.Layer<HttpClient.HttpClient>) =>
    Effect.flatMap(HttpClient.HttpClient, (client) => client.execute(HttpClientRequest.post(url))).pipe(
      Effect.flatMap((response) => Effect.as(response.text, response.status)),
      Effect.provide(client),
      Effect.scoped
    )

  /** The same host: a cookie knows no ports. */
  const neighbour = ({ port }: RemoteServer.RemoteServer) => `http://${location.hostname}:${port}`

  const cookie = Effect.acquireRelease(
    Effect.sync(() => {
      document.cookie = "session=1"
    }),
    () =>
      Effect.sync(() => {
        document.cookie = "session=1; max-age=0"
      })
  )

  it.scopedLive("no cookie, referrer or trace header to another origin, whatever the program's own settings", () =>
    Effect.gen(function*() {
      yield* cookie
      const server = yield* RemoteServer.make(answer(200, {}, "", {
        "access-control-allow-origin": location.origin,
        "access-control-allow-credentials": "true"
      }))
      yield* Effect.withTracerEnabled(post(neighbour(server), FetchHttpClient.layer), false)
      yield* Effect.withSpan(post(neighbour(server), BrowserTokenHttpClient.layer), "caller")
      const [theirs, ours] = (yield* server.told).requests
      expect(theirs).toMatch(/^cookie: session=1\r$/mi) // such a cookie would be sent
      expect(theirs).toMatch(/^referer: /mi)
      expect(ours).not.toMatch(/^(traceparent|b3|cookie|referer):/mi)
    }).pipe(
      Effect.provideService(FetchHttpClient.RequestInit, { credentials: "include", referrerPolicy: "unsafe-url" })
    ))

  it.scopedLive("E3: an answer that redirects has status 0, and its target hears nothing", () =>
    Effect.gen(function*() {
      const target = yield* RemoteServer.make(answer(200))
      const server = yield* RemoteServer.make(answer(307, { location: target.url }))
      expect(yield* Effect.withTracerEnabled(post(server.url, FetchHttpClient.layer), false)).toBe(200) // it would be followed
      expect(yield* post(server.url, BrowserTokenHttpClient.layer)).toBe(0)
      expect((yield* target.told).requests.length).toBe(1)
    }).pipe(Effect.provideService(FetchHttpClient.RequestInit, { redirect: "follow" })))
})
