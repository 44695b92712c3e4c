/*
 * What a dispatcher of undici has made, so that the end of the Layer leaves none of it (N11). undici itself loses sight
 * of two things: of a pool whose only connection is lost while the next one is being made, and of a socket until it is
 * connected.
 */
import * as Undici from "@effect/platform-node/Undici"
import { Socket } from "node:net"

type Connector = Undici.buildConnector.connector

/**
 * undici takes the connection of a request that was aborted for lost. It makes another one for this request, and then
 * sends nothing: in an outage, a server that hangs would get two connections for each attempt. Such a connection is
 * refused here (N12). A client has one request at a time, so nothing else wants it.
 */
const newClient = (connect: Connector) => (origin: URL, options: object): Undici.Client => {
  let isAborted = false
  const client = new Undici.Client(origin, {
    ...options,
    connect: (target, callback) =>
      isAborted
        ? queueMicrotask(() => callback(new Undici.errors.RequestAbortedError(), null))
        : connect(target, callback)
  })
  client.on("disconnect", (_origin, _targets, error) => {
    isAborted = error instanceof Undici.errors.InformationalError && error.message === "aborted"
    queueMicrotask(() => isAborted = false) // undici connects before that
  })
  return client
}

/** The pools and the sockets of one dispatcher. */
export class Connections {
  readonly #pools = new Set<Undici.Pool>()
  readonly #sockets = new Set<Socket>()

  /** The same connector. Its sockets are kept until they are closed. */
  readonly watched = (connect: Connector): Connector => (options, callback) => {
    const socket: unknown = connect(options, callback) // undici's own returns it, though its types do not say so
    if (socket instanceof Socket) {
      this.#sockets.add(socket)
      socket.once("close", () => this.#sockets.delete(socket))
    }
  }

  /** Makes a pool for an origin, as undici's `Agent` asks for one. */
  readonly pool = (origin: string | URL, options: Undici.Pool.Options): Undici.Pool => {
    for (const pool of this.#pools) if (pool.destroyed) this.#pools.delete(pool)
    const { connect } = options
    const connector = typeof connect === "function" ? connect : Undici.buildConnector(connect)
    const pool = new Undici.Pool(origin, { ...options, factory: newClient(this.watched(connector)) })
    this.#pools.add(pool)
    return pool
  }

  /** Ends every request and closes every socket. */
  async destroy(): Promise<void> {
    await Promise.all(Array.from(this.#pools, (pool) => pool.destroy()))
    for (const socket of this.#sockets) socket.destroy()
  }
}
