/*
 * How often a new token may be forced, by `refresh` or by `invalidate` (S9). Pure. All times are in milliseconds of the
 * monotonic clock.
 */

/** The last forced refresh, and the time after it in which no other one is made. */
export interface Throttle {
  readonly lastForcedAt: number
  readonly interval: number
  /** When the API has rejected the token of the last forced refresh within `interval`, if it has. */
  readonly lastRejectedAt: number
}

/** The longest interval, unless the source's own `minRefreshInterval` is longer. */
const longest = 30_000

export const initial = (minInterval: number): Throttle => ({
  lastForcedAt: Number.NEGATIVE_INFINITY,
  interval: minInterval,
  lastRejectedAt: Number.NEGATIVE_INFINITY
})

/** Whether a forced refresh must wait. */
export const isClosed = ({ interval, lastForcedAt }: Throttle, now: number): boolean => now - lastForcedAt < interval

/** After a forced refresh. */
export const forced = (throttle: Throttle, now: number): Throttle => ({ ...throttle, lastForcedAt: now })

/**
 * After a rejection of the current token. Within the interval a rejection forces nothing, but is remembered for a
 * minute: the next interval is then twice as long.
 */
export const rejected = (throttle: Throttle, now: number, minInterval: number): Throttle => {
  if (isClosed(throttle, now)) return { ...throttle, lastRejectedAt: now }
  const most = Math.max(longest, minInterval)
  const isRemembered = now - throttle.lastRejectedAt < 2 * most
  const interval = isRemembered ? Math.min(most, 2 * throttle.interval) : minInterval
  return { lastForcedAt: now, interval, lastRejectedAt: Number.NEGATIVE_INFINITY }
}
