/*
 * How often pages may have a token replaced by naming it as rejected (M7). A page may say so of a token that works, and
 * all pages share the token: so the source's own throttle (S9), which trusts its callers, is not enough. Pure. All
 * times are in milliseconds of the monotonic clock.
 */

/** When pages were last believed, and the time after it in which they are not. */
export interface Rejections {
  readonly lastAt: number
  readonly interval: number
}

const shortest = 1000
const longest = 30_000

/** For how long a rejection is remembered: as long as the source remembers one (S9). */
const memory = 2 * longest

export const none: Rejections = { lastAt: Number.NEGATIVE_INFINITY, interval: 0 }

/** What follows if a page is believed now; `undefined` if it is not, because another one was a short time ago. */
export const believe = ({ interval, lastAt }: Rejections, now: number): Rejections | undefined => {
  const since = now - lastAt
  if (since < interval) return undefined
  return { lastAt: now, interval: since < memory ? Math.min(longest, 2 * interval) : shortest }
}
