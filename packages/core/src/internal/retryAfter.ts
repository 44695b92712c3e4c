import * as Duration from "effect/Duration"

const day = String.raw`[A-Z][a-z]{2,8}, \d{2}[- ][A-Z][a-z]{2}[- ]\d{2,4} \d{2}:\d{2}:\d{2} GMT`
const date = new RegExp(`^${day}$`)

/** Commas separate repeated headers, and stand inside a date after the day's name. */
const separator = /,(?! \d{2}[- ][A-Z])/

/** Longer waits than a day are as good as one: no budget holds them, and no timer should. */
const longest = Duration.days(1)

const one = (now: number) => (value: string): Duration.Duration | undefined => {
  if (/^\d+$/.test(value)) return Duration.seconds(Number(value))
  const at = date.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? undefined : Duration.millis(at - now)
}

/**
 * `Retry-After` (RFC 9110 §10.2.3): seconds or a date, and the longer one where a proxy added its own. What is neither
 * says nothing; a date that has passed says "at once". At most a day. `now` is in milliseconds since 1970.
 */
export const retryAfter = (header: string, now: number): Duration.Duration | undefined => {
  const waits = header.split(separator).map((value) => one(now)(value.trim())).filter((wait) => wait !== undefined)
  return waits.length === 0 ? undefined : Duration.min(longest, waits.reduce(Duration.max))
}
