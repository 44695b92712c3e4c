/*
 * The mediator on Node's HTTP server, over real sockets (M3).
 */
import { TokenMediator, TokenSources } from "@effect-tilia/core"
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import { NodeTokenHttpClient } from "@effect-tilia/node"
import { TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServer from "@effect/platform/HttpServer"
import { expect, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"

const origin = "https://shop.example"

class Url extends Context.Tag("Url")<Url, string>() {}

const mediator = Layer.scoped(
  Url,
  Effect.gen(function*() {
    const app = yield* TokenMediatorServer.make({ origin, authorize: () => Effect.succeed(["user_info"]) })
    yield* HttpServer.serveEffect(app)
    return yield* HttpServer.addressFormattedWith((address) =>
      Effect.succeed(`${address.replace("0.0.0.0", "127.0.0.1")}/tilia/token`)
    )
  })
).pipe(Layer.provide([
  Layer.provide(TokenSources.layer(), TestTokenEndpoint.layer(TestTokenEndpoint.succeed({ claims: {} }))),
  NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })
]))

const body = JSON.stringify({ scopes: ["user_info"] })
const json = { "content-type": "application/json", origin }

const post = (init: RequestInit) =>
  Effect.gen(function*() {
    const url = yield* Url
    return yield* Effect.promise(async () => {
      const response = await fetch(url, { method: "POST", body, ...init })
      return [response.status, response.headers.get("cache-control"), await response.json()] as const
    })
  })

layer(mediator)("the mediator over a socket", (it) => {
  it.effect("a page of the application's origin gets a token from the mediator (M3)", () =>
    Effect.gen(function*() {
      const page = HttpClient.mapRequest(yield* HttpClient.HttpClient, HttpClientRequest.setHeader("origin", origin))
      const { requestToken } = yield* TokenMediator.make({ mediatorUrl: yield* Url }).pipe(
        Effect.provideService(HttpClient.HttpClient, page)
      )
      const token = yield* requestToken(["user_info"])
      expect(token.scopes).toStrictEqual(["user_info"])
      expect(TestAccessToken.text(token)).toMatch(/^eyJ/)
    }).pipe(Effect.provide(NodeTokenHttpClient.layer()), Effect.scoped))

  it.effect.each<[string, RequestInit, number]>([
    ["a request of a foreign origin", { headers: { ...json, origin: "https://evil.example" } }, 403],
    ["a request without an origin", { headers: { "content-type": "application/json" } }, 403],
    ["a form", { headers: { origin }, body: new URLSearchParams({ scopes: "user_info" }) }, 415],
    ["an announced body of 200 kB", { headers: json, body: " ".repeat(200_000) }, 413]
  ])("the mediator refuses %s (M3)", ([, init, status]) =>
    Effect.gen(function*() {
      expect(yield* post(init)).toStrictEqual([status, "no-store", {
        _tag: expect.stringMatching(/^Invalid(Client|Request)Error$/),
        retryable: false,
        message: expect.any(String)
      }])
    }))

  it.effect("the mediator refuses a chunked body of 200 kB and serves the next request (M3)", () =>
    Effect.gen(function*() {
      const pieces = new ReadableStream({
        start: (controller) => {
          for (let n = 0; n < 200; n++) controller.enqueue(new TextEncoder().encode(" ".repeat(1000)))
          controller.close()
        }
      })
      const init = { headers: json, body: pieces, duplex: "half" }
      expect((yield* post(init))[0]).toBe(413)
      expect((yield* post({ headers: json }))[0]).toBe(200)
    }))
})
