/**
 * Scripted servers on the sockets of Node, on loopback, in the process of the tests.
 *
 * @example
 * import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
 * import { always, json } from "@effect-tilia/contract/ScriptedServer"
 * import { Effect } from "effect"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const { open } = yield* NodeScriptedServer.make()
 *   const server = yield* open(always(json(200, { name: "me" })))
 *   return server.url
 * }))
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
 * What the servers add to their scripts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Headers that are added to each response with a status of 200 or more. The status line must begin the bytes of a
   * `Send` step. A page of another origin can read a response only if it has the header `access-control-allow-origin`.
   *
   * @default `{}` for `make` and `layer`; for `serve`, a header that allows every origin
   */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

const host = "127.0.0.1"

const statusLine = /^HTTP\/1\.\d [2-9]\d\d[^\r\n]*\r\n/

/** Inserts headers after the status line, if the bytes begin with one. */
const headerInserter = (headers: Readonly<Record<string, string>>) => {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("")
  return (bytes: Uint8Array): Uint8Array => {
    const length = statusLine.exec(Buffer.from(bytes.subarray(0, 256)).toString("latin1"))?.[0].length
    return length === undefined || lines === ""
      ? bytes
      : Buffer.concat([bytes.subarray(0, length), Buffer.from(lines), bytes.subarray(length)])
  }
}

const bodyLength = (head: string): number => Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)

const isWholeRequest = (received: string): boolean => {
  const end = received.indexOf("\r\n\r\n") + 4
  return end >= 4 && received.length >= end + bodyLength(received.slice(0, end))
}

/** The certificate of a server that speaks TLS, and the options that go with it. */
const makeTls = Effect.fnUntraced(function*(kind: Exclude<Play["tls"], undefined>) {
  const authority = yield* Certificates.make
  const certificate = yield* authority.issue({
    ...(kind === "expired" && { days: -2 }),
    ...(kind === "misnamed" && { host: "elsewhere.example" })
  })
  const outdated = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const
  return { authority: authority.ca, options: { ...certificate, ...(kind === "outdated" && outdated) } }
})

/** Listens until the scope closes, which cuts every connection. Yields the port. */
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

const play = Effect.fnUntraced(function*({ begins, counted, tls: kind, turns }: Play, options: Options) {
  const withHeaders = headerInserter(options.headers ?? {})
  const secured = kind === undefined ? undefined : yield* makeTls(kind)
  const run = yield* FiberSet.makeRuntime<never>()
  const requests: Array<string> = []
  const openSockets = new Set<net.Socket>()
  const usedSockets = new Set<net.Socket>()
  const totals = { received: 0, sent: 0, made: 0 }

  const send = (socket: net.Socket, bytes: Uint8Array): Effect.Effect<void> =>
    Effect.async((resume) => {
      totals.sent += bytes.length
      socket.write(bytes, () => resume(Effect.void))
    })

  const perform = (socket: net.Socket) => (step: Step): Effect.Effect<unknown> => {
    switch (step._tag) {
      case "Send":
        return send(socket, withHeaders(step.bytes))
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

  const onConnection = (socket: net.Socket) => {
    let pending = ""
    let requestsHere = 0
    socket.on("error", () => socket.destroy())
    socket.once("close", () => usedSockets.delete(socket))
    socket.on("data", (bytes: Buffer) => {
      usedSockets.add(socket)
      totals.received += bytes.length
      pending += bytes.toString("latin1")
      if (begins === "request" && !isWholeRequest(pending)) return
      const n = counted === "server" ? requests.length : requestsHere
      requests.push(pending)
      requestsHere++
      pending = ""
      const turn = turns[Math.min(n, turns.length - 1)] ?? turns[0]
      const fiber = run(Effect.interruptible(Effect.forEach(turn, perform(socket), { discard: true })))
      socket.once("close", () => fiber.unsafeInterruptAsFork(FiberId.none))
    })
  }

  const server = secured === undefined
    ? net.createServer({ noDelay: true }).on("connection", onConnection)
    : tls.createServer({ noDelay: true, ...secured.options })
      .on("secureConnection", onConnection)
      .on("tlsClientError", (_, socket) => socket.destroy())
  server.on("connection", (socket: net.Socket) => {
    totals.made++
    openSockets.add(socket)
    socket.once("close", () => openSockets.delete(socket))
  })
  const port = yield* listen(server)
  const seen = Effect.sync((): Seen => ({
    requests: [...requests],
    ...totals,
    open: openSockets.size,
    used: usedSockets.size
  }))
  return {
    url: `${secured === undefined ? "http" : "https"}://${host}:${port}`,
    authority: secured?.authority,
    seen
  }
})

/** A server that accepts no connection, and so sees nothing. */
const unseeing = (url: string): Server => ({
  url,
  authority: undefined,
  seen: Effect.succeed({ requests: [], received: 0, sent: 0, made: 0, open: 0, used: 0 })
})

const open = (script: Script, options: Options): Effect.Effect<Server, never, Scope.Scope> => {
  switch (script._tag) {
    case "Play":
      return play(script, options)
    case "Refuse": // the port of a server that has just stopped
      return Effect.map(Effect.scoped(play(always(""), options)), ({ url }) => unseeing(url))
    case "Swallow":
      return Effect.map(Backlog.makeFull, ({ port }) => unseeing(`http://${host}:${port}`))
  }
}

/**
 * Scripted servers in this process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<ScriptedServer> =>
  Effect.succeed({ open: (script) => open(script, options) })

/**
 * Scripted servers in this process, as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<ScriptedServer> => Layer.effect(ScriptedServer, make(options))

/** Allows pages of every origin to read a response. */
const allowAllOrigins = { "access-control-allow-origin": "*" }

/**
 * Serves scripted servers to other processes, until the scope closes. Yields the URL for `RemoteScriptedServer.layer`.
 * Pages of every origin may read what the servers send, unless `headers` says otherwise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const serve: (
  options?: Options
) => Effect.Effect<string, never, Scope.Scope> = Effect.fnUntraced(function*(
  { headers = allowAllOrigins }: Options = {}
) {
  const scope = yield* Effect.scope
  const run = yield* FiberSet.makeRuntime<never>()
  const opened = new Map<string, { readonly server: Server; readonly scope: Scope.CloseableScope }>()

  const openFor = Effect.fnUntraced(function*(script: string) {
    const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
    const server = yield* Scope.extend(open(yield* Schema.decode(Wire.Script)(script), { headers }), own)
    const id = String(opened.size)
    opened.set(id, { server, scope: own })
    return yield* Schema.encode(Wire.Opened)({ id, url: server.url, authority: server.authority })
  })

  const handle = (request: http.IncomingMessage): Effect.Effect<string, unknown> => {
    const found = opened.get((request.url ?? "/").slice(1))
    if (found === undefined) return Effect.flatMap(Effect.promise(() => text(request)), openFor)
    return request.method === "GET"
      ? Effect.flatMap(found.server.seen, Schema.encode(Wire.Seen))
      : Effect.as(Scope.close(found.scope, Exit.void), "")
  }

  const port = yield* listen(http.createServer((request, response) => {
    run(Effect.match(handle(request), {
      onFailure: (error) => response.writeHead(400, allowAllOrigins).end(String(error)),
      onSuccess: (text) => response.writeHead(200, allowAllOrigins).end(text)
    }))
  }))
  return `http://${host}:${port}`
})
