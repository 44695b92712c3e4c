/**
 * Everything over any `HttpClient`: a token endpoint, a source that keeps a token fresh, and a client that carries it.
 *
 * @example
 * import { Environment, Tilia } from "@effect-tilia/core"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 *
 * const TiliaLive = Tilia.layer({
 *   environment: Environment.staging,
 *   clientId: "aa1b2c3d-1111-4222-8333-444455556666",
 *   clientSecret: "bb1b2c3d-1111-4222-8333-444455556666",
 *   scopes: ["user_info"]
 * }).pipe(Layer.provide(FetchHttpClient.layer))
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as AuthorizedHttpClient from "./AuthorizedHttpClient.js"
import * as ClientCredentials from "./ClientCredentials.js"
import * as Environment from "./Environment.js"
import { checked } from "./internal/credentialsEffect.js"
import * as Scopes from "./Scopes.js"
import * as SealedTokenStore from "./SealedTokenStore.js"
import { StoreEngine } from "./StoreEngine.js"
import * as TiliaConfig from "./TiliaConfig.js"
import * as TokenEndpoint from "./TokenEndpoint.js"
import type { CredentialsError, InvalidInputError } from "./TokenError.js"
import * as TokenSource from "./TokenSource.js"
import { TokenStore } from "./TokenStore.js"

/**
 * The services that the Layers of this module provide.
 *
 * @since 0.1.0
 * @category models
 */
export type Tilia =
  | AuthorizedHttpClient.AuthorizedHttpClient
  | Environment.Environment
  | TokenEndpoint.TokenEndpoint
  | TokenSource.TokenSource

/**
 * What the token is for, and how it is requested, kept and used: every option but the credentials and the environment.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends TokenEndpoint.Options, AuthorizedHttpClient.Options {
  /** What the token is for: at least one scope. The order does not matter, and duplicates are merged. */
  readonly scopes: Scopes.Input
  /**
   * When the token is renewed, and what happens while there is none.
   *
   * @default the defaults of `TokenSource.Options`
   */
  readonly source?: Omit<TokenSource.Options, "scopes"> | undefined
}

/**
 * Credentials that come from an Effect, as from a vault.
 *
 * @since 0.1.0
 * @category models
 */
export interface CredentialsEffect {
  /**
   * The client id and secret, evaluated at every token request, so that a rotated secret takes effect at the next one.
   * If it has nothing to return, it fails with a `CredentialsError`, which says whether another try may help.
   */
  readonly credentials: Effect.Effect<ClientCredentials.Options, CredentialsError | InvalidInputError>
}

/**
 * All options: `clientId` and `clientSecret`, or `credentials`; `environment`; and the `Settings`.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = (ClientCredentials.Options | CredentialsEffect) & Settings & Place

/**
 * Where the tokens come from, and where they may go.
 *
 * @since 0.1.0
 * @category models
 */
export interface Place {
  /** The authorization server and its APIs: `"production"`, `"staging"`, or other URLs. */
  readonly environment: Environment.Input
}

/**
 * Any of the options, each a value or a `Config`. What is required and not among them is read from the configuration:
 * `TILIA_CLIENT_ID` and `TILIA_CLIENT_SECRET`, unless there are `credentials`; `TILIA_SCOPES`; and `TILIA_ENVIRONMENT`,
 * or `TILIA_AUTH_URL` with `TILIA_API_ORIGINS`.
 *
 * @since 0.1.0
 * @category models
 */
export type Overrides = Partial<TiliaConfig.Fields<ClientCredentials.Options & CredentialsEffect & Settings & Place>>

/**
 * HTTP clients besides the one in the context.
 *
 * @since 0.1.0
 * @category models
 */
export interface Clients {
  /**
   * The client for API calls, to which the token is added.
   *
   * @default the client in the context, which is that of the token requests
   */
  readonly api?: HttpClient.HttpClient | undefined
}

/** The store over the engine in the context, if there is one. */
const sealedStore = Effect.flatMap(
  Effect.serviceOption(StoreEngine),
  Effect.transposeMapOption((engine) => Effect.provideService(SealedTokenStore.make, StoreEngine, engine))
)

/** Not by Layers: what they keep for each tenant is three times what all of its services keep (P9). */
const makeWith = Effect.fnUntraced(function*(settings: Settings, clients: Clients) {
  const environment = yield* Environment.Environment
  const endpoint = yield* TokenEndpoint.make(settings)
  const store = yield* sealedStore
  const source = yield* TokenSource.make({ ...settings.source, scopes: settings.scopes }).pipe(
    Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint),
    Option.isSome(store) ? Effect.provideService(TokenStore, store.value) : identity
  )
  const client = yield* AuthorizedHttpClient.make(settings).pipe(
    Effect.provideService(TokenSource.TokenSource, source),
    Effect.provideService(HttpClient.HttpClient, clients.api ?? (yield* HttpClient.HttpClient))
  )
  return { endpoint, environment, source, client }
})

const toContext = (
  { client, endpoint, environment, source }: Effect.Effect.Success<ReturnType<typeof make>>
): Context.Context<Tilia> =>
  Context.make(TokenEndpoint.TokenEndpoint, endpoint).pipe(
    Context.add(Environment.Environment, environment),
    Context.add(TokenSource.TokenSource, source),
    Context.add(AuthorizedHttpClient.AuthorizedHttpClient, client)
  )

/**
 * All services, over the credentials, the environment and the client in the context. An option that is out of range is
 * an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (
  settings: Settings,
  clients: Clients = {}
): Layer.Layer<
  Tilia,
  InvalidInputError,
  ClientCredentials.ClientCredentials | Environment.Environment | HttpClient.HttpClient
> => Layer.scopedContext(Effect.map(makeWith(settings, clients), toContext))

const hasCredentialsEffect = (options: Options): options is Options & CredentialsEffect =>
  "credentials" in options && options.credentials !== undefined

/**
 * All services as a value, for several tenants in one process. They live as long as the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options,
  clients: Clients = {}
): Effect.Effect<
  {
    readonly endpoint: TokenEndpoint.TokenEndpoint
    readonly environment: Environment.Environment
    readonly source: TokenSource.TokenSource
    readonly client: AuthorizedHttpClient.AuthorizedHttpClient
  },
  InvalidInputError,
  HttpClient.HttpClient | Scope.Scope
> =>
  Effect.provide(makeWith(options, clients), [
    hasCredentialsEffect(options)
      ? Layer.unwrapEffect(Effect.map(checked(options.credentials), ClientCredentials.layerEffect))
      : ClientCredentials.layer(options),
    Environment.layer(options.environment)
  ])

/**
 * All services, over the client in the context. If there is a `StoreEngine` too, they share their token with all
 * processes that use it for the same client. An option that is out of range is an `InvalidInputError`, before anything
 * is sent.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options,
  clients: Clients = {}
): Layer.Layer<Tilia, InvalidInputError, HttpClient.HttpClient> =>
  Layer.scopedContext(Effect.map(make(options, clients), toContext))

/**
 * `TILIA_CLIENT_ID`, `TILIA_CLIENT_SECRET`, `TILIA_SCOPES`, and `TILIA_ENVIRONMENT` or `TILIA_AUTH_URL` with
 * `TILIA_API_ORIGINS`; every other option at its default.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.map(
  Config.all([ClientCredentials.config, Environment.config, Scopes.config]),
  ([credentials, environment, scopes]) => ({ ...credentials, environment, scopes })
)

/** The options, with those that are required read from the configuration where they are not given. */
const completed = ({
  clientId = ClientCredentials.clientIdConfig,
  clientSecret = ClientCredentials.clientSecretConfig,
  credentials,
  environment = Environment.config,
  scopes = Scopes.config,
  ...others
}: Overrides): TiliaConfig.Input<Options> => ({
  ...(credentials === undefined ? { clientId, clientSecret } : { credentials }),
  environment,
  scopes,
  ...others
})

/**
 * All services, with options from the configuration. Each option can be a value or a `Config`, and what is not given is
 * read from the `TILIA_*` settings: see `Overrides`. A `ConfigError` names all that is missing or wrong.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config<Options> | Overrides = {}
): Layer.Layer<Tilia, ConfigError, HttpClient.HttpClient> =>
  TiliaConfig.layer(Config.isConfig(options) ? options : completed(options), (options: Options) => layer(options))
