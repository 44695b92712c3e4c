/**
 * The HTTP client of the browser adapter. It uses fetch, because XMLHttpRequest always follows redirects, and
 * platform's client over it reports a refused connection as a response with status 0.
 *
 * @example
 * import { BrowserTokenHttpClient } from "@effect-tilia/browser"
 * import { TokenMediator } from "@effect-tilia/core"
 * import { Layer } from "effect"
 *
 * const PageEndpoint = TokenMediator.layer({ mediatorUrl: "/tilia/token" }).pipe(
 *   Layer.provide(BrowserTokenHttpClient.layer)
 * )
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Nowhere from "./internal/nowhere.js"
import * as Refusal from "./internal/refusal.js"

/** These settings override those of the program and of a single call. */
const settings: RequestInit = {
  cache: "no-store", // the browser's cache must not keep a token (M4)
  credentials: "same-origin", // the mediator gets the cookie of the session, and no other server gets a cookie
  redirect: "manual", // a 307 or 308 would send the body on to any origin (E3)
  referrerPolicy: "same-origin" // other servers do not learn the address of the page
}

/**
 * A fetch client that is safe for secrets and tokens. It follows no redirect: the response to one has status 0. It
 * sends no cookie and no referrer to another origin, sends no trace header at all, and caches nothing. These settings
 * override those of `FetchHttpClient.RequestInit`; its other settings are kept.
 *
 * A request that the page's Content-Security-Policy forbids fails with the cause `ERR_BLOCKED_BY_CSP`, of which a token
 * endpoint makes a `TokenTransportError` with the reason `Blocked`. A path where there is no origin, as in a worker
 * that was made of a blob, is a `RequestError` with the reason `InvalidUrl`.
 *
 * `TokenEndpoint`, which needs the client secret, may run over it only where the secret can be kept: in Electron, in a
 * browser extension of your own, or on a kiosk in a closed network. It must not run in a public page: everyone who
 * opens the page can read its secret.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.map(FetchHttpClient.layer, (context) =>
  Context.make(
    HttpClient.HttpClient,
    Context.get(context, HttpClient.HttpClient).pipe(
      HttpClient.transform((sent, request) => Refusal.tellCsp(Nowhere.orDirect(sent, request), request)),
      HttpClient.withTracerPropagation(false), // most servers do not allow this header in their CORS settings
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
