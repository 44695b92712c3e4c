/*
 * The page's side of a stage that is in Node.
 */
import * as Stage from "@effect-tilia/testing/Stage"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { inject } from "vitest"
import { Opened } from "./Opened.js"

export const layer: Layer.Layer<Stage.Stage> = Layer.effect(
  Stage.Stage,
  Effect.gen(function*() {
    const client = (yield* HttpClient.HttpClient).pipe(
      HttpClient.filterStatusOk,
      HttpClient.mapRequest(HttpClientRequest.prependUrl(inject("stage"))),
      HttpClient.transformResponse(Effect.withTracerEnabled(false))
    )
    return {
      open: (script) =>
        Effect.acquireRelease(
          HttpClientRequest.post("/").pipe(
            HttpClientRequest.schemaBodyJson(Stage.Script)(script),
            Effect.flatMap(client.execute),
            Effect.flatMap(HttpClientResponse.schemaBodyJson(Opened)),
            Effect.orDie
          ),
          ({ id }) => Effect.orDie(client.del(`/${id}`))
        ).pipe(
          Effect.map(({ authority, id, url }) => ({
            url,
            authority,
            seen: Effect.orDie(Effect.flatMap(client.get(`/${id}`), HttpClientResponse.schemaBodyJson(Stage.Seen)))
          }))
        )
    }
  })
).pipe(Layer.provide(FetchHttpClient.layer))
