/*
 * What every token endpoint does, whomever it asks and however: one exchange over HTTP, tried again within a budget.
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
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as AccessToken from "../../AccessToken.js"
import * as RetryPolicy from "../../RetryPolicy.js"
import * as Scopes from "../../Scopes.js"
import { requestSpan } from "../../Telemetry.js"
import type { Options, RequestOptions, TokenEndpoint } from "../../TokenEndpoint.js"
import {
  type InvalidInputError,
  InvalidScopeError,
  isRetryable,
  type TokenError,
  TokenTimeoutError
} from "../../TokenError.js"
import type { TokenResponse } from "../../TokenResponse.js"
import * as Answer from "./rawResponse.js"
import * as Hands from "../../Instant.js"
import { duration, validate } from "../input.js"
import { askedToWait } from "../tokenSource/backoff.js"
import * as Redirects from "../redirects.js"
import * as TimeLimit from "./timeLimit.js"
import { fromHttpClientError } from "./transportError.js"

/** An endpoint's options, validated. */
export interface Limits {
  readonly policy: RetryPolicy.RetryPolicy
  readonly budget: Duration.Duration
  readonly attempt: Duration.Duration
  readonly onNarrowedScope: "warn" | "fail"
}

const OnNarrowedScope = Schema.Literal("warn", "fail").annotations({ description: "\"warn\" or \"fail\"" })

export const limits = ({
  attemptTimeout = "10 seconds",
  budget = "30 seconds",
  onNarrowedScope = "warn",
  retry = RetryPolicy.standard
}: Options): Either.Either<Limits, InvalidInputError> =>
  Either.all({
    policy: RetryPolicy.from(retry),
    budget: duration("budget")(budget),
    attempt: duration("attemptTimeout")(attemptTimeout),
    onNarrowedScope: validate("onNarrowedScope", OnNarrowedScope)(onNarrowedScope)
  })

/** A client that made an error of a status still got an answer. */
const answered = (
  error: HttpClientError.HttpClientError
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
  const answer = Answer.behind(error)
  return answer === undefined ? Effect.fail(error) : Effect.succeed(answer)
}

/** What is asked, and what the answer means; `receivedAt` is in milliseconds since 1970. */
export interface Question {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly scopes: Scopes.Scopes
  readonly attempts: number
  readonly interpret: (answer: Answer.Answer, receivedAt: number) => Either.Either<TokenResponse, TokenError>
}

export interface Exchange {
  /** One exchange that should end in a token. */
  readonly ask: (question: Question) => Effect.Effect<AccessToken.AccessToken, TokenError>
  /** `requestToken` of an endpoint that is told how one attempt is made. `count` is called once for each exchange. */
  readonly requesting: (
    attempt: (
      scopes: Scopes.Scopes,
      count: () => number,
      held: AccessToken.AccessToken | undefined
    ) => Effect.Effect<AccessToken.AccessToken, TokenError>
  ) => TokenEndpoint["Type"]["requestToken"]
}

/** E7: the policy's delays, none shorter than `Retry-After`, and none that would end after the deadline. */
const paced = (policy: RetryPolicy.RetryPolicy, deadline: number): RetryPolicy.RetryPolicy =>
  policy.pipe(
    Schedule.passthrough,
    Schedule.modifyDelay((error, delay) =>
      Duration.millis(Math.ceil(Math.max(Duration.toMillis(delay), askedToWait(error))))
    ),
    Schedule.delays,
    Schedule.checkEffect((_, delay) => Effect.map(Hands.monotonic, (now) => now + Duration.toMillis(delay) < deadline))
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

/** Exchanges with this URL, over the client in the context. With the scope's end every request is interrupted. */
export const make = Effect.fnUntraced(function*(tokenUrl: string, limits: Limits) {
  const within = yield* TimeLimit.make
  const fetchOptions = Option.getOrUndefined(yield* Effect.serviceOption(FetchHttpClient.RequestInit))
  const client = HttpClient.withScope(yield* HttpClient.HttpClient)

  /**
   * E6: one that doesn't come to its end closes its socket, whether it stops before the answer, in it, or between its headers
   * and its body. One that does leaves nothing to close, and `Effect.scoped` would abort it in vain (P3).
   */
  const exchange = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.flatMap(Scope.make(), (scope) =>
      client.execute(request).pipe(
        Effect.catchAll(answered),
        Effect.flatMap(Answer.read),
        // E3, E8: no trace headers to a third party, and no span that would hold the headers of its answer.
        Effect.withTracerEnabled(false),
        // One change of the context for two things, since each costs some microseconds (P3).
        Effect.mapInputContext((context: Context.Context<never>) =>
          Context.add(Redirects.refused(context, fetchOptions), Scope.Scope, scope)
        ),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      ))

  const ask = Effect.fnUntraced(function*({ attempts, interpret, request, scopes }: Question) {
    const clock = yield* Effect.clock
    const began = Hands.read(clock) // S5: not the moment of the answer
    const answer = yield* Effect.mapError(
      exchange(request),
      (error) => fromHttpClientError(error, { tokenUrl, attempts })
    )
    const now = Hands.read(clock)
    const response = yield* interpret(answer, now.wall)
    const age = Hands.since(began, now)
    return age < response.expires_in * 1000
      ? AccessToken.fromResponse(response, scopes, DateTime.unsafeMake(now.wall - age))
      : yield* new TokenTimeoutError({ tokenUrl, attempts }) // it is over already
  })

  const requesting: Exchange["requesting"] = (attempt) =>
    Effect.fnUntraced(
      function*(input: Scopes.Input, options?: RequestOptions) {
        const scopes = yield* Scopes.make(input)
        const policy = yield* RetryPolicy.from(options?.retry ?? limits.policy)
        const deadline = (yield* Hands.monotonic) + Duration.toMillis(limits.budget)
        let attempts = 0
        const one = attempt(scopes, () => ++attempts, options?.held)
        const inTime = Effect.flatMap(Hands.monotonic, (now) =>
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

  return { ask, requesting } satisfies Exchange
})
