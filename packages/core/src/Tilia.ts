/**
 * Everything over any `HttpClient`: a token endpoint, a source that keeps a token fresh, and a client that carries it.
 *
 * @since 0.1.0
 */
import type { HttpClient } from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as AuthorizedHttpClient from "./AuthorizedHttpClient.js"
import * as ClientCredentials from "./ClientCredentials.js"
import * as Environment from "./Environment.js"
import * as Scopes from "./Scopes.js"
import * as TokenEndpoint from "./TokenEndpoint.js"
import type { InvalidInputError } from "./TokenError.js"
import * as TokenSource from "./TokenSource.js"

/**
 * What the Layers of this module provide.
 *
 * @since 0.1.0
 * @category models
 */
export type Tilia = AuthorizedHttpClient.AuthorizedHttpClient | TokenEndpoint.TokenEndpoint | TokenSource.TokenSource

/**
 * What a token is for, how it is asked for, kept and used: every option but who asks whom.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends TokenEndpoint.Options, AuthorizedHttpClient.Options {
  readonly scopes: Scopes.Input
  readonly source?: Omit<TokenSource.Options, "scopes"> | undefined
}

/**
 * Who asks, whom, for what, and how. `environment` is `Environment.production`, `Environment.staging` or one's own URLs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ClientCredentials.Options, Settings {
  readonly environment: Environment.Options
}

/**
 * Over whatever credentials, environment and client are in the context. Fails with `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (
  settings: Settings
): Layer.Layer<
  Tilia,
  InvalidInputError,
  ClientCredentials.ClientCredentials | Environment.Environment | HttpClient
> =>
  AuthorizedHttpClient.layer(settings).pipe(
    Layer.provideMerge(TokenSource.layer({ ...settings.source, scopes: settings.scopes })),
    Layer.provideMerge(TokenEndpoint.layer(settings))
  )

/**
 * From options. Fails with `InvalidInputError` before anything is sent.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Tilia, InvalidInputError, HttpClient> =>
  layerWith(options).pipe(
    Layer.provide([ClientCredentials.layer(options), Environment.layer(options.environment)])
  )

/**
 * From the configuration: `TILIA_CLIENT_ID`, `TILIA_CLIENT_SECRET`, `TILIA_SCOPES`, and `TILIA_ENVIRONMENT` or
 * `TILIA_AUTH_URL` with `TILIA_API_ORIGINS`. Fails with a `ConfigError` that names all that is missing or wrong.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<Tilia, ConfigError, HttpClient> = Layer.unwrapEffect(
  Effect.map(
    Config.all({ credentials: ClientCredentials.config, environment: Environment.config, scopes: Scopes.config }),
    ({ credentials, environment, scopes }) =>
      layerWith({ scopes }).pipe(
        Layer.orDie, // no option was given, so none can be refused
        Layer.provide([
          Layer.succeed(ClientCredentials.ClientCredentials, { current: Effect.succeed(credentials) }),
          Layer.succeed(Environment.Environment, environment)
        ])
      )
  )
)

/**
 * The same as a value, for several tenants in one process; it lives as long as the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<
  {
    readonly endpoint: TokenEndpoint.TokenEndpoint["Type"]
    readonly source: TokenSource.TokenSource["Type"]
    readonly client: AuthorizedHttpClient.AuthorizedHttpClient["Type"]
  },
  InvalidInputError,
  HttpClient | Scope.Scope
> =>
  Effect.map(Layer.build(layer(options)), (context) => ({
    endpoint: Context.get(context, TokenEndpoint.TokenEndpoint),
    source: Context.get(context, TokenSource.TokenSource),
    client: Context.get(context, AuthorizedHttpClient.AuthorizedHttpClient)
  }))
