/*
 * A token endpoint and an API on a loopback socket. Each token request draws how the server behaves: it answers, waits,
 * refuses, breaks the connection or lies. It can be away for a while.
 */
import { randomInt } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { Draw } from "./Draw.js"
import { type Judge, tokenMark } from "./Judge.js"

export interface HostileServer {
  readonly origin: string
  /** When each granted token expires, by the time of `performance.now()`. */
  readonly book: ReadonlyMap<string, number>
  readonly requests: () => number
  /** What each open socket has done, for the report of one that should be closed. */
  readonly openSockets: () => ReadonlyArray<string>
  /** From now on, each request is answered with a token, at once. */
  readonly calm: () => void
  readonly close: () => void
}

/** For this long after a client has given up a request, the server may still hold it for open. */
const closingTime = 500

const json = { "content-type": "application/json" }

const story = (socket: Socket): string =>
  `${socket.readyState}, ${socket.isPaused() ? "paused" : "not paused"}, has read ${String(socket.bytesRead)} bytes ` +
  `and written ${String(socket.bytesWritten)}, with ${String(socket.writableLength)} to write`

export const start = async (draw: Draw, judge: Judge): Promise<HostileServer> => {
  const book = new Map<string, number>()
  const sockets = new Set<Socket>()
  const timers = new Set<NodeJS.Timeout>()
  const revoked = new Set<string>()
  /** The requests that the server works on, by client. */
  const open = new Map<string, Set<{ isAbandoned: boolean }>>()
  const hostility = draw.pick(0, 0.2, 0.5, 0.8)
  let requests = 0
  let isCalm = false

  const after = (delay: number, run: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      run()
    }, delay)
    timers.add(timer)
  }

  const body = (decisions: Draw, fields: object = {}) => {
    const lifetime = decisions.pick(1, 2, 3)
    const text = `${tokenMark}.${String(requests)}.${decisions.next().toString(36).slice(2)}`
    return {
      grant: () => book.set(text, performance.now() + lifetime * 1000),
      text: JSON.stringify({ access_token: text, token_type: "Bearer", expires_in: String(lifetime), ...fields })
    }
  }

  /** `done` is called when the client can know the outcome, and so may send its next request. */
  const answer = (decisions: Draw, form: string, response: ServerResponse, done: () => void): void => {
    const { grant, text } = body(decisions)
    const { socket } = response
    const send = (status: number, content: string, headers: object = json) => {
      done()
      response.writeHead(status, { ...headers }).end(content)
    }
    const granted = () => {
      grant()
      send(200, text)
    }
    const sendRaw = (length: number) => {
      done()
      socket?.end(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${String(length)}\r\n\r\n${text}`
      )
    }
    if (isCalm || !decisions.chance(hostility)) return granted()
    decisions.pick(
      () => after(decisions.between(1, 1200), granted),
      () => send(503, "down"),
      () => send(503, "down", { "retry-after": "1" }),
      () => send(429, "slowly", { "retry-after": decisions.pick("0", "1", "soon") }),
      () => send(401, JSON.stringify({ error: "invalid_client", error_description: form })), // repeats the secret
      () => send(400, `<html>${decodeURIComponent(form)}</html>`),
      () => {
        done()
        socket?.resetAndDestroy()
      },
      () => {
        done()
        response.writeHead(200, { ...json, "content-length": text.length }).write(
          text.slice(0, -9),
          () => socket?.destroy()
        )
      },
      () => undefined, // stalls before the headers
      () => void response.writeHead(200, json).write(text.slice(0, 30)), // stalls in mid body
      () => sendRaw(text.length + 10),
      () => sendRaw(text.length - 10),
      () => send(200, "<html>Welcome</html>"),
      () => send(200, body(decisions, { expires_in: decisions.pick<unknown>("abc", 0, -1, null, "1e9") }).text),
      () => send(200, body(decisions, { filler: "x".repeat(300_000) }).text),
      () => send(302, "", { location: `http://127.0.0.1:1/?${form}` }),
      () => {
        done()
        socket?.end("HTTP/1.1 what\r\n\r\n")
      }
    )()
  }

  /** A source has one request under way, and not two (S2). What its client has given up does not count (E6). */
  const enter = (client: string) => {
    const others = open.get(client) ?? new Set()
    open.set(client, others)
    const mine = { isAbandoned: false }
    for (const other of others) {
      after(closingTime, () => {
        if (!other.isAbandoned) judge.violated("S2", "a source has sent a second request beside the first")
      })
    }
    others.add(mine)
    return {
      done: () => void others.delete(mine),
      abandoned: () => {
        mine.isAbandoned = true
        others.delete(mine)
      }
    }
  }

  const token = (request: IncomingMessage, response: ServerResponse) => {
    const decisions = draw.fork(requests++)
    let form = ""
    request.setEncoding("utf8").on("data", (chunk: string) => form += chunk).once("end", () => {
      const { abandoned, done } = enter(new URLSearchParams(form).get("client_id") ?? "")
      response.once("close", () => {
        if (!response.writableEnded) abandoned()
      })
      answer(decisions, form, response, done)
    })
  }

  const api = (request: IncomingMessage, response: ServerResponse) => {
    const bearer = request.headers.authorization?.slice("Bearer ".length) ?? ""
    if (!book.has(bearer)) judge.violated("E4", "the API has received a token that was never granted")
    if (!isCalm && draw.chance(0.05)) revoked.add(bearer)
    request.resume()
    after(draw.between(0, 50), () => response.writeHead(revoked.has(bearer) ? 401 : 200, json).end("{}"))
  }

  const server = createServer((request, response) => (request.url === "/token" ? token : api)(request, response))
  server.keepAliveTimeout = draw.pick(100, 5_000)
  server.on("connection", (socket) => sockets.add(socket.once("close", () => sockets.delete(socket))))
  // Each server has an address of its own. While it is away, a port of 127.0.0.1 could go to another server, or to the
  // very socket that connects to it.
  const host = `127.${String(randomInt(1, 255))}.${String(randomInt(1, 255))}.${String(randomInt(1, 255))}`
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined

  const comeBack = () => {
    if (!server.listening) server.listen(port, host)
  }
  // The port may not be free yet.
  server.on("error", () => after(20, comeBack))
  if (draw.chance(hostility)) {
    after(draw.between(500, 3_000), () => {
      if (isCalm) return
      server.close()
      server.closeAllConnections()
      open.clear()
      after(draw.between(200, 4_000), comeBack) // longer than a token lives
    })
  }

  return {
    origin: `http://${host}:${String(port)}`,
    book,
    requests: () => requests,
    openSockets: () => [...sockets].map(story),
    calm: () => {
      isCalm = true
      comeBack()
    },
    close: () => {
      for (const timer of timers) clearTimeout(timer)
      server.close()
      server.closeAllConnections()
    }
  }
}
