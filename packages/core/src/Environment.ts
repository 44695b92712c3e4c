/**
 * Which server issues the tokens, and which origins may receive them.
 *
 * @example
 * import { Environment } from "@effect-tilia/core"
 *
 * const Staging = Environment.layer("staging")
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
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Hint from "./internal/hint.js"
import { urlText, validate, withoutValue } from "./internal/input.js"
import * as Origin from "./internal/origin.js"
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
 * The name of one of the vendor's environments, or an environment of your own.
 *
 * @since 0.1.0
 * @category models
 */
export type Input = Name | Options

/**
 * The vendor's environments: `production` moves money, `staging` is for development.
 *
 * @since 0.1.0
 * @category models
 */
export type Name = "production" | "staging"

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

const Name = Schema.Literal("production", "staging").annotations(withoutValue("production or staging"))

/** A base URL that does not end with what is added to it. */
const AuthUrl = Origin.BaseUrl.pipe(Schema.filter(({ pathname }) => !/\/token\/*$/.test(pathname))).annotations(
  withoutValue("an https URL (http on loopback only) without user, query or fragment")
)

/**
 * Validates an environment. A path prefix of `authUrl` is kept. A URL that is neither HTTPS nor loopback, or that has
 * user info, a query or a fragment, is an `InvalidInputError`. So is an `authUrl` that ends with `/token`, and a name
 * that is not known.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (input: Input) => Effect.Effect<Environment, InvalidInputError> = Effect.fnUntraced(
  function*(input) {
    if (!Predicate.isRecord(input)) return named[yield* validate("environment", Name)(input)]
    const { apiOrigins = [], authUrl } = input
    return fromUrls(
      yield* validate("authUrl", AuthUrl)(urlText(authUrl)),
      yield* Origin.apiOrigins(apiOrigins)
    )
  }
)

/** The hint is that of the first one that is refused. */
const hintOfOrigins = (origins: ReadonlyArray<string>): string => {
  const wrong = origins.find((origin) => Option.isNone(Schema.decodeOption(Origin.ApiOrigins)([origin]))) ?? ""
  return wrong === "" && origins.length > 1 ? "one of them is empty" : Hint.ofUrl(wrong)
}

const hintOfName = (text: string): string => {
  const hint = Hint.ofNames(text, Object.keys(named))
  return hint.endsWith(")") ? hint : `${hint} (for another server, set TILIA_AUTH_URL instead)`
}

const settings = Config.all({
  name: Config.option(TiliaConfig.text("TILIA_ENVIRONMENT", Name, hintOfName)),
  authUrl: Config.option(TiliaConfig.text("TILIA_AUTH_URL", AuthUrl, Hint.ofUrl)),
  apiOrigins: Config.option(TiliaConfig.list("TILIA_API_ORIGINS", Origin.ApiOrigins, hintOfOrigins))
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
  if (Option.isSome(authUrl)) return Either.right(fromUrls(authUrl.value, Option.getOrElse(apiOrigins, () => [])))
  return Either.left(
    Option.isSome(apiOrigins)
      ? TiliaConfig.missing("TILIA_AUTH_URL", "TILIA_API_ORIGINS needs it; or set TILIA_ENVIRONMENT alone")
      : TiliaConfig.missing("TILIA_ENVIRONMENT", "set it to production or staging, or set TILIA_AUTH_URL")
  )
})

/**
 * An environment: `"production"`, `"staging"`, or other URLs. Invalid ones are an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (input: Input): Layer.Layer<Environment, InvalidInputError> =>
  Layer.effect(Environment, make(input))

/**
 * The environment from the configuration; without an argument, that of `config`. Whatever is missing or wrong is a
 * `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  input: TiliaConfig.Input<Input> = config
): Layer.Layer<Environment, ConfigError> => TiliaConfig.layer(input, layer)

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
