/**
 * One `TokenSource` for each set of scopes, for an application whose parts need different ones.
 *
 * @example
 * import { TokenSources } from "@effect-tilia/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const sources = yield* TokenSources.TokenSources
 *   const invoicing = yield* sources.get(["read_invoices", "write_invoices"])
 *   const wallets = yield* sources.get(["read_wallet"])
 *   return [invoicing.scopes, wallets.scopes]
 * })
 *
 * @since 0.1.0
 */
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { AccessToken } from "./AccessToken.js"
import { lifetime } from "./internal/accessToken.js"
import { duration, validate as setting } from "./internal/input.js"
import { validate } from "./internal/tokenSource/options.js"
import * as Pool from "./internal/tokenSources/pool.js"
import * as Scopes from "./Scopes.js"
import * as TiliaConfig from "./TiliaConfig.js"
import type { TokenEndpoint } from "./TokenEndpoint.js"
import type { InvalidInputError, TokenError } from "./TokenError.js"
import * as TokenSource from "./TokenSource.js"

/**
 * The options of every source, and how long unused sources are kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<TokenSource.Options, "scopes"> {
  /**
   * How long a source that is no longer used is kept.
   *
   * @default the lifetime of its token, and at least 10 minutes
   */
  readonly releaseAfter?: Duration.DurationInput | undefined
  /**
   * How many sources the service keeps. Before it makes another one, it releases the least recently used source that
   * nobody holds. An integer above 0.
   *
   * @default 100
   */
  readonly capacity?: number | undefined
}

const Capacity = Schema.Int.pipe(Schema.positive()).annotations({ description: "an integer above 0" })

/**
 * The sources. Two sets with the same scopes are the same set, in any order. Sources of different sets share nothing
 * and never wait for each other.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenSources {
  /**
   * The source for these scopes. It is made when it is first used, and kept while the scope is open and for
   * `releaseAfter` after that, unless so many others are used meanwhile that `capacity` is exceeded.
   */
  readonly source: (
    scopes: Scopes.Input
  ) => Effect.Effect<TokenSource.TokenSource, InvalidInputError, Scope.Scope>
  /** A valid token for these scopes, as `TokenSource.get` yields it. */
  readonly get: (scopes: Scopes.Input) => Effect.Effect<AccessToken, TokenError>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const TokenSources: Context.Tag<TokenSources, TokenSources> = Context.GenericTag(
  "@effect-tilia/core/TokenSources"
)

/**
 * Sources over the `TokenEndpoint` in the context, and over the `TokenStore` if there is one. When the scope closes,
 * all sources are closed. An option that is out of range is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (
  options?: Options
) => Effect.Effect<TokenSources, InvalidInputError, Scope.Scope | TokenEndpoint> = Effect.fnUntraced(
  function*({ capacity = 100, releaseAfter, ...options }: Options = {}) {
    const keptFor = releaseAfter === undefined ? undefined : yield* duration("releaseAfter")(releaseAfter)
    yield* validate({ ...options, scopes: ["any"] })
    const context = yield* Effect.context<TokenEndpoint>()
    const sources = yield* Pool.make({
      capacity: yield* setting("capacity", Capacity)(capacity),
      create: (key) =>
        Effect.orDie(TokenSource.make({ ...options, scopes: key.split(",") })).pipe(
          Effect.mapInputContext((own: Context.Context<Scope.Scope>) => Context.merge(context, own))
        ),
      // A source that failed is kept too, since it knows how long the server must be left alone (S7).
      keepFor: ({ peek }: TokenSource.TokenSource) =>
        keptFor === undefined
          ? Math.max(10 * 60_000, Option.match(peek(), { onNone: () => 0, onSome: lifetime }))
          : Duration.toMillis(keptFor)
    })
    const source = (scopes: Scopes.Input) =>
      Effect.flatMap(Scopes.make(scopes), (scopes) => sources(Scopes.key(scopes)))
    return {
      source,
      get: (scopes) => Effect.scoped(Effect.flatMap(source(scopes), ({ get }) => get))
    }
  }
)

/**
 * The sources as a Layer: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<TokenSources, InvalidInputError, TokenEndpoint> =>
  Layer.scoped(TokenSources, make(options))

/**
 * The sources with options from the configuration; without an argument, all at their defaults. Whatever is missing or
 * wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: TiliaConfig.Input<Options> = {}
): Layer.Layer<TokenSources, ConfigError, TokenEndpoint> => TiliaConfig.layer(options, layer)
