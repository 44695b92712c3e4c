/**
 * One token request: `POST /token`, its time-outs, its retries, its errors (E1–E9). Nothing is kept: each call asks the
 * server.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import type * as AccessToken from "./AccessToken.js"
import { ClientCredentials, type Credentials } from "./ClientCredentials.js"
import { Environment } from "./Environment.js"
import * as Exchange from "./internal/tokenEndpoint/roundTrip.js"
import { interpret } from "./internal/tokenEndpoint/parseTokenResponse.js"
import type * as RetryPolicy from "./RetryPolicy.js"
import type * as Scopes from "./Scopes.js"
import type { InvalidInputError, TokenError } from "./TokenError.js"
import * as TokenRequest from "./TokenRequest.js"

/**
 * How often a token is asked for: a policy or its numbers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Retry {
  readonly retry?: RetryPolicy.RetryPolicy | RetryPolicy.Options | undefined
}

/**
 * What one call may have of its own.
 *
 * - `retry`: in place of the endpoint's.
 * - `held`: a token that won't do any more, whoever asked for that. An endpoint that hands out a token more than once
 *   (`TokenMediator`) gives another one.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestOptions extends Retry {
  readonly held?: AccessToken.AccessToken | undefined
}

/**
 * How a token is asked for.
 *
 * - `retry`: a policy or its numbers (`RetryPolicy.standard`).
 * - `budget`: the time for all attempts and the waits between them (30 seconds).
 * - `attemptTimeout`: the time for one attempt, from reading the credentials to the body's last byte (10 seconds).
 * - `onNarrowedScope`: what fewer scopes than asked for are, a warning in the log or an `InvalidScopeError` (`"warn"`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Retry {
  readonly budget?: Duration.DurationInput | undefined
  readonly attemptTimeout?: Duration.DurationInput | undefined
  readonly onNarrowedScope?: "warn" | "fail" | undefined
}

/**
 * The authorization server's token endpoint.
 *
 * @since 0.1.0
 * @category tags
 */
export class TokenEndpoint extends Context.Tag("@effect-tilia/core/TokenEndpoint")<TokenEndpoint, {
  /**
   * Asks for a token with these scopes, and tries again as the policy says while the error is retryable (E7). Callers
   * share nothing: N calls are N requests. Interruption closes the socket.
   */
  readonly requestToken: (
    scopes: Scopes.Input,
    options?: RequestOptions
  ) => Effect.Effect<AccessToken.AccessToken, TokenError>
}>() {}

const isSame = (one: Credentials, other: Credentials): boolean =>
  one.clientId === other.clientId && Equal.equals(one.clientSecret, other.clientSecret)

/**
 * A token endpoint over the `HttpClient`, the `Environment` and the `ClientCredentials` in the context. An option that
 * is out of range is an `InvalidInputError`; nothing is sent yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  const limits = yield* Exchange.limits(options)
  const { tokenUrl } = yield* Environment
  const credentials = yield* ClientCredentials
  const { ask, requesting } = yield* Exchange.make(tokenUrl, limits)

  const askAs = ({ clientId, clientSecret }: Credentials, scopes: Scopes.Scopes, attempts: number) =>
    ask({
      request: TokenRequest.toHttpClientRequest(
        { client_id: clientId, client_secret: clientSecret, grant_type: "client_credentials", scope: scopes },
        tokenUrl
      ),
      scopes,
      attempts,
      interpret: (answer, receivedAt) => interpret(answer, { tokenUrl, clientSecret, attempts, receivedAt })
    })

  /** S12: where credentials were refused that have changed meanwhile, the new ones are tried at once. */
  const attempt = Effect.fnUntraced(function*(scopes: Scopes.Scopes, count: () => number) {
    const used = yield* credentials.current
    return yield* Effect.catchTag(askAs(used, scopes, count()), "InvalidClientError", (error) =>
      Effect.flatMap(
        Effect.mapError(credentials.current, () => error),
        (current) => isSame(used, current) ? Effect.fail(error) : askAs(current, scopes, count())
      ))
  })

  return TokenEndpoint.of({ requestToken: requesting(attempt) })
})

/**
 * The same as a Layer. Fails with `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<TokenEndpoint, InvalidInputError, ClientCredentials | Environment | HttpClient.HttpClient> =>
  Layer.scoped(TokenEndpoint, make(options))
