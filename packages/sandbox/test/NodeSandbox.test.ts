import { Faults, Sandbox } from "@effect-tilia/sandbox"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as net from "node:net"

const form = {
  client_id: Sandbox.wellKnown.clientId,
  client_secret: Sandbox.wellKnown.clientSecret,
  grant_type: "client_credentials",
  scope: "user_info"
}

const request = (url: string, init: RequestInit = { body: new URLSearchParams(form) }) =>
  Effect.tryPromise({
    try: async () => {
      const response = await fetch(`${url}/token`, { method: "POST", ...init })
      return { status: response.status, text: await response.text() }
    },
    catch: (error) => String((error as Error).cause)
  })

const setUp = Effect.gen(function*() {
  const { url } = yield* NodeSandbox.NodeSandbox
  const { script } = yield* Sandbox.Sandbox
  return { url, script }
})

describe("the sandbox over a socket", () => {
  it.scopedLive("the sandbox listens on a free port of the loopback interface (X5)", () =>
    Effect.gen(function*() {
      const { url } = yield* setUp
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
      expect((yield* request(url)).status).toBe(200)
    }).pipe(Effect.provide(NodeSandbox.layer())))

  it.scopedLive("the sandbox resets a connection before a response or in the middle of one (X3)", () =>
    Effect.gen(function*() {
      const { script, url } = yield* setUp
      yield* script([Faults.reset, Faults.truncate])
      expect(yield* Effect.flip(request(url))).toMatch(/ECONNRESET|other side closed/)
      expect(yield* Effect.flip(request(url))).toMatch(/ECONNRESET|other side closed/)
      expect((yield* request(url)).status).toBe(200)
    }).pipe(Effect.provide(NodeSandbox.layer())))

  it.scopedLive("the sandbox reports each request when it ends with a response or is aborted by the caller", () =>
    Effect.gen(function*() {
      const { script, url } = yield* setUp
      const { requests } = yield* Sandbox.Sandbox
      yield* script([Faults.status(503), Faults.hang])
      const reported = yield* requests.pipe(Stream.take(3), Stream.runCollect, Effect.fork)
      yield* Effect.sleep("50 millis") // until the stream is subscribed
      yield* request(url)
      yield* Effect.ignore(request(url, { body: new URLSearchParams(form), signal: AbortSignal.timeout(100) }))
      yield* request(url)
      const entry = { method: "POST", path: "/token", clientId: form.client_id, scopes: ["user_info"] }
      expect([...yield* reported]).toEqual([{ ...entry, status: 503 }, entry, { ...entry, status: 200 }])
    }).pipe(Effect.provide(NodeSandbox.layer())))

  it.scopedLive("a hanging request does not keep the sandbox open (X3)", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.gen(function*() {
        const { script, url } = yield* setUp
        const { received } = yield* Sandbox.Sandbox
        yield* script([Faults.hang])
        const fiber = yield* Effect.forkDaemon(Effect.flip(request(url)))
        yield* received.pipe(
          Effect.repeat({ until: (all) => all[0]?.clientId !== undefined, schedule: Schedule.spaced("5 millis") })
        )
        return fiber
      }).pipe(Effect.provide(NodeSandbox.layer()))
      expect(yield* fiber).toMatch(/ECONNRESET|other side closed/)
    }))

  it.scopedLive("the sandbox responds with 413 to a chunked body over 64 KiB (X2)", () =>
    Effect.gen(function*() {
      const { url } = yield* setUp
      const response = yield* exchange(
        url,
        "POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n" +
          "transfer-encoding: chunked\r\n\r\n" + `1000\r\n${"x".repeat(0x1000)}\r\n`.repeat(17) + "0\r\n\r\n"
      )
      expect(response).toMatch(/^HTTP\/1.1 413 /)
    }).pipe(Effect.provide(NodeSandbox.layer())))
})

/** What the server sends for these bytes, on a connection of its own. */
const exchange = (url: string, bytes: string) =>
  Effect.async<string>((resume) => {
    const socket = net.connect(Number(new URL(url).port), "127.0.0.1")
    let text = ""
    socket.on("data", (bytes) => text += bytes.toString())
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.succeed(text)))
    socket.end(bytes)
  })

it.scopedLive.each(["//", "http://[", "http://sandbox:port/"])(
  "a request with the target %s gets a 400 in the vendor's envelope (X6, row 150)",
  (target) =>
    Effect.gen(function*() {
      const { url } = yield* setUp
      const response = yield* exchange(url, `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
      expect(response).toMatch(/^HTTP\/1.1 400 /)
      expect(response).toContain("\"codes\":[\"INPUT_ERROR\"]")
      expect((yield* request(url)).status).toBe(200)
    }).pipe(Effect.provide(NodeSandbox.layer()))
)

describe("scripted responses over a socket", () => {
  it.scopedLive.each<[string, Faults.Fault, number, Record<string, string>, string | Uint8Array]>([
    ["a text with headers", Faults.status(503, { headers: { "retry-after": "7", "x-a": "b" }, body: "later" }), 503, {
      "retry-after": "7",
      "x-a": "b",
      "content-type": "text/plain"
    }, "later"],
    [
      "a text of another type",
      Faults.body("<p>no</p>", { "content-type": "text/html", "x-a": "b" }),
      200,
      { "content-type": "text/html", "x-a": "b" },
      "<p>no</p>"
    ],
    ["JSON", Faults.body("{\"a\":1}"), 200, { "content-type": "application/json" }, "{\"a\":1}"],
    [
      "bytes",
      Faults.body(Uint8Array.of(0xc3, 0x28, 0), { "content-type": "application/octet-stream", "x-a": "b" }),
      200,
      { "content-type": "application/octet-stream", "x-a": "b" },
      Uint8Array.of(0xc3, 0x28, 0)
    ]
  ])(
    "the sandbox sends the status, headers and body of %s (X3)",
    ([, fault, status, headers, body]) =>
      Effect.gen(function*() {
        const { script, url } = yield* setUp
        yield* script([fault])
        const response = yield* Effect.promise(() => fetch(`${url}/token`, { method: "POST" }))
        const bytes = new Uint8Array(yield* Effect.promise(() => response.arrayBuffer()))
        expect(response.status).toBe(status)
        expect(Object.fromEntries(response.headers)).toMatchObject(headers)
        expect(bytes).toStrictEqual(typeof body === "string" ? new TextEncoder().encode(body) : body)
      }).pipe(Effect.provide(NodeSandbox.layer()))
  )
})

describe("the well-known client beyond loopback", () => {
  /** Hosts that are not loopback, some of which look like it. */
  const hosts = [
    "0.0.0.0",
    "::",
    "192.0.2.1",
    "localhost.evil",
    "evil.localhost",
    "127.0.0.1.evil",
    "1127.0.0.1",
    "::1%eth0"
  ]
  it.effect.each(hosts)(
    "the sandbox refuses its well-known client on the host %j (X5)",
    (host) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeSandbox.layer({ host }))))
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "clients" })
      })
  )

  const untyped = [NaN, -1, Infinity, "", null, {}, [null], true, Symbol("x"), 10n, () => 1]
  it.effect.each(["port", "host", "clients", "cors", "tokenLifetime"])(
    "a value for %s that no type allows, as JavaScript may give one, is an InvalidInputError (X6)",
    (name) =>
      Effect.gen(function*() {
        for (const value of untyped) {
          const made = NodeSandbox.make(Object.assign({}, { [name]: value }))
          expect(yield* Effect.flip(Effect.scoped(made))).toMatchObject({ _tag: "InvalidInputError" })
        }
      })
  )

  const own = { clientId: form.client_secret, clientSecret: form.client_id }

  it.effect("two clients with one id in either case are an InvalidInputError (X6)", () =>
    Effect.gen(function*() {
      const clients = [own, { clientId: own.clientId.toUpperCase(), clientSecret: own.clientSecret }]
      const error = yield* Effect.flip(Effect.scoped(NodeSandbox.make({ clients })))
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "clients" })
    }))

  it.effect.each<[string, ReadonlyArray<Sandbox.Client>]>([
    ["in upper case", [{ ...Sandbox.wellKnown, clientId: Sandbox.wellKnown.clientId.toUpperCase() }]],
    ["with another secret", [{ ...own, clientId: Sandbox.wellKnown.clientId }]],
    ["beside a client of the caller", [own, Sandbox.wellKnown]]
  ])("the sandbox refuses the well-known id %s beyond loopback (X5)", ([, clients]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(NodeSandbox.make({ host: "0.0.0.0", clients })))
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "clients" })
    }))

  it.scopedLive.each(["127.0.0.1", "127.1.2.3", "localhost"])(
    "the sandbox accepts its well-known client on the loopback host %s (X5)",
    (host) =>
      Effect.gen(function*() {
        const { url } = yield* NodeSandbox.make({ host })
        expect((yield* request(url)).status).toBe(200)
      })
  )

  it.scopedLive("the sandbox listens beyond loopback with a client of the caller (X5)", () =>
    Effect.gen(function*() {
      const { url } = yield* NodeSandbox.make({ host: "0.0.0.0", clients: [own] })
      expect(Number(new URL(url).port)).toBeGreaterThan(0)
    }))
})

describe("options", () => {
  it.scopedLive.each<[string, NodeSandbox.Options]>([
    ["port", { port: 65_536 }],
    ["port", { port: 0.5 }],
    ["host", { host: "192.0.2.1", clients: [{ clientId: form.client_secret, clientSecret: form.client_id }] }],
    ["tokenLifetime", { tokenLifetime: 0 }]
  ])(
    "a wrong %s of a NodeSandbox causes an InvalidInputError (case %$)",
    ([setting, options]) =>
      Effect.gen(function*() {
        expect(yield* Effect.flip(NodeSandbox.make(options))).toMatchObject({ _tag: "InvalidInputError", setting })
      })
  )

  it.scopedLive("NodeSandbox.layerConfig reads the options from the configuration, and fails with a ConfigError", () =>
    Effect.gen(function*() {
      const layer = NodeSandbox.layerConfig({ tokenLifetime: Config.duration("LIFETIME") })
      const build = (lifetime: string) =>
        Effect.withConfigProvider(Layer.build(layer), ConfigProvider.fromMap(new Map([["LIFETIME", lifetime]])))
      const { url } = Context.get(yield* build("5 minutes"), NodeSandbox.NodeSandbox)
      expect(JSON.parse((yield* request(url)).text)).toMatchObject({ expires_in: "300" })
      const error = yield* Effect.flip(build("1 millis"))
      expect(ConfigError.isConfigError(error)).toBe(true)
      expect(String(error)).toContain("LIFETIME")
    }))
})

it.scopedLive("a port that is in use causes an InvalidInputError", () =>
  Effect.gen(function*() {
    const { url } = yield* setUp
    const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeSandbox.layer({ port: Number(new URL(url).port) }))))
    expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "port" })
  }).pipe(Effect.provide(NodeSandbox.layer())))
