/*
 * Watches a Redis server with MONITOR, over a socket of its own. The one of ioredis fails now and then: if the first
 * line arrives together with the reply to MONITOR, it takes that line for an unexpected reply.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { once } from "node:events"
import { connect } from "node:net"

export interface Monitor {
  /** All commands so far, one a line. It dies if the connection has ended. */
  readonly seen: Effect.Effect<string>
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b" }

/** The text of an argument, which the server quotes. */
const unquoted = (line: string) =>
  line.replace(
    /\\(?:x([0-9a-f]{2})|(.))/g,
    (_, hex: string | undefined, char: string) =>
      hex === undefined ? escapes[char] ?? char : String.fromCharCode(parseInt(hex, 16))
  )

/** Watches from now on: the server has confirmed it. It ends with the scope. */
export const make = (port: number): Effect.Effect<Monitor, never, Scope.Scope> =>
  Effect.gen(function*() {
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => connect(port, "127.0.0.1").setEncoding("latin1")),
      (socket) => Effect.sync(() => socket.destroy())
    )
    let received = ""
    socket.on("data", (text: string) => received += text).on("error", () => {})
    socket.write("MONITOR\r\n")
    while (!received.includes("\r\n") && !socket.closed) {
      yield* Effect.promise(() => Promise.race([once(socket, "data"), once(socket, "close")]))
    }
    if (!received.startsWith("+OK\r\n")) return yield* Effect.dieMessage(`MONITOR was refused: ${received}`)
    return {
      seen: Effect.suspend(() =>
        socket.closed
          ? Effect.dieMessage("The server has ended the connection of MONITOR.")
          : Effect.succeed(unquoted(received))
      )
    }
  })
