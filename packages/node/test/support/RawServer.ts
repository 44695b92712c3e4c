/*
 * A server that sends bytes, not HTTP: whatever a broken one could send. It notes what it received.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { AddressInfo } from "node:net"
import * as net from "node:net"

/** What to do once a request has arrived: to the given socket, the n-th request on this server (from 0). */
export type Play = (socket: net.Socket, request: number) => void

export interface RawServer {
  readonly url: string
  readonly port: number
  /** The requests that arrived, whole. */
  readonly requests: ReadonlyArray<string>
  /** How many bytes arrived, whole requests or not. */
  readonly bytes: () => number
  /**
   * How many connections were ever made, how many are open, and over how many of these anything came: in place of a
   * connection that it cut, undici opens another, and keeps it idle for a request that may never be.
   */
  readonly connections: () => { readonly made: number; readonly open: number; readonly used: number }
}

const bodyLength = (head: string): number => Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)

/** Plays to whole requests. */
export const make = (play: Play): Effect.Effect<RawServer, never, Scope.Scope> => listen(play, isWhole)

/** Plays to the first bytes, whatever they are. */
export const atOnce = (play: Play): Effect.Effect<RawServer, never, Scope.Scope> => listen(play, () => true)

const isWhole = (received: string): boolean => {
  const end = received.indexOf("\r\n\r\n") + 4
  return end >= 4 && received.length >= end + bodyLength(received.slice(0, end))
}

const listen = (
  play: Play,
  isComplete: (received: string) => boolean,
  host = "127.0.0.1"
): Effect.Effect<RawServer, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ server: RawServer; close: () => void }>((resume) => {
        const requests: Array<string> = []
        const sockets = new Set<net.Socket>()
        let made = 0
        let size = 0
        const server = net.createServer({ noDelay: true }, (socket) => {
          made++
          sockets.add(socket)
          let received = ""
          socket.on("close", () => sockets.delete(socket))
          socket.on("error", () => socket.destroy())
          socket.on("data", (bytes) => {
            received += bytes.toString("latin1")
            size += bytes.length
            if (!isComplete(received)) return
            requests.push(received)
            received = ""
            play(socket, requests.length - 1)
          })
        })
        server.listen(0, host, () => {
          const { port } = server.address() as AddressInfo
          resume(Effect.succeed({
            server: {
              url: `http://${host}:${port}`,
              port,
              requests,
              bytes: () => size,
              connections: () => ({
                made,
                open: sockets.size,
                used: [...sockets].filter(({ bytesRead }) => bytesRead > 0).length
              })
            },
            close: () => {
              server.close()
              for (const socket of sockets) socket.destroy()
            }
          }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ server }) => server
  )

/** A whole, honest answer, after which the connection is closed. */
export const answer = (
  status: number,
  headers: Readonly<Record<string, string | ReadonlyArray<string>>> = {},
  body: string | Uint8Array = ""
): Buffer => {
  const content = Buffer.from(body)
  const lines = Object.entries({ "content-length": String(content.length), connection: "close", ...headers })
    .flatMap(([name, value]) => [value].flat().map((value) => `${name}: ${value}\r\n`))
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Because\r\n${lines.join("")}\r\n`), content])
}

export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Buffer =>
  answer(status, { "content-type": "application/json", ...headers }, JSON.stringify(body))

/** Sends these bytes to every request, and closes. */
export const always = (bytes: Uint8Array): Play => (socket) => socket.end(bytes)

/** Sends the first bytes to the first request, and so on; the last for ever. */
export const inTurn = (...plays: readonly [Uint8Array, ...ReadonlyArray<Uint8Array>]): Play => (socket, n) =>
  socket.end(plays[n] ?? plays[plays.length - 1] ?? plays[0])

/** Waits, two seconds at most, for what a socket does in its own time. */
export const until = (condition: () => boolean) =>
  Effect.suspend(() => condition() ? Effect.void : Effect.fail("not yet")).pipe(
    Effect.retry({ times: 400, schedule: Schedule.spaced("5 millis") }),
    Effect.orDieWith(() => new Error("waited for two seconds"))
  )
