/**
 * Which server issues the tokens, and which origins may receive them.
 *
 * @example
 * import { Environment } from "@effect-tilia/core"
 *
 * const Staging = Environment.layer(Environment.staging)
 * const Local = Environment.layer({ authUrl: "http://localhost:8080", apiOrigins: ["http://localhost:8081"] })
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { validate, withoutValue } from "./internal/input.js"
import { ApiOrigins, BaseUrl } from "./internal/origin.js"
import * as TiliaConfig from "./TiliaConfig.js"
import { InvalidInputError } from "./TokenError.js"

/**
 * An authorization server and its APIs, not validated yet.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The base URL of the authorization server: HTTPS (HTTP on loopback), without user info, query and fragment. The
   * token is requested at `<authUrl>/token`.
   */
  readonly authUrl: string | URL
  /**
   * The only origins that may receive the token, as `["https://api.example"]`. An entry with a path, as
   * `"https://auth.example/authorize/"`, admits that path and what is below it, and nothing else of its origin.
   *
   * @default []
   */
  readonly apiOrigins?: ReadonlyArray<string | URL> | undefined
}

/**
 * The environment in use. Its URLs are normalized.
 *
 * @since 0.1.0
 * @category models
 */
export interface Environment {
  /** The base URL of the authorization server, without a slash at its end. */
  readonly authUrl: string
  /** The URL at which tokens are requested. */
  readonly tokenUrl: string
  /** The only origins that may receive the token. An entry with a path ends with a slash. */
  readonly apiOrigins: ReadonlyArray<string>
}

/**
 * The vendor's APIs. `"auth"` is the authorization server: the hosted flows begin there, at `/authorize/user`.
 *
 * @since 0.1.0
 * @category models
 */
export type Api = "accounts" | "auth" | "invoicing" | "payments" | "pii" | "wallets"

/**
 * @since 0.1.0
 * @category tags
 */
export const Environment: Context.Tag<Environment, Environment> = Context.GenericTag("@effect-tilia/core/Environment")

const fromUrls = (authUrl: URL, apiOrigins: ReadonlyArray<string>): Environment => {
  const base = authUrl.href.replace(/\/+$/, "")
  return { authUrl: base, tokenUrl: `${base}/token`, apiOrigins }
}

/**
 * Validates an environment. A path prefix of `authUrl` is kept. A URL that is neither HTTPS nor loopback, or that has
 * user info, a query or a fragment, is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (options: Options) => Effect.Effect<Environment, InvalidInputError> = Effect.fnUntraced(
  function*({ apiOrigins = [], authUrl }) {
    return fromUrls(
      yield* validate("authUrl", BaseUrl)(String(authUrl)),
      yield* validate("apiOrigins", ApiOrigins)(apiOrigins.map(String))
    )
  }
)

/** The hosted flows of the vendor begin on its authorization server, where `/token` must not receive a token (A1). */
const vendor = (domain: string): Environment =>
  fromUrls(
    new URL(`https://auth.${domain}`),
    [
      ...["accounts", "invoicing", "payments", "pii", "wallets"].map((api) => `https://${api}.${domain}`),
      `https://auth.${domain}/authorize/`
    ]
  )

/**
 * The vendor's servers that move money.
 *
 * @since 0.1.0
 * @category constants
 */
export const production: Environment = vendor("tilia-inc.com")

/**
 * The vendor's servers for development.
 *
 * @since 0.1.0
 * @category constants
 */
export const staging: Environment = vendor("staging.tilia-inc.com")

const named = { production, staging }

const Name = Schema.compose(Schema.String, Schema.Literal("production", "staging")).annotations(
  withoutValue("production or staging")
)

const settings = Config.all({
  name: Config.option(Schema.Config("TILIA_ENVIRONMENT", Name)),
  authUrl: Config.option(Schema.Config("TILIA_AUTH_URL", BaseUrl)),
  apiOrigins: Config.option(TiliaConfig.list("TILIA_API_ORIGINS", validate("TILIA_API_ORIGINS", ApiOrigins)))
})

/**
 * `TILIA_ENVIRONMENT` (`production` or `staging`), or `TILIA_AUTH_URL` with `TILIA_API_ORIGINS`. There is no default,
 * because one of the environments moves money.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Environment> = Config.mapOrFail(settings, ({ apiOrigins, authUrl, name }) => {
  if (Option.isSome(name)) {
    return Option.isNone(authUrl) && Option.isNone(apiOrigins)
      ? Either.right(named[name.value])
      : Either.left(TiliaConfig.invalid("TILIA_ENVIRONMENT", "excludes TILIA_AUTH_URL and TILIA_API_ORIGINS"))
  }
  return Option.isSome(authUrl)
    ? Either.right(fromUrls(authUrl.value, Option.getOrElse(apiOrigins, () => [])))
    : Either.left(
      TiliaConfig.missing("TILIA_ENVIRONMENT", "set it to production or staging, or set TILIA_AUTH_URL")
    )
})

/**
 * An environment: `production`, `staging`, or other URLs. Invalid ones are an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Environment, InvalidInputError> =>
  Layer.effect(Environment, make(options))

/**
 * The environment from the configuration; without an argument, that of `config`. Whatever is missing or wrong is a
 * `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options> = config
): Layer.Layer<Environment, ConfigError> => TiliaConfig.layer(options, layer)

/**
 * The URL of a path of an API in the environment in use, so that a program moves from staging to production by one
 * setting, `TILIA_ENVIRONMENT`.
 *
 * In an environment of your own, `"auth"` is at `authUrl`. Any other API is at the entry of `apiOrigins` whose host
 * begins with its name, as `https://invoicing.my.example`, or else at the only entry, as that of a sandbox. An API that
 * has neither is an `InvalidInputError`.
 *
 * @example
 * import { AuthorizedHttpClient, Environment } from "@effect-tilia/core"
 * import { Effect } from "effect"
 *
 * const invoice = (id: string) =>
 *   Effect.gen(function*() {
 *     const client = yield* AuthorizedHttpClient.AuthorizedHttpClient
 *     return yield* client.get(yield* Environment.url("invoicing", `/v2/invoice/${encodeURIComponent(id)}`))
 *   })
 *
 * const InUse = Environment.layerConfig() // reads TILIA_ENVIRONMENT, as NodeTilia.layerConfig() does
 *
 * @since 0.1.0
 * @category getters
 */
export const url = (api: Api, path: string): Effect.Effect<string, InvalidInputError, Environment> =>
  Effect.flatMap(Environment, ({ apiOrigins, authUrl }) => {
    const only = apiOrigins.length === 1 ? apiOrigins[0] : undefined
    const base = api === "auth" ? authUrl : apiOrigins.find((listed) => listed.startsWith(`https://${api}.`)) ?? only
    return base === undefined
      ? new InvalidInputError({ setting: "api", expected: "an API whose origin is one of apiOrigins" })
      : Effect.succeed(`${base.replace(/\/$/, "")}/${path.replace(/^\/+/, "")}`)
  })
