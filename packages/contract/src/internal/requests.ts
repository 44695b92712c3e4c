/*
 * What a client must do in every exchange: it sends the request as it is, follows no redirect, reads the body as it
 * arrives, and closes the connection when the caller needs it no more (rows 9, 10 and 16 of docs/design/faults.md).
 */
import { leakProbe } from "@effect-tilia/testing/leakProbe"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as ScriptedServer from "../ScriptedServer.js"
import {
  clientId,
  clientSecret,
  endpointAt,
  errorOf,
  expectError,
  makeTest,
  open,
  requestToken,
  requestTokenAt,
  type Subject,
  token,
  tokenText
} from "./subject.js"

const { always, httpResponse, inTurn, json, send, until } = ScriptedServer

/** The server has received a request, and every connection that was used is closed. */
const isClosed = ({ requests, used }: ScriptedServer.Seen): boolean => requests.length > 0 && used === 0

/** Waits until a request has arrived and the client has received the first bytes of the response. */
const untilResponding = (server: ScriptedServer.Server) =>
  Effect.zipRight(until(server, ({ requests }) => requests.length > 0), Effect.sleep("50 millis"))

/** How long a test waits for what must come at once. It only ends a test that would hang. */
const patience = "5 seconds"

/** The head of a response whose body may go on forever. */
const chunkedHead = send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")

/** Responses that never end, by where they stop. */
const unfinished: ReadonlyArray<readonly [string, ScriptedServer.Script]> = [
  ["before the headers", ScriptedServer.silent],
  ["in the middle of the body", inTurn([send("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")])],
  ["while the body arrives byte by byte", inTurn([chunkedHead, ScriptedServer.repeat("1\r\nx\r\n", { every: 5 })])]
]

/** Sends 64 MiB: far too much, but a client that does not stop must not fill the memory. */
const flood = (bytes: string | Uint8Array) => ScriptedServer.repeat(bytes, { times: 4096 })

const sixteenKib = "x".repeat(0x4000)

/** The beginning of a gzip stream, and a block that holds 16 KiB as they are, after their length (RFC 1951). */
const gzipHead = "\u001f\u008b\b\u0000\u0000\u0000\u0000\u0000\u0000\u0003"
const gzipBlock = `\u0000\u0000@\u00ff\u00bf${sixteenKib}`
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))
const chunkOf = (text: string) => latin1(`${text.length.toString(16)}\r\n${text}\r\n`)

/**
 * Errors after which many clients send a request again by themselves, with their rows. Only the library may do that: it
 * counts its attempts, and asks the server once where it says so.
 */
const temptations = [
  [401, 31],
  [408, 35],
  [425, 35],
  [429, 36],
  [500, 37],
  [502, 37],
  [503, 37],
  [504, 37]
] as const

/** Bodies that no reader may read whole. */
const floods: ReadonlyArray<readonly [string, ...ReadonlyArray<ScriptedServer.Step>]> = [
  ["without an end", chunkedHead, flood(chunkOf(sixteenKib))],
  ["whose announced length is huge", send("HTTP/1.1 200 OK\r\ncontent-length: 67108864\r\n\r\n"), flood(sixteenKib)],
  [
    "in gzip without an end",
    send("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"),
    send(chunkOf(gzipHead)),
    flood(chunkOf(gzipBlock))
  ]
]

const declareTokenRequestTests = (subject: Subject): void => {
  const test = makeTest(subject)
  const { client, hidesRedirects = false, setsAcceptEncoding = false } = subject

  test("a token request is one POST with the credentials only in its body, and no trace headers (E1)", () =>
    Effect.gen(function*() {
      const server = yield* open(always(json(200, token)))
      const { value } = yield* Effect.withSpan(requestTokenAt(`${server.url}/prefix/`, client), "caller")
      expect(Redacted.value(value)).toBe(tokenText)
      const { requests } = yield* server.seen
      const [head = "", body] = requests.join("").split("\r\n\r\n")
      const [line, ...headers] = head.toLowerCase().split("\r\n")
      expect(requests.length).toBe(1)
      expect(line).toBe("post /prefix/token http/1.1")
      expect(headers).toEqual(
        expect.arrayContaining(["accept: application/json", "content-type: application/x-www-form-urlencoded"])
      )
      if (!setsAcceptEncoding) expect(headers).toContain("accept-encoding: identity")
      expect(headers.join("\n")).not.toMatch(/^(traceparent|b3|x-b3-.*|cookie):/m)
      // Neither as it is nor encoded, as in the Basic scheme.
      expect((yield* leakProbe(Effect.succeed(head), [clientSecret])).leaks).toStrictEqual([])
      // The vendor's sample request, byte by byte, with other scopes.
      expect(body).toBe(
        `client_id=${clientId}&client_secret=${clientSecret}` +
          "&grant_type=client_credentials&scope=user_info%2Cwrite_invoices"
      )
    }))

  test("a token request sends no cookie that an earlier response has set (E1)", () =>
    Effect.gen(function*() {
      const server = yield* open(
        inTurn([send(json(200, token, { "set-cookie": "session=1; Path=/" })), ScriptedServer.end])
      )
      yield* Effect.provide(Effect.repeatN(requestToken, 1), endpointAt(server.url, client))
      const { requests } = yield* server.seen
      expect(requests.length).toBe(2)
      for (const request of requests) expect(request).not.toMatch(/^cookie:/im)
    }))

  for (const [status, row] of temptations) {
    test(`the client sends a request once, although the response has status ${status} (E7, row ${row})`, () =>
      Effect.gen(function*() {
        for (const headers of [{}, { "retry-after": "0" }]) {
          const server = yield* open(always(httpResponse(status, headers)))
          const error = yield* errorOf(requestTokenAt(server.url, client, { retry: { maxAttempts: 1 } }))
          expectError(error, { attempts: 1 })
          expect((yield* server.seen).requests.length).toBe(1)
        }
      }))
  }

  for (const status of [301, 302, 303, 307, 308]) {
    test(`the client does not follow a redirect with status ${status} to the same origin (E3, row 20)`, () =>
      Effect.gen(function*() {
        const server = yield* open(
          inTurn(
            [send(httpResponse(status, { location: "/elsewhere" })), ScriptedServer.end],
            [send(json(200, token)), ScriptedServer.end]
          )
        )
        const error = yield* errorOf(requestTokenAt(server.url, client))
        expectError(error, { _tag: "UnexpectedResponseError", ...(!hidesRedirects && { status }), attempts: 1 })
        expect((yield* server.seen).requests.length).toBe(1)
      }))

    test(`the client does not follow a redirect with status ${status} or connect to its target (E3, row 20)`, () =>
      Effect.gen(function*() {
        const target = yield* open(always(json(200, token)))
        const server = yield* open(always(httpResponse(status, { location: `${target.url}/token` })))
        const error = yield* errorOf(requestTokenAt(server.url, client))
        expectError(error, {
          _tag: "UnexpectedResponseError",
          ...(!hidesRedirects && { status }),
          attempts: 1
        })
        if (!hidesRedirects) expect(error.message).toContain(target.url)
        expect((yield* target.seen).made).toBe(0)
        expect((yield* server.seen).requests.length).toBe(1)
      }))
  }
}

/** What `TokenEndpoint` hides, and a user of the client sees. */
const declareClientTests = (subject: Subject): void => {
  const test = makeTest(subject)
  const get = (url: string) => Effect.flatMap(HttpClient.HttpClient, (client) => client.get(url))
  const provided = Effect.provide(subject.client)

  test("the client fails if no response comes, and does not report a response with status 0 (row 16)", () =>
    Effect.gen(function*() {
      const { url } = yield* open(ScriptedServer.refuse)
      expectError(yield* errorOf(get(url)), { _tag: "RequestError", reason: "Transport" })
    }).pipe(provided))

  test("the client streams a body as it arrives, and closes the socket when the reader stops (E5)", () =>
    Effect.gen(function*() {
      const server = yield* open(inTurn([chunkedHead, send("1\r\na\r\n")]))
      const text = yield* HttpClientResponse.stream(get(server.url)).pipe(
        Stream.decodeText(),
        Stream.take(1),
        Stream.mkString,
        Effect.timeout(patience)
      )
      expect(text).toBe("a")
      yield* until(server, isClosed)
    }).pipe(provided))

  for (const [when, script] of unfinished) {
    test(`the client closes the socket of a call that is interrupted ${when} (E6)`, () =>
      Effect.gen(function*() {
        const server = yield* open(script)
        const fiber = yield* Effect.forkDaemon(Effect.flatMap(get(server.url), ({ text }) => text))
        yield* untilResponding(server)
        yield* Effect.timeout(Fiber.interrupt(fiber), patience)
        yield* until(server, isClosed)
      }).pipe(provided))
  }

  test("the end of the scope closes the socket of a response that was never read (E6)", () =>
    Effect.gen(function*() {
      const server = yield* open(inTurn([send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")]))
      const client = HttpClient.withScope(yield* HttpClient.HttpClient)
      yield* Effect.timeout(Effect.scoped(client.get(server.url)), patience)
      yield* until(server, isClosed)
    }).pipe(provided))
}

const declareUnfinishedTests = (subject: Subject): void => {
  const test = makeTest(subject)
  const { client } = subject

  for (const [what, ...steps] of floods) {
    test(`a token request stops reading a body ${what}, and closes its connection (E5, row 27)`, () =>
      Effect.gen(function*() {
        const server = yield* open(inTurn(steps))
        const error = yield* errorOf(
          requestTokenAt(server.url, client, { retry: { maxAttempts: 1 } })
        )
        expectError(error, { _tag: "UnexpectedResponseError", problem: "its body is larger than 256 KiB" })
        yield* until(server, isClosed)
        // The buffers of the kernel take some megabytes that the client never reads, more if the machine is busy.
        expect((yield* server.seen).sent).toBeLessThan(32 * 1024 * 1024)
      }))
  }

  for (const [when, script] of unfinished) {
    test(`an attempt whose time runs out ${when} causes TokenTimeoutError and closes its socket (row 9)`, () =>
      Effect.gen(function*() {
        const server = yield* open(script)
        const error = yield* errorOf(requestToken).pipe(
          Effect.zipLeft(until(server, isClosed)),
          Effect.provide(endpointAt(server.url, client, { attemptTimeout: "500 millis" }))
        )
        expectError(error, { _tag: "TokenTimeoutError", attempts: 2 })
        // On a busy machine, an attempt may time out before its request is sent.
        expect([1, 2]).toContain((yield* server.seen).requests.length)
      }))

    test(`a token request that is interrupted ${when} closes its socket and is not retried (row 10)`, () =>
      Effect.gen(function*() {
        const server = yield* open(script)
        yield* Effect.gen(function*() {
          const fiber = yield* Effect.forkDaemon(requestToken)
          yield* untilResponding(server)
          const exit = yield* Effect.timeout(Fiber.interrupt(fiber), patience)
          expect(Exit.isInterrupted(exit)).toBe(true)
          yield* until(server, isClosed)
        }).pipe(Effect.provide(endpointAt(server.url, client)))
        expect((yield* server.seen).requests.length).toBe(1)
      }))
  }

  test("an attempt that times out before its body is read leaves no socket open (row 9)", () =>
    Effect.gen(function*() {
      const server = yield* open(inTurn([chunkedHead, ScriptedServer.repeat("1\r\nx\r\n", { every: 5 })]))
      const unreadClient = Layer.map(client, (context) =>
        Context.make(
          HttpClient.HttpClient,
          HttpClient.tap(Context.get(context, HttpClient.HttpClient), () => Effect.never)
        ))
      const error = yield* errorOf(requestToken).pipe(
        Effect.zipLeft(until(server, isClosed)),
        Effect.provide(endpointAt(server.url, unreadClient, { attemptTimeout: "500 millis" }))
      )
      expectError(error, { _tag: "TokenTimeoutError", attempts: 2 })
    }))
}

export const declareRequestTests = (subject: Subject): void => {
  describe("the request", () => declareTokenRequestTests(subject))
  describe("the client by itself", () => declareClientTests(subject))
  describe("responses without end", () => declareUnfinishedTests(subject))
}
