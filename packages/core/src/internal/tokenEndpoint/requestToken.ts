/*
 * `requestToken` of an endpoint, around what one of its attempts does: time limits, retries, and the check of the
 * granted scopes.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type { AccessToken } from "../../AccessToken.js"
import * as Instant from "../../Instant.js"
import * as Scopes from "../../Scopes.js"
import type * as Telemetry from "../../Telemetry.js"
import { requestSpan } from "../../Telemetry.js"
import { InvalidScopeError, type TokenError, TokenTimeoutError } from "../../TokenError.js"
import * as Labels from "../labels.js"
import * as Telling from "../telling.js"
import * as Attempts from "./attempts.js"
import type { Limits, RequestOptions } from "./options.js"
import { policyOf, withRetries } from "./retry.js"
import type { Target } from "./roundTrip.js"
import type { Server } from "./server.js"
import * as TimeLimit from "./timeLimit.js"

/** One call of `requestToken`. */
export interface Call {
  readonly scopes: Scopes.Scopes
  readonly rejected: AccessToken | undefined
  /** Runs one attempt, which is told how many have begun, itself included. */
  readonly attempt: Attempts.Attempts["run"]
}

export type RequestToken = (
  scopes: Scopes.Input,
  options?: RequestOptions
) => Effect.Effect<AccessToken, TokenError>

/** The token, or what an endpoint makes of one with fewer scopes than were requested (E9). */
const checkScopes = (
  token: AccessToken,
  onNarrowedScope: Limits["onNarrowedScope"],
  target: Target
): Effect.Effect<AccessToken, InvalidScopeError> => {
  const missing = Scopes.missing(target.requested, token.scopes)
  if (missing.length === 0) return Effect.succeed(token)
  const list = missing.join(", ")
  return onNarrowedScope === "fail"
    ? Effect.fail(new InvalidScopeError({ ...target, status: 200, serverMessage: `not granted: ${list}` }))
    : Effect.as(
      Telling.quiet(Effect.logWarning(`The server granted fewer scopes than requested; missing: ${list}`)),
      token
    )
}

/** When the scope closes, every call under way is interrupted. */
export const make = (
  tokenUrl: string,
  limits: Limits,
  { attributes, environment }: Server
): Effect.Effect<
  (attempt: (call: Call) => Effect.Effect<AccessToken, TokenError>) => {
    readonly labels: Telemetry.Labels
    readonly requestToken: RequestToken
  },
  never,
  Scope.Scope
> =>
  Effect.gen(function*() {
    const within = yield* TimeLimit.make
    const labels = { environment, ...limits.name !== undefined && { client: limits.name } }
    const tags = yield* Labels.tags(labels)
    const attributesAtStart = { ...attributes, ...Labels.attributesOf(labels) }

    const requestIn = Effect.fnUntraced(function*(
      span: Tracer.Span,
      attempt: (call: Call) => Effect.Effect<AccessToken, TokenError>,
      input: Scopes.Input,
      options: RequestOptions | undefined
    ) {
      const scopes = yield* Scopes.make(input)
      const policy = yield* policyOf(options?.retry ?? limits.policy)
      const clock = yield* Effect.clock
      const deadline = Instant.unsafeNow(clock).monotonic + Duration.toMillis(limits.budget)
      const key = { scopes: Scopes.key(scopes) }
      const attempts = Attempts.make(clock, span, (outcome) => tags({ ...key, outcome }))
      const timeout = () => {
        const error = new TokenTimeoutError({ tokenUrl, attempts: attempts.count() })
        attempts.end({ "error.type": error._tag })
        return error
      }
      const inTime = Effect.flatMap(Instant.monotonic, (now) =>
        within(attempt({ scopes, rejected: options?.rejected, attempt: attempts.run }), {
          duration: Duration.min(limits.attempt, Duration.millis(Math.max(0, deadline - now))),
          onTimeout: timeout,
          isRepeatable: true
        }))
      const request = Effect.flatMap(withRetries(inTime, policy, deadline, within), (token) =>
        checkScopes(token, limits.onNarrowedScope, { tokenUrl, requested: scopes, attempts: attempts.count() }))
      return yield* Effect.onExit(request, (exit) =>
        Effect.sync(() =>
          Telling.annotate(span, {
            ...Labels.attributesOf(key),
            "tilia.attempts": attempts.count(),
            ...Attempts.outcomeOf(exit)
          })
        ))
    })

    return (attempt) => ({
      labels,
      requestToken: (input, options) =>
        Telling.inSpan(requestSpan, {}, (span) => {
          Telling.annotate(span, attributesAtStart)
          return requestIn(span, attempt, input, options)
        })
    })
  })
