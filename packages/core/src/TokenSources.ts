/**
 * One `TokenSource` for each set of scopes: for an application whose parts need different ones.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"
import type { AccessToken } from "./AccessToken.js"
import { duration } from "./internal/input.js"
import * as Policy from "./internal/tokenSource/options.js"
import * as Scopes from "./Scopes.js"
import type { TokenEndpoint } from "./TokenEndpoint.js"
import type { InvalidInputError, TokenError } from "./TokenError.js"
import * as TokenSource from "./TokenSource.js"

/**
 * The options of every source, and `releaseAfter`: how long a source that nobody uses is kept (10 minutes).
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<TokenSource.Options, "scopes"> {
  readonly releaseAfter?: Duration.DurationInput | undefined
}

/**
 * The sources. Two sets with the same scopes are the same, whatever their order; different ones share nothing and never
 * wait for each other.
 *
 * @since 0.1.0
 * @category tags
 */
export class TokenSources extends Context.Tag("@effect-tilia/core/TokenSources")<TokenSources, {
  /** The source for these scopes, made on first use and kept while the scope is open, and for a while after. */
  readonly source: (
    scopes: Scopes.Input
  ) => Effect.Effect<TokenSource.TokenSource["Type"], InvalidInputError, Scope.Scope>
  /** A valid token for these scopes, as `TokenSource.get`. */
  readonly get: (scopes: Scopes.Input) => Effect.Effect<AccessToken, TokenError>
}>() {}

/**
 * Sources over the `TokenEndpoint` in the context. An option that is out of range is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*({ releaseAfter = "10 minutes", ...options }: Options = {}) {
  const idleTimeToLive = yield* duration("releaseAfter")(releaseAfter)
  yield* Policy.validate({ ...options, scopes: ["any"] })
  const context = yield* Effect.context<TokenEndpoint>()
  const sources = yield* RcMap.make({
    // RcMap prefers the caller's services to its own, and a caller may have the endpoint of another tenant.
    lookup: (key: string) =>
      Effect.mapInputContext(
        TokenSource.make({ ...options, scopes: key.split(",") }),
        (caller: Context.Context<Scope.Scope>) => Context.merge(context, Context.pick(Scope.Scope)(caller))
      ),
    idleTimeToLive
  })
  const source = (scopes: Scopes.Input) =>
    Effect.flatMap(Scopes.make(scopes), (scopes) => RcMap.get(sources, Scopes.key(scopes)))
  return TokenSources.of({
    source,
    get: (scopes) => Effect.scoped(Effect.flatMap(source(scopes), ({ get }) => get))
  })
})

/**
 * The same as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<TokenSources, InvalidInputError, TokenEndpoint> =>
  Layer.scoped(TokenSources, make(options))
