/*
 * The page's calls of the demo's own routes.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Status from "../Status.js"

/** The routes that change the demo's state. */
export type Path = "revoke" | "down" | "up" | "logout" | `login/${Status.User}`

/** Makes one request at a time, so that a status from before a login cannot arrive after it. */
export const make = Effect.gen(function*() {
  const client = yield* HttpClient.HttpClient
  const semaphore = yield* Effect.makeSemaphore(1)
  const send = (request: HttpClientRequest.HttpClientRequest) =>
    client.execute(request).pipe(
      Effect.flatMap(HttpClientResponse.schemaBodyJson(Status.Status)),
      semaphore.withPermits(1)
    )
  return {
    status: send(HttpClientRequest.get("/demo/status")),
    post: (path: Path) => send(HttpClientRequest.post(`/demo/${path}`))
  }
})
