import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Stream from "effect/Stream"

/** A request's body, as the web's own `Request` and `Response` take it. */
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
