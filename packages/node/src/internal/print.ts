/*
 * A response as it is printed: a body may contain a token, so it is left out (E8).
 */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Inspectable from "effect/Inspectable"

export const print = ({ headers, request, status }: HttpClientResponse): unknown => ({
  _id: "@effect/platform/HttpClientResponse",
  request: request.toJSON(),
  status,
  headers: Inspectable.redact(headers)
})
