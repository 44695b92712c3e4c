/**
 * Everything that a page needs to call the API, in one Layer. The page gets its token from a mediator, and never has
 * the client secret.
 *
 * @example
 * import { Environment } from "@effect-tilia/core"
 * import { BrowserTilia } from "@effect-tilia/browser"
 *
 * const TiliaLive = BrowserTilia.layer({
 *   mediatorUrl: "/tilia/token",
 *   principal: "account-1234", // the user who is logged in
 *   environment: Environment.staging,
 *   scopes: ["user_info"]
 * })
 *
 * @since 0.1.0
 */
import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as Environment from "@effect-tilia/core/Environment"
import type * as Tilia from "@effect-tilia/core/Tilia"
import * as TiliaConfig from "@effect-tilia/core/TiliaConfig"
import type { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as TokenMediator from "@effect-tilia/core/TokenMediator"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import type { TokenStore } from "@effect-tilia/core/TokenStore"
import type { ConfigError } from "effect/ConfigError"
import * as Layer from "effect/Layer"
import * as BrowserTokenHttpClient from "./BrowserTokenHttpClient.js"
import * as BrowserTokenStore from "./BrowserTokenStore.js"

/**
 * What the tokens are for, and which mediator grants them. With a `principal`, all tabs share one token; without it,
 * each tab requests its own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends TokenMediator.Options, Tilia.Settings, BrowserTokenStore.Options {
  /**
   * The mediator's URL: a path of the page's own origin, as `"/tilia/token"`, where your server mounts
   * `TokenMediatorServer`, or an HTTPS URL (HTTP on loopback). It has no query and no fragment.
   */
  readonly mediatorUrl: string | URL
  /** Which APIs may receive the token: `"production"`, `"staging"`, or other URLs. */
  readonly environment: Environment.Input
}

/**
 * The services of a page: the token source, the HTTP client that adds its token, the token endpoint that asks the
 * mediator, the store of the tabs, and the environment. Call `clear` of `BrowserTokenStore` at every logout. The token
 * is kept in the page's memory and in no storage of the browser. An option that is out of range is an
 * `InvalidInputError`, before anything is sent.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<Tilia.Tilia | BrowserTokenStore.BrowserTokenStore | TokenStore, InvalidInputError> =>
  AuthorizedHttpClient.layer(options).pipe(
    Layer.provideMerge(TokenSource.layer({ ...options.source, scopes: options.scopes })),
    Layer.provideMerge(TokenMediator.layer(options)),
    Layer.provideMerge(BrowserTokenStore.layer(options)),
    Layer.provide(BrowserTokenHttpClient.layer),
    Layer.provideMerge(Environment.layer(options.environment))
  )

/**
 * The services of `layer`, with options from the configuration. Whatever is missing or wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: TiliaConfig.Input<Options>
): Layer.Layer<Tilia.Tilia | BrowserTokenStore.BrowserTokenStore | TokenStore, ConfigError> =>
  TiliaConfig.layer(options, layer)
