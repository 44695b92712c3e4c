/*
 * The one place that builds `ConfigError`s. All settings that are missing or wrong are reported at once.
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { InvalidInputError } from "../TokenError.js"

export const missing = (name: string, message: string): ConfigError.ConfigError =>
  ConfigError.MissingData([name], message)

export const invalid = (name: string, message: string): ConfigError.ConfigError =>
  ConfigError.InvalidData([name], message)

/**
 * A list of texts, separated by commas. It is read as an array, because a nested `ConfigProvider` splits a text at its
 * commas whether or not it is asked to.
 */
export const list = <A>(
  name: string,
  validate: (items: ReadonlyArray<string>) => Either.Either<A, InvalidInputError>
): Config.Config<A> =>
  Config.array(Config.string(), name).pipe(
    Config.mapOrFail((items) => Either.mapLeft(validate(items), ({ expected }) => invalid(name, `must be ${expected}`)))
  )

/** The Layer of a service whose options come from the configuration: an option out of range is a `ConfigError`, too. */
export const layer = <Options, A, R>(
  options: Config.Config.Wrap<Options>,
  make: (options: Options) => Layer.Layer<A, InvalidInputError, R>
): Layer.Layer<A, ConfigError.ConfigError, R> =>
  Layer.unwrapEffect(Effect.map(
    Config.unwrap(options),
    (options) => Layer.mapError(make(options), ({ message, setting }) => invalid(setting, message))
  ))
