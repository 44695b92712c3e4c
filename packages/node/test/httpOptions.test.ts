/*
 * What `http` says is handed on to both clients: that of token requests and that of API calls.
 */
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import { end, inTurn, json, send, silent } from "@effect-tilia/contract/ScriptedServer"
import { AuthorizedHttpClient } from "@effect-tilia/core"
import { NodeTilia, NodeTokenHttpClient } from "@effect-tilia/node"
import * as Undici from "@effect/platform-node/Undici"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { tokenClient } from "./support/clients.js"
import { clientId, clientSecret } from "./support/endpoint.js"
import { proxy } from "./support/proxy.js"

const { open } = Effect.runSync(NodeScriptedServer.make())

const grant = json(200, { access_token: "abc", token_type: "Bearer", expires_in: 3600, scope: "user_info" })

/** The authorization server and the API in one. */
const server = (tls?: "valid") =>
  open({
    ...inTurn([send(grant), end], [send(json(200, { name: "a" })), end]),
    ...(tls !== undefined && { tls })
  })

/** Calls the API at this URL, which makes one token request and one API call. */
const callApi = (url: string, http: NodeTokenHttpClient.Options) =>
  Effect.flatMap(AuthorizedHttpClient.AuthorizedHttpClient, (client) => client.get(url)).pipe(
    Effect.flatMap(({ json }) => json),
    Effect.provide(NodeTilia.layer({
      environment: { authUrl: url, apiOrigins: [url] },
      clientId,
      clientSecret,
      scopes: ["user_info"],
      retry: { maxAttempts: 1 },
      http
    }))
  )

describe("the options of NodeTilia's HTTP client", () => {
  it.scopedLive("`http.ca` is trusted for the token request and the API call", () =>
    Effect.gen(function*() {
      const { authority = "", url } = yield* server("valid")
      expect(yield* callApi(url, { ca: authority })).toStrictEqual({ name: "a" })
    }))

  it.scopedLive("`http.ca` may be the bytes of a file, or a list of them", () =>
    Effect.gen(function*() {
      for (const inList of [false, true]) {
        const { authority = "", url } = yield* server("valid")
        const file = Buffer.from(authority)
        expect(yield* callApi(url, { ca: inList ? [file] : file })).toStrictEqual({ name: "a" })
      }
    }))

  it.scopedLive("a server whose authority is not in `http.ca` gets neither the token request nor the API call", () =>
    Effect.gen(function*() {
      const { seen, url } = yield* server("valid")
      const error = yield* Effect.flip(Logger.withMinimumLogLevel(callApi(url, {}), LogLevel.None))
      expect(error).toMatchObject({ _tag: "TokenTransportError", reason: "Tls" })
      expect((yield* seen).requests).toStrictEqual([])
    }))

  it.scopedLive("`http.dispatcher` sends the token request and the API call, without time-outs for bodies", () =>
    Effect.gen(function*() {
      const { url } = yield* server()
      const dispatched: Array<Undici.Dispatcher.DispatchOptions> = []
      class Recorder extends Undici.Agent {
        override dispatch(options: Undici.Dispatcher.DispatchOptions, handler: Undici.Dispatcher.DispatchHandler) {
          dispatched.push(options)
          return super.dispatch(options, handler)
        }
      }
      const dispatcher = yield* Effect.acquireRelease(
        Effect.sync(() => new Recorder()),
        (agent) => Effect.promise(() => agent.close())
      )
      expect(yield* callApi(url, { dispatcher, proxy: "http://127.0.0.1:1" })).toStrictEqual({ name: "a" })
      expect(dispatched).toMatchObject([
        { method: "POST", path: "/token", headersTimeout: 0, bodyTimeout: 0 },
        { method: "GET", path: "/", headersTimeout: 3_600_000, bodyTimeout: 0 }
      ])
    }))

  it.scopedLive(
    "a connection that is not made within 5 seconds fails, with a proxy or without, in both clients",
    () =>
      Effect.gen(function*() {
        // It accepts connections and never says a word: a TLS connection to it is never made.
        const { url } = yield* open(silent)
        const secure = url.replace("http:", "https:")
        const through = yield* proxy
        const timed = (client: Layer.Layer<HttpClient.HttpClient, unknown>) =>
          Effect.timed(Effect.flip(HttpClient.get(secure))).pipe(Effect.provide(Layer.orDie(client)))
        const ends = yield* Effect.all(
          [
            timed(NodeTokenHttpClient.layer()),
            timed(NodeTokenHttpClient.layer({ proxy: false })),
            timed(NodeTokenHttpClient.layer({ proxy: through.url })),
            timed(NodeTokenHttpClient.layer({ proxy: secure })),
            timed(tokenClient())
          ],
          { concurrency: "unbounded" }
        )
        for (const [duration, error] of ends) {
          expect(error).toMatchObject({ reason: "Transport", cause: { code: "UND_ERR_CONNECT_TIMEOUT" } })
          expect(Duration.toMillis(duration)).toBeGreaterThan(4000)
          expect(Duration.toMillis(duration)).toBeLessThan(9000) // undici's own default is 10 seconds
        }
      })
  )
})
