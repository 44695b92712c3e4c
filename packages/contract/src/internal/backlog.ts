/*
 * A listener that never accepts a connection. When its backlog is full, the kernel drops every further SYN (row 3 of
 * docs/design/faults.md).
 */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as net from "node:net"

/** The program of a process that listens, and then blocks its thread forever. */
const listener = `
const server = require("node:net").createServer()
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  require("node:fs").writeSync(1, String(server.address().port) + "\\n")
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})`

const startListener = Effect.acquireRelease(
  Effect.async<{ readonly port: number; readonly kill: () => void }>((resume) => {
    const child = spawn(process.execPath, ["-e", listener], { stdio: ["ignore", "pipe", "inherit"] })
    child.stdout.once(
      "data",
      (bytes: Buffer) => resume(Effect.succeed({ port: Number(bytes.toString()), kill: () => child.kill("SIGKILL") }))
    )
  }),
  ({ kill }) => Effect.sync(kill)
)

/** Opens connections, 64 at most, until one is not made within 150 ms. */
const fillBacklog = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets: Array<net.Socket> = []
      const connects = () =>
        new Promise<boolean>((resolve) => {
          const socket = net.connect(port, "127.0.0.1", () => resolve(true)).on("error", () => undefined)
          sockets.push(socket)
          setTimeout(() => resolve(false), 150)
        })
      let isConnected = true
      while (isConnected && sockets.length < 64) isConnected = await connects()
      return sockets
    }),
    (sockets) => Effect.sync(() => sockets.forEach((socket) => socket.destroy()))
  )

/** A listener whose backlog is full until the scope closes. */
export const makeFull = Effect.tap(startListener, ({ port }) => fillBacklog(port))
