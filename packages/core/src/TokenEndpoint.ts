/**
 * One token request: `POST /token` with its time-outs, its retries and its errors. An endpoint keeps nothing: each call
 * asks the server. `TokenSource` keeps the token.
 *
 * @example
 * import { TokenEndpoint } from "@effect-tilia/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const endpoint = yield* TokenEndpoint.TokenEndpoint
 *   return yield* endpoint.requestToken(["user_info"], { retry: { maxAttempts: 2 } })
 * }).pipe(
 *   Effect.catchTag("InvalidClientError", (error) => Effect.dieMessage(error.message))
 * )
 *
 * @since 0.1.0
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.4 RFC 6749 §4.4} for the client credentials grant
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as AccessToken from "./AccessToken.js"
import { ClientCredentials, type ClientSecret, type Credentials } from "./ClientCredentials.js"
import { Environment } from "./Environment.js"
import { isSame } from "./internal/credentials.js"
import { type Options, type RequestOptions, validate } from "./internal/tokenEndpoint/options.js"
import { parseTokenResponse, toAccessToken } from "./internal/tokenEndpoint/parseTokenResponse.js"
import * as RequestToken from "./internal/tokenEndpoint/requestToken.js"
import * as RoundTrip from "./internal/tokenEndpoint/roundTrip.js"
import { serverOf } from "./internal/tokenEndpoint/server.js"
import type * as Scopes from "./Scopes.js"
import type { Labels } from "./Telemetry.js"
import * as TiliaConfig from "./TiliaConfig.js"
import { CredentialsError, type InvalidInputError, isTokenError, type TokenError } from "./TokenError.js"
import { toHttpClientRequest } from "./TokenRequest.js"

export type { Options, RequestOptions } from "./internal/tokenEndpoint/options.js"

/**
 * The authorization server's token endpoint.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenEndpoint {
  /**
   * Requests a token with these scopes, and repeats the request as the policy says while the error is `retryable`.
   * Calls share nothing: N calls are N requests. Interruption closes the socket.
   */
  readonly requestToken: (
    scopes: Scopes.Input,
    options?: RequestOptions
  ) => Effect.Effect<AccessToken.AccessToken, TokenError>
  /**
   * What its metrics and spans are labelled with: the environment, and the client's name if it has one. A source over
   * it labels its own with the same. An endpoint of your own may leave it out.
   */
  readonly labels?: Labels
}

/**
 * @since 0.1.0
 * @category tags
 */
export const TokenEndpoint: Context.Tag<TokenEndpoint, TokenEndpoint> = Context.GenericTag(
  "@effect-tilia/core/TokenEndpoint"
)

/** Whether other credentials may help. The server may say no more than 400 of a client that it does not know. */
const mayBeCredentials = (error: TokenError): boolean =>
  error._tag === "InvalidClientError" || (error._tag === "InvalidRequestError" && error.code === undefined)

/** What an effect that reads the credentials may do although its type does not say so (E6, S7). */
const checked = (current: ClientCredentials["current"]): ClientCredentials["current"] =>
  Effect.mapErrorCause(current, (cause) => {
    if (Cause.isInterruptedOnly(cause)) {
      const message = "The credentials were not read, because the effect that reads them interrupted itself."
      return Cause.fail(new CredentialsError({ message, retryable: true }))
    }
    return Option.exists(Cause.failureOption(cause), (error) => !isTokenError(error))
      ? Cause.die(new TypeError("The effect that reads the credentials must fail with a CredentialsError."))
      : cause
  })

/**
 * A token endpoint over the `HttpClient`, the `Environment` and the `ClientCredentials` in the context. Nothing is sent
 * yet. When the scope closes, the requests under way are interrupted. An option that is out of range is an
 * `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (
  options?: Options
) => Effect.Effect<
  TokenEndpoint,
  InvalidInputError,
  ClientCredentials | Environment | HttpClient.HttpClient | Scope.Scope
> = Effect.fnUntraced(function*(options: Options = {}) {
  const limits = yield* validate(options)
  const { tokenUrl } = yield* Environment
  const current = checked((yield* ClientCredentials).current)
  const roundTrip = yield* RoundTrip.make
  const endpoint = yield* RequestToken.make(tokenUrl, limits, serverOf(tokenUrl))

  /** Those that were sent last: a server may quote an old one in its response to a new one (E8). */
  let secrets: ReadonlyArray<ClientSecret> = []
  const remember = (secret: ClientSecret) => {
    if (!Equal.equals(secrets[0], secret)) secrets = Arr.take(Arr.dedupe([secret, ...secrets]), 4)
  }

  /** The pipeline: request, response, token. */
  const requestOnce = Effect.fnUntraced(function*(
    { clientId, clientSecret }: Credentials,
    target: RoundTrip.Target
  ) {
    remember(clientSecret)
    const request = toHttpClientRequest(
      { client_id: clientId, client_secret: clientSecret, grant_type: "client_credentials", scope: target.requested },
      tokenUrl
    )
    const response = yield* roundTrip(request, target)
    const grant = yield* parseTokenResponse(response, { ...target, secrets })
    return yield* toAccessToken(grant, response, target)
  })

  /** If the server refuses credentials that have changed meanwhile, the new ones are tried at once (S12). */
  const attempt = Effect.fnUntraced(function*(call: RequestToken.Call) {
    const send = (credentials: Credentials) =>
      call.attempt((attempts) => requestOnce(credentials, { tokenUrl, requested: call.scopes, attempts }))
    const used = yield* current
    return yield* Effect.catchIf(send(used), mayBeCredentials, (error) =>
      Effect.flatMap(
        Effect.mapError(current, () => error),
        (next) => isSame(used, next) ? Effect.fail(error) : send(next)
      ))
  })

  return endpoint(attempt)
})

/**
 * The endpoint as a Layer: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<TokenEndpoint, InvalidInputError, ClientCredentials | Environment | HttpClient.HttpClient> =>
  Layer.scoped(TokenEndpoint, make(options))

/**
 * The endpoint with options from the configuration; without an argument, all at their defaults. Whatever is missing or
 * wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: TiliaConfig.Input<Options> = {}
): Layer.Layer<TokenEndpoint, ConfigError, ClientCredentials | Environment | HttpClient.HttpClient> =>
  TiliaConfig.layer(options, layer)
