import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { tokenIn } from "../src/InspectCommand.js"
import { formats } from "../src/Report.js"

const now = Date.UTC(2026, 0, 1)
const seconds = now / 1000

describe("tokenIn", () => {
  it.each([
    "abc.def-_~+/==",
    "  abc.def-_~+/==\n",
    "Bearer abc.def-_~+/==",
    "authorization:  bearer abc.def-_~+/==\r\n",
    "{\"access_token\":\"abc.def-_~+/==\",\"expires_in\":3600}"
  ])("tokenIn finds the token in %j", (text) => {
    expect(Either.map(tokenIn(text), ({ value }) => Redacted.value(value))).toEqual(Either.right("abc.def-_~+/=="))
  })
})

describe("the report", () => {
  it.each([
    [seconds + 90, /^expires +2026-01-01T00:01:30\.000Z \(1m 30s left\)$/m],
    [seconds, /expired 0 ago/],
    [seconds - 90, /expired 1m 30s ago/],
    [undefined, /^expires +not stated$/m],
    [1e300, /^expires +not stated$/m]
  ])("the table shows when a token with exp %s expires", (exp, shown) => {
    expect(formats.table(report({ exp }, now))).toMatch(shown)
  })

  it.each([[seconds + 90.5, 90, false], [seconds, 0, true], [seconds - 90, 0, true]])(
    "the JSON report shows whether a token with exp %s is expired",
    (exp, expiresIn, expired) => {
      expect(JSON.parse(formats.json(report({ exp }, now)))).toMatchObject({ expires_in: expiresIn, expired })
    }
  )

  it("the report shows times as dates, and escapes claims that could control a terminal", () => {
    const escape = "\u001b[2J\u009b31m\u202e\u2028"
    const claims = { iat: seconds, nbf: 1e300, username: `eve${escape}`, scopes: [`a${escape}`] }
    const table = formats.table(report(claims, now))
    expect(table).toMatch(/^iat +2026-01-01T00:00:00\.000Z$/m)
    expect(table.replaceAll("\n", "")).toMatch(/^\P{C}+$/u)
    const json = formats.json(report(claims, now))
    expect(json).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(json).claims).toEqual(claims)
  })
})
