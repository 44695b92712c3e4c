/*
 * The servers behind the tests in a page, which can open none itself: one that opens and closes others as the page says,
 * and tells what came to them. It runs in Node, beside the browser.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { text } from "node:stream/consumers"
import type { TestProject } from "vitest/node"
import * as RawServer from "../../../node/test/support/RawServer.js"
import type { Act, Told } from "./acts.js"

declare module "vitest" {
  interface ProvidedContext {
    readonly servers: string
  }
}

const play = (socket: Socket, { bytes, then }: Act): void => {
  const more = (chunk: Buffer, next: (send: () => void) => void) => {
    if (socket.destroyed) return
    socket.write(chunk, () => next(() => more(chunk, next)))
  }
  socket.write(Buffer.from(bytes, "latin1"))
  if (then === "end") socket.end()
  if (then === "drip") more(Buffer.from("1\r\nx\r\n"), (send) => setTimeout(send, 5))
  if (then === "flood") more(Buffer.alloc(16_384, "x"), setImmediate)
}

interface Open {
  readonly server: RawServer.RawServer
  readonly scope: Scope.CloseableScope
}

const open = (acts: ReadonlyArray<Act>): Promise<Open> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const server = yield* Scope.extend(
      RawServer.make((socket, n) => {
        const act = acts[Math.min(n, acts.length - 1)]
        if (act !== undefined) play(socket, act)
      }),
      scope
    )
    return { server, scope }
  }).pipe(Effect.runPromise)

const close = ({ scope }: Open): Promise<void> => Effect.runPromise(Scope.close(scope, Exit.void))

const tell = ({ server }: Open): Told => ({
  port: server.port,
  requests: server.requests,
  made: server.connections().made,
  used: server.connections().used
})

/** `POST /` with acts opens a server; `GET /<port>` tells of it, `DELETE /<port>` closes it. */
export default async (project: TestProject) => {
  const servers = new Map<string, Open>()

  const answer = async (method: string, path: string, body: string): Promise<Told | undefined> => {
    if (method === "POST") {
      const opened = await open(JSON.parse(body))
      servers.set(`/${opened.server.port}`, opened)
      return tell(opened)
    }
    const found = servers.get(path)
    if (found !== undefined && method === "DELETE") await close(found)
    return found && tell(found)
  }

  const control = createServer((request, response) => {
    text(request)
      .then((body) => answer(request.method ?? "", request.url ?? "", body))
      .then((told) => {
        response.writeHead(told === undefined ? 404 : 200, {
          "access-control-allow-origin": "*",
          "access-control-allow-methods": "*"
        })
        response.end(JSON.stringify(told))
      })
  })
  await new Promise<void>((listening) => control.listen(0, "127.0.0.1", listening))
  project.provide("servers", `http://127.0.0.1:${(control.address() as AddressInfo).port}`)

  return async () => {
    control.close()
    control.closeAllConnections()
    await Promise.all(Array.from(servers.values(), close))
  }
}
