/*
 * A network between a fleet and its engine. While it is lossy, one piece of data in five comes 300 milliseconds late,
 * as after a retransmission, and one in a hundred ends its connection.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connect, createServer, type Socket } from "node:net"

export interface LossyNetwork {
  /** The port of loopback that leads to the engine. */
  readonly port: number
  /** Whether it is lossy now. */
  readonly setLossy: (isLossy: boolean) => Effect.Effect<void>
}

export const make = (to: number): Effect.Effect<LossyNetwork, never, Scope.Scope> =>
  Effect.gen(function*() {
    let isLossy = false
    const sockets = new Set<Socket>()

    const forward = (from: Socket, into: Socket) => {
      sockets.add(from)
      let last = Promise.resolve()
      from.on("error", () => {}).on("close", () => {
        sockets.delete(from)
        into.destroy()
      })
      from.on("data", (data) => {
        const draw = isLossy ? Math.random() : 1
        if (draw < 0.01) return void from.destroy()
        const late = draw < 0.2 ? 300 : 0
        last = last.then(async () => {
          if (late > 0) await new Promise((resolve) => setTimeout(resolve, late))
          if (!into.destroyed) into.write(data)
        })
      })
    }

    const server = createServer((client) => {
      const engine = connect(to, "127.0.0.1")
      forward(client, engine)
      forward(engine, client)
    })
    const port = yield* Effect.acquireRelease(
      Effect.async<number>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          resume(Effect.succeed(typeof address === "object" ? address?.port ?? 0 : 0))
        })
      }),
      () =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          server.close()
        })
    )
    return { port, setLossy: (lossy) => Effect.sync(() => void (isLossy = lossy)) }
  })
