/*
 * Proxies that open no tunnel, for token requests and for API calls. undici connects again in a tight loop if it takes
 * the end of a proxy's connection for the end of a server's.
 */
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import {
  always,
  end,
  httpResponse,
  inTurn,
  reset,
  type Script,
  send,
  silent,
  until
} from "@effect-tilia/contract/ScriptedServer"
import { NodeTokenHttpClient } from "@effect-tilia/node"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as net from "node:net"
import { tokenClient } from "./support/clients.js"
import { endpointAt, requestToken } from "./support/endpoint.js"
import { listen } from "./support/servers.js"

const { open } = Effect.runSync(NodeScriptedServer.make())

/** A server that nothing reaches. */
const servers = ["http://127.0.0.1:1", "https://127.0.0.1:1"] as const

/** What the proxy does at each CONNECT. */
const breaks: ReadonlyArray<readonly [string, Script]> = [
  ["closes after CONNECT", inTurn([end])],
  ["resets after CONNECT", inTurn([reset])],
  ["closes within its status line", inTurn([send("HTTP/1.1 20"), end])],
  ["closes within its headers", inTurn([send("HTTP/1.1 200 OK\r\nx: "), end])],
  ["closes with the tunnel", inTurn([send("HTTP/1.1 200 OK\r\n\r\n"), end])],
  ["resets with the tunnel", inTurn([send("HTTP/1.1 200 OK\r\n\r\n"), reset])],
  ["responds twice", inTurn([send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), end])],
  ["speaks into the tunnel", inTurn([send("HTTP/1.1 200 OK\r\n\r\nhello")])],
  ["responds with a body", inTurn([send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"), end])],
  ["speaks another protocol", inTurn([send("SSH-2.0-x\r\n"), end])],
  ["speaks TLS, and is named with http:", { ...inTurn([]), tls: "valid" }]
]

describe("a proxy that closes the connection before the tunnel is open (row 170)", () => {
  it.scopedLive.each(breaks.flatMap((broken) => servers.map((server) => [...broken, server] as const)))(
    "a proxy that %s gets a CONNECT or two for each request, and none afterwards (row 170)",
    ([, script, server]) =>
      Effect.gen(function*() {
        const proxy = yield* open(script)
        for (const client of [NodeTokenHttpClient.layer, tokenClient]) {
          yield* Effect.gen(function*() {
            const before = (yield* proxy.seen).made
            const error = yield* Effect.flip(Effect.timeout(HttpClient.get(server), "3 seconds"))
            expect(error).toMatchObject({ _tag: "RequestError", reason: "Transport" })
            // A second one is right where the connection ends before undici has written the request.
            const { made } = yield* proxy.seen
            expect(made - before).toBeLessThanOrEqual(2)
            yield* Effect.sleep(100)
            expect((yield* proxy.seen).made).toBe(made)
          }).pipe(Effect.provide(Layer.orDie(client({ proxy: proxy.url.replace("https:", "http:") }))))
        }
      })
  )

  it.scopedLive("a proxy that closes what it accepts gets a connection for each attempt, and no more (row 170)", () =>
    Effect.gen(function*() {
      let made = 0
      const url = yield* listen(net.createServer((socket) => {
        made += 1
        socket.on("error", () => {}).end()
      }))
      const client = Layer.orDie(NodeTokenHttpClient.layer({ proxy: url }))
      yield* Effect.gen(function*() {
        expect(yield* Effect.flip(requestToken)).toMatchObject({ _tag: "TokenTransportError", reason: "Reset" })
        yield* Effect.sleep(200)
        expect(made).toBe(2)
      }).pipe(Effect.provide(endpointAt("https://127.0.0.1:1", client)))
    }))
})

describe("a proxy that never answers CONNECT (row 171)", () => {
  it.scopedLive("an API call behind it fails within 5 seconds, and its socket is closed (N6, row 171)", () =>
    Effect.gen(function*() {
      const proxy = yield* open(silent)
      yield* Effect.gen(function*() {
        const call = Effect.timed(Effect.flip(Effect.timeout(HttpClient.get("https://127.0.0.1:1"), "9 seconds")))
        const interrupted = yield* Effect.fork(call)
        const waiting = yield* Effect.fork(call)
        yield* until(proxy, ({ requests }) => requests.length === 2)
        yield* Fiber.interrupt(interrupted)
        const [duration, error] = yield* Fiber.join(waiting)
        expect(error).toMatchObject({ reason: "Transport", cause: { code: "UND_ERR_CONNECT_TIMEOUT" } })
        expect(Duration.toMillis(duration)).toBeGreaterThan(4000)
        yield* until(proxy, ({ open, requests }) => requests.length === 2 && open === 0)
      }).pipe(Effect.provide(Layer.orDie(NodeTokenHttpClient.layer({ proxy: proxy.url }))))
    }))

  it.scopedLive("a token request behind it fails with a TokenTimeoutError (row 171)", () =>
    Effect.gen(function*() {
      const { url } = yield* open(silent)
      const endpoint = endpointAt("https://127.0.0.1:1", Layer.orDie(tokenClient({ proxy: url })), {
        retry: { maxAttempts: 1 }
      })
      expect(yield* Effect.flip(Effect.provide(requestToken, endpoint))).toMatchObject({ _tag: "TokenTimeoutError" })
    }))
})

describe("a proxy that refuses the user and the password", () => {
  it.scopedLive("the client of token requests does not repeat a request after a 407 of the proxy (row 34)", () =>
    Effect.gen(function*() {
      const proxy = yield* open(always(httpResponse(407, { "proxy-authenticate": "Basic" })))
      for (const server of servers) {
        const before = (yield* proxy.seen).requests.length
        const endpoint = endpointAt(server, Layer.orDie(tokenClient({ proxy: proxy.url })))
        const error = yield* Effect.flip(Effect.provide(requestToken, endpoint))
        expect(error).toMatchObject({ _tag: "UnexpectedResponseError", status: 407, attempts: 1 })
        expect((yield* proxy.seen).requests.length - before).toBe(1)
      }
      yield* until(proxy, ({ open }) => open === 0)
    }))

  it.scopedLive.each<readonly [userInfo: string, sent: string]>([
    ["user:swordfish", "user:swordfish"],
    ["user", "user:"],
    ["user:", "user:"],
    [":swordfish", ":swordfish"],
    ["us%40er:100%25", "us@er:100%"]
  ])("a proxy at %s@ gets the Basic credentials %s", ([userInfo, sent]) =>
    Effect.gen(function*() {
      const proxy = yield* open(always(httpResponse(502)))
      const url = proxy.url.replace("//", `//${userInfo}@`)
      yield* Effect.flip(HttpClient.get(servers[1])).pipe(
        Effect.provide(Layer.orDie(NodeTokenHttpClient.layer({ proxy: url })))
      )
      const [request = ""] = (yield* proxy.seen).requests
      expect(request.match(/^proxy-authorization: .*$/gmi)).toStrictEqual([
        `proxy-authorization: Basic ${Buffer.from(sent).toString("base64")}`
      ])
    }))
})
