/*
 * The body of a client's request.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"

const isAsyncIterable = (value: unknown): value is AsyncIterable<Uint8Array> =>
  Predicate.hasProperty(value, Symbol.asyncIterator)

/**
 * A body that platform passes on as it is. What fetch sends as bytes stays what it is, as does what the clients of Node
 * send besides: an async iterable. Anything else becomes a text, as fetch has it.
 */
const rawBodyOf = (body: unknown): BodyInit | null => {
  if (body === null || body === undefined) return null
  if (body instanceof ArrayBuffer) return body
  if (ArrayBuffer.isView(body)) return copyOf(body)
  if (body instanceof Blob || body instanceof FormData) return body
  if (body instanceof URLSearchParams || body instanceof ReadableStream) return body
  return isAsyncIterable(body)
    ? Stream.toReadableStream(Stream.orDie(Stream.fromAsyncIterable(body, (error) => error)))
    : String(body)
}

const copyOf = ({ buffer, byteLength, byteOffset }: ArrayBufferView): Uint8Array<ArrayBuffer> =>
  new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength))

/** The body of a request, as a web `Request` takes it. */
export const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): BodyInit | null => {
  switch (body._tag) {
    case "Empty":
      return null
    case "Uint8Array":
      return copyOf(body.body)
    case "Raw":
      return rawBodyOf(body.body)
    case "FormData":
      return body.formData
    case "Stream":
      return Stream.toReadableStream(body.stream)
  }
}

/** A mark of the byte order is part of the body. */
const decoded = (bytes: ArrayBuffer | ArrayBufferView): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)

/**
 * The body of a request as text. If it is in memory, it is returned at once: a test that moves its clock must not have
 * to wait for a promise as well.
 */
export const textOf = (request: HttpClientRequest.HttpClientRequest): Effect.Effect<string> => {
  const body = bodyOf(request)
  if (body === null || typeof body === "string") return Effect.succeed(body ?? "")
  return body instanceof ArrayBuffer || body instanceof Uint8Array
    ? Effect.succeed(decoded(body))
    : Effect.promise(async () => decoded(await new Response(body).arrayBuffer()))
}
