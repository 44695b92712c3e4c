/*
 * A server that a page opens, in the Node process beside the browser.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { inject } from "vitest"
import type { Act, Told } from "./acts.js"

export interface RemoteServer {
  readonly port: number
  readonly url: string
  readonly told: Effect.Effect<Told>
}

const control = (method: string, path: string, body?: string): Effect.Effect<Told> =>
  Effect.promise((signal) =>
    fetch(`${inject("servers")}${path}`, { method, signal, ...(body !== undefined && { body }) })
      .then((response) => response.json())
  )

/** Plays the first act to the first request, and so on; the last for ever. */
export const make = (...acts: readonly [Act, ...ReadonlyArray<Act>]): Effect.Effect<RemoteServer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(control("POST", "/", JSON.stringify(acts)), ({ port }) => ({
      port,
      url: `http://127.0.0.1:${port}`,
      told: control("GET", `/${port}`)
    })),
    ({ port }) => control("DELETE", `/${port}`)
  )

/** Waits, two seconds at most, for what a server sees in its own time. */
export const until = ({ told }: RemoteServer, condition: (told: Told) => boolean) =>
  Effect.filterOrFail(told, condition).pipe(
    Effect.retry({ times: 200, schedule: Schedule.spaced("10 millis") }),
    Effect.orDieWith(() => new Error("waited for two seconds"))
  )

/** A page may read it, wherever it comes from. */
const readable = { "access-control-allow-origin": "*" }

const text = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")

/** A whole, honest answer, after which the connection is closed. */
export const answer = (
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body: string | Uint8Array = "",
  cors: Readonly<Record<string, string>> = readable
): Act => {
  const content = typeof body === "string" ? new TextEncoder().encode(body) : body
  const head = { ...cors, "content-length": String(content.length), connection: "close", ...headers }
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
  return { bytes: `HTTP/1.1 ${status} Because\r\n${lines.join("")}\r\n${text(content)}`, then: "end" }
}

export const json = (status: number, body: unknown): Act =>
  answer(status, { "content-type": "application/json" }, JSON.stringify(body))

/** Sends no more than this, and leaves the connection open. */
export const wait = (bytes: string): Act => ({ bytes, then: "wait" })

/** The head of an answer whose body comes in chunks. */
const chunked = "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ntransfer-encoding: chunked\r\n\r\n"

/** A byte every five milliseconds, for ever. */
export const drip: Act = { bytes: chunked, then: "drip" }

/** A body without an end. */
export const flood: Act = { bytes: "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\n\r\n", then: "flood" }

/** A body that breaks off. */
export const midBody: Act = wait("HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ncontent-length: 99\r\n\r\n{")

/** An address where nobody listens any more. */
export const gone: Effect.Effect<string> = Effect.scoped(Effect.map(make(wait("")), ({ url }) => url))
