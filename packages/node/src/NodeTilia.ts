/**
 * Everything that a Node program needs to call the API, in one Layer.
 *
 * @since 0.1.0
 */
import * as ClientCredentials from "@effect-tilia/core/ClientCredentials"
import * as Environment from "@effect-tilia/core/Environment"
import * as Scopes from "@effect-tilia/core/Scopes"
import * as Tilia from "@effect-tilia/core/Tilia"
import type { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodeClientCredentials from "./NodeClientCredentials.js"
import * as NodeTokenHttpClient from "./NodeTokenHttpClient.js"

/**
 * Who asks, whom, for what, and how. `environment` is `Environment.production`, `Environment.staging` or one's own
 * URLs; `http` is for the client that token requests and authorized calls share.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Tilia.Options {
  readonly http?: NodeTokenHttpClient.Options | undefined
}

/**
 * A token source, the client that carries its token, and the endpoint behind both, from options. Fails with
 * `InvalidInputError`, before anything is sent.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Tilia.Tilia, InvalidInputError> =>
  Layer.provide(Tilia.layer(options), NodeTokenHttpClient.layer(options.http))

/**
 * The same from the configuration (`TILIA_*`, see the documentation); the secret may be in a file. Fails with
 * `ConfigError`, which names the settings that are missing or wrong.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<Tilia.Tilia, ConfigError> = Layer.unwrapEffect(
  // Read in one piece, so that the error names all that is missing or wrong.
  Effect.map(
    Config.all({ credentials: NodeClientCredentials.config, environment: Environment.config, scopes: Scopes.config }),
    ({ credentials, environment, scopes }) =>
      Tilia.layerWith({ scopes }).pipe(
        Layer.provide(NodeTokenHttpClient.layer()),
        Layer.orDie, // no option was given, so none can be refused
        Layer.provide([
          Layer.provide(ClientCredentials.layerEffect(credentials), NodeFileSystem.layer),
          Layer.succeed(Environment.Environment, environment)
        ])
      )
  )
)
