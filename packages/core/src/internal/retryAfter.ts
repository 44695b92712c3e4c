/*
 * `Retry-After`: how long a server asks to be left alone (RFC 9110 §10.2.3). Pure.
 */
import * as Duration from "effect/Duration"
import type { TokenError } from "../TokenError.js"

const time = String.raw`\d{2}:\d{2}:\d{2}`
const date = new RegExp(String.raw`^[A-Z][a-z]{2,8}, \d{2}[- ][A-Z][a-z]{2}[- ]\d{2,4} ${time} GMT$`)

/** The form of C's `asctime`, which a recipient must accept (RFC 9110 §5.6.7). It names no time zone: it is GMT. */
const asctime = new RegExp(String.raw`^([A-Z][a-z]{2}) ([A-Z][a-z]{2}) ([ \d]\d) (${time}) (\d{4})$`)

/** A comma separates repeated headers, and also follows the name of the day inside a date. */
const separator = /,(?! \d{2}[- ][A-Z])/

/** No server means a longer wait than this, and no timer holds one. */
const longest = Duration.days(365)

const parseOne = (value: string, now: number): Duration.Duration | undefined => {
  if (/^\d+$/.test(value)) return Duration.seconds(Number(value))
  const gmt = value.replace(
    asctime,
    (_, day, month, date, time, year) => `${day}, ${date.replace(" ", "0")} ${month} ${year} ${time} GMT`
  )
  const at = date.test(gmt) ? Date.parse(gmt) : Number.NaN
  return Number.isNaN(at) ? undefined : Duration.millis(Math.max(0, at - now))
}

/**
 * The wait that a header asks for, in seconds or by a date; the longest one if a proxy has added its own. A date that
 * has passed means "at once", and anything else than a number or a date means nothing. `now` is in milliseconds since
 * 1970.
 */
export const parse = (header: string, now: number): Duration.Duration | undefined => {
  const waits = header.split(separator).map((value) => parseOne(value.trim(), now)).filter((wait) => wait !== undefined)
  return waits.length === 0 ? undefined : Duration.min(longest, waits.reduce(Duration.max))
}

/** The wait in milliseconds that the server of this error asked for, or 0. */
export const requestedWait = (error: TokenError | undefined): number =>
  error !== undefined && "retryAfter" in error && error.retryAfter !== undefined
    ? Duration.toMillis(error.retryAfter)
    : 0
