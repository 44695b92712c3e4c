/**
 * Options from the configuration. This is for packages that add a service to this one: with it their `layerConfig`
 * behaves as those of `core`.
 *
 * @example
 * import { TiliaConfig, TokenError } from "@effect-tilia/core"
 * import { Config, Context, Effect, Layer } from "effect"
 *
 * class Greeter extends Context.Tag("Greeter")<Greeter, string>() {}
 *
 * interface Options {
 *   readonly name: string
 * }
 *
 * const layer = ({ name }: Options) =>
 *   Layer.effect(
 *     Greeter,
 *     name === ""
 *       ? new TokenError.InvalidInputError({ setting: "name", expected: "a name" })
 *       : Effect.succeed(`Hello ${name}`)
 *   )
 *
 * const layerConfig = (options: Config.Config.Wrap<Options> = { name: Config.string("NAME") }) =>
 *   TiliaConfig.layer(options, layer)
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { InvalidInputError } from "./TokenError.js"

/**
 * The error of a setting that is missing. `message` says what to do about it.
 *
 * @since 0.1.0
 * @category errors
 */
export const missing = (name: string, message: string): ConfigError.ConfigError =>
  ConfigError.MissingData([name], message)

/**
 * The error of a setting that is wrong. `message` says what is accepted, without quoting the value.
 *
 * @since 0.1.0
 * @category errors
 */
export const invalid = (name: string, message: string): ConfigError.ConfigError =>
  ConfigError.InvalidData([name], message)

/**
 * A list of texts, separated by commas. It is read as an array, because a nested `ConfigProvider` splits a text at its
 * commas whether or not it is asked to.
 *
 * @since 0.1.0
 * @category constructors
 */
export const list = <A>(
  name: string,
  validate: (items: ReadonlyArray<string>) => Either.Either<A, InvalidInputError>
): Config.Config<A> =>
  Config.array(Config.string(), name).pipe(
    Config.mapOrFail((items) => Either.mapLeft(validate(items), ({ expected }) => invalid(name, `must be ${expected}`)))
  )

/**
 * The Layer of a service whose options come from the configuration. All settings that are missing or wrong are reported
 * in one `ConfigError`; an option that is out of range is a `ConfigError`, too.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Options, A, R>(
  options: Config.Config.Wrap<Options>,
  make: (options: Options) => Layer.Layer<A, InvalidInputError, R>
): Layer.Layer<A, ConfigError.ConfigError, R> =>
  Layer.unwrapEffect(Effect.map(
    Config.unwrap(options),
    (options) => Layer.mapError(make(options), ({ message, setting }) => invalid(setting, message))
  ))
