/**
 * Scripted servers in another process: for tests in a page, which can open no server.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Wire from "./internal/wire.js"
import { ScriptedServer } from "./ScriptedServer.js"

/**
 * The servers that `NodeScriptedServer.serve` opens at this URL. If nothing answers there, that is a defect.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (url: string): Layer.Layer<ScriptedServer> =>
  Layer.effect(
    ScriptedServer,
    Effect.map(HttpClient.HttpClient, (http) => {
      const client = HttpClient.withTracerPropagation(http, false) // a header that CORS would ask about
      const ask = (request: HttpClientRequest.HttpClientRequest) =>
        Effect.flatMap(client.execute(request), ({ text }) => text)
      const close = (id: string) => Effect.orDie(ask(HttpClientRequest.post(`${url}/${id}`)))
      return ScriptedServer.of({
        open: (script) =>
          Effect.acquireRelease(
            Schema.encode(Wire.Script)(script).pipe(
              Effect.flatMap((script) => ask(HttpClientRequest.bodyText(HttpClientRequest.post(url), script))),
              Effect.flatMap(Schema.decode(Wire.Opened)),
              Effect.orDie
            ),
            ({ id }) => close(id)
          ).pipe(Effect.map(({ authority, id, url: at }) => ({
            url: at,
            authority,
            seen: ask(HttpClientRequest.get(`${url}/${id}`)).pipe(
              Effect.flatMap(Schema.decode(Wire.Seen)),
              Effect.orDie
            )
          })))
      })
    })
  ).pipe(Layer.provide(FetchHttpClient.layer))
