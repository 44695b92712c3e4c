import { NodeTokenHttpClient } from "@effect-tilia/node"
import * as Undici from "@effect/platform-node/Undici"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import * as net from "node:net"
import { printed } from "../../core/test/support/printed.js"
import * as Certificates from "./support/Certificates.js"
import { clientSecret, endpointAt, requestToken } from "./support/endpoint.js"
import * as RawServer from "./support/RawServer.js"
import { tlsInFront } from "./support/tls.js"

const token = { access_token: "abc", token_type: "Bearer", expires_in: "3600", scope: "user_info,write_invoices" }

const over = (options: NodeTokenHttpClient.Options) => Layer.orDie(NodeTokenHttpClient.layer(options))

describe("options that can't be used", () => {
  it.effect.each<[string, NodeTokenHttpClient.Options]>([
    ["proxy", { proxy: "user:swordfish@proxy" }],
    ["proxy", { proxy: "ftp://user:swordfish@proxy" }],
    ["proxy", { proxy: "" }],
    ["ca", { ca: "" }],
    ["ca", { ca: "swordfish" }],
    ["ca", { ca: [] }],
    ["ca", { ca: ["-----BEGIN CERTIFICATE-----\nswordfish\n-----END CERTIFICATE-----"] }]
  ])("%s: %j is an InvalidInputError that doesn't quote it", ([setting, options]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeTokenHttpClient.layer(options))))
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
      expect(printed(error)).not.toContain("swordfish")
    }))
})

describe("TLS", () => {
  const setUp = (certificate: Parameters<Certificates.Authority["issue"]>[0]) =>
    Effect.gen(function*() {
      const authority = yield* Certificates.make
      const plain = yield* RawServer.make(RawServer.always(RawServer.json(200, token)))
      const url = yield* tlsInFront(yield* authority.issue(certificate), plain)
      return { authority, plain, url }
    })

  it.scopedLive("trusts the authority that it is given", () =>
    Effect.gen(function*() {
      const { authority, url } = yield* setUp({})
      const { value } = yield* Effect.provide(requestToken, endpointAt(url, over({ ca: authority.ca })))
      expect(Redacted.value(value)).toBe("abc")
    }))
})

describe("proxy", () => {
  it.scopedLive("goes through it, and it can't read what is sent", () =>
    Effect.gen(function*() {
      const authority = yield* Certificates.make
      const plain = yield* RawServer.make(RawServer.always(RawServer.json(200, token)))
      const url = yield* tlsInFront(yield* authority.issue(), plain)
      const seen: Array<string> = []
      const proxy = yield* Effect.acquireRelease(
        Effect.async<http.Server>((resume) => {
          const server = http.createServer()
          server.on("connect", (request, socket) => {
            seen.push(`${request.url} ${request.headers["proxy-authorization"]}`)
            const { hostname, port } = new URL(`http://${request.url}`)
            const inner = net.connect(Number(port), hostname, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"))
            socket.on("data", (bytes: Buffer) => seen.push(bytes.toString("latin1")))
            socket.on("error", () => inner.destroy())
            inner.on("error", () => socket.destroy())
            socket.pipe(inner).pipe(socket)
          })
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const proxyUrl = `http://user:swordfish@127.0.0.1:${(proxy.address() as AddressInfo).port}`
      const client = over({ proxy: proxyUrl, ca: authority.ca })
      const { value } = yield* Effect.provide(requestToken, endpointAt(url, client))
      expect(Redacted.value(value)).toBe("abc")
      expect(seen[0]).toBe(`${new URL(url).host} Basic ${Buffer.from("user:swordfish").toString("base64")}`)
      expect(seen.join("")).not.toContain(clientSecret)
    }))
})

it.scopedLive("a dispatcher of one's own is used, and left open", () =>
  Effect.gen(function*() {
    const dispatcher = new Undici.Agent()
    yield* Effect.addFinalizer(() => Effect.promise(() => dispatcher.close()))
    const server = yield* RawServer.make(RawServer.always(RawServer.json(200, token)))
    yield* Effect.provide(requestToken, endpointAt(server.url, over({ dispatcher })))
    yield* Effect.provide(requestToken, endpointAt(server.url, over({ dispatcher })))
    expect(server.requests.length).toBe(2)
  }))
