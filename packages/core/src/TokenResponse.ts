/**
 * What is answered: the body of a 200 (RFC 6749 §5.1), strict in what could hurt and lenient in what can't (E4).
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Redacted from "effect/Redacted"
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
export const TokenText = Schema.transform(
  Schema.String, // `Schema.Redacted` would match the pattern here, too (P3)
  Schema.RedactedFromSelf(Schema.String.pipe(Schema.pattern(/^[A-Za-z0-9\-._~+/]+=*$/))),
  { decode: (text) => Redacted.make(text), encode: Redacted.value }
).annotations({ identifier: "TokenText", ...withoutValue("a bearer token (RFC 6750 §2.1)") })

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
const Granted = Schema.transform(Schema.NullishOr(Schema.String), Schema.UndefinedOr(ScopesFromArray), {
  decode: (text) => {
    const items = (text ?? "").split(/[, ]/).filter(Str.isNonEmpty)
    return Arr.isNonEmptyArray(items) ? items : undefined
  },
  encode: (scopes) => scopes?.join(",")
})

/**
 * A granted token, to and from the wire. `expires_in` is in seconds, more than zero and at most ten years; `scope` is
 * `undefined` where the server granted what was asked for.
 *
 * @since 0.1.0
 * @category models
 */
export const TokenResponse = Schema.Struct({
  access_token: TokenText,
  token_type: TokenType,
  expires_in: ExpiresIn,
  scope: Schema.optional(Granted)
}).annotations(withoutValue("a granted token: access_token, token_type, expires_in and perhaps scope"))

/**
 * @since 0.1.0
 * @category models
 */
export type TokenResponse = typeof TokenResponse.Type
