/**
 * What can go wrong with a token request, as data. A `Sandbox` plays a script of faults. A constructor throws an
 * `InvalidInputError` if no server can send the fault.
 *
 * @example
 * import { Faults, Sandbox } from "@effect-tilia/sandbox"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const { script } = yield* Sandbox.Sandbox
 *   // A rate limit, a slow outage, and then no fault.
 *   yield* script([
 *     Faults.status(429, { headers: { "retry-after": "2" } }),
 *     Faults.and(Faults.delay("1 second"), Faults.status(503))
 *   ])
 * })
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Checked from "./internal/fault.js"

/**
 * An HTTP response that the sandbox sends instead of a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Response {
  /** The HTTP status, from 200 to 599. */
  readonly status: number
  /** The headers. Their names are in lower case. Without a `content-type`, the sandbox sends `text/plain`. */
  readonly headers: Readonly<Record<string, string>>
  /** The body, as a text or as bytes. */
  readonly body: string | Uint8Array
}

/**
 * The headers and the body of a response whose status is a fault.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResponseOptions {
  /**
   * The headers. The case of their names does not matter.
   *
   * @default {}
   */
  readonly headers?: Response["headers"] | undefined
  /**
   * The body, as a text or as bytes. A response with the status 204, 205 or 304 has none.
   *
   * @default ""
   */
  readonly body?: Response["body"] | undefined
}

/**
 * How far the clock of the sandbox is wrong when it issues a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClockSkew {
  /** The difference to the real time. */
  readonly by: Duration.Duration
  /** Whether the sandbox's clock is behind the real time, and not ahead of it. */
  readonly isBehind: boolean
}

/**
 * What goes wrong with one token request: see the constructors. Everything that is not set behaves normally.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fault {
  /**
   * How long the sandbox waits before it does anything else.
   *
   * @default no delay
   */
  readonly delay?: Duration.Duration
  /**
   * How the request ends instead of with a token: `"hang"`, without a response, ever; `"reset"`, with a reset
   * connection; `"truncate"`, with a connection that is reset in the middle of the body; or with this response.
   *
   * @default a token
   */
  readonly outcome?: "hang" | "reset" | "truncate" | Response
  /**
   * How far the token's `iat` and `exp` differ from the real time.
   *
   * @default no difference
   */
  readonly clockSkew?: ClockSkew
  /**
   * Whether `/whoami` rejects the token that is issued.
   *
   * @default false
   */
  readonly revoked?: boolean
}

/** `Duration.decode` would take a negative time for zero. */
const time = (setting: string, input: Duration.DurationInput): Duration.Duration =>
  Duration.decodeUnknown(input).pipe(
    Option.filter(() => !/^-|NaN/.test(String(input))),
    Option.getOrElse(() => Checked.invalid(setting, "a time of zero or more"))
  )

/** Only a finite time leads to times that a token can have. */
const skew = (input: Duration.DurationInput): Duration.Duration => {
  const by = time("by", input)
  return Duration.isFinite(by) ? by : Checked.invalid("by", "a finite time")
}

/**
 * No fault: the request succeeds. Use it between two faults of a script.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: Fault = {}

/**
 * A response with this status, as an outage (503), a rate limit (429 with `retry-after`) or a redirect. It throws an
 * `InvalidInputError` if the status is not a whole number from 200 to 599, if a header cannot be sent or is the
 * server's own, as `transfer-encoding`, or if a response with this status cannot have a body.
 *
 * @since 0.1.0
 * @category constructors
 */
export const status = (status: number, { body = "", headers = {} }: ResponseOptions = {}): Fault => ({
  outcome: Checked.response(status, headers, body)
})

/**
 * A 200 with any body. The `content-type` is `application/json` unless you pass other headers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const body = (
  body: Response["body"],
  headers: Response["headers"] = { "content-type": "application/json" }
): Fault => status(200, { headers, body })

/**
 * A response that comes late, by this time. It throws an `InvalidInputError` if the time is negative.
 *
 * @since 0.1.0
 * @category constructors
 */
export const delay = (delay: Duration.DurationInput): Fault => ({ delay: time("delay", delay) })

/**
 * No response, ever. The request ends when the client closes the connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hang: Fault = { outcome: "hang" }

/**
 * A connection that is reset before the response.
 *
 * @since 0.1.0
 * @category constructors
 */
export const reset: Fault = { outcome: "reset" }

/**
 * A 200 whose connection is reset in the middle of the body.
 *
 * @since 0.1.0
 * @category constructors
 */
export const truncate: Fault = { outcome: "truncate" }

/**
 * A token of a server whose clock is ahead by this time: its `iat` is in the future. It throws an
 * `InvalidInputError` if the time is negative or infinite.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clockAhead = (by: Duration.DurationInput): Fault => ({
  clockSkew: { by: skew(by), isBehind: false }
})

/**
 * A token of a server whose clock is behind by this time: its `iat` is in the past. It throws an
 * `InvalidInputError` if the time is negative or infinite.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clockBehind = (by: Duration.DurationInput): Fault => ({
  clockSkew: { by: skew(by), isBehind: true }
})

/**
 * A token that looks like any other, and that `/whoami` rejects.
 *
 * @since 0.1.0
 * @category constructors
 */
export const revoked: Fault = { revoked: true }

/**
 * Two faults in one request, as `Faults.and(Faults.delay("1 second"), Faults.reset)`. If both set the same property,
 * the second one applies.
 *
 * @since 0.1.0
 * @category combinators
 */
export const and = (first: Fault, second: Fault): Fault => ({
  ...Checked.check("first", first),
  ...Checked.check("second", second)
})

function* repeat(fault: Fault): Generator<Fault> {
  for (;;) yield fault
}

/**
 * A script that plays the same fault for every request, until another script replaces it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const forever = (fault: Fault): Generator<Fault> => repeat(Checked.check("fault", fault))
