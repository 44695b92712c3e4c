/**
 * The credentials of a Node process, from its configuration; the secret may be in a mounted file.
 *
 * @example
 * import { NodeClientCredentials } from "@effect-tilia/node"
 * import { Effect } from "effect"
 *
 * // Reads TILIA_CLIENT_SECRET_FILE anew at each token request.
 * const current = Effect.flatten(NodeClientCredentials.config)
 *
 * @since 0.1.0
 */
import * as ClientCredentials from "@effect-tilia/core/ClientCredentials"
import * as TiliaConfig from "@effect-tilia/core/TiliaConfig"
import { CredentialsError, InvalidInputError } from "@effect-tilia/core/TokenError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const inline = "TILIA_CLIENT_SECRET"
const mounted = "TILIA_CLIENT_SECRET_FILE"

type Failure = CredentialsError | InvalidInputError

/** The only line of the file. Neither its text nor the system's error is kept, since both may be quoted. */
const readSecret = (path: string): Effect.Effect<ClientCredentials.ClientSecret, Failure> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const text = yield* Effect.mapError(files.readFileString(path), (error) =>
      new CredentialsError({
        message: `The file that ${mounted} names can't be read (${
          error._tag === "SystemError" ? error.reason : error._tag
        }): check that it is mounted and that this process may read it.`,
        retryable: false
      }))
    return yield* Either.mapLeft(
      Schema.decodeEither(ClientCredentials.ClientSecret)(text.replace(/\r?\n$/, "")),
      () => new InvalidInputError({ setting: mounted, expected: "a file that holds a UUID version 4 and nothing else" })
    )
  }).pipe(Effect.provide(NodeFileSystem.layer))

const secretConfig: Config.Config<Effect.Effect<ClientCredentials.ClientSecret, Failure>> = Config
  .all([
    Config.option(Config.nonEmptyString(mounted)),
    Config.option(Schema.Config(inline, ClientCredentials.ClientSecret))
  ]).pipe(Config.mapOrFail(([path, secret]) => {
    if (Option.isSome(path)) {
      return Option.isNone(secret)
        ? Either.right(readSecret(path.value))
        : Either.left(TiliaConfig.invalid(mounted, `excludes ${inline}: set one of the two`))
    }
    return Either.fromOption(
      Option.map(secret, (secret) => Effect.succeed(secret)),
      () => TiliaConfig.missing(inline, `set it, or ${mounted}`)
    )
  }))

/**
 * `TILIA_CLIENT_ID`, and either `TILIA_CLIENT_SECRET` or `TILIA_CLIENT_SECRET_FILE`: an effect that yields the credentials as
 * they are now.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Effect.Effect<ClientCredentials.Credentials, Failure>> = Config.map(
  Config.all({ clientId: Schema.Config("TILIA_CLIENT_ID", ClientCredentials.ClientId), secret: secretConfig }),
  ({ clientId, secret }) => Effect.map(secret, (clientSecret) => ({ clientId, clientSecret }))
)

/**
 * Credentials from the configuration: see `config`. The file is read anew at each token request, so that a secret can be
 * rotated while the process runs; one newline at its end is dropped. A file that cannot be read is a `CredentialsError` of
 * that request, and one that does not hold a UUID version 4 is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Effect.Effect<ClientCredentials.Options, Failure>> = config
): Layer.Layer<ClientCredentials.ClientCredentials, ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), ClientCredentials.layerEffect))
