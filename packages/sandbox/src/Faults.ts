/**
 * What can be made to go wrong with a token request, as data: script a sandbox with it (X3).
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * What is sent instead of a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/**
 * One request's fate. What isn't set goes as usual: `{}` is no fault at all.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fault {
  /** The wait before anything else happens. */
  readonly delay?: Duration.Duration
  /** Nothing is ever sent; the connection is reset at once; it is reset in mid body; or this is sent. */
  readonly answer?: "hang" | "reset" | "truncate" | Reply
  /** How far the token's `iat` and `exp` are ahead of the sandbox's clock (behind, where `back` is set). */
  readonly clockSkew?: { readonly by: Duration.Duration; readonly back: boolean }
  /** The token is issued, and refused by `/whoami`. */
  readonly revoked?: boolean
}

/**
 * No fault: for the requests between the others.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: Fault = {}

/**
 * An answer with this status: an outage (503), a rate limit (429 with `retry-after`), a redirect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const status = (
  status: number,
  { body = "", headers = {} }: { readonly headers?: Reply["headers"]; readonly body?: Reply["body"] } = {}
): Fault => ({ answer: { status, headers, body } })

/**
 * A 200 whose body is this, whatever it is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const body = (body: Reply["body"], headers: Reply["headers"] = { "content-type": "application/json" }): Fault =>
  status(200, { headers, body })

/**
 * A slow answer.
 *
 * @since 0.1.0
 * @category constructors
 */
export const delay = (delay: Duration.DurationInput): Fault => ({ delay: Duration.decode(delay) })

/**
 * No answer, ever.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hang: Fault = { answer: "hang" }

/**
 * A connection that is reset before an answer.
 *
 * @since 0.1.0
 * @category constructors
 */
export const reset: Fault = { answer: "reset" }

/**
 * A 200 whose connection is reset in mid body.
 *
 * @since 0.1.0
 * @category constructors
 */
export const truncate: Fault = { answer: "truncate" }

/**
 * A token that says it was issued in the future.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clockAhead = (by: Duration.DurationInput): Fault => ({
  clockSkew: { by: Duration.decode(by), back: false }
})

/**
 * A token that says it was issued in the past.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clockBehind = (by: Duration.DurationInput): Fault => ({
  clockSkew: { by: Duration.decode(by), back: true }
})

/**
 * A token that `/whoami` refuses, though it looks like any other.
 *
 * @since 0.1.0
 * @category constructors
 */
export const revoked: Fault = { revoked: true }

/**
 * Two faults in one request: `Faults.and(Faults.delay("1 second"), Faults.reset)`. Where both say something about the
 * same thing, the second wins.
 *
 * @since 0.1.0
 * @category combinators
 */
export const and = (first: Fault, second: Fault): Fault => ({ ...first, ...second })

/**
 * The same fate for every request from now on.
 *
 * @since 0.1.0
 * @category combinators
 */
export function* forever(fault: Fault): Generator<Fault> {
  for (;;) yield fault
}
