/**
 * An `HttpClient` that calls an application in the same process. The application's real routes and codecs run, without
 * a socket, on the fiber's clock.
 *
 * @example
 * import { InMemoryHttpClient } from "@effect-tilia/testing"
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { expect, it } from "@effect/vitest"
 * import { Effect } from "effect"
 *
 * const app = HttpRouter.empty.pipe(
 *   HttpRouter.get("/me", HttpServerResponse.json({ name: "me" })),
 *   Effect.orDie
 * )
 *
 * it.effect("the application returns the user's name", () =>
 *   Effect.gen(function*() {
 *     const client = yield* InMemoryHttpClient.make(app)
 *     const response = yield* client.get("https://app.example/me")
 *     expect(yield* response.json).toStrictEqual({ name: "me" })
 *   }))
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
 * A client that passes each request to this application, for any host. If the application has a defect, the client
 * fails with a `RequestError` whose cause is the defect, as if the connection had broken.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (app: HttpApp.Default): Effect.Effect<HttpClient.HttpClient> =>
  Effect.sync(() =>
    HttpClient.make((request, url) =>
      Effect.flatMap(Effect.runtime<never>(), (runtime) =>
        app.pipe(
          Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(toWeb(request, url))),
          Effect.map((response) =>
            HttpClientResponse.fromWeb(request, HttpServerResponse.toWeb(response, { runtime }))
          ),
          Effect.catchAllDefect((cause) =>
            Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
          )
        ))
    )
  )
