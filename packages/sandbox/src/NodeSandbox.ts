/**
 * The sandbox on a port of a Node process. The package's root module does not export this one, so that any runtime can
 * import the root. Import it by its own path.
 *
 * @example
 * import { Faults } from "@effect-tilia/sandbox"
 * import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const { script, url } = yield* NodeSandbox.NodeSandbox
 *   yield* script([Faults.status(503)]) // the next token request fails
 *   yield* Effect.log(`The sandbox listens at ${url}.`)
 * }).pipe(Effect.provide(NodeSandbox.layer({ tokenLifetime: "5 minutes" })))
 *
 * @since 0.1.0
 */
import * as TiliaConfig from "@effect-tilia/core/TiliaConfig"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { createServer, type RequestListener, type Server } from "node:http"
import * as Connection from "./Connection.js"
import * as Sandbox from "./Sandbox.js"

/**
 * Where the sandbox listens, which clients it knows, and how long its tokens are valid. An option that is out of range
 * is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Sandbox.Options {
  /**
   * The port to listen on, from 0 to 65535; 0 takes a free one. A port that is in use is an `InvalidInputError`.
   *
   * @default 0
   */
  readonly port?: number | undefined
  /**
   * The address to listen on. If it is not loopback (`localhost`, `127.0.0.0/8`, `::1`), the `clients` must not contain
   * the well-known one. That, or an address that this machine does not have, is an `InvalidInputError`.
   *
   * @default "127.0.0.1"
   */
  readonly host?: string | undefined
}

/**
 * A sandbox that listens on a port.
 *
 * @since 0.1.0
 * @category models
 */
export interface NodeSandbox extends Sandbox.Sandbox {
  /** The base URL, as `http://127.0.0.1:49152`: the value for `TILIA_AUTH_URL`. */
  readonly url: string
}

/**
 * @since 0.1.0
 * @category tags
 */
export const NodeSandbox: Context.Tag<NodeSandbox, NodeSandbox> = Context.GenericTag(
  "@effect-tilia/sandbox/NodeSandbox"
)

const loopback = "127.0.0.1"

const isLoopback = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host)

/** The well-known secret is public, so other machines must not be able to use it (X5). */
const refuseWellKnown = ({ clients = [Sandbox.wellKnown], host = loopback }: Options) =>
  !isLoopback(host) && clients.some(({ clientId }) => clientId.toLowerCase() === Sandbox.wellKnown.clientId)
    ? new InvalidInputError({
      setting: "clients",
      expected: `your own clients, because ${host} is not loopback and the well-known secret is public`
    })
    : Effect.void

const connection = Effect.map(HttpServerRequest.HttpServerRequest, (request) => ({
  reset: Effect.async<never>(() => {
    NodeHttpServerRequest.toIncomingMessage(request).socket.resetAndDestroy()
  })
}))

const listenError = (host: string, { code }: NodeJS.ErrnoException): InvalidInputError =>
  code === "EADDRNOTAVAIL" || code === "ENOTFOUND"
    ? new InvalidInputError({ setting: "host", expected: "an address of this machine" })
    : new InvalidInputError({ setting: "port", expected: `a free port on ${host}` })

/** A server that listens until the scope closes. */
const listen = (
  handler: RequestListener,
  port: number,
  host: string
): Effect.Effect<Server, InvalidInputError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Server, InvalidInputError>((resume) => {
      const server = createServer(handler)
      server.once("error", (error) => resume(listenError(host, error)))
      server.listen(port, host, () => resume(Effect.succeed(server)))
    }),
    (server): Effect.Effect<void> =>
      Effect.async((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections() // a request that hangs would keep the server open
      })
  )

const validatePort = (port: number): Effect.Effect<number, InvalidInputError> =>
  Number.isInteger(port) && port >= 0 && port <= 65_535
    ? Effect.succeed(port)
    : new InvalidInputError({ setting: "port", expected: "a whole number from 0 to 65535" })

/** Node would listen on every address of the machine without one. */
const validateHost = (host: string): Effect.Effect<string, InvalidInputError> =>
  Predicate.isString(host) && host !== ""
    ? Effect.succeed(host)
    : new InvalidInputError({ setting: "host", expected: "an address of this machine" })

/**
 * A sandbox that listens until the scope closes. Open connections end with it. An option that is out of range, a port
 * that is in use, and the well-known client on another address than loopback are each an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (options?: Options) => Effect.Effect<NodeSandbox, InvalidInputError, Scope.Scope> = Effect
  .fnUntraced(function*(options: Options = {}) {
    const { host = loopback, port = 0 } = options
    yield* validateHost(host)
    yield* validatePort(port)
    const sandbox = yield* Sandbox.make(options)
    yield* refuseWellKnown(options)
    const handler = yield* NodeHttpServer.makeHandler(
      Effect.provideServiceEffect(sandbox.httpApp, Connection.Connection, connection)
    )
    const address = (yield* listen(handler, port, host)).address()
    const bound = address === null || typeof address === "string" ? port : address.port
    return { ...sandbox, url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}` }
  })

/**
 * The sandbox as a Layer, under both of its tags: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<NodeSandbox | Sandbox.Sandbox, InvalidInputError> =>
  Layer.scopedContext(
    Effect.map(
      make(options),
      (sandbox) => Context.make(NodeSandbox, sandbox).pipe(Context.add(Sandbox.Sandbox, sandbox))
    )
  )

/**
 * The sandbox with options from the configuration. Whatever is missing or wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: TiliaConfig.Input<Options>
): Layer.Layer<NodeSandbox | Sandbox.Sandbox, ConfigError> => TiliaConfig.layer(options, layer)
