/*
 * How long the server is left alone after a failure. Pure. All times are in milliseconds.
 */
import type { TokenError } from "../../TokenError.js"
import { requestedWait } from "../retryAfter.js"

const doubled = (base: number, max: number, times: number): number => Math.min(max, base * 2 ** times)

/** Until the next background refresh, with full jitter (S6). `draw` is a random number from 0 to 1. */
export const beforeRetry = (failures: number, error: TokenError | undefined, draw: number): number =>
  Math.ceil(Math.max(requestedWait(error), draw * doubled(1_000, 30_000, failures)))

/** Until a caller without a token causes the next request (S7). */
export const coolDown = (
  failures: number,
  error: TokenError | undefined,
  { base, max }: { readonly base: number; readonly max: number }
): number => Math.max(requestedWait(error), doubled(base, max, failures))
