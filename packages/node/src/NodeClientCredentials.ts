/**
 * The credentials of a Node process, from its configuration. The secret may be in a mounted file.
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
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const secretVariable = "TILIA_CLIENT_SECRET"
const fileVariable = "TILIA_CLIENT_SECRET_FILE"

type Failure = CredentialsError | InvalidInputError

/** The error of the system is not kept, because it may be printed, and has the path (E8). */
const unreadable = (error: PlatformError): CredentialsError =>
  new CredentialsError({
    message: `The file that ${fileVariable} names can't be read (${
      error._tag === "SystemError" ? error.reason : error._tag
    }): check that it is mounted and that this process may read it.`,
    retryable: false
  })

const notASecret = () =>
  new InvalidInputError({
    setting: fileVariable,
    expected: "the path of a regular file that holds a UUID version 4 and nothing else"
  })

/** In bytes. A secret is shorter. */
const longestFile = 4096

/**
 * Reads the secret: the only line of the file. The errors do not contain the text of the file. A pipe or a device is
 * refused, because nothing can interrupt the reading of it, and a process could not even exit.
 */
const readSecret = (path: string): Effect.Effect<ClientCredentials.ClientSecret, Failure> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const { size, type } = yield* Effect.mapError(files.stat(path), unreadable)
    if (type !== "File" || size > longestFile) return yield* notASecret()
    const text = yield* Effect.mapError(files.readFileString(path), unreadable)
    return yield* Either.mapLeft(
      Schema.decodeEither(ClientCredentials.ClientSecret)(text.replace(/\r?\n$/, "")),
      notASecret
    )
  }).pipe(Effect.provide(NodeFileSystem.layer))

const secretConfig: Config.Config<Effect.Effect<ClientCredentials.ClientSecret, Failure>> = Config
  .all([
    Config.option(Config.nonEmptyString(fileVariable)),
    Config.option(ClientCredentials.clientSecretConfig)
  ]).pipe(Config.mapOrFail(([path, secret]) => {
    if (Option.isSome(path)) {
      return Option.isNone(secret)
        ? Either.right(readSecret(path.value))
        : Either.left(TiliaConfig.invalid(fileVariable, `excludes ${secretVariable}: set one of the two`))
    }
    return Either.fromOption(
      Option.map(secret, (secret) => Effect.succeed(secret)),
      () => TiliaConfig.missing(secretVariable, `set it, or ${fileVariable}`)
    )
  }))

const validId = (text: string) =>
  Either.mapLeft(
    Schema.decodeEither(ClientCredentials.ClientId)(text),
    () => ConfigError.InvalidData([], "must be a UUID version 4, as a client id is")
  )

/**
 * The same as `config`, for a client id that is known or comes from another setting.
 *
 * @since 0.1.0
 * @category config
 */
export const configFor = (
  clientId: TiliaConfig.Input<string>
): Config.Config<Effect.Effect<ClientCredentials.Options, Failure>> =>
  Config.map(
    Config.all({ clientId: Config.mapOrFail(TiliaConfig.config(clientId), validId), secret: secretConfig }),
    ({ clientId, secret }) => Effect.map(secret, (clientSecret) => ({ clientId, clientSecret }))
  )

/**
 * `TILIA_CLIENT_ID`, and either `TILIA_CLIENT_SECRET` or `TILIA_CLIENT_SECRET_FILE`. The effect that it yields returns
 * the current credentials: each run reads the file anew.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Effect.Effect<ClientCredentials.Options, Failure>> = configFor(
  ClientCredentials.clientIdConfig
)

/**
 * Credentials from the configuration; without an argument, those of `config`. The file is read anew at each token
 * request, so that the secret can be rotated while the process runs. One newline at its end is dropped. If the file
 * cannot be read, the token request fails with a `CredentialsError`. If it does not hold a UUID version 4, the request
 * fails with an `InvalidInputError`. A setting that is missing or wrong is a `ConfigError` of the Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: TiliaConfig.Input<Effect.Effect<ClientCredentials.Options, Failure>> = config
): Layer.Layer<ClientCredentials.ClientCredentials, ConfigError.ConfigError> =>
  TiliaConfig.layer(options, ClientCredentials.layerEffect)
