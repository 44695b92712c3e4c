/**
 * Token sources for tests of code that needs a token, or that must handle a missing one.
 *
 * @example
 * import { TokenSource } from "@effect-tilia/core"
 * import { TestTokenSource } from "@effect-tilia/testing"
 * import { expect, it } from "@effect/vitest"
 * import { Effect, TestClock } from "effect"
 *
 * it.effect("the source has another token after two minutes", () =>
 *   Effect.gen(function*() {
 *     const source = yield* TokenSource.TokenSource
 *     const first = yield* source.get
 *     yield* TestClock.adjust("2 minutes")
 *     expect(yield* source.get).not.toBe(first)
 *   }).pipe(Effect.provide(TestTokenSource.layerExpiring("1 minute"))))
 *
 * @since 0.1.0
 */
import type { AccessToken } from "@effect-tilia/core/AccessToken"
import type { InvalidInputError, TokenError } from "@effect-tilia/core/TokenError"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestAccessToken from "./TestAccessToken.js"
import * as TestTokenEndpoint from "./TestTokenEndpoint.js"

/** A source that never changes. */
const constant = (
  get: Effect.Effect<AccessToken, TokenError>,
  token: Option.Option<AccessToken>
): TokenSource.TokenSource => ({
  get,
  refresh: get,
  invalidate: () => Effect.void,
  peek: () => token,
  ready: Effect.asVoid(get),
  changes: Stream.empty
})

/**
 * A source that always has the same token, even after its lifetime, and after `refresh` and `invalidate`. The token is
 * issued when the Layer is built. An option that is out of range is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: TestAccessToken.Options): Layer.Layer<TokenSource.TokenSource, InvalidInputError> =>
  Layer.effect(
    TokenSource.TokenSource,
    Effect.map(TestAccessToken.make(options), (token) => constant(Effect.succeed(token), Option.some(token)))
  )

/**
 * A source that never has a token: each `get` fails with this error.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFailing = (error: TokenError): Layer.Layer<TokenSource.TokenSource> =>
  Layer.succeed(TokenSource.TokenSource, constant(Effect.fail(error), Option.none()))

/**
 * A real source whose tokens have this lifetime. Move `TestClock` to let them expire. An option that is out of range is
 * an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerExpiring = (
  lifetime: Duration.DurationInput,
  options: Partial<TokenSource.Options> = {}
): Layer.Layer<TestTokenEndpoint.TestTokenEndpoint | TokenSource.TokenSource, InvalidInputError> =>
  TokenSource.layer({ scopes: ["user_info"], ...options }).pipe(
    Layer.provideMerge(TestTokenEndpoint.layer(TestTokenEndpoint.succeed({ lifetime })))
  )
