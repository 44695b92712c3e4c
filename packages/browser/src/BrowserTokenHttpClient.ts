/**
 * The HTTP client that the browser adapter uses: fetch, and never XMLHttpRequest, which can't be told to leave
 * redirects alone and makes a success of a refused connection.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/** What a page must not choose otherwise: it stands above the settings of a call and of the program. */
const settings: RequestInit = {
  cache: "no-store", // a token lives in memory, and in no cache of the browser's (M4)
  credentials: "same-origin", // a mediator sees the session's cookie, no one else sees any
  redirect: "manual", // E3: 307 and 308 would post the body again, wherever they lead
  referrerPolicy: "same-origin" // a page's address is nobody's business either
}

/**
 * Fetch with what carries a secret or a token made safe: no redirect is followed (its answer has status 0), no cookie,
 * no referrer and no trace header leaves the page's origin, and nothing is cached. These settings replace those of
 * `FetchHttpClient.RequestInit`, whose others are kept.
 *
 * `TokenEndpoint` runs over it where a secret may be held: in Electron, in an extension, on a kiosk in a closed
 * network. A public page is no such place, whatever the client does: everyone who opens it can read its secret.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.map(FetchHttpClient.layer, (context) =>
  Context.make(
    HttpClient.HttpClient,
    Context.get(context, HttpClient.HttpClient).pipe(
      HttpClient.withTracerPropagation(false), // a header that CORS would have to allow, and most servers don't
      HttpClient.transformResponse(
        Effect.mapInputContext((context: Context.Context<never>) =>
          Context.add(context, FetchHttpClient.RequestInit, {
            ...Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit)),
            ...settings
          })
        )
      )
    )
  ))
