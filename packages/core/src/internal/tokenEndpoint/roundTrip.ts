/*
 * One request to a token endpoint and its whole response.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Instant from "../../Instant.js"
import type { Scopes } from "../../Scopes.js"
import { type InvalidInputError, type TokenTimeoutError, TokenTransportError } from "../../TokenError.js"
import { responseOf } from "../httpClientError.js"
import * as Redirects from "../redirects.js"
import * as RawResponse from "./rawResponse.js"
import { fromHttpClientError } from "./transportError.js"

/** What a request is for, as its errors tell it. */
export interface Target {
  readonly tokenUrl: string
  readonly requested: Scopes
  /** How many attempts have been made, this one included. */
  readonly attempts: number
}

export type RoundTrip = (
  request: HttpClientRequest.HttpClientRequest,
  target: Target
) => Effect.Effect<RawResponse.RawResponse, InvalidInputError | TokenTimeoutError | TokenTransportError>

/** A client that made an error of a status has a response all the same. */
const orResponse = (
  error: HttpClientError.HttpClientError
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
  const response = responseOf(error)
  return response === undefined ? Effect.fail(error) : Effect.succeed(response)
}

/** Round trips over the `HttpClient` in the context. */
export const make: Effect.Effect<RoundTrip, never, HttpClient.HttpClient> = Effect.gen(function*() {
  const fetchOptions = Option.getOrUndefined(yield* Effect.serviceOption(FetchHttpClient.RequestInit))
  const client = HttpClient.withScope(yield* HttpClient.HttpClient)

  /**
   * A request that does not come to its end closes its socket, whether it stops before the response, in its headers or
   * in its body (E6). One that does leaves nothing to close: `Effect.scoped` would abort it in vain (P3).
   */
  const send = (request: HttpClientRequest.HttpClientRequest, sentAt: Instant.Instant) =>
    Effect.flatMap(Scope.make(), (scope) =>
      client.execute(request).pipe(
        Effect.catchAll(orResponse),
        Effect.flatMap((response) => RawResponse.read(response, sentAt)),
        // No trace headers go to a third party (E3), and no span holds the headers of the response (E8).
        Effect.withTracerEnabled(false),
        // One change of the context for two things, since each costs some microseconds (P3).
        Effect.mapInputContext((context: Context.Context<never>) =>
          Context.add(Redirects.refused(context, fetchOptions), Scope.Scope, scope)
        ),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      ))

  /** A client that interrupts itself, as one that is being closed may, has failed; its caller goes on (S7). */
  return (request, target) =>
    Effect.flatMap(
      Instant.now,
      (sentAt) =>
        Effect.mapErrorCause(send(request, sentAt), (cause) =>
          Cause.isInterruptedOnly(cause)
            ? Cause.fail(
              new TokenTransportError({ reason: "Other", tokenUrl: target.tokenUrl, attempts: target.attempts })
            )
            : Cause.map(cause, (error) => fromHttpClientError(error, target)))
    )
})
