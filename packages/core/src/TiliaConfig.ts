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
 *   readonly mark?: "!" | "." | undefined
 * }
 *
 * const layer = ({ mark = ".", name }: Options) =>
 *   Layer.effect(
 *     Greeter,
 *     name === ""
 *       ? new TokenError.InvalidInputError({ setting: "name", expected: "a name" })
 *       : Effect.succeed(`Hello ${name}${mark}`)
 *   )
 *
 * const layerConfig = (options: TiliaConfig.Input<Options> = { name: Config.string("NAME") }) =>
 *   TiliaConfig.layer(options, layer)
 *
 * const Polite = layerConfig({ name: Config.string("GUEST"), mark: "!" })
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as PathPatch from "effect/ConfigProviderPathPatch"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as HashSet from "effect/HashSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import { expected } from "./internal/input.js"
import type { InvalidInputError } from "./TokenError.js"

/**
 * Options of which any may be a `Config`, at any depth: `{ source: { refreshAt: Config.number("AT") } }`. Every other
 * value stands for itself. All of them may be one `Config`, too.
 *
 * @since 0.1.0
 * @category models
 */
export type Input<A> = A | Config.Config<A> | Fields<A>

/**
 * The options of an object, each a value or a `Config`. Nothing else that an option can be has parts that could come
 * from the configuration.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields<A> = A extends ReadonlyArray<unknown> | Effect.Effect<unknown, unknown> ? never
  : A extends object ? { readonly [K in keyof A]: Input<A[K]> }
  : never

/**
 * The error of a setting that is missing. `message` says what to do about it.
 *
 * @since 0.1.0
 * @category errors
 */
export const missing = (name: string, message: string): ConfigError.ConfigError =>
  ConfigError.MissingData([name], message)

/**
 * The error of a setting that is wrong. `message` says what is accepted, and quotes no secret.
 *
 * @since 0.1.0
 * @category errors
 */
export const invalid = (name: string, message: string): ConfigError.ConfigError =>
  ConfigError.InvalidData([name], message)

/** A setting that a schema decodes. Its error has the schema's description and the hint, not the schema's error. */
const decoded = <A, I, Read>(
  name: string,
  setting: Config.Config<Read>,
  schema: Schema.Schema<A, I>,
  hint: (read: Read) => string | undefined
): Config.Config<A> => {
  const advice = `must be ${expected(schema)}`
  return Config.mapOrFail(
    Config.option(setting),
    Option.match({
      onNone: () => Either.left(missing(name, `it ${advice}`)),
      onSome: (read) =>
        Either.mapLeft(Schema.decodeUnknownEither(schema)(read), () => {
          const found = hint(read)
          return invalid(name, found === undefined ? advice : `${advice}; ${found}`)
        })
    })
  )
}

/**
 * A text. If the schema refuses it, the error has the schema's description, and the hint: what is wrong with the text,
 * without quoting what may be a secret.
 *
 * @since 0.1.0
 * @category constructors
 */
export const text = <A, I>(
  name: string,
  schema: Schema.Schema<A, I>,
  hint: (text: string) => string | undefined = () => undefined
): Config.Config<A> => decoded(name, Config.string(name), schema, hint)

/**
 * A list of texts, separated by commas, as `text`. It is read as an array, because a nested `ConfigProvider` splits a
 * text at its commas whether or not it is asked to.
 *
 * @since 0.1.0
 * @category constructors
 */
export const list = <A, I>(
  name: string,
  schema: Schema.Schema<A, I>,
  hint: (items: ReadonlyArray<string>) => string | undefined = () => undefined
): Config.Config<A> => decoded(name, Config.array(Config.string(), name), schema, hint)

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (!Predicate.isRecord(value) || Config.isConfig(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && Object.keys(value).length > 0
}

/**
 * Reads the options: each `Config` among them, and every other value as it is. What is missing or wrong is told of all
 * of them.
 *
 * @since 0.1.0
 * @category constructors
 */
export function config<A>(options: Input<A>): Config.Config<A>
export function config(options: unknown): Config.Config<unknown> {
  if (Config.isConfig(options)) return options
  return isFields(options) ? Config.all(Record.map(options, config)) : Config.succeed(options)
}

/**
 * One line for each setting that is missing or wrong: its name, and what to do.
 *
 * @since 0.1.0
 * @category errors
 */
export const lines = (error: ConfigError.ConfigError): ReadonlyArray<string> => {
  if (error._op === "And" || error._op === "Or") return [...new Set([...lines(error.left), ...lines(error.right)])]
  const name = error.path.join("_")
  if (error._op !== "MissingData") return [`${name} ${error.message}`.trimStart()]
  const isEffects = error.message.startsWith("Expected ") // and says no more than that it is missing
  return [isEffects ? `${name} is not set` : `${name} is not set: ${error.message}`]
}

/** What a nested `ConfigProvider` puts before each name: in the errors of what it reads, and in no others. */
const prefix: Effect.Effect<Array<string>> = Effect.match(Config.string("(probe)"), {
  onSuccess: () => [],
  onFailure: (error) => error._op === "MissingData" ? error.path.slice(0, -1) : []
})

const withPrefix = (error: ConfigError.ConfigError, prefix: Array<string>): ConfigError.ConfigError =>
  error._op === "And" || error._op === "Or"
    ? ConfigError[error._op](withPrefix(error.left, prefix), withPrefix(error.right, prefix))
    : prefix.every((name, n) => error.path[n] === name)
    ? error
    : ConfigError.prefixed(error, prefix)

/** The error, which is printed as its lines instead of in nested brackets. */
const legible = (error: ConfigError.ConfigError): ConfigError.ConfigError => {
  const found = lines(error)
  const printed = found.length > 1 ? `some settings are missing or wrong:\n  ${found.join("\n  ")}` : found.join()
  const copy: ConfigError.ConfigError = Object.create(Object.getPrototypeOf(error), {
    ...Object.getOwnPropertyDescriptors(error),
    toString: { value: () => printed }
  })
  return copy
}

const fail = (error: ConfigError.ConfigError): Effect.Effect<never, ConfigError.ConfigError> =>
  Effect.flatMap(prefix, (names) => Effect.fail(legible(withPrefix(error, names))))

/** The `Config` from which an option was read, at whatever depth. */
const sourceOf = (options: unknown, setting: string): Config.Config<unknown> | undefined => {
  if (!isFields(options)) return undefined
  const name = setting.split(".").at(-1)
  const own = Object.entries(options).find(([key, value]) => key === name && Config.isConfig(value))?.[1]
  if (Config.isConfig(own)) return own
  return Object.values(options).map((value) => sourceOf(value, setting)).find((found) => found !== undefined)
}

/** A provider that has no value, and says so in an error from which no default and no alternative recovers. */
const refusing = ConfigProvider.fromFlat(ConfigProvider.makeFlat({
  load: (path) => Effect.fail(ConfigError.InvalidData([...path], "")),
  enumerateChildren: () => Effect.succeed(HashSet.empty()),
  patch: PathPatch.empty
}))

const firstPath = (error: ConfigError.ConfigError): Array<string> =>
  error._op === "And" || error._op === "Or" ? firstPath(error.left) : error.path

/** The path of the first setting that is read, if there is one. */
const settingOf = (source: Config.Config<unknown> | undefined): Effect.Effect<Array<string> | undefined> =>
  source === undefined
    ? Effect.succeed(undefined)
    : Effect.match(refusing.load(source), { onFailure: firstPath, onSuccess: () => undefined })

/** Fails with the name of the setting from which the option was read, or else with the name of the option. */
const outOfRange = (options: unknown, error: InvalidInputError): Effect.Effect<never, ConfigError.ConfigError> =>
  Effect.flatMap(
    settingOf(sourceOf(options, error.setting)),
    (path = [error.setting]) => fail(ConfigError.InvalidData(path, `must be ${error.expected}`))
  )

/**
 * The Layer of a service whose options come from the configuration. All settings that are missing or wrong are reported
 * in one `ConfigError`, which is printed as one line for each. An option that is out of range is a `ConfigError`, too,
 * and names the setting from which the option was read.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Options, A, R>(
  options: Input<Options>,
  make: (options: Options) => Layer.Layer<A, InvalidInputError, R>
): Layer.Layer<A, ConfigError.ConfigError, R> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.catchAll(config(options), fail),
      (values) =>
        Layer.catchAll(
          make(values),
          (error) => Layer.unwrapEffect(outOfRange(options, error))
        )
    )
  )
