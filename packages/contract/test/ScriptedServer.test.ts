import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import * as RemoteScriptedServer from "@effect-tilia/contract/RemoteScriptedServer"
import * as ScriptedServer from "@effect-tilia/contract/ScriptedServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as net from "node:net"

const { always, end, httpResponse, inTurn, repeat, reset, send, until, wait } = ScriptedServer

it.prop("a script of a scripted server survives encoding to JSON", [ScriptedServer.Script], ([script]) => {
  const json = Schema.encodeSync(Schema.parseJson(ScriptedServer.Script))(script)
  expect(Schema.decodeSync(Schema.parseJson(ScriptedServer.Script))(json)).toStrictEqual(script)
})

/** Sends a text, and yields everything that the server sends until the connection ends. */
const exchange = (url: string, text: string) =>
  Effect.async<string>((resume) => {
    let received = ""
    const socket = net.connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(text))
    const ends = (how: string) => () => resume(Effect.succeed(`${received}${how}`))
    socket.on("data", (bytes) => received += bytes.toString("latin1")).on("end", ends("|end")).on(
      "error",
      ends("|reset")
    )
    return Effect.sync(() => socket.destroy())
  })

const get = "GET / HTTP/1.1\r\n\r\n"

const served = Layer.unwrapScoped(Effect.map(NodeScriptedServer.serve({ headers: {} }), RemoteScriptedServer.layer))

describe.each([["in the process of the tests", NodeScriptedServer.layer()], ["behind an HTTP interface", served]])(
  "a scripted server %s",
  (_, servers) => {
    const open = (script: ScriptedServer.Script) =>
      Effect.flatMap(ScriptedServer.ScriptedServer, ({ open }) => open(script))

    it.live("a scripted server plays its turns to whole requests, repeats the last, and reports what it received", () =>
      Effect.gen(function*() {
        const server = yield* open(inTurn([send("a"), wait(5), send("b"), end], [send("c"), wait(5), reset]))
        expect(yield* exchange(server.url, get)).toBe("ab|end")
        expect(yield* exchange(server.url, get)).toBe("c|reset")
        expect(yield* exchange(server.url, "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi")).toBe("c|reset")
        yield* until(server, ({ open }) => open === 0)
        const { requests, ...totals } = yield* server.seen
        expect(requests).toStrictEqual([get, get, "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"])
        expect(totals).toStrictEqual({ received: requests.join("").length, sent: 4, made: 3, open: 0, used: 0 })
      }).pipe(Effect.scoped, Effect.provide(servers)))

    it.live("a scripted server counts turns per connection, starts at the first byte and repeats bytes", () =>
      Effect.gen(function*() {
        const script = inTurn([repeat("a", { times: 3 }), end], [send("never")])
        const server = yield* open({ ...script, counted: "connection", begins: "bytes" })
        expect(yield* exchange(server.url, "x")).toBe("aaa|end")
        expect(yield* exchange(server.url, "x")).toBe("aaa|end")
        expect((yield* server.seen).requests).toStrictEqual(["x", "x"])
      }).pipe(Effect.scoped, Effect.provide(servers)))

    it.live("a scripted server issues a certificate and names its authority", () =>
      Effect.gen(function*() {
        const server = yield* open({ ...always(httpResponse(200)), tls: "valid" })
        expect(server.url).toMatch(/^https:/)
        expect(server.authority).toContain("BEGIN CERTIFICATE")
      }).pipe(Effect.scoped, Effect.provide(servers)))

    it.live("a scripted server stops with its scope", () =>
      Effect.gen(function*() {
        const { url } = yield* Effect.scoped(open(always("a")))
        expect(yield* exchange(url, get)).toBe("|reset")
      }).pipe(Effect.scoped, Effect.provide(servers)))
  }
)

it.scopedLive("a scripted server adds headers to final responses and to nothing else", () =>
  Effect.gen(function*() {
    const { open } = yield* NodeScriptedServer.make({ headers: { x: "y" } })
    const early = send("HTTP/1.1 103 Early Hints\r\n\r\n")
    const { url } = yield* open(inTurn([early, send("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n"), end]))
    expect(yield* exchange(url, get)).toBe(
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nx: y\r\n\r\nHTTP/1.1 200 OK\r\n|end"
    )
  }))
