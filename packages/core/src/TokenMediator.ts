/**
 * How a web page gets a token without the client secret (M1): it asks a server of its own origin, the mediator, which holds the
 * secret. This is what the two say to each other, and the page's side of it; the server's is `TokenMediatorServer`.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { AccessToken } from "./AccessToken.js"
import type { Answer } from "./internal/tokenEndpoint/rawResponse.js"
import * as Exchange from "./internal/tokenEndpoint/roundTrip.js"
import { validate, withoutValue } from "./internal/input.js"
import { jsonIn, tokenIn } from "./internal/tokenEndpoint/parseTokenResponse.js"
import { errorOf, errorOfStranger, type Question } from "./internal/tokenMediator/clientErrors.js"
import { isSafe } from "./internal/safeUrl.js"
import * as Scopes from "./Scopes.js"
import * as TokenEndpoint from "./TokenEndpoint.js"
import { type InvalidInputError, type TokenError, UnexpectedResponseError } from "./TokenError.js"
import * as TokenResponse from "./TokenResponse.js"

/**
 * What the page sends, as JSON: the scopes that it asks for and, where it holds a token that won't do
 * any more, for an API has refused it or somebody wants a new one, the `fingerprint` of that one (A2, S9).
 *
 * @since 0.1.0
 * @category models
 */
export const Request = Schema.Struct({
  scopes: Scopes.ScopesFromArray,
  held: Schema.optionalWith(Schema.Int, { exact: true })
}).annotations(withoutValue("a request to a mediator: scopes, an array, and perhaps held"))

/**
 * @since 0.1.0
 * @category models
 */
export type Request = typeof Request.Type

/**
 * What a 200 holds: `TokenResponse`, as a token endpoint answers, but `expires_in` is the life that is left as the answer is
 * made, in whole seconds. So neither the server's clock nor the page's matters (S5).
 *
 * @since 0.1.0
 * @category models
 */
export const Grant = TokenResponse.TokenResponse

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
 * What any other answer of a mediator holds: which error it is, whether the same request may succeed later and after how long
 * (`retryAfter`, in seconds), and a sentence of the mediator's own. Never what the authorization server said, nor what the page
 * sent (M3).
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

/**
 * Where the mediator is, and how it is asked. `mediatorUrl` is a path of the page's own origin (`"/tilia/token"`), which a
 * browser completes, or an HTTPS URL (HTTP on loopback), both without query and fragment. A path outside of a browser is a
 * `TokenTransportError`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends TokenEndpoint.Options {
  readonly mediatorUrl: string | URL
}

const MediatorUrl = Schema.String.pipe(
  Schema.filter((text) =>
    /^\/(?![/\\])[^?#]*$/.test(text) || (/^[^?#]*$/.test(text) && URL.canParse(text) && isSafe(new URL(text)))
  )
).annotations(withoutValue("a path or an https URL (http on loopback only) without user, query or fragment"))

/**
 * The number by which page and mediator know a token again without sending it. It says nothing to who doesn't hold the token.
 *
 * @since 0.1.0
 * @category conversions
 */
export const fingerprint = (token: Pick<AccessToken, "value">): number => Hash.string(Redacted.value(token.value))

const toHttpClientRequest = (mediatorUrl: string, request: Request): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.bodyUnsafeJson(
    HttpClientRequest.post(mediatorUrl, { headers: { accept: "application/json" } }),
    request
  )

const decodeRefusal = Schema.decodeUnknownEither(Refusal)

/** What the mediator granted, or why it didn't. */
const interpret = (answer: Answer, question: Question): Either.Either<Grant, TokenError> => {
  const { attempts, tokenUrl } = question
  const { status } = answer
  if (answer.url !== tokenUrl) return Either.left(errorOfStranger(answer, question))
  const json = jsonIn(answer)
  return status === 200
    ? Either.mapLeft(
      Either.flatMap(json, tokenIn),
      (problem) => new UnexpectedResponseError({ status, attempts, tokenUrl, problem })
    )
    : Either.left(Either.match(Either.flatMap(json, decodeRefusal), {
      onLeft: () => errorOfStranger(answer, question),
      onRight: (refusal) => errorOf(refusal, answer, question)
    }))
}

/**
 * The token endpoint of a page. It asks as `TokenEndpoint` does: with its retries, budget and time-outs, and with its errors,
 * each of which the mediator hands on as itself, but for the authorization server's words. Whoever names a `held` token
 * gets another one. An option that is out of range is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*({ mediatorUrl, ...options }: Options) {
  const [tokenUrl, limits] = yield* Either.all([
    validate("mediatorUrl", MediatorUrl)(String(mediatorUrl)),
    Exchange.limits(options)
  ])
  const { ask, requesting } = yield* Exchange.make(tokenUrl, limits)
  const requestToken = requesting((scopes, count, held) =>
    Effect.suspend(() => {
      const attempts = count()
      return ask({
        request: toHttpClientRequest(tokenUrl, { scopes, ...(held !== undefined && { held: fingerprint(held) }) }),
        scopes,
        attempts,
        interpret: (answer, receivedAt) => interpret(answer, { tokenUrl, attempts, receivedAt })
      })
    })
  )
  return TokenEndpoint.TokenEndpoint.of({ requestToken })
})

/**
 * The same as a Layer, for `TokenSource` and `AuthorizedHttpClient` to work in a page as they do on a server. Fails with
 * `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<TokenEndpoint.TokenEndpoint, InvalidInputError, HttpClient.HttpClient> =>
  Layer.scoped(TokenEndpoint.TokenEndpoint, make(options))
