/**
 * Everything that a page needs to call the API, in one Layer, without the client secret (M1).
 *
 * @since 0.1.0
 */
import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as Environment from "@effect-tilia/core/Environment"
import type * as Tilia from "@effect-tilia/core/Tilia"
import type { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as TokenMediator from "@effect-tilia/core/TokenMediator"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import type { TokenStore } from "@effect-tilia/core/TokenStore"
import * as Layer from "effect/Layer"
import * as BrowserTokenHttpClient from "./BrowserTokenHttpClient.js"
import * as BrowserTokenStore from "./BrowserTokenStore.js"

/**
 * What tokens are for, and who hands them out: `mediatorUrl` is a path of the page's own origin (`"/tilia/token"`),
 * where a server of yours mounts `TokenMediatorServer`. `environment` says which APIs may receive the token.
 * With a `principal`, who is logged in, all tabs share one token; without it each tab asks for its own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends TokenMediator.Options, Tilia.Settings, BrowserTokenStore.Options {
  readonly environment: Environment.Options
}

/**
 * A token source, the client that carries its token, and the endpoint behind both, which asks the mediator; and the
 * store of the tabs, whose `clear` belongs into every logout. Fails with `InvalidInputError`, before anything is sent.
 * The token lives in the page's memory, and in no storage of the browser's (M4).
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
    Layer.provide([Environment.layer(options.environment), BrowserTokenHttpClient.layer])
  )
