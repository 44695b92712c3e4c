/**
 * The HTTP client of the Node adapter. It behaves as `NodeHttpClient.layerUndici` of `@effect/platform-node` does, and
 * it can also send a `FormData`, which that client cannot. It keeps its connections alive, requires TLS 1.2 or later,
 * and obeys the environment variables `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. A connection that is not made within
 * 5 seconds fails, which leaves time for another attempt.
 *
 * On a runtime that has no undici of its own, as Bun, the client is the one over fetch, and takes no options.
 *
 * @example
 * import { NodeTokenHttpClient } from "@effect-tilia/node"
 *
 * const BehindProxy = NodeTokenHttpClient.layer({ proxy: "http://proxy.internal:3128" })
 *
 * @since 0.1.0
 */
import * as TiliaConfig from "@effect-tilia/core/TiliaConfig"
import type { InvalidInputError } from "@effect-tilia/core/TokenError"
import { HttpClient } from "@effect/platform/HttpClient"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Options } from "./internal/dispatcher.js"
import * as HttpClients from "./internal/httpClients.js"

export type { Options } from "./internal/dispatcher.js"

/**
 * An HTTP client over undici. Its connections close with the scope. An option that cannot be used is an
 * `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<HttpClient, InvalidInputError, Scope.Scope> =>
  Effect.map(HttpClients.make(options), ({ api }) => api)

/**
 * The client as a Layer: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<HttpClient, InvalidInputError> =>
  Layer.scoped(HttpClient, make(options))

/**
 * The client with options from the configuration. Whatever is missing or wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (options: TiliaConfig.Input<Options>): Layer.Layer<HttpClient, ConfigError> =>
  TiliaConfig.layer(options, layer)
