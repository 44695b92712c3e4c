/**
 * Which server issues the tokens, and which origins may receive them.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { validate, withoutValue } from "./internal/input.js"
import { BaseUrl, Origin } from "./internal/origin.js"
import type { InvalidInputError } from "./TokenError.js"

const Origins = Schema.Array(Origin).annotations(
  withoutValue("https origins (http on loopback only), without path, user, query or fragment")
)

/** As an array: a nested ConfigProvider splits a text at its commas whether or not it is asked to. */
const originsConfig = Config.array(Config.string(), "TILIA_API_ORIGINS").pipe(
  Config.mapOrFail((items) =>
    Either.mapLeft(
      validate("TILIA_API_ORIGINS", Origins)(items),
      ({ message }) => ConfigError.InvalidData(["TILIA_API_ORIGINS"], message)
    )
  )
)

/**
 * An authorization server and its APIs, as a caller writes them. `authUrl` is the base URL: the token is asked for at
 * `<authUrl>/token`. `apiOrigins` are the only origins that may receive the token; none unless listed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly authUrl: string | URL
  readonly apiOrigins?: ReadonlyArray<string | URL> | undefined
}

/**
 * The environment in use. URLs are normalized: `authUrl` and `tokenUrl` have no trailing slash, `apiOrigins` are
 * origins.
 *
 * @since 0.1.0
 * @category tags
 */
export class Environment extends Context.Tag("@effect-tilia/core/Environment")<Environment, {
  readonly authUrl: string
  readonly tokenUrl: string
  readonly apiOrigins: ReadonlyArray<string>
}>() {}

const fromUrls = (authUrl: URL, apiOrigins: ReadonlyArray<string>): Environment["Type"] => {
  const base = authUrl.href.replace(/\/+$/, "")
  return { authUrl: base, tokenUrl: `${base}/token`, apiOrigins }
}

/**
 * Validates an environment of one's own: HTTPS or loopback only, no user info, query or fragment; a path prefix is
 * kept. Anything else is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ apiOrigins = [], authUrl }: Options): Either.Either<Environment["Type"], InvalidInputError> =>
  Either.zipWith(
    validate("authUrl", BaseUrl)(String(authUrl)),
    validate("apiOrigins", Origins)(apiOrigins.map(String)),
    fromUrls
  )

const tilia = (domain: string): Environment["Type"] =>
  fromUrls(
    new URL(`https://auth.${domain}`),
    ["accounts", "invoicing", "payments", "pii", "wallets"].map((api) => `https://${api}.${domain}`)
  )

/**
 * The servers that move money.
 *
 * @since 0.1.0
 * @category constants
 */
export const production: Environment["Type"] = tilia("tilia-inc.com")

/**
 * The vendor's servers for trying things out.
 *
 * @since 0.1.0
 * @category constants
 */
export const staging: Environment["Type"] = tilia("staging.tilia-inc.com")

const named = { production, staging }

const Name = Schema.compose(Schema.String, Schema.Literal("production", "staging")).annotations(
  withoutValue("production or staging")
)

/**
 * Either `TILIA_ENVIRONMENT`, or `TILIA_AUTH_URL` with `TILIA_API_ORIGINS`. There is no default, because one of the
 * environments moves money.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Environment["Type"]> = Config.all({
  name: Config.option(Schema.Config("TILIA_ENVIRONMENT", Name)),
  authUrl: Config.option(Schema.Config("TILIA_AUTH_URL", BaseUrl)),
  apiOrigins: Config.option(originsConfig)
}).pipe(Config.mapOrFail(({ apiOrigins, authUrl, name }) => {
  if (Option.isSome(name)) {
    return Option.isNone(authUrl) && Option.isNone(apiOrigins)
      ? Either.right(named[name.value])
      : Either.left(ConfigError.InvalidData(["TILIA_ENVIRONMENT"], "excludes TILIA_AUTH_URL and TILIA_API_ORIGINS"))
  }
  return Option.isSome(authUrl)
    ? Either.right(fromUrls(authUrl.value, Option.getOrElse(apiOrigins, () => [])))
    : Either.left(
      ConfigError.MissingData(["TILIA_ENVIRONMENT"], "set it to production or staging, or set TILIA_AUTH_URL")
    )
}))

/**
 * An environment given in code: `production`, `staging` or one's own. Fails with `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Environment, InvalidInputError> =>
  Layer.effect(Environment, make(options))

/**
 * The environment from the configuration: see `config`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<Environment, ConfigError.ConfigError> = Layer.effect(Environment, config)
