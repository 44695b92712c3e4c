/*
 * The body of a client's request.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** The body of a request, as a web `Request` takes it. */
export const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): BodyInit | null | ReadableStream => {
  switch (body._tag) {
    case "Empty":
      return null
    case "Uint8Array":
      return new Uint8Array(body.body)
    case "Raw":
      return String(body.body)
    case "FormData":
      return body.formData
    case "Stream":
      return Stream.toReadableStream(body.stream)
  }
}

/**
 * The body of a request as text. If it is in memory, it is returned at once: a test that moves its clock must not have
 * to wait for a promise as well.
 */
export const textOf = (request: HttpClientRequest.HttpClientRequest): Effect.Effect<string> => {
  const body = bodyOf(request)
  if (body === null || typeof body === "string") return Effect.succeed(body ?? "")
  return body instanceof Uint8Array
    ? Effect.succeed(new TextDecoder().decode(body))
    : Effect.promise(() => new Response(body).text())
}
