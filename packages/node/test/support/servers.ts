import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import type * as net from "node:net"

/** Any server on a free port of loopback, which closes with the scope. Returns its URL, as one of HTTP. */
export const listen = (server: net.Server): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<net.Server>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`))

/** The same for a server of `node:http`, which closes its connections too. */
export const serve = (server: http.Server): Effect.Effect<string, never, Scope.Scope> =>
  Effect.zipLeft(listen(server), Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections())))

/** What a server has received. */
export interface Echoed {
  readonly method: string
  readonly url: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

/** The URL of a server that returns what it receives, as JSON. */
export const echo = Effect.suspend(() =>
  serve(http.createServer(async (request, response) => {
    const chunks: Array<Uint8Array> = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return // the client has closed the connection
    }
    const { headers, method, url } = request
    response.setHeader("set-cookie", ["a=1; Path=/", "b=2"]).setHeader("x-many", ["c", "d"])
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }))
  }))
)
