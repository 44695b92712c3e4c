/*
 * How long to leave the server alone after a failure, and how often a token may be forced. Pure; all times are in
 * milliseconds.
 */
import * as Duration from "effect/Duration"
import type { TokenError } from "../../TokenError.js"

/** The wait that the server asked for, if it did. */
export const askedToWait = (error: TokenError | undefined): number =>
  error !== undefined && "retryAfter" in error && error.retryAfter !== undefined
    ? Duration.toMillis(error.retryAfter)
    : 0

const doubled = (base: number, max: number, times: number): number => Math.min(max, base * 2 ** times)

/** S6: before the background tries again, with full jitter; `draw` is from 0 to 1. */
export const backOff = (failures: number, error: TokenError | undefined, draw: number): number =>
  Math.ceil(Math.max(askedToWait(error), draw * doubled(1_000, 30_000, failures)))

/** S7: before anyone may ask again. */
export const coolDown = (
  failures: number,
  error: TokenError | undefined,
  { base, max }: { readonly base: number; readonly max: number }
): number => Math.max(askedToWait(error), doubled(base, max, failures))

/** S9: when a new token was last forced, and how long no other one is. */
export interface Forced {
  readonly at: number
  readonly interval: number
  /** Whether the token that was forced then has been refused within the interval. */
  readonly refused: boolean
}

export const neverForced = (minInterval: number): Forced => ({
  at: Number.NEGATIVE_INFINITY,
  interval: minInterval,
  refused: false
})

export const isRecent = ({ at, interval }: Forced, now: number): boolean => now - at < interval

/** S9: what becomes of it when the current token is refused: within the interval the refusal is ignored, but remembered. */
export const refused = (forced: Forced, now: number, minInterval: number): Forced =>
  isRecent(forced, now)
    ? { ...forced, refused: true }
    : {
      at: now,
      interval: forced.refused ? doubled(forced.interval, Math.max(30_000, minInterval), 1) : minInterval,
      refused: false
    }
