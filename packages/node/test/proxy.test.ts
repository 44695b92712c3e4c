/*
 * A proxy, from the options and from the environment, for token requests and for API calls (row 135 of
 * docs/design/faults.md).
 */
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import { end, httpResponse, inTurn, json, send } from "@effect-tilia/contract/ScriptedServer"
import { AuthorizedHttpClient } from "@effect-tilia/core"
import { NodeTilia, NodeTokenHttpClient } from "@effect-tilia/node"
import { linesShowing } from "@effect-tilia/testing"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import { afterEach, beforeEach, describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { tokenClient } from "./support/clients.js"
import { clientId, clientSecret } from "./support/endpoint.js"
import { proxy } from "./support/proxy.js"

const { open } = Effect.runSync(NodeScriptedServer.make())

const grant = json(200, { access_token: "abc", token_type: "Bearer", expires_in: 3600, scope: "user_info" })

const variables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"]

beforeEach(() => {
  for (const name of variables) vi.stubEnv(name, undefined)
})
afterEach(() => {
  vi.unstubAllEnvs()
})

interface Case {
  readonly what: string
  readonly scheme: "http" | "https"
  /** The environment and the option `proxy`, for a proxy at this URL. */
  readonly env?: (url: string) => Readonly<Record<string, string>>
  readonly option?: (url: string) => NodeTokenHttpClient.Options["proxy"]
  readonly goesThrough: boolean
}

const cases: ReadonlyArray<Case> = [
  { what: "nothing", scheme: "https", goesThrough: false },
  { what: "HTTPS_PROXY", scheme: "https", env: (url) => ({ HTTPS_PROXY: url }), goesThrough: true },
  { what: "https_proxy", scheme: "https", env: (url) => ({ https_proxy: url }), goesThrough: true },
  { what: "HTTP_PROXY", scheme: "https", env: (url) => ({ HTTP_PROXY: url }), goesThrough: true },
  { what: "HTTP_PROXY", scheme: "http", env: (url) => ({ HTTP_PROXY: url }), goesThrough: true },
  { what: "HTTPS_PROXY", scheme: "http", env: (url) => ({ HTTPS_PROXY: url }), goesThrough: false },
  {
    what: "HTTPS_PROXY with a NO_PROXY of this host",
    scheme: "https",
    env: (url) => ({ HTTPS_PROXY: url, NO_PROXY: "example.com,localhost,127.0.0.1" }),
    goesThrough: false
  },
  {
    what: "HTTPS_PROXY with a NO_PROXY of another host",
    scheme: "https",
    env: (url) => ({ HTTPS_PROXY: url, NO_PROXY: "example.com" }),
    goesThrough: true
  },
  {
    what: "HTTPS_PROXY with `proxy: false`",
    scheme: "https",
    env: (url) => ({ HTTPS_PROXY: url }),
    option: () => false,
    goesThrough: false
  },
  { what: "the option `proxy`", scheme: "https", option: (url) => url, goesThrough: true },
  {
    what: "the option `proxy` with a NO_PROXY of this host",
    scheme: "https",
    env: () => ({ NO_PROXY: "*" }),
    option: (url) => new URL(url),
    goesThrough: true
  }
]

describe("a proxy", () => {
  it.scopedLive.each(cases)(
    "with $what, requests to $scheme go through the proxy: $goesThrough (row 135)",
    ({ env = () => ({}), goesThrough, option = () => undefined, scheme }) =>
      Effect.gen(function*() {
        // The authorization server and the API in one: a certificate's authority serves one server only.
        const server = yield* open({
          ...inTurn([send(grant), end], [send(json(200, { name: "a" })), end]),
          ...(scheme === "https" && { tls: "valid" })
        })
        const { bytes, tunnels, url } = yield* proxy
        for (const [name, value] of Object.entries<string>(env(url))) vi.stubEnv(name, value)
        const response = yield* Effect.flatMap(
          AuthorizedHttpClient.AuthorizedHttpClient,
          (client) => client.get(server.url)
        ).pipe(
          Effect.flatMap(({ json }) => json),
          Effect.provide(NodeTilia.layer({
            environment: { authUrl: server.url, apiOrigins: [server.url] },
            clientId,
            clientSecret,
            scopes: ["user_info"],
            http: { ca: server.authority, proxy: option(url) }
          }))
        )
        expect(response).toStrictEqual({ name: "a" })
        const { host } = new URL(server.url)
        expect(tunnels).toStrictEqual(goesThrough ? [host, host] : [])
        expect((yield* server.seen).made).toBe(2)
        if (scheme === "https") expect(bytes.join("")).not.toMatch(new RegExp(`${clientSecret}|abc`))
      })
  )

  it.effect.each(["HTTPS_PROXY", "HTTP_PROXY", "https_proxy"])(
    "a %s that is no URL of a proxy is an InvalidInputError that does not quote it",
    (name) =>
      Effect.gen(function*() {
        for (
          const value of [
            "user:swordfish@proxy",
            "ftp://user:swordfish@proxy",
            "swordfish:3128",
            "socks5://user:swordfish@proxy",
            "http://user:swordfish%@proxy",
            "http://swordfish%@proxy"
          ]
        ) {
          vi.stubEnv(name, value)
          const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeTokenHttpClient.layer())))
          expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "HTTPS_PROXY or HTTP_PROXY" })
          expect(linesShowing("swordfish", error)).toStrictEqual([])
        }
      })
  )

  it.scopedLive.each(
    [["that of API calls", NodeTokenHttpClient.layer], ["that of token requests", tokenClient]] as const
  )(
    "a request without headers, of the client %s, leaves those of other requests as they are (row 172)",
    ([, client]) =>
      Effect.gen(function*() {
        const server = yield* open(inTurn([send(httpResponse(200))]))
        const { url } = yield* proxy
        yield* Effect.scoped(HttpClient.get(server.url)).pipe(
          Effect.withTracerEnabled(false),
          Effect.provide(Layer.orDie(client({ proxy: url })))
        )
        expect({ ...Headers.empty }).toStrictEqual({})
      })
  )

  it.effect("an empty HTTPS_PROXY, and a wrong one with `proxy: false`, are ignored", () =>
    Effect.gen(function*() {
      vi.stubEnv("HTTPS_PROXY", "")
      yield* Effect.scoped(Layer.build(NodeTokenHttpClient.layer()))
      vi.stubEnv("HTTPS_PROXY", "swordfish")
      yield* Effect.scoped(Layer.build(NodeTokenHttpClient.layer({ proxy: false })))
    }))
})
