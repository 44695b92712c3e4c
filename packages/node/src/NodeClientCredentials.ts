/**
 * Credentials as a Node process gets them: from its configuration, the secret also from a mounted file.
 *
 * @since 0.1.0
 */
import * as ClientCredentials from "@effect-tilia/core/ClientCredentials"
import { CredentialsError, InvalidInputError } from "@effect-tilia/core/TokenError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const inline = "TILIA_CLIENT_SECRET"
const mounted = "TILIA_CLIENT_SECRET_FILE"

/** The file's one line. Neither its text nor the system's error is kept: either may be quoted where it shouldn't. */
const readSecret = (path: string) =>
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
  })

type Failure = CredentialsError | InvalidInputError

const secretConfig: Config.Config<Effect.Effect<ClientCredentials.ClientSecret, Failure, FileSystem.FileSystem>> =
  Config
    .all([
      Config.option(Config.nonEmptyString(mounted)),
      Config.option(Schema.Config(inline, ClientCredentials.ClientSecret))
    ]).pipe(Config.mapOrFail(([path, secret]) => {
      if (Option.isSome(path)) {
        return Option.isNone(secret)
          ? Either.right(readSecret(path.value))
          : Either.left(ConfigError.InvalidData([mounted], `excludes ${inline}: set one of the two`))
      }
      return Either.fromOption(
        Option.map(secret, (secret) => Effect.succeed(secret)),
        () => ConfigError.MissingData([inline], `set it, or ${mounted}`)
      )
    }))

/**
 * `TILIA_CLIENT_ID`, and either `TILIA_CLIENT_SECRET` or `TILIA_CLIENT_SECRET_FILE`: an effect that yields the
 * credentials as they are now.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Effect.Effect<ClientCredentials.Credentials, Failure, FileSystem.FileSystem>> =
  Config
    .map(
      Config.all({ clientId: Schema.Config("TILIA_CLIENT_ID", ClientCredentials.ClientId), secret: secretConfig }),
      ({ clientId, secret }) => Effect.map(secret, (clientSecret) => ({ clientId, clientSecret }))
    )

/**
 * Credentials from the configuration: see `config`. The file is read anew at each token request, so that a secret can
 * be rotated under a running process; one trailing newline is dropped. A file that can't be read is a
 * `CredentialsError` of that request, one that holds no UUID version 4 an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<ClientCredentials.ClientCredentials, ConfigError.ConfigError> = Layer
  .unwrapEffect(Effect.map(config, ClientCredentials.layerEffect))
  .pipe(Layer.provide(NodeFileSystem.layer))
