/*
 * `requestToken` of an endpoint, around what one of its attempts does: time limits, retries, and the check of the
 * granted scopes.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { AccessToken } from "../../AccessToken.js"
import * as Instant from "../../Instant.js"
import * as Scopes from "../../Scopes.js"
import { requestSpan } from "../../Telemetry.js"
import { InvalidScopeError, type TokenError, TokenTimeoutError } from "../../TokenError.js"
import type { Limits, RequestOptions } from "./options.js"
import { policyOf, withRetries } from "./retry.js"
import type { Target } from "./roundTrip.js"
import * as TimeLimit from "./timeLimit.js"

/** One call of `requestToken`. */
export interface Call {
  readonly scopes: Scopes.Scopes
  readonly rejected: AccessToken | undefined
  /** Counts one more attempt, and returns how many have been made. */
  readonly nextAttempt: () => number
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
    : Effect.as(Effect.logWarning(`The server granted fewer scopes than requested; missing: ${list}`), token)
}

/** Runs a request in its span. A tracer that throws at the end of the span loses no result. */
const inSpan = <A, E>(request: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    let result: Exit.Exit<A, E> | undefined
    const kept = Effect.onExit(request, (exit) => Effect.sync(() => result = exit))
    // Not `Effect.fn`, whose stack traces cost as much as the rest of the span.
    return Effect.catchAllDefect(
      Effect.withSpan(kept, requestSpan, { captureStackTrace: false }),
      (defect) => result ?? Effect.die(defect)
    )
  })

/** When the scope closes, every call under way is interrupted. */
export const make = (
  tokenUrl: string,
  limits: Limits
): Effect.Effect<
  (attempt: (call: Call) => Effect.Effect<AccessToken, TokenError>) => RequestToken,
  never,
  Scope.Scope
> =>
  Effect.map(TimeLimit.make, (within) => (attempt) =>
    Effect.fnUntraced(
      function*(input, options) {
        const scopes = yield* Scopes.make(input)
        const policy = yield* policyOf(options?.retry ?? limits.policy)
        const deadline = (yield* Instant.monotonic) + Duration.toMillis(limits.budget)
        let attempts = 0
        const call = { scopes, rejected: options?.rejected, nextAttempt: () => ++attempts }
        const inTime = Effect.flatMap(Instant.monotonic, (now) =>
          within(attempt(call), {
            duration: Duration.min(limits.attempt, Duration.millis(Math.max(0, deadline - now))),
            onTimeout: () => new TokenTimeoutError({ tokenUrl, attempts }),
            isRepeatable: true
          }))
        const token = yield* withRetries(inTime, policy, deadline, within)
        return yield* checkScopes(token, limits.onNarrowedScope, { tokenUrl, requested: scopes, attempts })
      },
      inSpan
    ))
