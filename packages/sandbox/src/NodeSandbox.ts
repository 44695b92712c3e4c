/**
 * The sandbox on a port of a Node process. Not part of the package's root module, which any runtime can import:
 * `import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"`.
 *
 * @since 0.1.0
 */
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import * as Connection from "./Connection.js"
import * as Sandbox from "./Sandbox.js"

/**
 * Where a sandbox listens: `url` is its base URL, good for `TILIA_AUTH_URL`.
 *
 * @since 0.1.0
 * @category tags
 */
export class NodeSandbox extends Context.Tag("@effect-tilia/sandbox/NodeSandbox")<NodeSandbox, {
  readonly url: string
}>() {}

/**
 * `port` 0 is a free one (0); `host` is the address to listen on (`127.0.0.1`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Sandbox.Options {
  readonly port?: number | undefined
  readonly host?: string | undefined
}

const isLoopback = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host)

/** X5: anyone knows the well-known secret. */
const refuseWellKnown = ({ clients = [Sandbox.wellKnown], host = "127.0.0.1" }: Options) =>
  !isLoopback(host) && clients.some(({ clientId }) => clientId.toLowerCase() === Sandbox.wellKnown.clientId)
    ? new InvalidInputError({ setting: "clients", expected: "your own where the sandbox listens beyond loopback" })
    : Effect.void

const connection = Effect.map(HttpServerRequest.HttpServerRequest, (request) => ({
  reset: Effect.async<never>(() => {
    NodeHttpServerRequest.toIncomingMessage(request).socket.resetAndDestroy()
  })
}))

const make = Effect.fnUntraced(function*({ host = "127.0.0.1", port = 0 }: Options) {
  const { httpApp } = yield* Sandbox.Sandbox
  const handler = yield* NodeHttpServer.makeHandler(
    Effect.provideServiceEffect(httpApp, Connection.Connection, connection)
  )
  const server = yield* Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>, InvalidInputError>((resume) => {
      const server = createServer(handler)
      server.once(
        "error",
        () => resume(new InvalidInputError({ setting: "port", expected: `one that is free on ${host}` }))
      )
      server.listen(port, host, () => resume(Effect.succeed(server)))
    }),
    // Requests that hang would hold the server open: they end with it.
    (server) =>
      Effect.async((resume: (done: Effect.Effect<void>) => void) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const address = server.address()
  const bound = address === null || typeof address === "string" ? port : address.port
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}` }
})

/**
 * A sandbox that listens as long as the Layer lives. Fails with `InvalidInputError` where an option is out of range,
 * the port is taken, or the well-known client would be reachable from elsewhere.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<NodeSandbox | Sandbox.Sandbox, InvalidInputError> =>
  Layer.scoped(NodeSandbox, Effect.zipRight(refuseWellKnown(options), make(options))).pipe(
    Layer.provideMerge(Sandbox.layer(options))
  )
