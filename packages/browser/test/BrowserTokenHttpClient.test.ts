/*
 * What only an HTTP client in a browser can do wrong: a real page against real sockets.
 */
import { BrowserTokenHttpClient } from "@effect-tilia/browser"
import * as RemoteScriptedServer from "@effect-tilia/contract/RemoteScriptedServer"
import {
  always,
  end,
  httpResponse,
  inTurn,
  json,
  refuse,
  type Script,
  ScriptedServer,
  send,
  until
} from "@effect-tilia/contract/ScriptedServer"
import { ClientCredentials, Environment, TokenEndpoint } from "@effect-tilia/core"
import { Sandbox } from "@effect-tilia/sandbox"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { inject } from "vitest"

const token = { access_token: "abc", token_type: "Bearer", expires_in: "3600", scope: "user_info" }

/** Requests a token at this URL, with two attempts at most. */
const requestToken = (authUrl: string, options: TokenEndpoint.Options = {}) =>
  Effect.flatMap(TokenEndpoint.TokenEndpoint, (endpoint) => endpoint.requestToken(["user_info"])).pipe(
    Effect.provide(
      TokenEndpoint.layer({ retry: { maxAttempts: 2, baseDelay: "1 millis" }, ...options }).pipe(Layer.provide([
        ClientCredentials.layer(Sandbox.wellKnown),
        Environment.layer({ authUrl }),
        BrowserTokenHttpClient.layer
      ]))
    )
  )

/** The status of the response, in a program with these settings for fetch. */
const post = (url: string, settings: RequestInit) =>
  Effect.flatMap(HttpClient.HttpClient, (client) => client.post(url)).pipe(
    Effect.map(({ status }) => status),
    Effect.scoped,
    Effect.provideService(FetchHttpClient.RequestInit, settings)
  )

const ours = Effect.provide(BrowserTokenHttpClient.layer)

/** platform's own fetch client, without its trace headers, because they would cause a preflight request. */
const bare = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.provide(Effect.withTracerEnabled(self, false), FetchHttpClient.layer)

const open = (script: Script) => Effect.flatMap(ScriptedServer, ({ open }) => open(script))

layer(RemoteScriptedServer.layer(inject("scriptedServer")), { excludeTestServices: true })("browser", (it) => {
  it.scoped("a token request of a page causes no preflight request", () =>
    Effect.gen(function*() {
      const server = yield* open(always(json(200, token)))
      yield* Effect.withSpan(requestToken(server.url), "caller")
      const { requests } = yield* server.seen
      expect(requests.length).toBe(1)
      expect(requests[0]).toMatch(/^POST \/token /)
    }))

  it.scoped("a response without CORS headers causes the same error as a refused connection (row 16)", () =>
    Effect.gen(function*() {
      const other = { _tag: "TokenTransportError", reason: "Other", attempts: 2 }
      const { url } = yield* open(refuse)
      expect(yield* Effect.flip(requestToken(url))).toMatchObject(other)

      // The scripted server adds no CORS header to this response, because it is sent in two pieces.
      const head = "HTTP/1.1"
      const rest = new TextDecoder().decode(json(200, token)).slice(head.length)
      const server = yield* open(inTurn([send(head), send(rest), end]))
      expect(yield* Effect.flip(requestToken(server.url))).toMatchObject(other)
      expect((yield* server.seen).requests.length).toBe(2)
    }))

  it.scoped("a response with status 101 causes TokenTimeoutError, and its socket is closed (row 15)", () =>
    Effect.gen(function*() {
      const server = yield* open(inTurn([send("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n")]))
      const error = yield* Effect.flip(requestToken(server.url, { attemptTimeout: "100 millis" }))
      expect(error).toMatchObject({ _tag: "TokenTimeoutError", attempts: 2 })
      yield* until(server, ({ used }) => used === 0)
    }))

  it.scoped("a malformed response that Chromium accepts yields no token (rows 7 and 13)", () =>
    Effect.gen(function*() {
      const head = "HTTP/1.1 200 OK\r\n"
      const cut = yield* open(always(`${head}content-ty`))
      const chunked = yield* open(
        always(`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n0\r\n\r\n`)
      )
      for (const { url } of [cut, chunked]) {
        const error = yield* Effect.flip(requestToken(url))
        expect(error).toMatchObject({ _tag: "UnexpectedResponseError", problem: "its body isn't JSON" })
      }
    }))

  it.scoped("the client reports a redirect as status 0, whatever RequestInit the program sets (E3)", () =>
    Effect.gen(function*() {
      const target = yield* open(always(httpResponse(200)))
      const server = yield* open(always(httpResponse(307, { location: target.url })))
      const careless = post(server.url, { redirect: "follow" })
      expect(yield* bare(careless)).toBe(200)
      expect((yield* target.seen).requests.length).toBe(1) // so fetch would follow it
      expect(yield* ours(careless)).toBe(0)
      expect((yield* target.seen).requests.length).toBe(1)
    }))

  it.scoped("the client sends no cookie, referrer or trace header to another origin, whatever the RequestInit", () =>
    Effect.gen(function*() {
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          document.cookie = "session=1"
        }),
        () =>
          Effect.sync(() => {
            document.cookie = "session=1; max-age=0"
          })
      )
      const server = yield* open(always(httpResponse(200)))
      const { port } = new URL(server.url)
      const careless = post(
        `http://${location.hostname}:${port}`, // the host of the page, because a cookie is not bound to a port
        { credentials: "include", referrerPolicy: "unsafe-url" }
      )
      yield* Effect.ignore(bare(careless)) // fails, because a response that allows every origin allows no cookies
      yield* Effect.withSpan(ours(careless), "caller")
      const [theirs, mine] = (yield* server.seen).requests
      expect(theirs).toMatch(/^cookie: session=1\r$/mi) // so fetch would send it
      expect(theirs).toMatch(/^referer: /mi)
      expect(mine).not.toMatch(/^(traceparent|b3|x-b3-.*|cookie|referer):/mi)
    }))
})
