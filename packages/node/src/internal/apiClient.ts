/*
 * The HTTP client of API calls: that of platform over undici. It reads a `FormData` too, which platform's can't. A
 * mistake in a program is a defect and not a failed request, and a printed response holds no body.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as Undici from "@effect/platform-node/Undici"
import * as HttpClient from "@effect/platform/HttpClient"
import { type HttpClientError, ResponseError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import { print } from "./print.js"

/** A body that comes from elsewhere, piece by piece, and may fail on the way. */
const isStreamed = ({ body }: HttpClientRequest): boolean =>
  body._tag === "Stream" || (body._tag === "Raw" && Predicate.hasProperty(body.body, Symbol.asyncIterator))

/**
 * A `TypeError` is a mistake in a program, and no fault of the network: it must not be retried. That of a body that is
 * streamed may well be the fault of a network: `fetch` has no other error (N4).
 */
const dieOfTypeError = (error: HttpClientError): Effect.Effect<never, HttpClientError> =>
  error._tag === "RequestError" && error.reason === "Transport" && error.cause instanceof TypeError &&
    !isStreamed(error.request)
    ? Effect.die(error.cause)
    : Effect.fail(error)

const readForm = (response: HttpClientResponse): Effect.Effect<FormData, ResponseError> =>
  Effect.flatMap(response.arrayBuffer, (bytes) =>
    Effect.tryPromise({
      try: () => new Response(bytes, { headers: response.headers }).formData(),
      catch: (cause) => new ResponseError({ request: response.request, response, reason: "Decode", cause })
    }))

/** undici's body can neither be read as a form nor be left out of what platform prints. */
const repaired = (response: HttpClientResponse): HttpClientResponse =>
  Object.defineProperties(response, {
    formData: { get: () => readForm(response) },
    toJSON: { value: () => print(response) },
    [Inspectable.NodeInspectSymbol]: { value: () => print(response) }
  })

/** A client that behaves as `NodeHttpClient.makeUndici` does, except for what the beginning of this file says. */
export const make = (dispatcher: Undici.Dispatcher): HttpClient.HttpClient =>
  NodeHttpClient.makeUndici(dispatcher).pipe(
    HttpClient.transformResponse(
      Effect.matchEffect({
        onFailure: dieOfTypeError,
        onSuccess: (response) => Effect.succeed(repaired(response))
      })
    )
  )
