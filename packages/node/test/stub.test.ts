/*
 * A runtime whose undici is a stub, as Bun's: its classes exist, and can send nothing (row 135 of
 * docs/design/faults.md).
 */
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import { end, inTurn, json, send } from "@effect-tilia/contract/ScriptedServer"
import { AuthorizedHttpClient } from "@effect-tilia/core"
import { NodeTilia, NodeTokenHttpClient } from "@effect-tilia/node"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { vi } from "vitest"
import { clientId, clientSecret } from "./support/endpoint.js"

vi.mock("@effect/platform-node/Undici", () => {
  class Agent {
    readonly isStub = true
  }
  const others = { Dispatcher: Agent, EnvHttpProxyAgent: Agent, Pool: Agent, ProxyAgent: Agent }
  return { Agent, ...others, default: {} }
})

const { open } = Effect.runSync(NodeScriptedServer.make())

const grant = json(200, { access_token: "abc", token_type: "Bearer", expires_in: 3600, scope: "user_info" })

describe("where undici is a stub", () => {
  it.scopedLive("NodeTilia requests a token and calls the API over fetch (row 135)", () =>
    Effect.gen(function*() {
      const { seen, url } = yield* open(inTurn([send(grant), end], [send(json(200, { name: "a" })), end]))
      const layer = NodeTilia.layer({
        environment: { authUrl: url, apiOrigins: [url] },
        clientId,
        clientSecret,
        scopes: ["user_info"]
      })
      const response = yield* Effect.flatMap(AuthorizedHttpClient.AuthorizedHttpClient, (client) => client.get(url))
        .pipe(
          Effect.flatMap(({ json }) => json),
          Effect.provide(layer)
        )
      expect(response).toStrictEqual({ name: "a" })
      expect((yield* seen).requests).toHaveLength(2)
    }))

  it.scopedLive("NodeTokenHttpClient sends over fetch, which can be replaced", () =>
    Effect.gen(function*() {
      const urls: Array<string> = []
      const response = yield* HttpClient.get("http://127.0.0.1:1/a").pipe(
        Effect.provide(NodeTokenHttpClient.layer()),
        Effect.provideService(FetchHttpClient.Fetch, (url) => {
          urls.push(String(url))
          return Promise.resolve(new Response("b"))
        })
      )
      expect([yield* response.text, urls]).toStrictEqual(["b", ["http://127.0.0.1:1/a"]])
    }))

  it.effect.each<[string, NodeTokenHttpClient.Options]>([
    ["proxy", { proxy: "http://127.0.0.1:1" }],
    ["proxy", { proxy: false }],
    ["ca", { ca: "swordfish" }]
  ])(
    "the option %s is an InvalidInputError, because fetch can't obey it",
    ([setting, options]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeTokenHttpClient.layer(options))))
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
      })
  )
})
