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

describe("Retry-After (row 36, RFC 9110 §10.2.3)", () => {
  it.each([
    ["seconds", "120", 120],
    ["no seconds", "0", 0],
    ["leading zeros", "007", 7],
    ["white space around", " \t120 ", 120],
    ["a day", `${day}`, day],
    ["more than a day, as a day", `${day + 1}`, day],
    ["a year, as a day", "31536000", day],
    ["more than a number holds, as a day", "9".repeat(400), day],
    ["a date", "Fri, 06 Nov 2026 08:49:37 GMT", 37],
    ["a date of RFC 850", "Friday, 06-Nov-26 08:49:37 GMT", 37],
    ["this very second", "Fri, 06 Nov 2026 08:49:00 GMT", 0],
    ["a date that has passed, as at once", "Fri, 06 Nov 2026 08:48:59 GMT", 0],
    ["a date long ago, as at once", "Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["a date next year, as a day", "Sat, 06 Nov 2027 08:49:37 GMT", day]
  ])("%s: %j is %d s", (_, header, seconds) => {
    expect(wait(header)).toBe(seconds)
  })

  it.each([
    ["two times, the larger", "5, 120", 120],
    ["whatever their order", "120,5", 120],
    ["three of them", "1, 3, 2", 3],
    ["a time and a date", "5, Fri, 06 Nov 2026 08:49:37 GMT", 37],
    ["a date and a time", "Fri, 06 Nov 2026 08:49:37 GMT, 120", 120],
    ["two dates", "Fri, 06 Nov 2026 08:49:37 GMT, Fri, 06 Nov 2026 08:49:38 GMT", 38],
    ["two dates of RFC 850", "Friday, 06-Nov-26 08:49:37 GMT,Friday, 06-Nov-26 08:49:38 GMT", 38],
    ["a time beside garbage", "soon, 5", 5],
    ["a time beside a negative one", "-7, 5", 5],
    ["a time beside nothing", "5,", 5]
  ])("%s: %j is %d s", (_, header, seconds) => {
    expect(wait(header)).toBe(seconds)
  })

  it.each([
    ["nothing", ""],
    ["white space", "  "],
    ["a comma", ","],
    ["garbage", "soon"],
    ["negative", "-5"],
    ["with a sign", "+5"],
    ["fractional", "1.5"],
    ["exponential", "1e3"],
    ["hexadecimal", "0x10"],
    ["with a unit", "5s"],
    ["digits beyond ASCII", "٥"],
    ["an ISO date", "2026-11-06T08:49:37Z"],
    ["a date in another zone", "Fri, 06 Nov 2026 08:49:37 CET"],
    ["a date without a day", "06 Nov 2026 08:49:37 GMT"],
    ["a date that no calendar has", "Fri, 99 Nov 2026 08:49:37 GMT"],
    ["a month that no calendar has", "Fri, 06 Nop 2026 08:49:37 GMT"],
    ["a time that no clock has", "Fri, 06 Nov 2026 28:49:37 GMT"]
  ])("%s: %j says nothing", (_, header) => {
    expect(wait(header)).toBeUndefined()
  })

  it.prop("says nothing, or a time from zero to a day", [FastCheck.string()], ([header]) => {
    const seconds = wait(header)
    expect(seconds === undefined || (seconds >= 0 && seconds <= day)).toBe(true)
  })

  it.each([",", " ", "1,", "9", " ,", "Fri, "])("is read at once from 16 KiB of %j", (piece) => {
    within(200, () => wait(`x${piece.repeat(16_384 / piece.length)}x`))
  })
})

const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })
const limited = (retryAfter: Duration.Duration) =>
  new TokenError.RateLimitedError({ status: 429, attempts: 1, retryAfter })

describe("the wait that the server asked for", () => {
  it.each<[string, TokenError.TokenError | undefined, number]>([
    ["named", limited(Duration.seconds(90)), 90_000],
    ["named as none", limited(Duration.zero), 0],
    ["not named", unavailable, 0],
    ["of nothing that went wrong", undefined, 0],
    ["of an error that can't name one", new TokenError.InvalidClientError({ status: 401, attempts: 1 }), 0]
  ])("%s", (_, error, wait) => {
    expect(requestedWait(error)).toBe(wait)
  })
})
