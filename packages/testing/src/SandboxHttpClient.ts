/**
 * The sandbox as an in-memory `HttpClient`: its real schemas, codecs and fault scripts, without a socket, on the fiber's
 * clock.
 *
 * @since 0.1.0
 */
import type { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as Connection from "@effect-tilia/sandbox/Connection"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { bodyOf } from "./internal/body.js"

/**
 * The base URL that the client answers for, good for `environment`. Nothing is ever sent there.
 *
 * @since 0.1.0
 * @category constants
 */
export const url = "https://sandbox.invalid"

const toWeb = (request: HttpClientRequest.HttpClientRequest, url: URL): Request => {
  const body = bodyOf(request)
  return new Request(url, {
    method: request.method,
    headers: request.headers,
    body,
    ...(body instanceof ReadableStream && { duplex: "half" })
  })
}

/** A connection that breaks: a defect with the code that Node's clients give it. */
const reset = Effect.suspend(() =>
  Effect.die(Object.assign(new Error("the connection was reset"), { code: "ECONNRESET" }))
)

const make = Effect.map(
  Sandbox.Sandbox,
  ({ httpApp }) =>
    HttpClient.make((request, url) =>
      Effect.flatMap(Effect.runtime<never>(), (runtime) =>
        httpApp.pipe(
          Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(toWeb(request, url))),
          Effect.provideService(Connection.Connection, { reset }),
          Effect.map((response) =>
            HttpClientResponse.fromWeb(request, HttpServerResponse.toWeb(response, { runtime }))
          ),
          Effect.catchAllDefect((cause) =>
            Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
          )
        ))
    )
)

/**
 * The client, and the `Sandbox` behind it to script and to ask. Fails with `InvalidInputError` where an option is out of
 * range.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Sandbox.Options
): Layer.Layer<HttpClient.HttpClient | Sandbox.Sandbox, InvalidInputError> =>
  Layer.effect(HttpClient.HttpClient, make).pipe(Layer.provideMerge(Sandbox.layer(options)))
