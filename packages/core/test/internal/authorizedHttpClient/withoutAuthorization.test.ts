import { linesShowing } from "@effect-tilia/testing"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as WithoutAuthorization from "../../../src/internal/authorizedHttpClient/withoutAuthorization.js"

const request = HttpClientRequest.get("https://api.example/v1", { headers: { "x-mine": "1" } })
const sent = HttpClientRequest.setHeader(request, "authorization", "Bearer swordfish")

const originalOf = (web: Response) => HttpClientResponse.fromWeb(sent, web)
const responseOf = (web: Response) => WithoutAuthorization.response(request, originalOf(web))

const form = { "content-type": "application/x-www-form-urlencoded" }

describe("A response without the bearer (A6)", () => {
  it("a response has the caller's request, and the rest of the original (A6)", () => {
    const original = originalOf(new Response("abc", { status: 418, headers: { "x-a": "1", "set-cookie": "c=d" } }))
    const response = WithoutAuthorization.response(request, original)
    expect(response.request).toBe(request)
    expect(response.status).toBe(418)
    expect(response.headers).toStrictEqual(original.headers)
    expect(response.cookies).toStrictEqual(original.cookies)
    expect(response.remoteAddress).toStrictEqual(original.remoteAddress)
    expect(response[HttpClientResponse.TypeId]).toBe(HttpClientResponse.TypeId)
    expect(response[HttpIncomingMessage.TypeId]).toBe(HttpIncomingMessage.TypeId)
  })

  it("a response prints as platform's own does, without the bearer (A6)", () => {
    const response = responseOf(new Response("abc", { status: 418 }))
    expect(response.toJSON()).toMatchObject({
      _id: "@effect/platform/HttpClientResponse",
      request: request.toJSON(),
      status: 418
    })
    expect(linesShowing("swordfish", response)).toStrictEqual([])
  })

  it.effect("the body of a response is read in every form (A5)", () =>
    Effect.gen(function*() {
      expect(yield* responseOf(Response.json({ a: 1 })).json).toStrictEqual({ a: 1 })
      expect(yield* responseOf(new Response("abc")).text).toBe("abc")
      expect(yield* responseOf(new Response("a=b", { headers: form })).urlParamsBody).toStrictEqual([["a", "b"]])
      expect((yield* responseOf(new Response("a=b", { headers: form })).formData).get("a")).toBe("b")
      expect((yield* responseOf(new Response("abc")).arrayBuffer).byteLength).toBe(3)
      const chunks = yield* Stream.runCollect(Stream.decodeText(responseOf(new Response("abc")).stream))
      expect(Chunk.join(chunks, "")).toBe("abc")
    }))

  const broken = () =>
    responseOf(
      new Response(new ReadableStream({ start: (controller) => controller.error(new Error("reset")) }), { status: 418 })
    )
  const readings: ReadonlyArray<
    readonly [string, (_: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown, unknown>]
  > = [
    ["json", (_) => _.json],
    ["text", (_) => _.text],
    ["urlParamsBody", (_) => _.urlParamsBody],
    ["formData", (_) => _.formData],
    ["arrayBuffer", (_) => _.arrayBuffer],
    ["stream", (_) => Stream.runDrain(_.stream)]
  ]
  it.effect.each(readings)(
    "an error of %s has the caller's request, this response and the same reason (A6)",
    ([, read]) =>
      Effect.gen(function*() {
        const response = broken()
        const error = yield* Effect.flip(read(response))
        expect(error).toBeInstanceOf(HttpClientError.ResponseError)
        expect(error).toMatchObject({ reason: "Decode", request, response, cause: expect.anything() })
        expect(linesShowing("swordfish", error)).toStrictEqual([])
      })
  )
})

describe("Errors without the bearer (A6)", () => {
  const response = originalOf(new Response("no", { status: 401 }))
  const cause = new Error("reset")

  it.each(
    [
      [{ reason: "Transport" }],
      [{ reason: "Transport", cause }],
      [{ reason: "Encode", description: "why" }],
      [{ reason: "InvalidUrl", cause, description: "why" }]
    ] as const
  )("a RequestError keeps its fields, %j, and has the caller's request (A6)", (fields) => {
    const error = WithoutAuthorization.error(request, new HttpClientError.RequestError({ request: sent, ...fields }))
    expect(error).toBeInstanceOf(HttpClientError.RequestError)
    expect({ ...error }).toStrictEqual({ ...new HttpClientError.RequestError({ request, ...fields }) })
    expect(linesShowing("swordfish", error)).toStrictEqual([])
  })

  it.each(
    [
      [{ reason: "StatusCode" }],
      [{ reason: "Decode", cause }],
      [{ reason: "StatusCode", description: "why" }],
      [{ reason: "EmptyBody", cause, description: "why" }]
    ] as const
  )("a ResponseError keeps its fields, %j, and has the caller's request (A6)", (fields) => {
    const original = new HttpClientError.ResponseError({ request: sent, response, ...fields })
    const error = WithoutAuthorization.error(request, original)
    expect(error).toBeInstanceOf(HttpClientError.ResponseError)
    expect(Object.keys(error).sort()).toStrictEqual(Object.keys(original).sort())
    expect(error).toMatchObject({ ...fields, request, response: { status: 401, request } })
    expect(linesShowing("swordfish", error)).toStrictEqual([])
  })

  it.each([[cause], ["text"], [{ _tag: "RequestError" }], [undefined]])(
    "an error that is not platform's, %o, is passed on as it is (A6)",
    (other) => {
      expect(WithoutAuthorization.error(request, other)).toBe(other)
    }
  )
})

describe("Errors for code that knows platform's errors only (A5)", () => {
  it("platform's own error stays as it is (A5)", () => {
    const error = new HttpClientError.RequestError({ request, reason: "Encode" })
    expect(WithoutAuthorization.toHttpClientError(request, error)).toBe(error)
  })

  it.each<[unknown, string]>([[new Error("why"), "why"], ["text", "no access token"], [{}, "no access token"]])(
    "any other error, %o, becomes the cause of a RequestError, with the description \"%s\" (A5)",
    (cause, description) => {
      const error = WithoutAuthorization.toHttpClientError(request, cause)
      expect(error).toBeInstanceOf(HttpClientError.RequestError)
      expect(error).toMatchObject({ _tag: "RequestError", reason: "Transport", request, cause, description })
    }
  )
})
