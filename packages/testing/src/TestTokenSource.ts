/**
 * Token sources for tests of code that only needs a token to be there, or not to be.
 *
 * @since 0.1.0
 */
import type { AccessToken } from "@effect-tilia/core/AccessToken"
import type { InvalidInputError, TokenError } from "@effect-tilia/core/TokenError"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestAccessToken from "./TestAccessToken.js"
import * as TestTokenEndpoint from "./TestTokenEndpoint.js"

const always = (get: Effect.Effect<AccessToken, TokenError>, token: Option.Option<AccessToken>) =>
  TokenSource.TokenSource.of({
    get,
    refresh: get,
    invalidate: () => Effect.void,
    peek: () => token,
    ready: Effect.asVoid(get),
    changes: Stream.empty
  })

/**
 * The same token, always, whatever happens to it; it was issued as the Layer was built.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: TestAccessToken.Options): Layer.Layer<TokenSource.TokenSource, InvalidInputError> =>
  Layer.effect(
    TokenSource.TokenSource,
    Effect.map(TestAccessToken.make(options), (token) => always(Effect.succeed(token), Option.some(token)))
  )

/**
 * No token, ever: every `get` fails with this error.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFailing = (error: TokenError): Layer.Layer<TokenSource.TokenSource> =>
  Layer.succeed(TokenSource.TokenSource, always(Effect.fail(error), Option.none()))

/**
 * A real source whose tokens live so long: move `TestClock` to see them renewed.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerExpiring = (
  life: Duration.DurationInput,
  options: Partial<TokenSource.Options> = {}
): Layer.Layer<TestTokenEndpoint.TestTokenEndpoint | TokenSource.TokenSource, InvalidInputError> =>
  TokenSource.layer({ scopes: ["user_info"], ...options }).pipe(
    Layer.provideMerge(TestTokenEndpoint.layer(TestTokenEndpoint.succeed({ life: Duration.decode(life) })))
  )
