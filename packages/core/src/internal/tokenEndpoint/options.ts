/*
 * The options of a token endpoint and their validation.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as AccessToken from "../../AccessToken.js"
import * as RetryPolicy from "../../RetryPolicy.js"
import { duration, validate as setting } from "../input.js"
import { Name } from "../labels.js"
import { policyOf } from "./retry.js"

/**
 * How an endpoint requests a token. A value that is out of range is an `InvalidInputError` that names the option;
 * nothing is sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * What the metrics, spans and log lines of this client are labelled with, as `client`, so that an operator can tell
   * it from other clients: 1 to 64 letters, digits and `._:@/-`. Everybody can read it, and each name is a time series
   * of its own, so it is neither a secret nor made anew at each start.
   *
   * @default undefined, and there is no such label
   */
  readonly name?: string | undefined
  /**
   * How often a failed request is made again, and after which delays: a `RetryPolicy`, or the numbers of one. Only
   * errors that are `retryable` are retried.
   *
   * @default RetryPolicy.standard, 4 attempts with delays of up to 200 ms, 400 ms and 800 ms
   */
  readonly retry?: RetryPolicy.RetryPolicy | RetryPolicy.Options | undefined
  /**
   * The time for all attempts together, with the waits between them. A wait that would not end within it is not begun:
   * the last error is returned at once.
   *
   * @default "30 seconds"
   */
  readonly budget?: Duration.DurationInput | undefined
  /**
   * The time for one attempt, from reading the credentials to the last byte of the body. After it the attempt fails
   * with a `TokenTimeoutError`.
   *
   * @default "10 seconds"
   */
  readonly attemptTimeout?: Duration.DurationInput | undefined
  /**
   * What happens if the server grants fewer scopes than were requested: `"warn"` logs a warning and returns the token,
   * `"fail"` fails with an `InvalidScopeError`.
   *
   * @default "warn"
   */
  readonly onNarrowedScope?: "warn" | "fail" | undefined
}

/**
 * The options of a single call of `requestToken`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestOptions {
  /**
   * A policy for this call, or the numbers of one.
   *
   * @default the endpoint's `retry`
   */
  readonly retry?: RetryPolicy.RetryPolicy | RetryPolicy.Options | undefined
  /**
   * A token that the API has rejected. An endpoint that may return the same token twice, as `TokenMediator` does, must
   * return a different one.
   *
   * @default undefined
   */
  readonly rejected?: AccessToken.AccessToken | undefined
}

/** The validated options. */
export interface Limits {
  readonly name: string | undefined
  readonly policy: RetryPolicy.RetryPolicy
  readonly budget: Duration.Duration
  readonly attempt: Duration.Duration
  readonly onNarrowedScope: "warn" | "fail"
}

const OnNarrowedScope = Schema.Literal("warn", "fail").annotations({ description: "\"warn\" or \"fail\"" })

/** The options with their defaults (E2). */
export const validate = Effect.fnUntraced(function*({
  attemptTimeout = "10 seconds",
  budget = "30 seconds",
  name,
  onNarrowedScope = "warn",
  retry = RetryPolicy.standard
}: Options) {
  const limits: Limits = {
    name: name === undefined ? undefined : yield* setting("name", Name)(name),
    policy: yield* policyOf(retry),
    budget: yield* duration("budget")(budget),
    attempt: yield* duration("attemptTimeout")(attemptTimeout),
    onNarrowedScope: yield* setting("onNarrowedScope", OnNarrowedScope)(onNarrowedScope)
  }
  return limits
})
