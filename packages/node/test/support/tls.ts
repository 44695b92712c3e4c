import * as Effect from "effect/Effect"
import type { AddressInfo } from "node:net"
import * as net from "node:net"
import * as tls from "node:tls"
import type { RawServer } from "./RawServer.js"

/** A TLS server in front of a plain one. */
export const tlsInFront = (options: tls.TlsOptions, plain: RawServer) =>
  Effect.acquireRelease(
    Effect.async<tls.Server>((resume) => {
      const server = tls.createServer(options, (socket) => {
        const inner = net.connect(plain.port, "127.0.0.1")
        socket.on("error", () => inner.destroy())
        inner.on("error", () => socket.destroy())
        socket.pipe(inner).pipe(socket)
      })
      server.on("tlsClientError", (_, socket) => socket.destroy())
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(Effect.map((server) => `https://127.0.0.1:${(server.address() as AddressInfo).port}`))
