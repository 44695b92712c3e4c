/**
 * Everything that can go wrong between a caller and an access token, as a closed union of tagged errors.
 *
 * Each error says in its `message` what to do next and in `retryable` whether the same request may succeed later. None
 * holds a request, a response or a foreign cause, and none ever holds a secret (E8).
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/** What a server's refusal may carry: cut, printable and free of the secret before it gets here (E8). */
const refusal = {
  status: Schema.Number,
  code: Schema.optionalWith(Schema.String, { exact: true }),
  serverMessage: Schema.optionalWith(Schema.String, { exact: true }),
  attempts: Schema.Number
}

const retryAfter = Schema.optionalWith(Schema.Duration, { exact: true })

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
 * An input or an option was refused before anything was sent (E2): `setting` names it, `expected` says what would have
 * been accepted, and the value itself is kept nowhere, since it may be a secret.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidInputError
  extends Schema.TaggedError<InvalidInputError>("@effect-tilia/core/InvalidInputError")("InvalidInputError", {
    setting: Schema.String,
    expected: Schema.String
  })
{
  readonly retryable = false
  override readonly message: string = `${this.setting} must be ${this.expected}.`
}

/**
 * The source of the credentials failed (a vault that is down, a file that can't be read): nothing was sent. Whether
 * another try may help is for the source to say.
 *
 * @since 0.1.0
 * @category errors
 */
export class CredentialsError
  extends Schema.TaggedError<CredentialsError>("@effect-tilia/core/CredentialsError")("CredentialsError", {
    message: Schema.String,
    retryable: Schema.Boolean
  })
{}

/**
 * The server found the request malformed (400, or the codes of RFC 6749 §5.2 that say so).
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequestError
  extends Schema.TaggedError<InvalidRequestError>("@effect-tilia/core/InvalidRequestError")(
    "InvalidRequestError",
    refusal
  )
{
  readonly retryable = false
  override readonly message: string = `The server did not accept the token request (${
    said(this)
  }): check the client id, the secret and the scopes.`
}

/** What to do about a client that is refused, where its id and secret aren't what is wrong. */
const ways = new Map([
  ["401 login_required", "log in, then ask again."],
  ["403 access_denied", "whoever asks may not have it."]
])

/**
 * The server refused the credentials (401, 403, `invalid_client`, `unauthorized_client`). In a page, whose credentials are its
 * user's session, the `code` says what is wrong with that: `login_required`, or `access_denied`.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidClientError
  extends Schema.TaggedError<InvalidClientError>("@effect-tilia/core/InvalidClientError")("InvalidClientError", refusal)
{
  readonly retryable = false
  override readonly message: string = `The server refused the client's credentials (${said(this)}): ` +
    (ways.get(`${this.status} ${this.code}`) ??
      `check that the client id and secret belong together, to this environment, and may have these scopes.`)
}

/**
 * The client may not have a scope that it asked for (`invalid_scope`), or was granted fewer scopes than it asked for
 * where `onNarrowedScope` is `"fail"` (E9); then `status` is 200.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidScopeError
  extends Schema.TaggedError<InvalidScopeError>("@effect-tilia/core/InvalidScopeError")("InvalidScopeError", refusal)
{
  readonly retryable = false
  override readonly message: string = `The client was not granted every scope that it asked for (${
    said(this)
  }): ask for fewer, or have them added.`
}

/**
 * The server asks for fewer requests (429). `retryAfter` is the wait that it named, if it named one.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimitedError
  extends Schema.TaggedError<RateLimitedError>("@effect-tilia/core/RateLimitedError")("RateLimitedError", {
    ...refusal,
    retryAfter
  })
{
  readonly retryable = true
  override readonly message: string = `The server asks for fewer token requests (${said(this)}): wait${
    this.retryAfter === undefined ? "" : ` ${Duration.format(this.retryAfter)}`
  }, then try again.`
}

/**
 * The server can't answer now (408, 425, 5xx but 501 and 505). `retryAfter` is the wait that it named, if it named one.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServiceUnavailableError
  extends Schema.TaggedError<ServiceUnavailableError>("@effect-tilia/core/ServiceUnavailableError")(
    "ServiceUnavailableError",
    { ...refusal, retryAfter }
  )
{
  readonly retryable = true
  override readonly message: string = `The server can't issue a token at the moment (${
    said(this)
  }): try again later; the outage is on its side.`
}

/**
 * The server's answer is neither a token nor a refusal that the protocol knows: a redirect, an unlikely status, or a
 * 200 whose body isn't a token. `problem` says which, never what the body held.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnexpectedResponseError
  extends Schema.TaggedError<UnexpectedResponseError>("@effect-tilia/core/UnexpectedResponseError")(
    "UnexpectedResponseError",
    { ...refusal, tokenUrl: Schema.String, problem: Schema.String }
  )
{
  readonly retryable = false
  override readonly message: string = `The answer of ${this.tokenUrl} isn't a token (${
    said(this)
  }): ${this.problem}; check the base URL.`
}

const tries = ({ attempts }: { readonly attempts: number }): string => attempts > 1 ? ` after ${attempts} attempts` : ""

const transportAdvice = {
  Dns: "the host's name can't be resolved; check the base URL and the DNS",
  Refused: "nothing listens there; check the base URL and that the server runs",
  Reset: "the connection was closed before the answer was complete; try again",
  Tls: "no trusted TLS connection could be made; check the certificate, its authority and the base URL",
  Other: "the request failed on its way; check the base URL and the network"
} as const

/**
 * Why a request got no complete answer. Only Node can tell these apart: a browser says `Other` to all of them.
 *
 * @since 0.1.0
 * @category models
 */
export const TransportReason = Schema.Literal("Dns", "Refused", "Reset", "Tls", "Other")

/**
 * @since 0.1.0
 * @category models
 */
export type TransportReason = typeof TransportReason.Type

/**
 * No complete answer came back: see `reason`. Retryable, but for `Tls`.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenTransportError
  extends Schema.TaggedError<TokenTransportError>("@effect-tilia/core/TokenTransportError")("TokenTransportError", {
    reason: TransportReason,
    tokenUrl: Schema.String,
    attempts: Schema.Number
  })
{
  readonly retryable = this.reason !== "Tls"
  override readonly message: string = `No answer from ${this.tokenUrl}${tries(this)}: ${transportAdvice[this.reason]}.`
}

/**
 * The time for one attempt, or for all of them, ran out while an attempt was under way (E6, E7).
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenTimeoutError
  extends Schema.TaggedError<TokenTimeoutError>("@effect-tilia/core/TokenTimeoutError")("TokenTimeoutError", {
    tokenUrl: Schema.String,
    attempts: Schema.Number
  })
{
  readonly retryable = true
  override readonly message: string = `No answer from ${this.tokenUrl} in time${
    tries(this)
  }: try again later, or allow more time for an attempt.`
}

/**
 * Every error of this module, as a schema: what crosses a process or a wire keeps its class.
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
export type TokenError = typeof TokenError.Type

/**
 * Whether a value is one of this module's errors.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTokenError: (u: unknown) => u is TokenError = Schema.is(TokenError)

/**
 * Whether the same request may succeed later (E7).
 *
 * @since 0.1.0
 * @category guards
 */
export const isRetryable = (error: TokenError): boolean => error.retryable
