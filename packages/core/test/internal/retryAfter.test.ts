import { TokenError } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import { parse, requestedWait } from "../../src/internal/retryAfter.js"
import { within } from "../support/within.js"

const now = Date.parse("2026-11-06T08:49:00.000Z")
const day = 86_400

/** In seconds. */
const wait = (header: string): number | undefined => {
  const time = parse(header, now)
  return time === undefined ? undefined : Duration.toSeconds(time)
}

describe("Retry-After (RFC 9110 §10.2.3)", () => {
  it.each([
    ["seconds", "120", 120],
    ["zero seconds", "0", 0],
    ["leading zeros", "007", 7],
    ["white space around it", " \t120 ", 120],
    ["a day", `${day}`, day],
    ["more than a day", `${day + 1}`, day + 1],
    ["ten years", "315360000", 365 * day],
    ["more than a number holds", "9".repeat(400), 365 * day],
    ["a date", "Fri, 06 Nov 2026 08:49:37 GMT", 37],
    ["a date of RFC 850", "Friday, 06-Nov-26 08:49:37 GMT", 37],
    ["a date of asctime", "Fri Nov  6 08:49:37 2026", 37],
    ["a date of asctime with two digits", "Thu Nov 12 08:49:37 2026", 6 * day + 37],
    ["the current second", "Fri, 06 Nov 2026 08:49:00 GMT", 0],
    ["a date that has passed", "Fri, 06 Nov 2026 08:48:59 GMT", 0],
    ["a date long ago", "Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["a date in ten years", "Fri, 06 Nov 2036 08:49:37 GMT", 365 * day]
  ])("a Retry-After with %s, %j, means %d s (row 36)", (_, header, seconds) => {
    expect(wait(header)).toBe(seconds)
  })

  it.each([
    ["two times", "5, 120", 120],
    ["two times in another order", "120,5", 120],
    ["three times", "1, 3, 2", 3],
    ["a time and a date", "5, Fri, 06 Nov 2026 08:49:37 GMT", 37],
    ["a date and a time", "Fri, 06 Nov 2026 08:49:37 GMT, 120", 120],
    ["two dates", "Fri, 06 Nov 2026 08:49:37 GMT, Fri, 06 Nov 2026 08:49:38 GMT", 38],
    ["two dates of RFC 850", "Friday, 06-Nov-26 08:49:37 GMT,Friday, 06-Nov-26 08:49:38 GMT", 38],
    ["a time and a date of asctime", "5, Fri Nov  6 08:49:37 2026", 37],
    ["a time beside garbage", "soon, 5", 5],
    ["a time beside a negative one", "-7, 5", 5],
    ["a time beside nothing", "5,", 5]
  ])("a Retry-After with %s, %j, means the longest wait of %d s (row 36)", (_, header, seconds) => {
    expect(wait(header)).toBe(seconds)
  })

  it.each([
    ["no characters", ""],
    ["white space", "  "],
    ["a comma", ","],
    ["garbage", "soon"],
    ["a negative number", "-5"],
    ["a sign", "+5"],
    ["a fraction", "1.5"],
    ["an exponent", "1e3"],
    ["a hexadecimal number", "0x10"],
    ["a unit", "5s"],
    ["digits beyond ASCII", "٥"],
    ["an ISO date", "2026-11-06T08:49:37Z"],
    ["a date in another zone", "Fri, 06 Nov 2026 08:49:37 CET"],
    ["a date without a day", "06 Nov 2026 08:49:37 GMT"],
    ["a date that no calendar has", "Fri, 99 Nov 2026 08:49:37 GMT"],
    ["a month that no calendar has", "Fri, 06 Nop 2026 08:49:37 GMT"],
    ["a time that no clock has", "Fri, 06 Nov 2026 28:49:37 GMT"]
  ])("a Retry-After with %s, %j, says nothing (row 36)", (_, header) => {
    expect(wait(header)).toBeUndefined()
  })

  it.prop("a Retry-After says nothing, or a time from zero to a day (row 36)", [FastCheck.string()], ([header]) => {
    const seconds = wait(header)
    expect(seconds === undefined || (seconds >= 0 && seconds <= day)).toBe(true)
  })

  it.each([",", " ", "1,", "9", " ,", "Fri, "])(
    "a Retry-After of 64 KiB of %j is read within a second (row 36)",
    (piece) => {
      within(1000, () => wait(`x${piece.repeat(65_536 / piece.length)}x`))
    }
  )
})

const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })
const limited = (retryAfter: Duration.Duration) =>
  new TokenError.RateLimitedError({ status: 429, attempts: 1, retryAfter })

describe("Wait that a server asks for", () => {
  it.each<[string, TokenError.TokenError | undefined, number]>([
    ["an error that names a wait", limited(Duration.seconds(90)), 90_000],
    ["an error that names a wait of zero", limited(Duration.zero), 0],
    ["an error that names no wait", unavailable, 0],
    ["a request without an error", undefined, 0],
    ["an error that can't name a wait", new TokenError.InvalidClientError({ status: 401, attempts: 1 }), 0]
  ])("requestedWait reads the wait of %s", (_, error, wait) => {
    expect(requestedWait(error)).toBe(wait)
  })
})
