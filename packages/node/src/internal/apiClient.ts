/*
 * The HTTP client of API calls: that of platform over undici. It sends and reads a `FormData` too, which platform's
 * can't. A mistake in a program is a defect and not a failed request, and a printed response holds no body.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { type HttpClientError, ResponseError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import { print } from "./print.js"

/** The same form as a `FormData` of undici, which refuses that of Node: Node has an undici of its own. */
const toUndici = (form: FormData): Undici.FormData => {
  const copy = new Undici.FormData()
  for (const [name, value] of form) {
    if (typeof value === "string") copy.append(name, value)
    else copy.append(name, value, value.name)
  }
  return copy
}

const withUndiciForm = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest => {
  const { body } = request
  const content = body._tag === "FormData" ? body.formData : body._tag === "Raw" ? body.body : undefined
  return content instanceof FormData
    ? HttpClientRequest.setBody(request, HttpBody.raw(toUndici(content)))
    : request
}

/** A `TypeError` is a mistake in a program, and no fault of the network: it must not be retried. */
const dieOfTypeError = (error: HttpClientError): Effect.Effect<never, HttpClientError> =>
  error._tag === "RequestError" && error.reason === "Transport" && error.cause instanceof TypeError
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
    HttpClient.mapRequest(withUndiciForm),
    HttpClient.transformResponse(
      Effect.matchEffect({
        onFailure: dieOfTypeError,
        onSuccess: (response) => Effect.succeed(repaired(response))
      })
    )
  )
