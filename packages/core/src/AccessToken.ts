/**
 * An access token that the server granted, with its scopes and its lifetime.
 *
 * @example
 * import { AccessToken } from "@effect-tilia/core"
 * import { Duration, Effect } from "effect"
 *
 * declare const token: AccessToken.AccessToken
 *
 * const program = Effect.gen(function*() {
 *   const left = Duration.format(yield* AccessToken.remaining(token))
 *   return `${token.scopes.join(", ")}, ${left} left, ${token.value}` // the value prints as <redacted>
 * })
 *
 * @since 0.1.0
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-1.4 RFC 6749 §1.4}
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { withoutValue } from "./internal/input.js"
import { Scopes } from "./Scopes.js"
import { TokenText } from "./TokenResponse.js"

const unquoted = withoutValue("an access token")

/**
 * An access token. Two tokens are equal if all of their fields are.
 *
 * @since 0.1.0
 * @category models
 */
export class AccessToken extends Schema.Class<AccessToken>("@effect-tilia/core/AccessToken")(
  {
    /** The token's text, redacted wherever it is printed: `Redacted.value` reveals it. */
    value: TokenText,
    /** Always `"Bearer"`. */
    tokenType: Schema.Literal("Bearer"),
    /** The granted scopes. */
    scopes: Scopes,
    /** The moment before the token was requested. */
    issuedAt: Schema.DateTimeUtc,
    /** The end of the lifetime, counted from `issuedAt`, so that it is never too late. */
    expiresAt: Schema.DateTimeUtc
  },
  [unquoted, unquoted, unquoted]
) {}

/**
 * The payload of the vendor's tokens, as its documentation shows it. Times are in seconds since 1970. `scopes` may be
 * wider than what was requested and granted.
 *
 * @since 0.1.0
 * @category models
 */
export const Claims = Schema.Struct({
  /** The account that the token acts for. Empty in a token that a client got for itself. */
  account_id: Schema.optional(Schema.String),
  /** The client that the token was issued to. */
  client_id: Schema.optional(Schema.String),
  /** When the token expires, in seconds since 1970. */
  exp: Schema.optional(Schema.Number),
  /** When the token was issued, in seconds since 1970. */
  iat: Schema.optional(Schema.Number),
  /** The organization of the client, as `upland`. */
  integrator: Schema.optional(Schema.String),
  /** The token's identifier. */
  jti: Schema.optional(Schema.String),
  /** From when on the token is valid, in seconds since 1970; 0 in the vendor's sample. */
  nbf: Schema.optional(Schema.Number),
  /** What the token can be used for, as RFC 9068 §2.2.3 names it: scopes with spaces between, or a list of them. */
  scope: Schema.optional(Schema.Union(Schema.String, Schema.Array(Schema.String))),
  /** What the token can be used for. May be more than what was requested and granted. */
  scopes: Schema.optional(Schema.Array(Schema.String)),
  /** The grant, as `client_credentials`. */
  token_type: Schema.optional(Schema.String),
  /** The user that the token acts for. Empty in a token that a client got for itself. */
  username: Schema.optional(Schema.String)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Claims = typeof Claims.Type

/**
 * A token is not a JWT, or its payload does not have the types of `Claims`.
 *
 * @since 0.1.0
 * @category errors
 */
export class ClaimsError extends Schema.TaggedError<ClaimsError>("@effect-tilia/core/ClaimsError")("ClaimsError", {
  /** A sentence that does not quote the token. */
  message: Schema.String
}) {}

/**
 * What is left of the token's lifetime, by the fiber's clock; zero once the token has expired.
 *
 * @since 0.1.0
 * @category getters
 */
export const remaining = (token: AccessToken): Effect.Effect<Duration.Duration> =>
  Effect.map(
    Clock.currentTimeMillis,
    (now) => Duration.millis(Math.max(0, token.expiresAt.epochMillis - now))
  )

/**
 * Whether the token has expired, by the fiber's clock. At `expiresAt` it has.
 *
 * @since 0.1.0
 * @category getters
 */
export const isExpired = (token: AccessToken): Effect.Effect<boolean> =>
  Effect.map(remaining(token), Duration.equals(Duration.zero))

const decodeClaims = Schema.decodeEither(Schema.parseJson(Claims))

/**
 * The claims of a token that is a JWT, decoded and **not verified**: for showing and for logs, never for deciding who
 * may do what. A token that is not a JWT is a `ClaimsError`.
 *
 * @since 0.1.0
 * @category getters
 * @see {@link https://www.rfc-editor.org/rfc/rfc7519#section-4 RFC 7519 §4}
 */
export const claims = (token: Pick<AccessToken, "value">): Either.Either<Claims, ClaimsError> => {
  const [, payload = ""] = Redacted.value(token.value).split(".")
  return Encoding.decodeBase64UrlString(payload).pipe(
    Either.flatMap(decodeClaims),
    // The errors of both are dropped, because they quote the token.
    Either.mapLeft(() => new ClaimsError({ message: "The token has no claims to show: it isn't a JWT." }))
  )
}
