/**
 * Who we are to the server: the client id and secret, and where they come from.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { validate, withoutValue } from "./internal/input.js"
import type { CredentialsError, InvalidInputError } from "./TokenError.js"

const UuidV4 = Schema.String.pipe(
  Schema.pattern(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i)
)

/**
 * A client's id: a UUID of version 4, in either case.
 *
 * @since 0.1.0
 * @category models
 */
export const ClientId = UuidV4.pipe(Schema.brand("@effect-tilia/core/ClientId")).annotations({
  identifier: "ClientId",
  ...withoutValue("a UUID version 4")
})

/**
 * @since 0.1.0
 * @category models
 */
export type ClientId = typeof ClientId.Type

/**
 * A client's secret: a UUID of version 4, in either case, inside a `Redacted`. What it refuses, it doesn't quote.
 *
 * @since 0.1.0
 * @category models
 */
export const ClientSecret = Schema.Redacted(UuidV4.pipe(Schema.brand("@effect-tilia/core/ClientSecret"))).annotations({
  identifier: "ClientSecret",
  ...withoutValue("a UUID version 4")
})

/**
 * @since 0.1.0
 * @category models
 */
export type ClientSecret = typeof ClientSecret.Type

/**
 * The id and the secret that belong together.
 *
 * @since 0.1.0
 * @category models
 */
export interface Credentials {
  readonly clientId: ClientId
  readonly clientSecret: ClientSecret
}

/**
 * The credentials as a caller writes them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly clientId: string
  readonly clientSecret: string | Redacted.Redacted
}

/**
 * Where the credentials come from. `current` is evaluated at every token request, so that a rotated secret takes effect
 * at the next one.
 *
 * @since 0.1.0
 * @category tags
 */
export class ClientCredentials extends Context.Tag("@effect-tilia/core/ClientCredentials")<ClientCredentials, {
  readonly current: Effect.Effect<Credentials, CredentialsError | InvalidInputError>
}>() {}

/**
 * Validates an id and a secret: an `InvalidInputError` names the one that isn't a UUID version 4 and quotes neither.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ clientId, clientSecret }: Options): Either.Either<Credentials, InvalidInputError> =>
  Either.all({
    clientId: validate("clientId", ClientId)(clientId),
    clientSecret: validate("clientSecret", ClientSecret)(
      Redacted.isRedacted(clientSecret) ? Redacted.value(clientSecret) : clientSecret
    )
  })

/**
 * `TILIA_CLIENT_ID` and `TILIA_CLIENT_SECRET`, each a UUID version 4.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Credentials> = Config.all({
  clientId: Schema.Config("TILIA_CLIENT_ID", ClientId),
  clientSecret: Schema.Config("TILIA_CLIENT_SECRET", ClientSecret)
})

/**
 * Credentials that don't change, given in code. Fails with `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<ClientCredentials, InvalidInputError> =>
  Layer.effect(
    ClientCredentials,
    Effect.map(make(options), (credentials) => ({ current: Effect.succeed(credentials) }))
  )

/**
 * Credentials from the configuration, read once as the Layer is built: see `config`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<ClientCredentials, ConfigError> = Layer.effect(
  ClientCredentials,
  Effect.map(config, (credentials) => ({ current: Effect.succeed(credentials) }))
)

/**
 * Credentials from an effect that is run at every token request: a vault, a file that is rotated. What it yields is
 * validated each time; where it can't yield anything, it fails with a `CredentialsError` of its own making.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerEffect = <R>(
  current: Effect.Effect<Options, CredentialsError | InvalidInputError, R>
): Layer.Layer<ClientCredentials, never, R> =>
  Layer.effect(
    ClientCredentials,
    Effect.map(Effect.context<R>(), (context) => ({
      current: Effect.provide(Effect.flatMap(current, make), context)
    }))
  )
