/**
 * How a web page gets a token without the client secret: it asks the mediator, a server of its own origin that holds
 * the secret. This module is what the two say to each other, and the page's side of it. `TokenMediatorServer` is the
 * server's side.
 *
 * @example
 * import { Environment, TokenMediator, TokenSource } from "@effect-tilia/core"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 *
 * const PageTokens = TokenSource.layer({ scopes: ["user_info"] }).pipe(
 *   Layer.provide(TokenMediator.layer({ mediatorUrl: "/tilia/token" })),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { urlText, validate, withoutValue } from "./internal/input.js"
import * as SafeUrl from "./internal/safeUrl.js"
import { errorOf } from "./internal/tokenEndpoint/errorResponse.js"
import * as Json from "./internal/tokenEndpoint/json.js"
import * as Limits from "./internal/tokenEndpoint/options.js"
import { grantIn, toAccessToken } from "./internal/tokenEndpoint/parseTokenResponse.js"
import type { RawResponse } from "./internal/tokenEndpoint/rawResponse.js"
import * as RequestToken from "./internal/tokenEndpoint/requestToken.js"
import * as RoundTrip from "./internal/tokenEndpoint/roundTrip.js"
import * as ClientErrors from "./internal/tokenMediator/clientErrors.js"
import { type Grant, Principal, Refusal, type Request } from "./internal/tokenMediator/protocol.js"
import * as RejectedToken from "./internal/tokenMediator/rejectedToken.js"
import * as TiliaConfig from "./TiliaConfig.js"
import * as TokenEndpoint from "./TokenEndpoint.js"
import type { InvalidInputError, TokenError } from "./TokenError.js"

export { Grant, Refusal, Request } from "./internal/tokenMediator/protocol.js"

/**
 * Where the mediator is, and how it is asked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends TokenEndpoint.Options {
  /**
   * The mediator's URL: a path of the page's own origin, as `"/tilia/token"`, which a browser completes, or an HTTPS
   * URL (HTTP on loopback). It has no query and no fragment. Where a path has no origin, as in Node or in a worker that
   * was made of a blob, a request is an `InvalidInputError`.
   */
  readonly mediatorUrl: string | URL
  /**
   * Which user is logged in, as far as the page knows: a text of 1 to 256 characters that only one user has. If another
   * user has logged in meanwhile, in another tab, the mediator refuses with an `InvalidClientError` whose `code` is
   * `access_denied`, and the page gets no token of that user.
   *
   * @default undefined, and the mediator does not compare
   */
  readonly principal?: string | undefined
}

const isSafeText = (text: string): boolean => {
  const url = SafeUrl.parse(text)
  return url !== undefined && SafeUrl.isSafe(url)
}

const MediatorUrl = Schema.String.pipe(
  Schema.filter((text) => /^\/(?![/\\])[^?#]*$/.test(text) || (/^[^?#]*$/.test(text) && isSafeText(text)))
).annotations(withoutValue("a path or an https URL (http on loopback only) without user, query or fragment"))

const toHttpClientRequest = (mediatorUrl: string, request: Request): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.bodyUnsafeJson(
    HttpClientRequest.post(mediatorUrl, { headers: { accept: "application/json" } }),
    request
  )

const decodeRefusal = Schema.decodeUnknownEither(Refusal)

/** What the mediator granted, or why it did not. */
const parseResponse = (response: RawResponse, target: RoundTrip.Target): Either.Either<Grant, TokenError> => {
  if (response.url !== target.tokenUrl) return Either.left(ClientErrors.fromOther(response, target))
  const json = Json.fromResponse(response)
  return response.status === 200
    ? Either.mapLeft(
      Either.flatMap(json, grantIn),
      (problem) => errorOf("UnexpectedResponseError", { ...target, status: response.status, problem })
    )
    : Either.left(Either.match(Either.flatMap(json, decodeRefusal), {
      onLeft: () => ClientErrors.fromOther(response, target),
      onRight: (refusal) => ClientErrors.fromRefusal(refusal, response, target)
    }))
}

/**
 * The token endpoint of a page, over the `HttpClient` in the context. It has the retries, budget, time-outs and errors
 * of `TokenEndpoint`: the mediator passes each error on, without the authorization server's words. A call that names a
 * `rejected` token gets another one. An option that is out of range is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (
  options: Options
) => Effect.Effect<TokenEndpoint.TokenEndpoint, InvalidInputError, HttpClient.HttpClient | Scope.Scope> = Effect
  .fnUntraced(function*({ mediatorUrl, principal, ...options }) {
    const tokenUrl = yield* validate("mediatorUrl", MediatorUrl)(urlText(mediatorUrl))
    if (principal !== undefined) yield* validate("principal", Principal)(principal)
    const limits = yield* Limits.validate(options)
    const roundTrip = yield* RoundTrip.make
    const endpoint = yield* RequestToken.make(tokenUrl, limits, { environment: "mediator" })

    const requestOnce = Effect.fnUntraced(function*({ rejected, scopes }: RequestToken.Call, attempts: number) {
      const target = { tokenUrl, requested: scopes, attempts }
      const request = toHttpClientRequest(tokenUrl, {
        scopes,
        ...(principal !== undefined && { principal }),
        ...(rejected !== undefined && { rejected: RejectedToken.hash(rejected) })
      })
      const response = yield* roundTrip(request, target)
      const grant = yield* parseResponse(response, target)
      return yield* toAccessToken(grant, response, target)
    })

    return endpoint((call) => call.attempt((attempts) => requestOnce(call, attempts)))
  })

/**
 * The page's endpoint as a Layer, with which `TokenSource` and `AuthorizedHttpClient` work in a page as they do on a
 * server: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<TokenEndpoint.TokenEndpoint, InvalidInputError, HttpClient.HttpClient> =>
  Layer.scoped(TokenEndpoint.TokenEndpoint, make(options))

/**
 * The page's endpoint with options from the configuration. Whatever is missing or wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: TiliaConfig.Input<Options>
): Layer.Layer<TokenEndpoint.TokenEndpoint, ConfigError, HttpClient.HttpClient> => TiliaConfig.layer(options, layer)
