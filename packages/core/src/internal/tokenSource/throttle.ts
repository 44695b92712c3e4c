/*
 * How often a new token may be forced, by `refresh` or by `invalidate` (S9). Pure. All times are in milliseconds of the
 * monotonic clock.
 */

/** The last forced refresh, and the time after it in which no other one is made. */
export interface Throttle {
  readonly lastForcedAt: number
  readonly interval: number
  /** Whether the API has rejected the token of the last forced refresh within `interval`. */
  readonly wasRejected: boolean
}

/** The longest interval, unless the source's own `minRefreshInterval` is longer. */
const longest = 30_000

export const initial = (minInterval: number): Throttle => ({
  lastForcedAt: Number.NEGATIVE_INFINITY,
  interval: minInterval,
  wasRejected: false
})

/** Whether a forced refresh must wait. */
export const isClosed = ({ interval, lastForcedAt }: Throttle, now: number): boolean => now - lastForcedAt < interval

/** After a forced refresh. */
export const forced = (throttle: Throttle, now: number): Throttle => ({ ...throttle, lastForcedAt: now })

/**
 * After a rejection of the current token. Within the interval a rejection forces nothing, but is remembered: the next
 * interval is then twice as long.
 */
export const rejected = (throttle: Throttle, now: number, minInterval: number): Throttle =>
  isClosed(throttle, now)
    ? { ...throttle, wasRejected: true }
    : {
      lastForcedAt: now,
      interval: throttle.wasRejected ? Math.min(Math.max(longest, minInterval), 2 * throttle.interval) : minInterval,
      wasRejected: false
    }
