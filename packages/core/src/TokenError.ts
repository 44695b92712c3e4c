/**
 * Everything that can go wrong between a caller and an access token, as a closed union of tagged errors.
 *
 * The `message` of each error says what to do next, and `retryable` says whether the same request may succeed later.
 * None holds a request, a response or a foreign cause, and none ever holds a secret. The repository has a page for each
 * error in `docs/errors`.
 *
 * @example
 * import { TokenSource } from "@effect-tilia/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const source = yield* TokenSource.TokenSource
 *   return yield* source.get
 * }).pipe(
 *   Effect.catchTags({
 *     InvalidClientError: ({ code }) => Effect.dieMessage(`the credentials were refused: ${code}`),
 *     RateLimitedError: ({ retryAfter }) => Effect.dieMessage(`try again in ${retryAfter}`)
 *   })
 * )
 *
 * @since 0.1.0
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-5.2 RFC 6749 §5.2} for the codes
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { errorMessage } from "./internal/errorMessage.js"

/** What a source says of an error that it returns again without a request (S7). */
const unsent = {
  /**
   * There only if nothing was sent, because a request has failed a short time ago: the time until the next request may
   * be made.
   */
  coolDown: Schema.optionalWith(Schema.DurationFromMillis, { exact: true })
}

/** What an error response may carry. The texts are cut, printable and free of the secret before they get here (E8). */
const response = {
  ...unsent,
  /** The URL that was asked for the token. Absent only from an error that other code than this library has made. */
  tokenUrl: Schema.optionalWith(Schema.String, { exact: true }),
  /** The HTTP status. */
  status: Schema.Number,
  /** The error code of the response's body, as `invalid_client`, if it has one. */
  code: Schema.optionalWith(Schema.String, { exact: true }),
  /** What the server said, if it said something: printable, without secrets, at most 1 KiB. */
  serverMessage: Schema.optionalWith(Schema.String, { exact: true }),
  /** How many requests were made. */
  attempts: Schema.Number
}

const wait = {
  /** How long the server asked to be left alone by `Retry-After`, if it did. Never less than `coolDown`. */
  retryAfter: Schema.optionalWith(Schema.DurationFromMillis, { exact: true })
}

const target = {
  ...unsent,
  /** The URL that was asked for the token. */
  tokenUrl: Schema.String
}

/** `401 invalid_client, "No such client"`: what the server said, on one line. */
const said = ({ attempts, code, serverMessage, status }: {
  readonly status: number
  readonly code?: string
  readonly serverMessage?: string
  readonly attempts: number
}): string =>
  [
    code === undefined ? `${status}` : `${status} ${code}`,
    ...(serverMessage === undefined ? [] : [JSON.stringify(serverMessage)]),
    ...(attempts > 1 ? [`after ${attempts} attempts`] : [])
  ].join(", ")

/**
 * An input or an option is out of range. Nothing was sent. The value is not kept, since it may be a secret.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidInputError
  extends Schema.TaggedError<InvalidInputError>("@effect-tilia/core/InvalidInputError")("InvalidInputError", {
    /** The name of the input, as `clientSecret` or `TILIA_SCOPES`. */
    setting: Schema.String,
    /** What would have been accepted. */
    expected: Schema.String,
    ...unsent
  })
{
  /** Always `false`: the same input is refused again. */
  readonly retryable = false
  override readonly message: string = errorMessage(
    this,
    `${this.setting} must be ${this.expected}.`
  )
}

/**
 * The source of the credentials failed: a vault is down, or a file cannot be read. Nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class CredentialsError
  extends Schema.TaggedError<CredentialsError>("@effect-tilia/core/CredentialsError")("CredentialsError", {
    /** A sentence of the credentials' source, without a secret. */
    message: Schema.String,
    /** Whether another try may help, as the credentials' source says. */
    retryable: Schema.Boolean,
    ...unsent
  })
{}

/**
 * The server found the request malformed: status 400, unless its code says more. In a page, the `code` is
 * `wrong_origin` if the mediator serves pages of another origin.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequestError
  extends Schema.TaggedError<InvalidRequestError>("@effect-tilia/core/InvalidRequestError")(
    "InvalidRequestError",
    response
  )
{
  /** Always `false`: the same request is refused again. */
  readonly retryable = false
  override readonly message: string = errorMessage(
    this,
    `The server did not accept the token request (${said(this)}): ${
      this.code === "wrong_origin"
        ? "its option `origin` must be the origin of this page"
        : "check the client id, the secret and the scopes"
    }.`
  )
}

/** What to do about a refused client whose id and secret are not what is wrong. */
const userAdvice = new Map([
  ["401 login_required", "log in, then ask again."],
  ["403 access_denied", "this user may not have a token."]
])

/**
 * The server refused the credentials: status 401 or 403, or the codes `invalid_client` and `unauthorized_client`. In a
 * page, whose credentials are its user's session, the `code` is `login_required` or `access_denied`.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidClientError extends Schema.TaggedError<InvalidClientError>("@effect-tilia/core/InvalidClientError")(
  "InvalidClientError",
  response
) {
  /** Always `false`: the same credentials are refused again. */
  readonly retryable = false
  override readonly message: string = errorMessage(
    this,
    `The server refused the client's credentials (${said(this)}): ` +
      (userAdvice.get(`${this.status} ${this.code}`) ??
        `check that the client id and secret belong together, to this environment, and may have these scopes.`)
  )
}

/**
 * The client may not have a scope that was requested: the code is `invalid_scope`. With `onNarrowedScope: "fail"` also:
 * the server granted fewer scopes than were requested; then `status` is 200.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidScopeError
  extends Schema.TaggedError<InvalidScopeError>("@effect-tilia/core/InvalidScopeError")("InvalidScopeError", {
    ...response,
    /** The scopes that were requested. Absent only from an error that other code than this library has made. */
    requested: Schema.optionalWith(Schema.Array(Schema.String), { exact: true })
  })
{
  /** Always `false`: the same scopes are refused again. */
  readonly retryable = false
  override readonly message: string = errorMessage(
    this,
    `The client was not granted every scope that it requested${
      this.requested === undefined ? "" : `, ${this.requested.join(",")}`
    } (${said(this)}): ask for fewer, or have them added.`
  )
}

/**
 * The server asks for fewer requests: status 429.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimitedError
  extends Schema.TaggedError<RateLimitedError>("@effect-tilia/core/RateLimitedError")("RateLimitedError", {
    ...response,
    ...wait
  })
{
  /** Always `true`: the same request may succeed after `retryAfter`. */
  readonly retryable = true
  override readonly message: string = errorMessage(
    this,
    `The server asks for fewer token requests (${said(this)}): wait${
      this.retryAfter === undefined ? "" : ` ${Duration.format(this.retryAfter)}`
    }, then try again.`
  )
}

/**
 * The server cannot issue a token at the moment: status 408, 425, or 5xx except 501 and 505.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServiceUnavailableError
  extends Schema.TaggedError<ServiceUnavailableError>("@effect-tilia/core/ServiceUnavailableError")(
    "ServiceUnavailableError",
    { ...response, ...wait }
  )
{
  /** Always `true`: the same request may succeed later. */
  readonly retryable = true
  override readonly message: string = errorMessage(
    this,
    `The server can't issue a token at the moment (${said(this)}): try again later; the outage is on its side.`
  )
}

/**
 * The response is neither a token nor an error that the protocol knows: a redirect, an unusual status, or a 200 whose
 * body is not a token.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnexpectedResponseError
  extends Schema.TaggedError<UnexpectedResponseError>("@effect-tilia/core/UnexpectedResponseError")(
    "UnexpectedResponseError",
    {
      ...response,
      ...target,
      /** What is wrong with the response, without quoting it. */
      problem: Schema.String
    }
  )
{
  /** Always `false`: something else than a token endpoint responds there. */
  readonly retryable = false
  override readonly message: string = errorMessage(
    this,
    `The response of ${this.tokenUrl} isn't a token (${said(this)}): ${this.problem}; check the base URL.`
  )
}

const tries = ({ attempts }: { readonly attempts: number }): string => attempts > 1 ? ` after ${attempts} attempts` : ""

const transportAdvice = {
  Dns: "the host's name can't be resolved; check the base URL and the DNS",
  Refused: "nothing listens there; check the base URL, the proxy if there is one, and that the server runs",
  Reset: "the connection was closed before the response was complete; try again",
  Tls: "no trusted TLS connection could be made; check the certificate, its authority and the base URL",
  Blocked: "the page's Content-Security-Policy forbids the request; add its origin to connect-src",
  Other: "the request failed on its way; check the base URL, the proxy if there is one, and the network"
} as const

/**
 * Why a request got no complete response: the name cannot be resolved, the connection was refused or reset, TLS failed,
 * a page's Content-Security-Policy forbids it, or something else. A browser only tells `"Blocked"` from `"Other"`.
 *
 * @since 0.1.0
 * @category models
 */
export const TransportReason = Schema.Literal("Dns", "Refused", "Reset", "Tls", "Blocked", "Other")

/**
 * @since 0.1.0
 * @category models
 */
export type TransportReason = typeof TransportReason.Type

/**
 * No complete response came back.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenTransportError
  extends Schema.TaggedError<TokenTransportError>("@effect-tilia/core/TokenTransportError")("TokenTransportError", {
    /** Why there is no response. */
    reason: TransportReason,
    ...target,
    /** How many requests were made. */
    attempts: Schema.Number
  })
{
  /** `true`, unless the reason is `"Tls"` or `"Blocked"`. */
  readonly retryable = this.reason !== "Tls" && this.reason !== "Blocked"
  override readonly message: string = errorMessage(
    this,
    `No response from ${this.tokenUrl}${tries(this)}: ${transportAdvice[this.reason]}.`
  )
}

/**
 * The time for one attempt, or the budget for all of them, ran out while an attempt was under way.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenTimeoutError
  extends Schema.TaggedError<TokenTimeoutError>("@effect-tilia/core/TokenTimeoutError")("TokenTimeoutError", {
    ...target,
    /** How many requests were made. */
    attempts: Schema.Number
  })
{
  /** Always `true`: the same request may succeed later. */
  readonly retryable = true
  override readonly message: string = errorMessage(
    this,
    this.attempts === 0
      ? "The credentials did not come in time, and nothing was sent: check where they come from, or allow more time."
      : `No response from ${this.tokenUrl} in time${tries(this)}: try again later, or allow more time for an attempt.`
  )
}

/**
 * Every error of this module as a schema, so that an error that crosses a process or a wire keeps its class.
 *
 * @since 0.1.0
 * @category models
 */
export const TokenError = Schema.Union(
  InvalidInputError,
  CredentialsError,
  InvalidRequestError,
  InvalidClientError,
  InvalidScopeError,
  RateLimitedError,
  ServiceUnavailableError,
  UnexpectedResponseError,
  TokenTransportError,
  TokenTimeoutError
)

/**
 * @since 0.1.0
 * @category models
 */
export type TokenError =
  | InvalidInputError
  | CredentialsError
  | InvalidRequestError
  | InvalidClientError
  | InvalidScopeError
  | RateLimitedError
  | ServiceUnavailableError
  | UnexpectedResponseError
  | TokenTransportError
  | TokenTimeoutError

/**
 * Whether a value is one of this module's errors.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTokenError: (u: unknown) => u is TokenError = Schema.is(TokenError)

/**
 * Whether the same request may succeed later.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRetryable = (error: TokenError): boolean => error.retryable
