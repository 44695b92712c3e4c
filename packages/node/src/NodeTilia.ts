/**
 * Everything that a Node program needs to call the API, in one Layer.
 *
 * @example
 * import { AuthorizedHttpClient } from "@effect-tilia/core"
 * import { NodeTilia } from "@effect-tilia/node"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const client = yield* AuthorizedHttpClient.AuthorizedHttpClient
 *   const response = yield* client.get("https://invoicing.staging.tilia-inc.com/v2/invoices")
 *   return yield* response.json
 * }).pipe(Effect.provide(NodeTilia.layerConfig()))
 *
 * @since 0.1.0
 */
import * as ClientCredentials from "@effect-tilia/core/ClientCredentials"
import * as Environment from "@effect-tilia/core/Environment"
import * as Scopes from "@effect-tilia/core/Scopes"
import type { StoreEngine } from "@effect-tilia/core/StoreEngine"
import * as Tilia from "@effect-tilia/core/Tilia"
import * as TiliaConfig from "@effect-tilia/core/TiliaConfig"
import type { InvalidInputError } from "@effect-tilia/core/TokenError"
import { HttpClient } from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpClients from "./internal/httpClients.js"
import * as NodeClientCredentials from "./NodeClientCredentials.js"
import type * as NodeTokenHttpClient from "./NodeTokenHttpClient.js"

/**
 * The options of `Tilia.layer` of core, and those of the HTTP client.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = Tilia.Options & {
  /**
   * The options of the HTTP client: where the connections of token requests and API calls go, and what they trust.
   *
   * @default the defaults of `NodeTokenHttpClient.Options`
   */
  readonly http?: NodeTokenHttpClient.Options | undefined
}

/**
 * One token for all processes of a fleet.
 *
 * @since 0.1.0
 * @category models
 */
export interface Shared<E, R> {
  /**
   * The store through which this process shares its token with others that have the same client: an engine of
   * `@effect-tilia/redis`, of `@effect-tilia/sql`, or your own. If it is away, each process requests its own token.
   *
   * @default the `StoreEngine` in the context; without one, this process is by itself
   */
  readonly store?: Layer.Layer<StoreEngine, E, R> | undefined
}

/**
 * Four services: the token source, the HTTP client that adds its token, the token endpoint that both use, and the
 * environment, for `Environment.url`. An option that is out of range is an `InvalidInputError`, before anything is
 * sent. What the `store` needs or how it fails is its own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E = never, R = never>(
  { store, ...options }: Options & Shared<E, R>
): Layer.Layer<Tilia.Tilia, E | InvalidInputError, R> => {
  const services = Layer.unwrapScoped(
    Effect.map(
      HttpClients.make(options.http ?? {}),
      ({ api, token }) => Layer.provide(Tilia.layer(options, { api }), Layer.succeed(HttpClient, token))
    )
  )
  return store === undefined ? services : Layer.provide(services, store)
}

/**
 * `TILIA_CLIENT_ID`, `TILIA_CLIENT_SECRET` or `TILIA_CLIENT_SECRET_FILE`, `TILIA_SCOPES`, and `TILIA_ENVIRONMENT` or
 * `TILIA_AUTH_URL` with `TILIA_API_ORIGINS`. Every other option has its default.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.map(
  Config.all([NodeClientCredentials.config, Environment.config, Scopes.config]),
  ([credentials, environment, scopes]) => ({ credentials, environment, scopes })
)

/**
 * Any of the options. What is required and not among them is read from the configuration, as `config` reads it.
 *
 * @since 0.1.0
 * @category models
 */
export type Overrides = Tilia.Overrides & TiliaConfig.Fields<Pick<Options, "http">>

/** The options, with those that are required read from the configuration where they are not given. */
const completed = ({
  clientId = ClientCredentials.clientIdConfig,
  clientSecret,
  credentials,
  environment = Environment.config,
  scopes = Scopes.config,
  ...others
}: Overrides): TiliaConfig.Input<Options> => ({
  ...(clientSecret === undefined || credentials !== undefined
    ? { credentials: credentials ?? NodeClientCredentials.configFor(clientId) }
    : { clientId, clientSecret }),
  environment,
  scopes,
  ...others
})

/**
 * The services of `layer`, with options from the configuration. Each option can be a value or a `Config`, and what is
 * not given is read from the `TILIA_*` settings: `NodeTilia.layerConfig({ source: { background: "onDemand" } })`. A
 * `ConfigError` names every setting that is missing or wrong. A `StoreEngine` in the context is used:
 * `Layer.provide(NodeTilia.layerConfig(), RedisTokenStore.layerConfig())`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config<Options> | Overrides = {}
): Layer.Layer<Tilia.Tilia, ConfigError> =>
  TiliaConfig.layer(Config.isConfig(options) ? options : completed(options), (options: Options) => layer(options))
