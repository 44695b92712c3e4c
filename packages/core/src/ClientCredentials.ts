/**
 * The client id and secret, and where they come from.
 *
 * @example
 * import { ClientCredentials } from "@effect-tilia/core"
 * import { Effect } from "effect"
 *
 * declare const readVault: Effect.Effect<{ readonly id: string; readonly secret: string }>
 *
 * // Read at every token request, so that a rotated secret takes effect at the next one.
 * const FromVault = ClientCredentials.layerEffect(
 *   Effect.map(readVault, ({ id, secret }) => ({ clientId: id, clientSecret: secret }))
 * )
 *
 * @since 0.1.0
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 RFC 6749 §2.3.1}
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { checked } from "./internal/credentialsEffect.js"
import * as Hint from "./internal/hint.js"
import { validate, withoutValue } from "./internal/input.js"
import * as TiliaConfig from "./TiliaConfig.js"
import type { CredentialsError, InvalidInputError } from "./TokenError.js"

const UuidV4 = Schema.String.pipe(
  Schema.pattern(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i)
)

/**
 * A client id: a UUID version 4, in either case.
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
 * A client secret: a UUID version 4, in either case, inside a `Redacted`. The error of a refused value does not quote
 * it.
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
 * A validated id and the secret that belongs to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Credentials {
  /** The client id. */
  readonly clientId: ClientId
  /** The client secret, redacted wherever it is printed. */
  readonly clientSecret: ClientSecret
}

/**
 * An id and a secret that are not validated yet.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The client id: a UUID version 4. */
  readonly clientId: string
  /** The client secret: a UUID version 4. */
  readonly clientSecret: string | Redacted.Redacted
}

/**
 * Where the credentials come from.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientCredentials {
  /** The credentials as they are now. It is evaluated at every token request. */
  readonly current: Effect.Effect<Credentials, CredentialsError | InvalidInputError>
  /** What `current` has yielded last. If it has not yielded anything yet, it is evaluated. */
  readonly last: Effect.Effect<Credentials, CredentialsError | InvalidInputError>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const ClientCredentials: Context.Tag<ClientCredentials, ClientCredentials> = Context.GenericTag(
  "@effect-tilia/core/ClientCredentials"
)

const Pair = Schema.Struct({ clientId: Schema.Unknown, clientSecret: Schema.Unknown }).annotations({
  description: "an object with clientId and clientSecret"
})

/** The text in a `Redacted`; none if it was wiped. */
const unwrap = (secret: unknown): unknown =>
  Redacted.isRedacted(secret) ? Option.getOrUndefined(Option.liftThrowable(Redacted.value)(secret)) : secret

/**
 * Validates an id and a secret. An `InvalidInputError` names the one that is not a UUID version 4, and quotes neither.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (options: Options) => Effect.Effect<Credentials, InvalidInputError> = Effect.fnUntraced(
  function*(options) {
    const { clientId, clientSecret } = yield* validate("credentials", Pair)(options)
    return {
      clientId: yield* validate("clientId", ClientId)(clientId),
      clientSecret: yield* validate("clientSecret", ClientSecret)(unwrap(clientSecret))
    }
  }
)

/**
 * `TILIA_CLIENT_ID`, a UUID version 4.
 *
 * @since 0.1.0
 * @category config
 */
export const clientIdConfig: Config.Config<ClientId> = TiliaConfig.text(
  "TILIA_CLIENT_ID",
  ClientId,
  Hint.around
)

/**
 * `TILIA_CLIENT_SECRET`, a UUID version 4.
 *
 * @since 0.1.0
 * @category config
 */
export const clientSecretConfig: Config.Config<ClientSecret> = TiliaConfig.text(
  "TILIA_CLIENT_SECRET",
  ClientSecret,
  Hint.around
)

/**
 * `TILIA_CLIENT_ID` and `TILIA_CLIENT_SECRET`, each a UUID version 4.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Credentials> = Config.all({
  clientId: clientIdConfig,
  clientSecret: clientSecretConfig
})

/**
 * Credentials that do not change. Invalid ones are an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<ClientCredentials, InvalidInputError> =>
  Layer.effect(
    ClientCredentials,
    Effect.map(make(options), (credentials) => ({
      current: Effect.succeed(credentials),
      last: Effect.succeed(credentials)
    }))
  )

/**
 * Credentials from the configuration, read once, when the Layer is built; without an argument, those of `config`.
 * Whatever is missing or wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: TiliaConfig.Input<Options> = config
): Layer.Layer<ClientCredentials, ConfigError> => TiliaConfig.layer(options, layer)

/**
 * Credentials from an effect that is run at every token request: from a vault, or from a file that is rotated. What it
 * yields is validated each time. If it has nothing to return, it fails with a `CredentialsError`, which says whether
 * another try may help.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerEffect = <R>(
  current: Effect.Effect<Options, CredentialsError | InvalidInputError, R>
): Layer.Layer<ClientCredentials, never, R> =>
  Layer.effect(
    ClientCredentials,
    Effect.map(Effect.context<R>(), (context) => {
      let last: Credentials | undefined
      const next = Effect.flatMap(Effect.flatten(checked(current)), make).pipe(
        Effect.tap((credentials) => Effect.sync(() => last = credentials)),
        Effect.provide(context)
      )
      return { current: next, last: Effect.suspend(() => last === undefined ? next : Effect.succeed(last)) }
    })
  )
