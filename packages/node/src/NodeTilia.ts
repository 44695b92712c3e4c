/**
 * Everything that a Node program needs to obtain tokens, in one Layer.
 *
 * @since 0.1.0
 */
import * as ClientCredentials from "@effect-tilia/core/ClientCredentials"
import * as Environment from "@effect-tilia/core/Environment"
import * as TokenEndpoint from "@effect-tilia/core/TokenEndpoint"
import type { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodeClientCredentials from "./NodeClientCredentials.js"
import * as NodeTokenHttpClient from "./NodeTokenHttpClient.js"

/**
 * Who asks, whom, and how. `environment` is `Environment.production`, `Environment.staging` or one's own URLs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ClientCredentials.Options, TokenEndpoint.Options {
  readonly environment: Environment.Options
  readonly http?: NodeTokenHttpClient.Options | undefined
}

/**
 * A token endpoint from options. Fails with `InvalidInputError`, before anything is sent.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<TokenEndpoint.TokenEndpoint, InvalidInputError> =>
  TokenEndpoint.layer(options).pipe(
    Layer.provide([
      ClientCredentials.layer(options),
      Environment.layer(options.environment),
      NodeTokenHttpClient.layer(options.http)
    ])
  )

/**
 * A token endpoint from the configuration (`TILIA_*`, see the documentation). Fails with `ConfigError`, which names the
 * settings that are missing or wrong.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<TokenEndpoint.TokenEndpoint, ConfigError> = Layer.unwrapEffect(
  // Read in one piece, so that the error names all that is missing or wrong.
  Effect.map(
    Config.all({ credentials: NodeClientCredentials.config, environment: Environment.config }),
    ({ credentials, environment }) =>
      TokenEndpoint.layer().pipe(
        Layer.provide(NodeTokenHttpClient.layer()),
        Layer.orDie, // no option was given, so none can be refused
        Layer.provide([
          Layer.provide(ClientCredentials.layerEffect(credentials), NodeFileSystem.layer),
          Layer.succeed(Environment.Environment, environment)
        ])
      )
  )
)
