/*
 * A listener that never accepts: once its backlog is full, the kernel swallows every SYN (row 3).
 */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as net from "node:net"

/** A process that listens and then never runs again. */
const listener = `
const server = require("node:net").createServer()
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  require("node:fs").writeSync(1, String(server.address().port) + "\\n")
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})`

const listening = Effect.acquireRelease(
  Effect.async<{ readonly port: number; readonly kill: () => void }>((resume) => {
    const child = spawn(process.execPath, ["-e", listener], { stdio: ["ignore", "pipe", "inherit"] })
    child.stdout.once(
      "data",
      (bytes: Buffer) => resume(Effect.succeed({ port: Number(bytes.toString()), kill: () => child.kill("SIGKILL") }))
    )
  }),
  ({ kill }) => Effect.sync(kill)
)

/** Connects until a connection isn't made any more. */
const fill = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets: Array<net.Socket> = []
      const connects = () =>
        new Promise<boolean>((resolve) => {
          const socket = net.connect(port, "127.0.0.1", () => resolve(true)).on("error", () => undefined)
          sockets.push(socket)
          setTimeout(() => resolve(false), 150)
        })
      while (sockets.length < 64 && await connects());
      return sockets
    }),
    (sockets) => Effect.sync(() => sockets.forEach((socket) => socket.destroy()))
  )

export const full = Effect.tap(listening, ({ port }) => fill(port))
