/**
 * One token request: `POST /token`, its time-outs, its retries, its errors (E1–E9). Nothing is kept: each call asks the
 * server.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as AccessToken from "./AccessToken.js"
import { ClientCredentials, type Credentials } from "./ClientCredentials.js"
import { Environment } from "./Environment.js"
import * as Answer from "./internal/answer.js"
import * as Hands from "./internal/hands.js"
import { duration, validate } from "./internal/input.js"
import { interpret } from "./internal/interpret.js"
import { askedToWait } from "./internal/pacing.js"
import { withoutRedirects } from "./internal/redirects.js"
import * as TimeLimit from "./internal/timeLimit.js"
import { fromHttpClientError } from "./internal/transport.js"
import * as RetryPolicy from "./RetryPolicy.js"
import * as Scopes from "./Scopes.js"
import { requestSpan } from "./Telemetry.js"
import {
  type InvalidInputError,
  InvalidScopeError,
  isRetryable,
  type TokenError,
  TokenTimeoutError
} from "./TokenError.js"
import * as TokenRequest from "./TokenRequest.js"

/**
 * What one call may have of its own: a policy or its numbers, in place of the endpoint's.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestOptions {
  readonly retry?: RetryPolicy.RetryPolicy | RetryPolicy.Options | undefined
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
export interface Options extends RequestOptions {
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

const OnNarrowedScope = Schema.Literal("warn", "fail").annotations({ description: "\"warn\" or \"fail\"" })

/** In milliseconds, from a clock that no one sets: a budget survives a step of the wall clock. */
const monotonic = Effect.map(Effect.clock, (clock) => Hands.read(clock).monotonic)

/** E7: the policy's delays, none shorter than `Retry-After`, and none that would end after the deadline. */
const paced = (policy: RetryPolicy.RetryPolicy, deadline: number): RetryPolicy.RetryPolicy =>
  policy.pipe(
    Schedule.passthrough,
    Schedule.modifyDelay((error, delay) =>
      Duration.millis(Math.ceil(Math.max(Duration.toMillis(delay), askedToWait(error))))
    ),
    Schedule.delays,
    Schedule.checkEffect((_, delay) => Effect.map(monotonic, (now) => now + Duration.toMillis(delay) < deadline))
  )

/** Tries again as the schedule says. A first attempt that succeeds doesn't pay for making one (P3). */
const retrying = <A>(
  attempt: Effect.Effect<A, TokenError>,
  schedule: () => RetryPolicy.RetryPolicy
): Effect.Effect<A, TokenError> =>
  Effect.catchIf(attempt, isRetryable, (error) => {
    const made = [Effect.fail(error)]
    return Effect.retry(Effect.suspend(() => made.pop() ?? attempt), { schedule: schedule(), while: isRetryable })
  })

/** A client that made an error of a status still got an answer. */
const answered = (
  error: HttpClientError.HttpClientError
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
  const answer = Answer.behind(error)
  return answer === undefined ? Effect.fail(error) : Effect.succeed(answer)
}

/**
 * E6: an exchange that doesn't come to its end closes its socket, whether it stops before the answer, in it, or between
 * its headers and its body. One that does leaves nothing to close, and `Effect.scoped` would abort it in vain (P3).
 */
const closedOnFailure = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Scope.Scope>> =>
  Effect.flatMap(
    Scope.make(),
    (scope) => Effect.onError(Scope.extend(self, scope), (cause) => Scope.close(scope, Exit.failCause(cause)))
  )

/**
 * A token endpoint over the `HttpClient`, the `Environment` and the `ClientCredentials` in the context. An option that
 * is out of range is an `InvalidInputError`; nothing is sent yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*({
  attemptTimeout = "10 seconds",
  budget = "30 seconds",
  onNarrowedScope = "warn",
  retry = RetryPolicy.standard
}: Options = {}) {
  const limits = yield* Either.all({
    policy: RetryPolicy.from(retry),
    budget: duration("budget")(budget),
    attempt: duration("attemptTimeout")(attemptTimeout),
    onNarrowedScope: validate("onNarrowedScope", OnNarrowedScope)(onNarrowedScope)
  })
  const { tokenUrl } = yield* Environment
  const credentials = yield* ClientCredentials
  const fetchOptions = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
  const within = yield* TimeLimit.make
  const client = HttpClient.withScope(
    withoutRedirects(yield* HttpClient.HttpClient, Option.getOrElse(fetchOptions, () => ({})))
  )

  const exchange = (request: HttpClientRequest.HttpClientRequest) =>
    client.execute(request).pipe(
      Effect.catchAll(answered),
      Effect.flatMap(Answer.read),
      // E3, E8: no trace headers to a third party, and no span that would hold the headers of its answer.
      Effect.withTracerEnabled(false),
      closedOnFailure
    )

  const ask = Effect.fnUntraced(function*(
    { clientId, clientSecret }: Credentials,
    scopes: Scopes.Scopes,
    attempts: number
  ) {
    const clock = yield* Effect.clock
    const began = Hands.read(clock) // S5: not the moment of the answer
    const answer = yield* Effect.mapError(
      exchange(
        TokenRequest.toHttpClientRequest({ clientId, clientSecret, grantType: "client_credentials", scopes }, tokenUrl)
      ),
      (error) => fromHttpClientError(error, { tokenUrl, attempts })
    )
    const now = Hands.read(clock)
    const response = yield* interpret(answer, { tokenUrl, clientSecret, attempts, receivedAt: now.wall })
    const age = Hands.since(began, now)
    return age < response.expiresIn * 1000
      ? AccessToken.fromResponse(response, scopes, DateTime.unsafeMake(now.wall - age))
      : yield* new TokenTimeoutError({ tokenUrl, attempts }) // it is over already
  })

  /** S12: where credentials were refused that have changed meanwhile, the new ones are tried at once. */
  const attempt = Effect.fnUntraced(function*(scopes: Scopes.Scopes, count: () => number) {
    const used = yield* credentials.current
    return yield* Effect.catchTag(ask(used, scopes, count()), "InvalidClientError", (error) =>
      Effect.flatMap(
        Effect.mapError(credentials.current, () => error),
        (current) => isSame(used, current) ? Effect.fail(error) : ask(current, scopes, count())
      ))
  })

  const requestToken = Effect.fnUntraced(
    function*(input: Scopes.Input, options?: RequestOptions) {
      const scopes = yield* Scopes.make(input)
      const policy = yield* RetryPolicy.from(options?.retry ?? limits.policy)
      const deadline = (yield* monotonic) + Duration.toMillis(limits.budget)
      let attempts = 0
      const one = attempt(scopes, () => ++attempts)
      const inTime = Effect.flatMap(monotonic, (now) =>
        within(one, {
          duration: Duration.min(limits.attempt, Duration.millis(deadline - now)),
          onTimeout: () => new TokenTimeoutError({ tokenUrl, attempts })
        }))
      const token = yield* retrying(inTime, () => paced(policy, deadline))

      const missing = Scopes.missing(scopes, token.scopes) // E9
      if (missing.length > 0 && limits.onNarrowedScope === "fail") {
        return yield* new InvalidScopeError({
          status: 200,
          serverMessage: `not granted: ${missing.join(", ")}`,
          attempts
        })
      }
      if (missing.length > 0) {
        yield* Effect.logWarning(`The server granted fewer scopes than asked for; missing: ${missing.join(", ")}`)
      }
      return token
    },
    // Not `Effect.fn`: the stack traces that it takes cost as much as the rest of the span.
    Effect.withSpan(requestSpan, { captureStackTrace: false })
  )

  return TokenEndpoint.of({ requestToken })
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
