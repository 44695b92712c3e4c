/**
 * The body of a 200 of `POST /token`: strict where a malformed value could do harm, and lenient where it cannot.
 *
 * @example
 * import { TokenResponse } from "@effect-tilia/core"
 * import { Schema } from "effect"
 *
 * const grant = Schema.decodeUnknownSync(TokenResponse.TokenResponse)({
 *   access_token: "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
 *   token_type: "bearer",
 *   expires_in: "3600"
 * }) // { access_token: <redacted>, token_type: "Bearer", expires_in: 3600 }
 *
 * @since 0.1.0
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-5.1 RFC 6749 §5.1}
 */
import * as Arr from "effect/Array"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Str from "effect/String"
import { withoutValue } from "./internal/input.js"
import { longestLifetime } from "./internal/longestLifetime.js"
import { ScopesFromArray } from "./Scopes.js"

/**
 * The token's text: only the characters of `b64token` in RFC 6750 §2.1, so that it cannot inject a header.
 *
 * @since 0.1.0
 * @category models
 */
export const TokenText = Schema.transform(
  Schema.String, // `Schema.Redacted` would match the pattern a second time (P3)
  Schema.RedactedFromSelf(Schema.String.pipe(Schema.pattern(/^[A-Za-z0-9\-._~+/]+=*$/))),
  { decode: (text) => Redacted.make(text), encode: Redacted.value }
).annotations({ identifier: "TokenText", ...withoutValue("a bearer token (RFC 6750 §2.1)") })

/** Whole seconds, from a number or a text of digits; written as a text, as in the vendor's documentation. */
const ExpiresIn = Schema.transform(
  Schema.Union(Schema.Number.pipe(Schema.filter(Number.isInteger)), Schema.String.pipe(Schema.pattern(/^\d+$/))),
  Schema.Int.pipe(Schema.between(1, longestLifetime)),
  { decode: (seconds) => Math.min(Number(seconds), longestLifetime), encode: String }
)

const TokenType = Schema.transform(Schema.String.pipe(Schema.pattern(/^bearer$/i)), Schema.Literal("Bearer"), {
  decode: () => "Bearer" as const,
  encode: (type) => type
})

/** Separated by commas, as the vendor documents it, or by spaces (RFC 6749). Absent or empty means "as requested". */
const Granted = Schema.transform(Schema.NullishOr(Schema.String), Schema.UndefinedOr(ScopesFromArray), {
  decode: (text) => {
    const items = (text ?? "").split(/[, ]/).filter(Str.isNonEmpty)
    return Arr.isNonEmptyArray(items) ? items : undefined
  },
  encode: (scopes) => scopes?.join(",")
})

/**
 * A granted token, to and from the wire. `expires_in` is in seconds, above zero and at most ten years. `scope` is
 * `undefined` if the server granted what was requested.
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
