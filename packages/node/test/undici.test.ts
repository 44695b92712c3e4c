/*
 * Our clients over undici and that of platform-node. bodies.test.ts compares the bodies that they send.
 */
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import {
  always,
  end,
  httpResponse,
  inTurn,
  json,
  repeat,
  reset,
  send,
  until,
  wait
} from "@effect-tilia/contract/ScriptedServer"
import { NodeTokenHttpClient } from "@effect-tilia/node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import type * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { inspect } from "node:util"
import { tokenClient } from "./support/clients.js"
import { echo } from "./support/servers.js"

const { open } = Effect.runSync(NodeScriptedServer.make())

/** Provides our client to a test. */
const over = (options?: NodeTokenHttpClient.Options) => Effect.provide(Layer.orDie(NodeTokenHttpClient.layer(options)))

/** Provides the client that `NodeTilia` gives to the token endpoint. */
const overToken = (options?: NodeTokenHttpClient.Options) => Effect.provide(Layer.orDie(tokenClient(options)))

const clients: ReadonlyArray<[string, Layer.Layer<HttpClient.HttpClient>]> = [
  ["ours", Layer.orDie(NodeTokenHttpClient.layer())],
  ["platform-node's", NodeHttpClient.layerUndici]
]

describe.each(clients)("%s", (name, layer) => {
  it.scopedLive("the client reads a response as text and as JSON, more than once, with its headers and cookies", () =>
    Effect.gen(function*() {
      const response = yield* HttpClient.get(yield* echo)
      const text = yield* response.text
      expect(text).toContain("\"method\":\"GET\"")
      expect(yield* response.json).toStrictEqual(JSON.parse(text))
      expect(yield* response.text).toBe(text)
      expect(response.status).toBe(200)
      expect(response.headers["x-many"]).toBe("c, d")
      expect(Object.keys(response.cookies.cookies)).toStrictEqual(["a", "b"])
      expect(inspect(response.request)).toContain("GET")
    }).pipe(Effect.provide(layer)))

  it.scopedLive("the client reads a body as bytes or as form fields, and an empty one as null", () =>
    Effect.gen(function*() {
      const fields = yield* open(always(httpResponse(200, {}, "a=1&b=2")))
      const response = yield* HttpClient.get(fields.url)
      expect(Buffer.from(yield* response.arrayBuffer).toString()).toBe("a=1&b=2")
      expect(yield* Effect.flatMap(HttpClient.get(fields.url), ({ urlParamsBody }) => urlParamsBody)).toStrictEqual([
        ["a", "1"],
        ["b", "2"]
      ])
      const nothing = yield* open(always(httpResponse(204)))
      expect(yield* Effect.flatMap(HttpClient.get(nothing.url), ({ json }) => json)).toBe(null)
    }).pipe(Effect.provide(layer)))

  it.scopedLive("the client streams a body of 3 MiB completely", () =>
    Effect.gen(function*() {
      const body = Buffer.alloc(3 * 1024 * 1024, "0123456789")
      const server = yield* open(always(httpResponse(200, {}, body)))
      const response = yield* HttpClient.get(server.url)
      const chunks = yield* Stream.runCollect(response.stream)
      expect(Buffer.concat([...Chunk.toReadonlyArray(chunks)]).equals(body)).toBe(true)
    }).pipe(Effect.provide(layer)))

  it.scopedLive("the client fails with typed errors and keeps the cause of a refused connection", () =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(HttpClient.get("http://127.0.0.1:1"))).toMatchObject({
        _tag: "RequestError",
        reason: "Transport",
        cause: { code: "ECONNREFUSED" }
      })
      expect(yield* Effect.flip(HttpClient.get("nowhere"))).toMatchObject({
        _tag: "RequestError",
        reason: "InvalidUrl"
      })
      const cut = yield* open(always("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"))
      for (const read of ["text", "arrayBuffer", "json"] as const) {
        const response = yield* HttpClient.get(cut.url)
        expect(yield* Effect.flip(response[read])).toMatchObject({ _tag: "ResponseError", reason: "Decode" })
      }
      const response = yield* HttpClient.get(cut.url)
      expect(yield* Effect.flip(Stream.runDrain(response.stream))).toMatchObject({ _tag: "ResponseError" })
      const malformed = yield* open(always(httpResponse(200, {}, "{")))
      const { json } = yield* HttpClient.get(malformed.url)
      expect(yield* Effect.flip(json)).toMatchObject({ _tag: "ResponseError", reason: "Decode" })
    }).pipe(Effect.provide(layer)))

  it.scopedLive.each(["text", "arrayBuffer", "stream"] as const)(
    "interruption while the body is read as %s closes the socket",
    (way) =>
      Effect.gen(function*() {
        const server = yield* open(inTurn([send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")]))
        const response = yield* HttpClient.get(server.url)
        const read: Effect.Effect<unknown, unknown> = way === "stream"
          ? Stream.runDrain(response.stream)
          : response[way]
        const fiber = yield* Effect.fork(read)
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(fiber)
        yield* until(server, ({ used }) => used === 0)
      }).pipe(Effect.provide(layer))
  )

  it.scopedLive("the client sends a traceparent header unless the tracer is disabled", () =>
    Effect.gen(function*() {
      const url = yield* echo
      const response = yield* Effect.withSpan(HttpClient.get(url), "caller")
      expect(yield* response.json).toMatchObject({ headers: { traceparent: expect.any(String) } })
      const quiet = yield* Effect.withTracerEnabled(HttpClient.get(url), false)
      expect(yield* quiet.json).not.toHaveProperty("headers.traceparent")
    }).pipe(Effect.provide(layer)))

  it.scopedLive("the client accepts undici's own options, and a printed response of ours shows no body", () =>
    Effect.gen(function*() {
      const server = yield* open(always(json(200, { access_token: "swordfish" })))
      const response = yield* HttpClient.get(server.url).pipe(
        Effect.provideService(NodeHttpClient.UndiciRequestOptions, { path: "", method: "GET", blocking: true })
      )
      expect(yield* response.text).toContain("swordfish")
      const prints = inspect(response, { depth: 9 }) + JSON.stringify(response) + JSON.stringify(response.toJSON())
      if (name === "ours") expect(prints).not.toContain("swordfish")
    }).pipe(Effect.provide(layer)))
})

const megabyte = Buffer.alloc(1024 * 1024, "0123456789")

/** A server that sends this many megabytes, each as soon as the socket takes it. */
const large = (megabytes: number) =>
  inTurn([
    send(`HTTP/1.1 200 OK\r\ncontent-length: ${megabytes * megabyte.length}\r\n\r\n`),
    repeat(megabyte, { times: megabytes })
  ])

describe("backpressure", () => {
  it.scopedLive("the server waits while a body is not read, and the client then reads it completely", () =>
    Effect.gen(function*() {
      const server = yield* open(large(48))
      const response = yield* HttpClient.get(server.url)
      yield* Effect.sleep("300 millis")
      expect((yield* server.seen).sent).toBeLessThan(24 * megabyte.length)
      expect((yield* response.arrayBuffer).byteLength).toBe(48 * megabyte.length)
    }).pipe(over()))

  it.scopedLive("the server waits for the reader of a stream, which misses no byte", () =>
    Effect.gen(function*() {
      const server = yield* open(large(48))
      const response = yield* HttpClient.get(server.url)
      let size = 0
      yield* Stream.runForEach(response.stream, (chunk) => {
        const isFirst = size === 0
        size += chunk.length
        return isFirst
          ? Effect.flatMap(Effect.delay(server.seen, "300 millis"), ({ sent }) =>
            Effect.sync(() => expect(sent).toBeLessThan(24 * megabyte.length)))
          : Effect.void
      })
      expect(size).toBe(48 * megabyte.length)
    }).pipe(over()))

  it.scopedLive("the client closes the socket of a stream that the reader leaves early", () =>
    Effect.gen(function*() {
      const server = yield* open(large(48))
      const scope = yield* Scope.make()
      const client = HttpClient.withScope(yield* HttpClient.HttpClient)
      const response = yield* Scope.extend(client.get(server.url), scope)
      yield* Stream.runDrain(Stream.take(response.stream, 1))
      yield* until(server, ({ used }) => used === 0)
    }).pipe(over()))

  it.scopedLive("three concurrent readers get the same body while it arrives slowly", () =>
    Effect.gen(function*() {
      const server = yield* open(inTurn([send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"), wait(50), send("b")]))
      const { text } = yield* HttpClient.get(server.url)
      const texts = yield* Effect.all([text, text, text], { concurrency: "unbounded" })
      expect(texts).toStrictEqual(["ab", "ab", "ab"])
    }).pipe(over()))

  it.scopedLive("a body that was streamed can't be read as text, which fails with Decode", () =>
    Effect.gen(function*() {
      const server = yield* open(always(httpResponse(200, {}, "abc")))
      const response = yield* HttpClient.get(server.url)
      expect(yield* Stream.mkString(Stream.decodeText(response.stream))).toBe("abc")
      expect(yield* Effect.flip(response.text)).toMatchObject({ _tag: "ResponseError", reason: "Decode" })
    }).pipe(over()))
})

describe("a connection", () => {
  const request = (path: string) => Effect.flatMap(HttpClient.get(path), ({ text }) => text)

  it.scopedLive.each([["that of API calls", over], ["that of token requests", overToken]] as const)(
    "a request that is interrupted while it waits for a connection is never sent by the client, %s",
    ([, over]) =>
      Effect.gen(function*() {
        const server = yield* open(inTurn([wait(100), send(httpResponse(200, { connection: "keep-alive" }, "a"))]))
        const first = yield* Effect.fork(request(server.url))
        yield* until(server, ({ requests }) => requests.length === 1)
        const second = yield* Effect.fork(request(`${server.url}/second`))
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(second)
        expect(yield* first).toBe("a")
        expect(yield* request(`${server.url}/third`)).toBe("a")
        const { requests } = yield* server.seen
        expect(requests.map((text) => text.split(" ")[1])).toStrictEqual(["/", "/third"])
      }).pipe(
        over({ dispatcher: new Undici.Agent({ connections: 1 }) })
      )
  )

  it.scopedLive("the client destroys the Readable of a request whose connection is refused", () =>
    Effect.gen(function*() {
      const body = new Readable({ read: () => {} })
      expect(yield* Effect.flip(HttpClient.post("http://127.0.0.1:1", { body: HttpBody.raw(body) }))).toMatchObject({
        reason: "Transport"
      })
      expect(body.destroyed).toBe(true)
    }).pipe(over()))

  it.scopedLive("a dispatcher that throws causes a RequestError", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        HttpClient.get("http://127.0.0.1:1", { headers: { "proxy-authorization": "x" } })
      )
      expect(error).toMatchObject({ _tag: "RequestError", reason: "Transport" })
    }).pipe(over({ proxy: "http://127.0.0.1:1" })))

  it.scopedLive("the client ignores a 103 Early Hints and its headers before a response", () =>
    Effect.gen(function*() {
      const hint = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
      const server = yield* open(inTurn([send(hint), wait(50), send(httpResponse(200, {}, "a"))]))
      const response = yield* HttpClient.get(server.url)
      expect([response.status, response.headers["link"], yield* response.text]).toStrictEqual([200, undefined, "a"])
    }).pipe(over()))
})

describe("a dispatcher of the caller", () => {
  it.live("the client gets responses and typed errors from undici's MockAgent", () =>
    Effect.gen(function*() {
      const agent = new Undici.MockAgent()
      agent.disableNetConnect()
      const mock = agent.get("http://mock.example")
      mock.intercept({ path: "/a" }).reply(200, { a: 1 }, { headers: { "set-cookie": "b=2" } })
      mock.intercept({ path: "/b" }).replyWithError(new Error("as scripted"))
      yield* Effect.gen(function*() {
        const response = yield* HttpClient.get("http://mock.example/a")
        expect(yield* response.json).toStrictEqual({ a: 1 })
        expect(Object.keys(response.cookies.cookies)).toStrictEqual(["b"])
        for (const path of ["/b", "/not-scripted"]) {
          const error = yield* Effect.flip(HttpClient.get(`http://mock.example${path}`))
          expect(error).toMatchObject({ _tag: "RequestError", reason: "Transport" })
        }
      }).pipe(over({ dispatcher: agent }))
    }))

  it.scopedLive.each(
    [
      ["a RetryAgent", () => new Undici.RetryAgent(new Undici.Agent(), { minTimeout: 1, statusCodes: [503] })],
      ["an Agent with interceptors", () => new Undici.Agent().compose(Undici.interceptors.responseError())]
    ] as const
  )("the second attempt over %s as dispatcher succeeds after a 503", ([, make]) =>
    Effect.gen(function*() {
      const server = yield* open(inTurn([send(httpResponse(503)), end], [send(httpResponse(200, {}, "a")), end]))
      const get = Effect.flatMap(HttpClient.get(server.url), ({ text }) => text)
      expect(yield* Effect.retry(get, { times: 1 })).toBe("a")
      expect((yield* server.seen).requests).toHaveLength(2)
    }).pipe(over({ dispatcher: make() })))

  it.scopedLive("an interrupted token request closes the connection on which a RetryAgent resumes the body", () =>
    Effect.gen(function*() {
      const size = 100_000
      const server = yield* open(inTurn(
        [send(`HTTP/1.1 200 OK\r\netag: "a"\r\ncontent-length: ${size}\r\n\r\nabc`), wait(20), reset],
        [
          send(`HTTP/1.1 206 Partial\r\netag: "a"\r\ncontent-range: bytes 3-${size - 1}/${size}\r\n`),
          send(`content-length: ${size - 3}\r\n\r\n`),
          repeat("a", { every: 5 })
        ]
      ))
      const fiber = yield* Effect.fork(HttpClient.get(server.url))
      yield* until(server, ({ made, open }) => made === 1 && open === 0)
      yield* Fiber.interrupt(fiber)
      yield* until(server, ({ requests }) => requests.length === 2)
      yield* until(server, ({ used }) => used === 0)
    }).pipe(
      Effect.provide(tokenClient({
        dispatcher: new Undici.RetryAgent(new Undici.Agent(), { minTimeout: 100, maxTimeout: 100 })
      }))
    ))

  it.live.each([["that of API calls", over], ["that of token requests", overToken]] as const)(
    "a client, %s, works over a pool of undici's MockAgent, which knows only the older handlers",
    ([, over]) =>
      Effect.gen(function*() {
        const pool = new Undici.MockAgent().get("http://mock.example")
        pool.intercept({ path: "/a" }).reply(200, { a: 1 }, { headers: { "x-many": ["b", "c"] } })
        class OfPool extends Undici.Dispatcher {
          override dispatch(options: Undici.Dispatcher.DispatchOptions, handler: Undici.Dispatcher.DispatchHandler) {
            return pool.dispatch(options, handler)
          }
        }
        const response = yield* HttpClient.get("http://mock.example/a").pipe(over({ dispatcher: new OfPool() }))
        expect([yield* response.json, response.headers["x-many"]]).toStrictEqual([{ a: 1 }, "b, c"])
      })
  )

  it.scopedLive("the client returns the 504 of an undici cache that has no entry", () =>
    Effect.gen(function*() {
      const server = yield* open(always(httpResponse(200)))
      const response = yield* HttpClient.get(server.url, { headers: { "cache-control": "only-if-cached" } })
      expect([response.status, yield* response.text]).toStrictEqual([504, ""])
    }).pipe(over({ dispatcher: new Undici.Agent().compose(Undici.interceptors.cache()) })))
})

it.scopedLive("each piece of a body is copied at once, and keeps no buffer of the socket (row 27)", () =>
  Effect.gen(function*() {
    const buffer = Buffer.alloc(64 * 1024)
    class InPieces extends Undici.Dispatcher {
      override dispatch(_: unknown, handler: Undici.Dispatcher.DispatchHandler): boolean {
        /* eslint-disable @typescript-eslint/no-deprecated -- to handlers of the older kind, as MockPool does */
        handler.onConnect?.(() => {})
        handler.onHeaders?.(200, [], () => {}, "OK")
        for (const [n, letter] of [..."abcde"].entries()) handler.onData?.(buffer.fill(letter).subarray(0, n + 1))
        handler.onComplete?.([])
        /* eslint-enable @typescript-eslint/no-deprecated */
        return true
      }
    }
    yield* Effect.gen(function*() {
      const { text } = yield* HttpClient.get("http://pieces.example")
      expect(yield* text).toBe("abbcccddddeeeee")
    }).pipe(overToken({ dispatcher: new InPieces() }))
  }))

describe("a fiber that yields while it reads", () => {
  /** A dispatcher that responds at once, and ends the body after this many turns of the event loop. */
  class Late extends Undici.Dispatcher {
    readonly turns: number
    constructor(turns: number) {
      super()
      this.turns = turns
    }
    override dispatch(_: unknown, handler: Undici.Dispatcher.DispatchHandler): boolean {
      /* eslint-disable @typescript-eslint/no-deprecated -- it speaks to handlers of the older kind, as MockPool does */
      handler.onConnect?.(() => {})
      handler.onHeaders?.(200, [], () => {}, "OK")
      handler.onData?.(Buffer.from("a"))
      const end = (turns: number): unknown => turns > 0 ? setImmediate(end, turns - 1) : handler.onComplete?.([])
      /* eslint-enable @typescript-eslint/no-deprecated */
      end(this.turns)
      return true
    }
  }

  /** Lets all other work run before it goes on with a fiber that has yielded. */
  const slow: Scheduler.Scheduler = {
    shouldYield: (fiber) => fiber.currentOpCount > fiber.getFiberRef(FiberRef.currentMaxOpsBeforeYield) ? 0 : false,
    scheduleTask: (task) => void setImmediate(task)
  }

  it.scopedLive.each(["text", "stream"] as const)("a read as %s that yields misses no end", (way) =>
    Effect.forEach(
      Array.from({ length: 20 * 10 }, (_, n) => ({ turns: n % 20, ops: 10 + Math.floor(n / 20) })),
      ({ ops, turns }) =>
        Effect.gen(function*() {
          const { stream, text } = yield* HttpClient.get("http://late.example")
          const read = way === "text" ? text : Stream.mkString(Stream.decodeText(stream))
          expect(yield* Effect.withMaxOpsBeforeYield(read, ops)).toBe("a")
        }).pipe(overToken({ dispatcher: new Late(turns) })),
      { discard: true }
    ).pipe(Effect.withScheduler(slow)))
})

it.scopedLive("the client reads a response as form data", () =>
  Effect.gen(function*() {
    const type = "application/x-www-form-urlencoded"
    const server = yield* open(always(httpResponse(200, { "content-type": type }, "a=1")))
    const response = yield* HttpClient.get(server.url)
    expect((yield* response.formData).get("a")).toBe("1")
  }).pipe(over()))

it.scopedLive("the client of token requests reads a response in each way, and shows no body in print", () =>
  Effect.gen(function*() {
    const response = yield* HttpClient.get(yield* echo)
    const text = yield* response.text
    expect(text).toContain("\"method\":\"GET\"")
    expect(yield* response.json).toStrictEqual(JSON.parse(text))
    expect(yield* Stream.mkString(Stream.decodeText(response.stream))).toBe(text)
    expect(Buffer.from(yield* response.arrayBuffer).toString()).toBe(text)
    expect(response.headers["x-many"]).toBe("c, d")
    expect(Object.keys(response.cookies.cookies)).toStrictEqual(["a", "b"])
    const secret = yield* HttpClient.get((yield* open(always(json(200, { access_token: "swordfish" })))).url)
    expect(yield* secret.text).toContain("swordfish")
    expect(inspect(secret, { depth: 9 }) + JSON.stringify(secret)).not.toContain("swordfish")
    const fields = yield* open(always(httpResponse(200, {}, "a=1&b=2")))
    expect(yield* Effect.flatMap(HttpClient.get(fields.url), ({ urlParamsBody }) => urlParamsBody)).toStrictEqual([
      ["a", "1"],
      ["b", "2"]
    ])
    const malformed = yield* HttpClient.get(fields.url)
    expect(yield* Effect.flip(malformed.json)).toMatchObject({ _tag: "ResponseError", reason: "Decode" })
    const nothing = yield* open(always(httpResponse(204)))
    expect(yield* Effect.flatMap(HttpClient.get(nothing.url), ({ json }) => json)).toBe(null)
  }).pipe(overToken()))

it.live("the client of token requests sends bytes only", () =>
  Effect.gen(function*() {
    const post = HttpClient.post("http://127.0.0.1:1", { body: HttpBody.stream(Stream.empty) })
    expect(Cause.isDie(yield* Effect.flip(Effect.sandbox(post)))).toBe(true)
  }).pipe(overToken()))
