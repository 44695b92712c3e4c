import * as Effect from "effect/Effect"
import * as http from "node:http"
import * as net from "node:net"
import { serve } from "./servers.js"

/**
 * An HTTP proxy on loopback: it opens tunnels, and forwards nothing else. `tunnels` are the requests that it got, as
 * `host:port` with the `Proxy-Authorization`; `bytes` is what it could read of what went through.
 */
export const proxy = Effect.suspend(() => {
  const tunnels: Array<string> = []
  const bytes: Array<string> = []
  const server = http.createServer((request, response) => {
    tunnels.push(`not a tunnel: ${request.url}`)
    response.writeHead(501).end()
  })
  server.on("connect", ({ headers, url }, socket) => {
    tunnels.push([url, headers["proxy-authorization"]].filter(Boolean).join(" "))
    const { hostname, port } = new URL(`http://${url}`)
    const inner = net.connect(Number(port), hostname, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"))
    socket.on("data", (chunk: Buffer) => bytes.push(chunk.toString("latin1")))
    socket.on("error", () => inner.destroy())
    inner.on("error", () => socket.destroy())
    socket.pipe(inner).pipe(socket)
  })
  return Effect.map(serve(server), (url) => ({ url, tunnels, bytes }))
})
