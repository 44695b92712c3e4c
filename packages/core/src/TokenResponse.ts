/**
 * What is answered: the body of a 200 (RFC 6749 §5.1), strict in what could hurt and lenient in what can't (E4).
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import { flow } from "effect/Function"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Str from "effect/String"
import { withoutValue } from "./internal/input.js"
import { ScopesFromArray } from "./Scopes.js"

/**
 * The token's text: only the characters of `b64token` (RFC 6750 §2.1), so that it can't inject a header.
 *
 * @since 0.1.0
 * @category models
 */
export const TokenText = Schema.Redacted(Schema.String.pipe(Schema.pattern(/^[A-Za-z0-9\-._~+/]+=*$/))).annotations({
  identifier: "TokenText",
  ...withoutValue("a bearer token (RFC 6750 §2.1)")
})

/** The longest life that a token is believed to have: ten years, in seconds. */
const longestLife = 10 * 365 * 24 * 60 * 60

/** Whole seconds, from a number or a text of digits; written as the vendor's page does, as a text. */
const ExpiresIn = Schema.transform(
  Schema.Union(Schema.Number.pipe(Schema.filter(Number.isInteger)), Schema.String.pipe(Schema.pattern(/^\d+$/))),
  Schema.Int.pipe(Schema.between(1, longestLife)),
  { decode: (seconds) => Math.min(Number(seconds), longestLife), encode: String }
)

const TokenType = Schema.transform(Schema.String.pipe(Schema.pattern(/^bearer$/i)), Schema.Literal("Bearer"), {
  decode: () => "Bearer" as const,
  encode: (type) => type
})

/** Commas, as the vendor's page says, or spaces, as RFC 6749 does; absent or empty means as requested. */
const Granted = Schema.optionalToRequired(
  Schema.NullishOr(Schema.String),
  Schema.OptionFromSelf(ScopesFromArray),
  {
    decode: flow(
      Option.filter(Predicate.isString),
      Option.map(flow(Str.split(/[, ]/), Arr.filter(Str.isNonEmpty))),
      Option.filter(Arr.isNonEmptyArray)
    ),
    encode: Option.map(Arr.join(","))
  }
)

/**
 * A granted token, to and from the wire. `expiresIn` is in seconds, more than zero and at most ten years; `scopes` is
 * `None` where the server granted what was asked for.
 *
 * @since 0.1.0
 * @category models
 */
export const TokenResponse = Schema.Struct({
  accessToken: Schema.propertySignature(TokenText).pipe(Schema.fromKey("access_token")),
  tokenType: Schema.propertySignature(TokenType).pipe(Schema.fromKey("token_type")),
  expiresIn: Schema.propertySignature(ExpiresIn).pipe(Schema.fromKey("expires_in")),
  scopes: Granted.pipe(Schema.fromKey("scope"))
}).annotations(withoutValue("a granted token: access_token, token_type, expires_in and perhaps scope"))

/**
 * @since 0.1.0
 * @category models
 */
export type TokenResponse = typeof TokenResponse.Type
