/*
 * What every client under `TokenEndpoint` must do, over a real server.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { printed } from "../../core/test/support/printed.js"
import { clients } from "./support/clients.js"
import { clientSecret, endpointAt, requestToken } from "./support/endpoint.js"
import * as RawServer from "./support/RawServer.js"

const token = { access_token: "abc", token_type: "Bearer", expires_in: "3600", scope: "user_info,write_invoices" }

describe.each(Object.entries(clients))("%s", (_, client) => {
  it.scopedLive("E1: one POST, credentials in the body only, no other field, no trace headers", () =>
    Effect.gen(function*() {
      const server = yield* RawServer.make(RawServer.always(RawServer.json(200, token)))
      const { value } = yield* requestToken.pipe(
        Effect.provide(endpointAt(`${server.url}/prefix/`, client)),
        Effect.withSpan("caller")
      )
      expect(Redacted.value(value)).toBe("abc")
      const [head = "", body] = server.requests.join("").split("\r\n\r\n")
      const [line, ...headers] = head.toLowerCase().split("\r\n")
      expect(server.requests.length).toBe(1)
      expect(line).toBe("post /prefix/token http/1.1")
      expect(headers).toEqual(expect.arrayContaining([
        "accept: application/json",
        "accept-encoding: identity",
        "content-type: application/x-www-form-urlencoded"
      ]))
      expect(head).not.toMatch(/traceparent|b3|cookie/i)
      expect(head).not.toContain(clientSecret)
      // The vendor's sample request, byte for byte, but for the scopes.
      expect(body).toBe(
        "client_id=3f2bfe5b-19b8-41c1-88d7-70a1586bce94&client_secret=9bc00ca4-937e-4946-bdb5-0814b603334d" +
          "&grant_type=client_credentials&scope=user_info%2Cwrite_invoices"
      )
    }))

  it.scopedLive("a refusal is typed", () =>
    Effect.gen(function*() {
      const server = yield* RawServer.make(RawServer.always(RawServer.json(401, { error: "invalid_client" })))
      const error = yield* requestToken.pipe(Effect.flip, Effect.provide(endpointAt(server.url, client)))
      expect(error).toMatchObject({ _tag: "InvalidClientError", status: 401, code: "invalid_client", attempts: 1 })
    }))

  it.scopedLive.each([301, 302, 303, 307, 308])(
    "E3: %i is not followed, here or elsewhere",
    (status) =>
      Effect.gen(function*() {
        const target = yield* RawServer.make(RawServer.always(RawServer.json(200, token)))
        const server = yield* RawServer.make(
          RawServer.always(RawServer.answer(status, { location: `${target.url}/token` }))
        )
        const error = yield* requestToken.pipe(Effect.flip, Effect.provide(endpointAt(server.url, client)))
        expect(error).toMatchObject({ _tag: "UnexpectedResponseError", status })
        expect(error.message).toContain(target.url)
        expect(target.connections().made).toBe(0)
      })
  )

  it.scopedLive("E5: a body without end is cut, and the connection with it", () =>
    Effect.gen(function*() {
      let sent = 0
      const server = yield* RawServer.make((socket) => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n")
        const more = () => {
          if (socket.destroyed) return
          sent += 16_384
          socket.write(Buffer.alloc(16_384, "x"), () => setImmediate(more))
        }
        more()
      })
      const error = yield* requestToken.pipe(Effect.flip, Effect.provide(endpointAt(server.url, client)))
      expect(error).toMatchObject({ _tag: "UnexpectedResponseError", problem: "its body is larger than 256 KiB" })
      yield* RawServer.until(() => server.connections().used === 0)
      expect(sent).toBeLessThan(16 * 1024 * 1024) // what the kernel's buffers hold, not what we read
    }))

  const silent: RawServer.Play = () => undefined
  const midBody: RawServer.Play = (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")
  const dripping: RawServer.Play = (socket) => {
    socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    const timer = setInterval(() => socket.write("1\r\nx\r\n"), 5)
    socket.once("close", () => clearInterval(timer))
  }

  describe.each([["before headers", silent], ["in mid body", midBody], ["a byte at a time", dripping]])(
    "%s",
    (_, play) => {
      it.scopedLive("row 9: an attempt ends in time, and its socket is closed", () =>
        Effect.gen(function*() {
          const server = yield* RawServer.make(play)
          const error = yield* requestToken.pipe(
            Effect.flip,
            Effect.zipLeft(RawServer.until(() => server.connections().used === 0)),
            Effect.provide(endpointAt(server.url, client, { attemptTimeout: "60 millis" }))
          )
          expect(error).toMatchObject({ _tag: "TokenTimeoutError", attempts: 2 })
          expect(server.requests.length).toBe(2)
          expect(printed(error)).not.toContain(clientSecret)
        }))

      it.scopedLive("row 10: interruption closes the socket, and nothing is tried again", () =>
        Effect.gen(function*() {
          const server = yield* RawServer.make(play)
          yield* Effect.gen(function*() {
            const fiber = yield* Effect.fork(requestToken)
            yield* RawServer.until(() => server.requests.length === 1)
            const exit = yield* Fiber.interrupt(fiber)
            expect(Exit.isInterrupted(exit)).toBe(true)
            yield* RawServer.until(() => server.connections().used === 0)
          }).pipe(Effect.provide(endpointAt(server.url, client)))
          expect(server.requests.length).toBe(1)
        }))
    }
  )

  it.scopedLive("E6: neither is a socket left open where the answer's body was never looked at", () =>
    Effect.gen(function*() {
      const server = yield* RawServer.make(dripping)
      const stalling = Layer.map(client, (context) =>
        Context.make(
          HttpClient.HttpClient,
          HttpClient.tap(Context.get(context, HttpClient.HttpClient), () => Effect.never)
        ))
      const error = yield* requestToken.pipe(
        Effect.flip,
        Effect.zipLeft(RawServer.until(() => server.connections().used === 0)),
        Effect.provide(endpointAt(server.url, stalling, { attemptTimeout: "60 millis" }))
      )
      expect(error).toMatchObject({ _tag: "TokenTimeoutError", attempts: 2 })
    }))
})

describe("undici", () => {
  it.scopedLive("keeps its connections for the next request", () =>
    Effect.gen(function*() {
      const server = yield* RawServer.make((socket) =>
        socket.write(RawServer.json(200, token, { connection: "keep-alive" }))
      )
      yield* Effect.gen(function*() {
        yield* Effect.repeatN(requestToken, 9)
        const { made, open } = server.connections()
        expect(open).toBe(made) // none was closed on the way
        expect(made).toBeLessThanOrEqual(2)
      }).pipe(Effect.provide(endpointAt(server.url, clients.undici)))
      yield* RawServer.until(() => server.connections().open === 0) // the Layer's end closes them
      expect(server.requests.length).toBe(10)
    }))
})
