/**
 * Scripted servers on Node's own sockets, on loopback, in the process of the tests.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as http from "node:http"
import * as net from "node:net"
import { text } from "node:stream/consumers"
import * as tls from "node:tls"
import * as Backlog from "./internal/backlog.js"
import * as Certificates from "./internal/certificates.js"
import * as Wire from "./internal/wire.js"
import { always, type Play, type Script, ScriptedServer, type Seen, type Server, type Step } from "./ScriptedServer.js"

/**
 * `headers` are added to every answer whose status line begins the bytes that a script sends, but to none of 1xx: a
 * page of another origin reads nothing without `access-control-allow-origin`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly headers?: Readonly<Record<string, string>> | undefined
}

const host = "127.0.0.1"

const statusLine = /^HTTP\/1\.\d [2-9]\d\d[^\r\n]*\r\n/

const stamper = (headers: Readonly<Record<string, string>>) => {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("")
  return (bytes: Uint8Array): Uint8Array => {
    const length = statusLine.exec(Buffer.from(bytes.subarray(0, 256)).toString("latin1"))?.[0].length
    return length === undefined || lines === ""
      ? bytes
      : Buffer.concat([bytes.subarray(0, length), Buffer.from(lines), bytes.subarray(length)])
  }
}

const bodyLength = (head: string): number => Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)

const isWhole = (received: string): boolean => {
  const end = received.indexOf("\r\n\r\n") + 4
  return end >= 4 && received.length >= end + bodyLength(received.slice(0, end))
}

const secure = Effect.fnUntraced(function*(kind: Exclude<Play["tls"], undefined>) {
  const authority = yield* Certificates.make
  const certificate = yield* authority.issue({
    ...(kind === "expired" && { days: -2 }),
    ...(kind === "misnamed" && { host: "elsewhere.example" })
  })
  const outdated = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const
  return { authority: authority.ca, options: { ...certificate, ...(kind === "outdated" && outdated) } }
})

/** Listens until the scope's end, which cuts every connection, and tells its port. */
const listen = (server: net.Server): Effect.Effect<number, never, Scope.Scope> => {
  const sockets = new Set<net.Socket>()
  server.on("connection", (socket: net.Socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  return Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.listen(0, host, () => {
        const address = server.address()
        resume(Effect.succeed(Predicate.hasProperty(address, "port") ? Number(address.port) : 0))
      })
    }),
    () =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  )
}

const play = Effect.fnUntraced(function*({ begins, counted, tls: certificate, turns }: Play, options: Options) {
  const stamped = stamper(options.headers ?? {})
  const protection = certificate === undefined ? undefined : yield* secure(certificate)
  const run = yield* FiberSet.makeRuntime<never>()
  const requests: Array<string> = []
  const [open, used] = [new Set<net.Socket>(), new Set<net.Socket>()]
  const totals = { received: 0, sent: 0, made: 0 }

  const send = (socket: net.Socket, bytes: Uint8Array): Effect.Effect<void> =>
    Effect.async((resume) => {
      totals.sent += bytes.length
      socket.write(bytes, () => resume(Effect.void))
    })

  const perform = (socket: net.Socket) => (step: Step): Effect.Effect<unknown> => {
    switch (step._tag) {
      case "Send":
        return send(socket, stamped(step.bytes))
      case "Repeat": {
        const { bytes, every, times = Infinity } = step
        return Effect.repeatN(Effect.zipRight(send(socket, bytes), Effect.sleep(every)), times - 1)
      }
      case "Wait":
        return Effect.sleep(step.millis)
      case "AwaitRequests":
        return Effect.repeat(Effect.sleep("1 millis"), { until: () => requests.length >= step.count })
      case "End":
        return Effect.sync(() => socket.end())
      case "Reset":
        return Effect.sync(() => socket.resetAndDestroy())
    }
  }

  const attend = (socket: net.Socket) => {
    let pending = ""
    let heard = 0
    socket.on("error", () => socket.destroy())
    socket.once("close", () => used.delete(socket))
    socket.on("data", (bytes: Buffer) => {
      used.add(socket)
      totals.received += bytes.length
      pending += bytes.toString("latin1")
      if (begins === "request" && !isWhole(pending)) return
      const n = counted === "server" ? requests.length : heard
      requests.push(pending)
      heard++
      pending = ""
      const turn = turns[Math.min(n, turns.length - 1)] ?? turns[0]
      const fiber = run(Effect.interruptible(Effect.forEach(turn, perform(socket), { discard: true })))
      socket.once("close", () => fiber.unsafeInterruptAsFork(FiberId.none))
    })
  }

  const server = protection === undefined
    ? net.createServer({ noDelay: true }).on("connection", attend)
    : tls.createServer({ noDelay: true, ...protection.options })
      .on("secureConnection", attend)
      .on("tlsClientError", (_, socket) => socket.destroy())
  server.on("connection", (socket: net.Socket) => {
    totals.made++
    open.add(socket)
    socket.once("close", () => open.delete(socket))
  })
  const port = yield* listen(server)
  const seen = Effect.sync((): Seen => ({ requests: [...requests], ...totals, open: open.size, used: used.size }))
  return {
    url: `${protection === undefined ? "http" : "https"}://${host}:${port}`,
    authority: protection?.authority,
    seen
  }
})

/** Of a place where nothing is played, nothing is seen. */
const nowhere = (url: string): Server => ({
  url,
  authority: undefined,
  seen: Effect.succeed({ requests: [], received: 0, sent: 0, made: 0, open: 0, used: 0 })
})

const open = (script: Script, options: Options): Effect.Effect<Server, never, Scope.Scope> => {
  switch (script._tag) {
    case "Play":
      return play(script, options)
    case "Refuse": // a port that was free a moment ago
      return Effect.map(Effect.scoped(play(always(""), options)), ({ url }) => nowhere(url))
    case "Swallow":
      return Effect.map(Backlog.full, ({ port }) => nowhere(`http://${host}:${port}`))
  }
}

/**
 * The service as a value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}) => ScriptedServer.of({ open: (script) => open(script, options) })

/**
 * The service as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<ScriptedServer> =>
  Layer.succeed(ScriptedServer, make(options))

/** A page may read what is played, wherever it comes from. */
const readable = { "access-control-allow-origin": "*" }

/**
 * Opens servers for `RemoteScriptedServer` in other processes, until the scope's end, and succeeds with the URL at
 * which that asks for them. Unless `headers` say otherwise, pages of every origin may read what the servers send.
 *
 * @since 0.1.0
 * @category constructors
 */
export const serve = Effect.fnUntraced(function*({ headers = readable }: Options = {}) {
  const scope = yield* Effect.scope
  const run = yield* FiberSet.makeRuntime<never>()
  const opened = new Map<string, { readonly server: Server; readonly scope: Scope.CloseableScope }>()

  const begin = Effect.fnUntraced(function*(script: string) {
    const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
    const server = yield* Scope.extend(open(yield* Schema.decode(Wire.Script)(script), { headers }), own)
    const id = String(opened.size)
    opened.set(id, { server, scope: own })
    return yield* Schema.encode(Wire.Opened)({ id, url: server.url, authority: server.authority })
  })

  const answer = (request: http.IncomingMessage): Effect.Effect<string, unknown> => {
    const found = opened.get((request.url ?? "/").slice(1))
    if (found === undefined) return Effect.flatMap(Effect.promise(() => text(request)), begin)
    return request.method === "GET"
      ? Effect.flatMap(found.server.seen, Schema.encode(Wire.Seen))
      : Effect.as(Scope.close(found.scope, Exit.void), "")
  }

  const port = yield* listen(http.createServer((request, response) => {
    run(Effect.match(answer(request), {
      onFailure: (error) => response.writeHead(400, readable).end(String(error)),
      onSuccess: (text) => response.writeHead(200, readable).end(text)
    }))
  }))
  return `http://${host}:${port}`
})
