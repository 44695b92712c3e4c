/*
 * What becomes of the sockets of refused requests (row 131 of docs/design/faults.md), over each HTTP client in Node.
 */
import { AuthorizedHttpClient, type TokenSource } from "@effect-tilia/core"
import { TestAccessToken } from "@effect-tilia/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as TestServices from "effect/TestServices"
import * as Http from "node:http"
import { clients } from "./support/clients.js"

/** A server on loopback, and how many of its responses neither were read to their end nor lost their connection. */
const serve = (respond: (response: Http.ServerResponse, index: number) => void) =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: Http.Server; readonly url: string; readonly seen: { open: number; all: number } }>(
      (resume) => {
        const seen = { open: 0, all: 0 }
        const server = Http.createServer((_, response) => {
          seen.open++
          response.once("close", () => seen.open--)
          respond(response, seen.all++)
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({ server, seen, url: `http://127.0.0.1:${port}` }))
        })
      }
    ),
    ({ server }) =>
      Effect.promise(() =>
        new Promise((resolve) => {
          server.close(resolve)
          server.closeAllConnections()
        })
      )
  )

/** A source that has `one`, and once that is invalidated only what `next` yields. */
const sourceOf = Effect.fnUntraced(function*(next: TokenSource.TokenSource["get"]) {
  const token = yield* TestAccessToken.make({ text: "one" })
  const seen = { isInvalidated: false, waiting: 0 }
  const source: TokenSource.TokenSource = {
    get: Effect.suspend(() => {
      if (!seen.isInvalidated) return Effect.succeed(token)
      seen.waiting++
      return next
    }),
    refresh: Effect.never,
    invalidate: () =>
      Effect.sync(() => {
        seen.isInvalidated = true
      }),
    peek: Option.none,
    ready: Effect.void,
    changes: Stream.empty
  }
  return { source, seen }
})

/** Waits in real time, also where the clock is `TestClock`. It only ends a test that would hang. */
const eventually = (condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.zipLeft(Effect.sleep("20 millis")),
    Effect.repeat({ until: (holds) => holds }),
    Effect.timeout("5 minutes"),
    Effect.exit,
    TestServices.provideLive
  )

describe.each(Object.entries(clients))("%s", (_, http) => {
  const authorized = (source: TokenSource.TokenSource, url: string) =>
    Effect.map(
      Layer.build(http),
      (context) =>
        AuthorizedHttpClient.authorize(Context.get(context, HttpClient.HttpClient), source, { apiOrigins: [url] })
    )

  it.scopedLive(
    "no socket stays open when 30 callers are interrupted while they wait for a token (A2, row 131)",
    () =>
      Effect.gen(function*() {
        const held: Array<Http.ServerResponse> = []
        const { seen, url } = yield* serve((response) => {
          if (held.push(response) < 30) return
          for (const refused of held) {
            refused.writeHead(401, { "content-type": "text/plain" })
            refused.write("and no end")
          }
        })
        const { seen: waits, source } = yield* sourceOf(Effect.never)
        const client = yield* authorized(source, url)
        const callers = yield* Effect.forEach(Array.from({ length: 30 }), () => Effect.fork(client.get(`${url}/v1`)))
        yield* eventually(() => waits.waiting === 30)
        expect([waits.waiting, seen.all]).toStrictEqual([30, 30])
        yield* Fiber.interruptAll(callers)
        yield* eventually(() => seen.open === 0)
        expect(seen.open).toBe(0)
      })
  )

  it.scoped("a refusal whose body stalls does not delay the replay (A2, row 131)", () =>
    Effect.gen(function*() {
      const { seen, url } = yield* serve((response, index) => {
        response.writeHead(index === 0 ? 401 : 200, { "content-type": "text/plain" })
        if (index === 0) response.write("and no end")
        else response.end("done")
      })
      const { source } = yield* sourceOf(
        Effect.zipRight(TestServices.provideLive(Effect.sleep("20 millis")), TestAccessToken.make({ text: "two" }))
      )
      const client = yield* authorized(source, url)
      // The second that the refusal's body may take does not pass, so a replay that waits for it never comes.
      const response = yield* client.get(`${url}/v1`)
      expect([response.status, yield* response.text]).toStrictEqual([200, "done"])
      yield* eventually(() => seen.open === 1)
      expect(seen).toStrictEqual({ open: 1, all: 2 })
      yield* TestClock.adjust("1 second")
      yield* eventually(() => seen.open === 0)
      expect(seen.open).toBe(0)
    }))
})
