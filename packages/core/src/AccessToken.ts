/**
 * A token that the server granted, with the time that it lives.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { withoutValue } from "./internal/input.js"
import { Scopes } from "./Scopes.js"
import { type TokenResponse, TokenText } from "./TokenResponse.js"

const unquoted = withoutValue("an access token")

/**
 * An access token. `value` is redacted wherever it is printed; `scopes` are the granted ones; `issuedAt` is the moment
 * before the request was sent, so that `expiresAt` is never too late (S5).
 *
 * @since 0.1.0
 * @category models
 */
export class AccessToken extends Schema.Class<AccessToken>("@effect-tilia/core/AccessToken")(
  {
    value: TokenText,
    tokenType: Schema.Literal("Bearer"),
    scopes: Scopes,
    issuedAt: Schema.DateTimeUtc,
    expiresAt: Schema.DateTimeUtc
  },
  [unquoted, unquoted, unquoted]
) {}

/**
 * The payload of the vendor's tokens, as its page shows it. Times are seconds since 1970. `scopes` may be wider than
 * what was asked for and granted.
 *
 * @since 0.1.0
 * @category models
 */
export const Claims = Schema.Struct({
  account_id: Schema.optional(Schema.String),
  client_id: Schema.optional(Schema.String),
  exp: Schema.optional(Schema.Number),
  iat: Schema.optional(Schema.Number),
  integrator: Schema.optional(Schema.String),
  jti: Schema.optional(Schema.String),
  nbf: Schema.optional(Schema.Number),
  scopes: Schema.optional(Schema.Array(Schema.String)),
  token_type: Schema.optional(Schema.String),
  username: Schema.optional(Schema.String)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Claims = typeof Claims.Type

/**
 * A token is not a JWT, or one whose payload doesn't have the claims' types.
 *
 * @since 0.1.0
 * @category errors
 */
export class ClaimsError extends Schema.TaggedError<ClaimsError>("@effect-tilia/core/ClaimsError")("ClaimsError", {
  message: Schema.String
}) {}

/**
 * A token from the server's answer, the scopes that were asked for, and the moment before the request was sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromResponse = (
  response: TokenResponse,
  requested: Scopes,
  issuedAt: DateTime.Utc
): AccessToken =>
  new AccessToken(
    {
      value: response.access_token,
      tokenType: response.token_type,
      scopes: response.scope ?? requested,
      issuedAt,
      expiresAt: DateTime.addDuration(issuedAt, Duration.seconds(response.expires_in))
    },
    { disableValidation: true } // the answer's own schema has just done that (P3)
  )

/**
 * The life that is left, by the fiber's clock; zero once the token has expired.
 *
 * @since 0.1.0
 * @category getters
 */
export const remaining = (token: AccessToken): Effect.Effect<Duration.Duration> =>
  Effect.map(
    Clock.currentTimeMillis,
    (now) => Duration.millis(token.expiresAt.epochMillis - now)
  )

/**
 * Whether the token has expired, by the fiber's clock: at `expiresAt` it has.
 *
 * @since 0.1.0
 * @category getters
 */
export const isExpired = (token: AccessToken): Effect.Effect<boolean> =>
  Effect.map(remaining(token), Duration.equals(Duration.zero))

const decodeClaims = Schema.decodeEither(Schema.parseJson(Claims))

/**
 * The claims of a token that is a JWT, decoded and **not verified**: good for showing and for logs, never for deciding
 * who may do what. A token that is no JWT is a `ClaimsError`.
 *
 * @since 0.1.0
 * @category getters
 */
export const claims = (token: Pick<AccessToken, "value">): Either.Either<Claims, ClaimsError> => {
  const [, payload = ""] = Redacted.value(token.value).split(".")
  return Encoding.decodeBase64UrlString(payload).pipe(
    Either.flatMap(decodeClaims),
    // Neither error survives: both quote the token.
    Either.mapLeft(() => new ClaimsError({ message: "The token has no claims to show: it isn't a JWT." }))
  )
}
