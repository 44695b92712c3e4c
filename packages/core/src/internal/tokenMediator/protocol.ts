/*
 * What a page and its mediator say to each other.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { ScopesFromArray } from "../../Scopes.js"
import { TokenResponse } from "../../TokenResponse.js"
import { withoutValue } from "../input.js"

/** Who is logged in, as the page believes. The application chooses the text. */
export const Principal = Schema.String.pipe(
  Schema.filter((text) => text.length > 0 && text.length <= 256)
).annotations(withoutValue("the name of who is logged in, of 1 to 256 characters"))

/**
 * What the page sends as JSON: `scopes`, the scopes that it asks for; `principal`, the user whom the page believes to
 * be logged in; and `rejected`, the hash of a token that must be replaced by another one, because an API has rejected
 * it or because the page's `refresh` was called. The hash is FNV-1a of 32 bits over the token's text in UTF-8.
 *
 * @since 0.1.0
 * @category models
 */
export const Request = Schema.Struct({
  scopes: ScopesFromArray,
  principal: Schema.optionalWith(Principal, { exact: true }),
  rejected: Schema.optionalWith(Schema.Int.pipe(Schema.between(0, 2 ** 32 - 1)), { exact: true })
}).annotations(withoutValue("a request to a mediator: scopes, an array, and perhaps principal and rejected"))

/**
 * @since 0.1.0
 * @category models
 */
export type Request = typeof Request.Type

/**
 * The body of a 200: what a token endpoint returns, except that `expires_in` is what is left of the token's lifetime
 * when the response is made, in whole seconds. So neither the server's clock nor the page's clock matters.
 *
 * @since 0.1.0
 * @category models
 */
export const Grant = TokenResponse

/**
 * @since 0.1.0
 * @category models
 */
export type Grant = typeof Grant.Type

/** In whole seconds, at most a day. */
const RetryAfter = Schema.transform(Schema.Int.pipe(Schema.between(0, 86_400)), Schema.DurationFromSelf, {
  decode: (seconds) => Duration.seconds(seconds),
  encode: (wait) => Math.min(86_400, Math.ceil(Duration.toSeconds(wait)))
})

/**
 * The body of any other response: `_tag`, which error it is; `retryable`, whether the same request may succeed later;
 * `retryAfter`, after how many seconds; `message`, a sentence of the mediator's own. It never holds what the
 * authorization server said, nor what the page sent.
 *
 * @since 0.1.0
 * @category models
 */
export const Refusal = Schema.Struct({
  _tag: Schema.Literal(
    "InvalidInputError",
    "CredentialsError",
    "InvalidRequestError",
    "InvalidClientError",
    "InvalidScopeError",
    "RateLimitedError",
    "ServiceUnavailableError",
    "UnexpectedResponseError",
    "TokenTransportError",
    "TokenTimeoutError"
  ),
  retryable: Schema.Boolean,
  message: Schema.String.pipe(Schema.pattern(/^[\x20-\x7e]{1,256}$/)),
  retryAfter: Schema.optionalWith(RetryAfter, { exact: true })
})

/**
 * @since 0.1.0
 * @category models
 */
export type Refusal = typeof Refusal.Type
