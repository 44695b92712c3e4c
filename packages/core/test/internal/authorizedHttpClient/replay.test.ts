import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { drain, drainLater, isReplayable, Replay } from "../../../src/internal/authorizedHttpClient/replay.js"

const url = "https://api.example/v1"
const methods = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"] as const
type Method = typeof methods[number]

const request = (method: Method, headers: Record<string, string> = {}) =>
  HttpClientRequest.make(method)(url, { headers })

describe("Requests that may be sent twice (A2)", () => {
  it.each(methods)("a %s without a body is replayed as its method and the option say (A2)", (method) => {
    const isIdempotent = method !== "POST" && method !== "PATCH"
    expect(isReplayable(request(method), "idempotent")).toBe(isIdempotent)
    expect(isReplayable(request(method, { "idempotency-key": "1" }), "idempotent")).toBe(true)
    expect(isReplayable(request(method, { "idempotency-key": " " }), "idempotent")).toBe(isIdempotent)
    expect(isReplayable(request(method), "always")).toBe(true)
    expect(isReplayable(request(method, { "idempotency-key": "1" }), "never")).toBe(false)
  })

  it.each<[string, HttpBody.HttpBody, boolean]>([
    ["no body", HttpBody.empty, true],
    ["a text", HttpBody.text("a"), true],
    ["an empty text", HttpBody.text(""), true],
    ["bytes", HttpBody.uint8Array(new Uint8Array([1])), true],
    ["a form", HttpBody.formData(new FormData()), true],
    ["a raw text", HttpBody.raw("a"), true],
    ["raw form fields", HttpBody.raw(new URLSearchParams({ a: "b" })), true],
    ["a raw Blob", HttpBody.raw(new Blob(["a"])), true],
    ["a raw Buffer", HttpBody.raw(Buffer.from("a")), true],
    ["a raw DataView", HttpBody.raw(new DataView(new ArrayBuffer(1))), true],
    ["a raw ArrayBuffer", HttpBody.raw(new ArrayBuffer(1)), true],
    ["a raw form", HttpBody.raw(new FormData()), true],
    ["a stream", HttpBody.stream(Stream.make(new Uint8Array([1]))), false],
    ["a raw stream", HttpBody.raw(new ReadableStream()), false],
    ["an object of an unknown kind", HttpBody.raw({ next: 1 }), false]
  ])("a request with %s is replayed if the body can be read twice (A2)", (_, body, isReadTwice) => {
    const put = HttpClientRequest.setBody(request("PUT"), body)
    expect(isReplayable(put, "idempotent")).toBe(isReadTwice)
    expect(isReplayable(put, "always")).toBe(isReadTwice)
    expect(isReplayable(put, "never")).toBe(false)
  })

  it("the option has three values and describes them (E2)", () => {
    const isReplay = Schema.is(Replay)
    expect(["idempotent", "always", "never", "sometimes", ""].map((word) => isReplay(word))).toStrictEqual(
      [true, true, true, false, false]
    )
    expect(String(Schema.decodeUnknownEither(Replay)("sometimes"))).toContain("\\\"idempotent\\\", \\\"always\\\"")
  })
})

describe("Draining a refused response (A2)", () => {
  /** A response that has this many pieces of 1 KiB, and how many of them were read. */
  const response = (pieces: number) => {
    const read = { pieces: 0, isCancelled: false }
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (read.pieces === pieces) return controller.close()
        read.pieces++
        controller.enqueue(new Uint8Array(1024))
      },
      cancel: () => {
        read.isCancelled = true
      }
    }, { highWaterMark: 0 })
    return { read, response: HttpClientResponse.fromWeb(request("GET"), new Response(body, { status: 401 })) }
  }

  it.effect("a short body is read to its end (A2)", () =>
    Effect.gen(function*() {
      const short = response(63)
      yield* drain(short.response)
      expect(short.read).toStrictEqual({ pieces: 63, isCancelled: false })
    }))

  it.effect("of a long body no more than 64 KiB are read (A2)", () =>
    Effect.gen(function*() {
      const long = response(1000)
      yield* drain(long.response)
      expect(long.read).toStrictEqual({ pieces: 64, isCancelled: true })
    }))

  it.effect("each drain counts its own bytes (A2)", () =>
    Effect.gen(function*() {
      const long = response(1000)
      const twice = drain(long.response)
      yield* twice
      yield* twice // the body has been read: that is a defect inside, and not one of the caller
      expect(long.read.pieces).toBe(64)
    }))

  it.effect("a body that never comes is given up after a second (A2)", () =>
    Effect.gen(function*() {
      const silent = HttpClientResponse.fromWeb(request("GET"), new Response(new ReadableStream(), { status: 401 }))
      const fiber = yield* Effect.fork(drain(silent))
      yield* TestClock.adjust("999 millis")
      expect(fiber.unsafePoll()).toBeNull()
      yield* TestClock.adjust(1)
      yield* Fiber.join(fiber)
    }))

  it.effect("a body that breaks off, and one that is not there, fail nothing (A2)", () =>
    Effect.gen(function*() {
      const broken = new ReadableStream({ start: (controller) => controller.error(new Error("reset")) })
      yield* drain(HttpClientResponse.fromWeb(request("GET"), new Response(broken, { status: 401 })))
      yield* drain(HttpClientResponse.fromWeb(request("GET"), new Response(null, { status: 401 })))
    }))

  it.effect("a body that is drained later begins when its caller waits, and then cannot be kept (A2)", () =>
    Effect.gen(function*() {
      const short = response(2)
      const { keep } = yield* drainLater(short.response)
      expect(short.read.pieces).toBe(0)
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      expect(short.read.pieces).toBe(2)
      expect(keep()).toBe(false)
    }))

  it.effect("a body that is kept before its caller waits is not read (A2)", () =>
    Effect.gen(function*() {
      const short = response(2)
      const { keep } = yield* drainLater(short.response)
      expect([keep(), keep()]).toStrictEqual([true, true])
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      expect(short.read.pieces).toBe(0)
    }))

  it.effect("a caller that is interrupted, or may not be, does not stop the draining (A2, row 131)", () =>
    Effect.gen(function*() {
      const short = response(2)
      const caller = yield* Effect.fork(Effect.zipRight(drainLater(short.response), Effect.never))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(caller)
      const silent = HttpClientResponse.fromWeb(request("GET"), new Response(new ReadableStream(), { status: 401 }))
      yield* Effect.uninterruptible(drainLater(silent)) // it returns, although a second has not passed
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      expect(short.read.pieces).toBe(2)
    }))
})
