/**
 * Scripted servers in another process. Tests in a page need them, because a page cannot open a server.
 *
 * @example
 * import { adapterContract } from "@effect-tilia/contract/adapterContract"
 * import * as RemoteScriptedServer from "@effect-tilia/contract/RemoteScriptedServer"
 * import { FetchHttpClient } from "@effect/platform"
 *
 * // The URL that `NodeScriptedServer.serve` yields in Node.
 * declare const url: string
 *
 * adapterContract("fetch in a page", FetchHttpClient.layer, {
 *   server: RemoteScriptedServer.layer(url),
 *   hidesReasons: true,
 *   hidesRedirects: true,
 *   setsAcceptEncoding: true,
 *   decodesGzip: true,
 *   refuses407: true
 * })
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
 * The servers that `NodeScriptedServer.serve` opens. `url` is the URL that it yields. If nothing responds there, that
 * is a defect.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (url: string): Layer.Layer<ScriptedServer> =>
  Layer.effect(
    ScriptedServer,
    Effect.map(HttpClient.HttpClient, (http) => {
      const client = HttpClient.withTracerPropagation(http, false) // the header would cause a preflight request
      const fetchText = (request: HttpClientRequest.HttpClientRequest) =>
        Effect.flatMap(client.execute(request), ({ text }) => text)
      const close = (id: string) => Effect.orDie(fetchText(HttpClientRequest.post(`${url}/${id}`)))
      return {
        open: (script) =>
          Effect.acquireRelease(
            Schema.encode(Wire.Script)(script).pipe(
              Effect.flatMap((script) => fetchText(HttpClientRequest.bodyText(HttpClientRequest.post(url), script))),
              Effect.flatMap(Schema.decode(Wire.Opened)),
              Effect.orDie
            ),
            ({ id }) => close(id)
          ).pipe(Effect.map(({ authority, id, url: at }) => ({
            url: at,
            authority,
            seen: fetchText(HttpClientRequest.get(`${url}/${id}`)).pipe(
              Effect.flatMap(Schema.decode(Wire.Seen)),
              Effect.orDie
            )
          })))
      }
    })
  ).pipe(Layer.provide(FetchHttpClient.layer))
