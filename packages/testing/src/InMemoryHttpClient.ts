/**
 * An `HttpClient` whose other end is an application in the same process: its real routes and codecs, without a socket,
 * on the fiber's clock.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { bodyOf } from "./internal/body.js"

const toWeb = (request: HttpClientRequest.HttpClientRequest, url: URL): Request => {
  const body = bodyOf(request)
  return new Request(url, {
    method: request.method,
    headers: request.headers,
    body,
    ...(body instanceof ReadableStream && { duplex: "half" })
  })
}

/**
 * A client that answers with this application, whatever the host. A defect of the application is to the client what a
 * connection that breaks is: a `RequestError` with the defect as its cause.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (app: HttpApp.Default): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.flatMap(Effect.runtime<never>(), (runtime) =>
      app.pipe(
        Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(toWeb(request, url))),
        Effect.map((response) => HttpClientResponse.fromWeb(request, HttpServerResponse.toWeb(response, { runtime }))),
        Effect.catchAllDefect((cause) =>
          Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
        )
      ))
  )
