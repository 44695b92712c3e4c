/*
 * Rows 1–15 of docs/design/faults.md: what goes wrong on the way, byte by byte from a real socket, for each of Effect's
 * clients.
 */
import { NodeTokenHttpClient } from "@effect-tilia/node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type { HttpClient } from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as tls from "node:tls"
import { printed } from "../../core/test/support/printed.js"
import * as Backlog from "./support/backlog.js"
import * as Certificates from "./support/Certificates.js"
import { clients } from "./support/clients.js"
import { clientSecret, endpointAt, requestToken } from "./support/endpoint.js"
import * as RawServer from "./support/RawServer.js"
import { tlsInFront } from "./support/tls.js"

const { always, answer, json } = RawServer

const token = { access_token: "abc", token_type: "Bearer", expires_in: "3600", scope: "user_info,write_invoices" }

/** The same clients, with an authority to trust. */
const trusting = (ca: string): Readonly<Record<keyof typeof clients, Layer.Layer<HttpClient>>> => ({
  "undici": Layer.orDie(NodeTokenHttpClient.layer({ ca })),
  "node:http": Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ ca })),
  "fetch": FetchHttpClient.layer.pipe(
    Layer.provide(Layer.succeed(FetchHttpClient.Fetch, (input, init) =>
      Undici.fetch(
        input as Undici.RequestInfo,
        { ...init, dispatcher: new Undici.Agent({ connect: { ca } }) } as Undici.RequestInit
      ) as unknown as Promise<Response>))
  )
})

const failure = (url: string, client: Layer.Layer<HttpClient>) =>
  requestToken.pipe(
    Effect.flip,
    Effect.tap((error) => expect(printed(error)).not.toContain(clientSecret)),
    Effect.provide(endpointAt(url, client, { attemptTimeout: "400 millis" }))
  )

const transport = (reason: string, attempts = 2) => ({ _tag: "TokenTransportError", reason, attempts })
const timeout = { _tag: "TokenTimeoutError", attempts: 2 }

const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
const body = JSON.stringify(token)

/** Bytes, after which the server closes, or resets. */
const then = (end: "close" | "reset", bytes: string): RawServer.Play => (socket) => {
  if (end === "close") socket.end(bytes)
  else if (bytes === "") socket.resetAndDestroy()
  else socket.write(bytes, () => setTimeout(() => socket.resetAndDestroy(), 20))
}

const broken = (["close", "reset"] as const).flatMap((end) =>
  ([
    [7, "before headers", ""],
    [7, "in mid headers", "HTTP/1.1 200 OK\r\ncontent-ty"],
    [8, "in mid body, by length", `${head}content-length: 1000\r\n\r\n{"access`],
    [8, "in mid body, by chunk", `${head}transfer-encoding: chunked\r\n\r\nff\r\n{"access`],
    [8, "between chunks", `${head}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`]
  ] as const).map(([row, what, bytes]) => ({ row, what: `${end} ${what}`, play: then(end, bytes) }))
)

const malformed: ReadonlyArray<readonly [string, RawServer.Play]> = [
  ["not HTTP", always(Buffer.from("220 mail.example ESMTP\r\n"))],
  ["headers over 16 KiB", always(answer(200, { x: "x".repeat(20_000) }, body))],
  ["two Content-Lengths", always(Buffer.from(`${head}content-length: 5\r\ncontent-length: 7\r\n\r\n${body}`))],
  [
    "length and chunked together",
    always(Buffer.from(`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n0\r\n\r\n`))
  ],
  ["a control character in a header", always(Buffer.from(`${head}x: a\u0000b\r\ncontent-length: 2\r\n\r\n{}`))]
]

describe.each(Object.entries(clients))("%s", (name, client) => {
  const trustingClient = (ca: string) => trusting(ca)[name as keyof typeof clients]

  it.scopedLive("row 1: connection refused", () =>
    Effect.gen(function*() {
      const { port } = yield* Effect.scoped(RawServer.make(() => undefined))
      expect(yield* failure(`http://127.0.0.1:${port}`, client)).toMatchObject(transport("Refused"))
    }))

  it.scopedLive("row 3: SYN swallowed", () =>
    Effect.gen(function*() {
      const { port } = yield* Backlog.full
      expect(yield* failure(`http://127.0.0.1:${port}`, client)).toMatchObject(timeout)
    }))

  it.scopedLive("row 4: no such name", () =>
    Effect.gen(function*() {
      // A label of more than 63 characters: no resolver needs to be asked.
      expect(yield* failure(`https://${"a".repeat(64)}.invalid`, client)).toMatchObject(transport("Dns"))
    }))

  it.scopedLive.each<[string, Parameters<Certificates.Authority["issue"]>[0], tls.TlsOptions, boolean]>([
    ["of an unknown authority", {}, {}, false],
    ["that has expired", { days: -2 }, {}, true],
    ["for another name", { host: "elsewhere.example" }, {}, true],
    ["over TLS 1.1", {}, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }, true]
  ])(
    "row 5: a certificate %s, and not one byte is sent",
    ([_, certificate, options, trusted]) =>
      Effect.gen(function*() {
        const authority = yield* Certificates.make
        const plain = yield* RawServer.make(always(json(200, token)))
        const url = yield* tlsInFront({ ...(yield* authority.issue(certificate)), ...options }, plain)
        const error = yield* failure(url, trusted ? trustingClient(authority.ca) : client)
        expect(error).toMatchObject(transport("Tls", 1))
        expect(plain.requests).toStrictEqual([])
        expect(plain.bytes()).toBe(0)
      })
  )

  it.scopedLive("row 5: a certificate that is trusted works", () =>
    Effect.gen(function*() {
      const authority = yield* Certificates.make
      const plain = yield* RawServer.make(always(json(200, token)))
      const url = yield* tlsInFront(yield* authority.issue(), plain)
      const { value } = yield* Effect.provide(requestToken, endpointAt(url, trustingClient(authority.ca)))
      expect(Redacted.value(value)).toBe("abc")
    }))

  it.scopedLive("row 6: https to a plain port that answers", () =>
    Effect.gen(function*() {
      const { port } = yield* RawServer.atOnce((socket) => socket.end(answer(400)))
      expect(yield* failure(`https://127.0.0.1:${port}`, client)).toMatchObject(transport("Tls", 1))
    }))

  it.scopedLive("row 6: https to a plain port that waits", () =>
    Effect.gen(function*() {
      const { port } = yield* RawServer.make(() => undefined)
      expect(yield* failure(`https://127.0.0.1:${port}`, client)).toMatchObject(timeout)
    }))

  it.scopedLive("row 6: http to a TLS port", () =>
    Effect.gen(function*() {
      const authority = yield* Certificates.make
      const plain = yield* RawServer.make(always(json(200, token)))
      const url = yield* tlsInFront(yield* authority.issue(), plain)
      expect(yield* failure(url.replace("https:", "http:"), client)).toMatchObject({
        _tag: expect.stringMatching(/^(TokenTransportError|TokenTimeoutError)$/),
        attempts: 2
      })
      expect(plain.requests).toStrictEqual([])
    }))

  it.scopedLive.each(broken)("row $row: $what", ({ play }) =>
    Effect.gen(function*() {
      const server = yield* RawServer.make(play)
      expect(yield* failure(server.url, client)).toMatchObject(transport("Reset"))
      expect(server.requests.length).toBe(2)
    }))

  it.scopedLive.each(["FIN", "RST", "RST on reuse"])(
    "row 12: a kept-alive connection ended by the server, %s",
    (how) =>
      Effect.gen(function*() {
        const seen = new WeakSet<object>()
        const server = yield* RawServer.make((socket) => {
          if (seen.has(socket)) return void socket.resetAndDestroy()
          seen.add(socket)
          socket.write(json(200, token, { connection: "keep-alive" }), () => {
            if (how === "FIN") setTimeout(() => socket.end(), 10)
            if (how === "RST") setTimeout(() => socket.resetAndDestroy(), 10)
          })
        })
        yield* Effect.gen(function*() {
          for (let n = 0; n < 3; n++) {
            yield* requestToken
            yield* Effect.sleep("25 millis")
          }
        }).pipe(Effect.provide(endpointAt(server.url, client, { retry: { maxAttempts: 4, baseDelay: "1 millis" } })))
        expect(server.requests.length).toBeGreaterThanOrEqual(3)
      })
  )

  it.scopedLive.each(malformed)("row 13: %s", ([, play]) =>
    Effect.gen(function*() {
      const server = yield* RawServer.make(play)
      expect(yield* failure(server.url, client)).toMatchObject({ _tag: "TokenTransportError", attempts: 2 })
    }))

  it.scopedLive.each(["100 Continue", "103 Early Hints"])("row 14: %s unasked", (status) =>
    Effect.gen(function*() {
      const server = yield* RawServer.make(
        always(Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n\r\n`), json(200, token)]))
      )
      const result = yield* Effect.either(Effect.provide(requestToken, endpointAt(server.url, client)))
      // undici, and fetch with it, take an unasked 100 for a broken answer.
      if (status === "100 Continue" && name !== "node:http") {
        expect(result).toMatchObject({ left: transport("Reset") })
      } else {
        expect(Redacted.value((yield* result).value)).toBe("abc")
      }
    }))

  it.scopedLive("row 15: 101 Switching Protocols", () =>
    Effect.gen(function*() {
      const server = yield* RawServer.make((socket) =>
        socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")
      )
      expect(yield* failure(server.url, client)).toMatchObject({
        _tag: expect.stringMatching(/^(UnexpectedResponseError|TokenTransportError)$/)
      })
      // node:http hands an upgraded socket over and forgets it: no one else can close it.
      if (name !== "node:http") yield* RawServer.until(() => server.connections().used === 0)
    }))
})
