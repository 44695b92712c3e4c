/*
 * The demo's own routes, as the page calls them.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Status from "../Status.js"

/** What can be done to the demo. */
export type Path = "revoke" | "down" | "up" | "logout" | `login/${Status.User}`

/** One request at a time: an answer that was given before a login mustn't come after it. */
export const make = Effect.gen(function*() {
  const client = yield* HttpClient.HttpClient
  const turns = yield* Effect.makeSemaphore(1)
  const ask = (request: HttpClientRequest.HttpClientRequest) =>
    client.execute(request).pipe(
      Effect.flatMap(HttpClientResponse.schemaBodyJson(Status.Status)),
      turns.withPermits(1)
    )
  return {
    status: ask(HttpClientRequest.get("/demo/status")),
    post: (path: Path) => ask(HttpClientRequest.post(`/demo/${path}`))
  }
})
