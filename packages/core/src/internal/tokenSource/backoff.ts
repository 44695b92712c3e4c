/*
 * How long the server is left alone after a failure. Pure. All times are in milliseconds, and `draw` is a random number
 * from 0 to 1.
 */
import { isRetryable, type TokenError } from "../../TokenError.js"
import { requestedWait } from "../retryAfter.js"

export interface Policy {
  readonly coolDown: {
    readonly base: number
    /** The longest after an error that may pass by itself, and the longest after any other one. */
    readonly max: number
    readonly maxNotRetryable: number
  }
  /** How much of a `Retry-After` is obeyed (E7). */
  readonly maxRetryAfter: number
}

const doubled = (base: number, max: number, times: number): number => Math.min(max, base * 2 ** times)

const obeyedWait = ({ maxRetryAfter }: Policy, error: TokenError | undefined): number =>
  Math.min(maxRetryAfter, requestedWait(error))

/** Until the next background refresh, with full jitter (S6). */
export const beforeRetry = (policy: Policy, failures: number, error: TokenError | undefined, draw: number): number =>
  Math.ceil(Math.max(obeyedWait(policy, error), draw * doubled(1_000, 30_000, failures)))

/** Until a caller without a token causes the next request, drawn by a fifth to either side (S7). */
export const coolDown = (policy: Policy, failures: number, error: TokenError | undefined, draw: number): number => {
  const { base, max, maxNotRetryable } = policy.coolDown
  const wait = doubled(base, error !== undefined && isRetryable(error) ? max : maxNotRetryable, failures)
  return Math.max(obeyedWait(policy, error), Math.round(wait * (0.8 + 0.4 * draw)))
}

/** The longest time that a failure of another source may hold this one back: as long as one of its own (T8). */
export const longest = (policy: Policy, error: TokenError): number => {
  const { max, maxNotRetryable } = policy.coolDown
  return Math.max(obeyedWait(policy, error), 1.2 * (isRetryable(error) ? max : maxNotRetryable))
}
