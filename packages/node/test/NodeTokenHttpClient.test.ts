import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import { always, inTurn, json, send, silent, until } from "@effect-tilia/contract/ScriptedServer"
import { NodeTokenHttpClient } from "@effect-tilia/node"
import { leakProbe, linesShowing } from "@effect-tilia/testing"
import * as Undici from "@effect/platform-node/Undici"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { tokenClient } from "./support/clients.js"
import { clientSecret, endpointAt, requestToken } from "./support/endpoint.js"
import { proxy } from "./support/proxy.js"

const token = { access_token: "abc", token_type: "Bearer", expires_in: "3600", scope: "user_info,write_invoices" }

const { open } = Effect.runSync(NodeScriptedServer.make())

const over = (options: NodeTokenHttpClient.Options) => Layer.orDie(NodeTokenHttpClient.layer(options))

describe("invalid options", () => {
  it.effect.each<[string, NodeTokenHttpClient.Options]>([
    ["proxy", { proxy: "user:swordfish@proxy" }],
    ["proxy", { proxy: "ftp://user:swordfish@proxy" }],
    ["proxy", { proxy: "" }],
    ["proxy", { proxy: "http://user:swordfish%@proxy:3128" }],
    ["proxy", { proxy: "http://swordfish%@proxy:3128" }],
    ["proxy", { proxy: "http://proxy:3128/swordfish" }],
    ["proxy", { proxy: "socks5://user:swordfish@proxy" }],
    ["ca", { ca: "" }],
    ["ca", { ca: Buffer.from("swordfish") }],
    ["ca", { ca: JSON.parse("5") }],
    ["ca", { ca: JSON.parse("null") }],
    ["ca", { ca: JSON.parse("[null]") }],
    ["dispatcher", { dispatcher: JSON.parse("{}") }],
    ["dispatcher", { dispatcher: JSON.parse("null") }],
    ["dispatcher", { dispatcher: JSON.parse("\"swordfish\"") }],
    ["dispatcher", { dispatcher: new Undici.Pool("http://swordfish") }],
    ["dispatcher", { dispatcher: new Undici.Client("http://swordfish") }],
    ["dispatcher", { dispatcher: new Undici.BalancedPool("http://swordfish") }],
    ["dispatcher", { dispatcher: new Undici.RoundRobinPool("http://swordfish") }],
    ["ca", { ca: "swordfish" }],
    ["ca", { ca: [] }],
    ["ca", { ca: ["-----BEGIN CERTIFICATE-----\nswordfish\n-----END CERTIFICATE-----"] }]
  ])("an InvalidInputError names an invalid %s and never quotes %j", ([setting, options]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeTokenHttpClient.layer(options))))
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
      expect(linesShowing("swordfish", error)).toStrictEqual([])
    }))
})

describe("proxy", () => {
  it.scopedLive("a token request goes through the proxy, which cannot read the secret", () =>
    Effect.gen(function*() {
      const { authority, url } = yield* open({ ...always(json(200, token)), tls: "valid" })
      const { bytes, tunnels, url: proxyUrl } = yield* proxy
      const withPassword = Object.assign(new URL(proxyUrl), { username: "user", password: "swordfish" }).href
      const client = over({ proxy: withPassword, ca: authority })
      const { value } = yield* Effect.provide(requestToken, endpointAt(url, client))
      expect(Redacted.value(value)).toBe("abc")
      expect(tunnels).toStrictEqual([
        `${new URL(url).host} Basic ${Buffer.from("user:swordfish").toString("base64")}`
      ])
      expect(bytes.join("")).not.toContain(clientSecret)
    }))
})

it.scopedLive("the client leaves the caller's own dispatcher open for the next client", () =>
  Effect.gen(function*() {
    const dispatcher = new Undici.Agent()
    yield* Effect.addFinalizer(() => Effect.promise(() => dispatcher.close()))
    const server = yield* open(always(json(200, token)))
    yield* Effect.provide(requestToken, endpointAt(server.url, over({ dispatcher })))
    yield* Effect.provide(requestToken, endpointAt(server.url, over({ dispatcher })))
    expect((yield* server.seen).requests.length).toBe(2)
  }))

it.scopedLive("the client keeps its connections for later requests, and closes them with its Layer", () =>
  Effect.gen(function*() {
    const server = yield* open(inTurn([send(json(200, token, { connection: "keep-alive" }))]))
    yield* Effect.gen(function*() {
      yield* Effect.repeatN(requestToken, 9)
      const { made, open } = yield* server.seen
      expect(open).toBe(made) // no connection was closed in between
      expect(made).toBeLessThanOrEqual(2)
    }).pipe(Effect.provide(endpointAt(server.url, over({}))))
    yield* until(server, ({ open }) => open === 0)
    expect((yield* server.seen).requests.length).toBe(10)
  }))

it.scopedLive("the end of the Layer ends a request whose pool undici has forgotten, and closes its socket (N11)", () =>
  Effect.gen(function*() {
    const server = yield* open({ ...silent, tls: "valid" })
    const scope = yield* Scope.make()
    const client = yield* NodeTokenHttpClient.make({ proxy: false, ca: server.authority }).pipe(Scope.extend(scope))
    const call = Effect.exit(client.get(server.url))
    const first = yield* Effect.fork(call)
    yield* until(server, ({ requests }) => requests.length === 1)
    const second = yield* Effect.fork(call)
    yield* Effect.yieldNow()
    // The only connection of the pool is lost while the next one is being made: undici takes the pool for unused.
    yield* Fiber.interrupt(first)
    yield* until(server, ({ requests }) => requests.length === 2)
    yield* Scope.close(scope, Exit.void)
    expect(Exit.isFailure(yield* Effect.timeout(Fiber.join(second), "5 seconds"))).toBe(true)
    yield* Effect.timeout(until(server, ({ open }) => open === 0), "5 seconds")
  }))

it.scopedLive.each(["a server", "a server with TLS", "a server behind a proxy"])(
  "a request to %s that ends early closes its connection and makes no other one (N12, rows 9 and 10)",
  (route) =>
    Effect.gen(function*() {
      const server = yield* open(route === "a server" ? silent : { ...silent, tls: "valid" })
      const options = { proxy: route.endsWith("proxy") ? (yield* proxy).url : false, ca: server.authority } as const
      yield* Effect.gen(function*() {
        const attempts = Effect.provide(
          requestToken,
          endpointAt(server.url, Layer.orDie(tokenClient(options)), { attemptTimeout: "700 millis" })
        )
        expect(yield* Effect.flip(attempts)).toMatchObject({ _tag: "TokenTimeoutError", attempts: 2 })
        const calls = yield* Effect.replicateEffect(Effect.fork(HttpClient.get(server.url)), 5)
        yield* until(server, ({ requests }) => requests.length === 7)
        yield* Fiber.interruptAll(calls)
        yield* until(server, ({ open }) => open === 0)
        yield* Effect.sleep("300 millis")
        expect(yield* server.seen).toMatchObject({ made: 7, open: 0 })
      }).pipe(Effect.provide(over(options)))
    })
)

describe("the end of the Layer closes a socket", () => {
  /** A server that says nothing, so that TLS to it is never made. */
  const mute = Effect.map(open(silent), (server) => ({ ...server, url: server.url.replace("http:", "https:") }))

  it.scopedLive.each<readonly [string, (mute: string, tunnel: string) => readonly [string, string | false]]>([
    ["to a server", (mute) => [mute, false]],
    ["to a proxy", (mute) => ["https://127.0.0.1:1", mute]],
    ["to a server, in a tunnel", (mute, tunnel) => [mute, tunnel]]
  ])("that makes TLS %s (N11)", ([, route]) =>
    Effect.gen(function*() {
      const server = yield* mute
      const [url, through] = route(server.url, (yield* proxy).url)
      const scope = yield* Scope.make()
      const client = yield* Scope.extend(NodeTokenHttpClient.make({ proxy: through }), scope)
      const call = yield* Effect.fork(Effect.exit(client.get(url)))
      yield* until(server, ({ open }) => open === 1)
      yield* Scope.close(scope, Exit.void)
      // The limit of a connection is 5 seconds.
      yield* Effect.timeout(until(server, ({ open }) => open === 0), "3 seconds")
      expect(Exit.isFailure(yield* Effect.timeout(Fiber.join(call), "3 seconds"))).toBe(true)
    }))
})

describe("the error of a malformed response does not hold what the server has sent", () => {
  it.scopedLive.each<readonly [string, string]>([
    ["in its headers", "HTTP/1.1 200 OK\r\nno header: swordfish\r\n\r\n"],
    ["in its body", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\nswordfish\r\n"]
  ])("%s (A6)", ([, response]) =>
    Effect.gen(function*() {
      const server = yield* open(always(response))
      const call = HttpClient.get(server.url).pipe(
        Effect.flatMap(({ text }) => text),
        Effect.provide(over({ proxy: false }))
      )
      const { exit, leaks } = yield* leakProbe(call, ["swordfish"])
      expect(exit).toMatchObject({ cause: { error: { cause: { name: "HTTPParserError" } } } })
      expect(leaks).toStrictEqual([])
    }))
})
