import { SkewClock } from "@effect-tilia/testing"
import * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { gzipSync } from "node:zlib"
import * as Instant from "../../../src/Instant.js"
import * as RawResponse from "../../../src/internal/tokenEndpoint/rawResponse.js"

const url = "https://auth.example/token"
const request = HttpClientRequest.post(url)
const kib = 1024
const limit = 256 * kib

/** A response of fetch, and which of its two ways of reading was used. */
const fromWeb = (web: Response) => {
  const ways: Array<"whole" | "stream"> = []
  const response = HttpClientResponse.fromWeb(request, web)
  const noted: HttpClientResponse.HttpClientResponse = new Proxy(response, {
    get: (target, key): unknown => {
      if (key === "arrayBuffer") ways.push("whole")
      if (key === "stream") ways.push("stream")
      return Reflect.get(target, key)
    }
  })
  return { response: noted, ways }
}

const read = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.flatMap(Instant.now, (sentAt) => RawResponse.read(response, sentAt))

/** A body of so many pieces of one KiB, whose numbers are their bytes; and how many of them were read. */
const pieces = (count: number, size = kib) => {
  const state = { read: 0, isCancelled: false }
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (state.read === count) return controller.close()
      controller.enqueue(new Uint8Array(size).fill(state.read++ % 251))
    },
    cancel: () => {
      state.isCancelled = true
    }
  }, { highWaterMark: 0 })
  return { body, state }
}

/** As many pieces as no reader should read: a body without an end would keep a reader without a limit for ever. */
const endless = 1000

const textOf = ({ body }: RawResponse.RawResponse): string => new TextDecoder().decode(body)

describe("A response as a value (E5)", () => {
  it.effect("a response is read with its URL, status, headers and body (E5)", () =>
    Effect.gen(function*() {
      const { response } = fromWeb(new Response("abc", { status: 418, headers: { "x-a": "1" } }))
      expect(yield* read(response)).toStrictEqual({
        url,
        status: 418,
        headers: Headers.fromInput({ "content-type": "text/plain;charset=UTF-8", "x-a": "1" }),
        body: new TextEncoder().encode("abc"),
        isComplete: true,
        isHiddenRedirect: false,
        receivedAt: 0,
        age: 0
      })
    }))

  it.effect("a response without a body has an empty one (E5)", () =>
    Effect.gen(function*() {
      const raw = yield* read(fromWeb(new Response(null, { status: 204 })).response)
      expect(raw).toMatchObject({ status: 204, body: new Uint8Array(), isComplete: true })
    }))

  it.effect("an announced length of zero is read as an empty body (E5)", () =>
    Effect.gen(function*() {
      const { response, ways } = fromWeb(new Response("", { headers: { "content-length": "0" } }))
      expect(yield* read(response)).toMatchObject({ body: new Uint8Array(), isComplete: true })
      expect(ways).toStrictEqual(["whole"])
    }))

  it.effect("a body in many pieces is put together in their order (E5)", () =>
    Effect.gen(function*() {
      const { body } = pieces(5, 2)
      const raw = yield* read(fromWeb(new Response(body)).response)
      expect([...raw.body]).toStrictEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
      expect(raw.isComplete).toBe(true)
    }))
})

describe("The limit of 256 KiB (E5)", () => {
  it.effect("each piece of a body is copied at once, and keeps no buffer that it is part of (row 27)", () =>
    Effect.gen(function*() {
      const buffer = new Uint8Array(64 * kib)
      let piece = 0
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (piece === 5) return controller.close()
          controller.enqueue(buffer.fill("abcde".charCodeAt(piece++)).subarray(0, piece))
        }
      }, { highWaterMark: 0 })
      expect(textOf(yield* read(fromWeb(new Response(body)).response))).toBe("abbcccddddeeeee")
    }))

  it.effect("a body of exactly 256 KiB without an announced length is complete (E5)", () =>
    Effect.gen(function*() {
      const { body, state } = pieces(256)
      const raw = yield* read(fromWeb(new Response(body)).response)
      expect([raw.body.length, raw.isComplete, state.isCancelled]).toStrictEqual([limit, true, false])
    }))

  it.effect("a body of one byte more is cut at 256 KiB, and is not complete (E5)", () =>
    Effect.gen(function*() {
      const { body } = pieces(1, limit + 1)
      const raw = yield* read(fromWeb(new Response(body)).response)
      expect([raw.body.length, raw.isComplete]).toStrictEqual([limit, false])
    }))

  it.effect("reading a body without an end stops after the piece that exceeds 256 KiB (E5)", () =>
    Effect.gen(function*() {
      const { body, state } = pieces(endless)
      const raw = yield* read(fromWeb(new Response(body)).response)
      expect([raw.body.length, raw.isComplete]).toStrictEqual([limit, false])
      expect(state).toStrictEqual({ read: 257, isCancelled: true })
    }))

  it.effect("a body whose announced length is false is still cut at 256 KiB (E5)", () =>
    Effect.gen(function*() {
      const { body } = pieces(300)
      const raw = yield* read(fromWeb(new Response(body, { headers: { "content-length": "3" } })).response)
      expect([raw.body.length, raw.isComplete]).toStrictEqual([limit, false])
    }))

  it.effect.each<[string, Record<string, string>]>([
    ["whose announced length is huge", { "content-length": "1000000000000" }],
    ["whose announced length is one byte over the limit", { "content-length": `${limit + 1}` }],
    ["whose announced length is negative", { "content-length": "-5" }],
    ["whose announced length is no whole number", { "content-length": "5e2" }],
    ["whose announced length is no number", { "content-length": "short" }],
    ["whose announced length is empty", { "content-length": "" }],
    ["without an announced length", {}],
    ["that is compressed, however short it is announced", { "content-length": "99", "content-encoding": "gzip" }]
  ])("a body without an end %s is not read whole (E5)", ([, headers]) =>
    Effect.gen(function*() {
      const { body, state } = pieces(endless)
      const { response, ways } = fromWeb(new Response(body, { headers }))
      const raw = yield* read(response)
      expect([raw.body.length, raw.isComplete, state.read]).toStrictEqual([limit, false, 257])
      expect(ways).toStrictEqual(["stream"])
    }))

  it.effect("what a gzip bomb inflates to is read no further than 256 KiB (E5)", () =>
    Effect.gen(function*() {
      const packed = gzipSync(new Uint8Array(20 * kib * kib))
      expect(packed.byteLength).toBeLessThan(limit)
      let inflated = 0
      const counting = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          inflated += chunk.length
          controller.enqueue(chunk)
        }
      })
      const body = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")).pipeThrough(counting)
      const headers = { "content-encoding": "gzip", "content-length": `${packed.byteLength}` }
      const raw = yield* read(fromWeb(new Response(body, { headers })).response)
      expect([raw.body.length, raw.isComplete]).toStrictEqual([limit, false])
      expect(inflated).toBeLessThan(2 * limit)
    }))

  it.effect.each<[string, string]>([["3", "abc"], ["003", "abc"], [`${limit}`, "a".repeat(limit)]])(
    "a body that is not compressed, and whose announced length is %s, is read whole (E5, P3)",
    ([length, text]) =>
      Effect.gen(function*() {
        const { response, ways } = fromWeb(new Response(text, { headers: { "content-length": length } }))
        const raw = yield* read(response)
        expect([textOf(raw) === text, raw.isComplete]).toStrictEqual([true, true])
        expect(ways).toStrictEqual(["whole"])
      })
  )

  it.effect("each reading of the same effect counts its own bytes (E5)", () =>
    Effect.gen(function*() {
      const response = () => fromWeb(new Response("abc")).response
      const now = yield* Instant.now
      const first = yield* RawResponse.read(response(), now)
      const second = yield* RawResponse.read(response(), now)
      expect([textOf(first), textOf(second)]).toStrictEqual(["abc", "abc"])
    }))
})

describe("A body that can't be read (E5)", () => {
  const broken = () =>
    new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("reset")) }, { highWaterMark: 0 })

  it.effect.each<[string, Record<string, string>]>([
    ["read whole", { "content-length": "3" }],
    ["read in pieces", {}]
  ])("a body that breaks off while it is %s is the client's own error (E5)", ([, headers]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(read(fromWeb(new Response(broken(), { headers })).response))
      expect(HttpClientError.isHttpClientError(error)).toBe(true)
      expect(error).toMatchObject({ _tag: "ResponseError", reason: "Decode" })
    }))
})

describe("A redirect that a browser hides (E3)", () => {
  const shown = (status: number, type: string) =>
    fromWeb(Object.defineProperties(new Response(null), { status: { value: status }, type: { value: type } })).response

  it.effect.each(
    [
      [0, "opaqueredirect", true],
      [0, "error", false],
      [0, "basic", false],
      [200, "opaqueredirect", false],
      [302, "basic", false]
    ] as const
  )("of a response with status %i and type \"%s\" it is %s that it hides a redirect (E3)", (
    [status, type, isHidden]
  ) =>
    Effect.gen(function*() {
      expect((yield* read(shown(status, type))).isHiddenRedirect).toBe(isHidden)
    }))

  it.effect.each<[string, unknown]>([["without a source", undefined], ["with a source of another kind", {}], [
    "with a source that is a text",
    "opaqueredirect"
  ]])("a response %s hides no redirect (E3)", ([, source]) =>
    Effect.gen(function*() {
      const response: HttpClientResponse.HttpClientResponse = new Proxy(shown(0, "opaqueredirect"), {
        get: (target, key): unknown => key === "source" ? source : Reflect.get(target, key),
        has: (target, key) => key === "source" ? source !== undefined : Reflect.has(target, key)
      })
      expect((yield* read(response)).isHiddenRedirect).toBe(false)
    }))
})

describe("The age of what a response holds (S5, S10)", () => {
  /** A body that comes three seconds after its headers, while the wall clock may be set. */
  const slowly = (step: number) =>
    Effect.gen(function*() {
      const { clock, step: set } = yield* SkewClock.make
      const start = yield* Effect.withClock(Instant.now, clock)
      const { body } = pieces(1)
      const response: HttpClientResponse.HttpClientResponse = new Proxy(
        HttpClientResponse.fromWeb(request, new Response(body, { headers: { "content-length": "1024" } })),
        {
          get: (target, key): unknown =>
            key === "arrayBuffer" ? Effect.delay(target.arrayBuffer, "3 seconds") : Reflect.get(target, key)
        }
      )
      const sentAt = Instant.before(start, 1000)
      const fiber = yield* Effect.fork(Effect.withClock(RawResponse.read(response, sentAt), clock))
      yield* TestClock.adjust("1 second")
      yield* set(step)
      yield* TestClock.adjust("2 seconds")
      const { age, receivedAt } = yield* Fiber.join(fiber)
      return { age, receivedAt: receivedAt - start.wall }
    })

  it.effect.each(
    [
      ["both clocks go on alike", 0, 4000, 3000],
      ["the wall clock is set back an hour", -3_600_000, 4000, 3000 - 3_600_000],
      ["the wall clock is set forward an hour", 3_600_000, 3_604_000, 3_603_000]
    ] as const
  )(
    "the age counts from before the request to the end of the body, by the larger clock, when %s (S5, S10)",
    ([, step, age, receivedAt]) =>
      Effect.gen(function*() {
        expect(yield* slowly(step)).toStrictEqual({ age, receivedAt })
      })
  )
})
