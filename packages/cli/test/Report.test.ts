import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { tokenIn } from "../src/InspectCommand.js"
import { formats, type Report } from "../src/Report.js"

const now = Date.UTC(2026, 0, 1)
const seconds = now / 1000

const report = (claims: Report["claims"], verification: Report["verification"] = { _tag: "NotAsked" }): Report => ({
  header: { alg: "RS512", kid: "a\u001b[2J" },
  claims,
  verification,
  now
})

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
    ["soon", /^expires +not stated$/m],
    [1e300, /^expires +not stated$/m]
  ])("the table shows when a token with exp %s expires", (exp, shown) => {
    expect(formats.table(report({ exp }))).toMatch(shown)
  })

  it.each([[seconds + 90.5, 90, false], [seconds, 0, true], [seconds - 90, 0, true]])(
    "the JSON report shows whether a token with exp %s is expired",
    (exp, expiresIn, expired) => {
      expect(JSON.parse(formats.json(report({ exp })))).toMatchObject({ expires_in: expiresIn, expired })
    }
  )

  it("the report shows times as dates, and escapes claims that could control a terminal", () => {
    const escape = "\u001b[2J\u009b31m\u202e\u2028"
    const claims = { iat: seconds, nbf: 1e300, username: `eve${escape}`, scopes: [`a${escape}`] }
    const table = formats.table(report(claims))
    expect(table).toMatch(/^iat +2026-01-01T00:00:00\.000Z$/m)
    expect(table.replaceAll("\n", "")).toMatch(/^\P{C}+$/u)
    const json = formats.json(report(claims))
    expect(json).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(json).claims).toEqual(claims)
  })

  it("the report shows the header, and every claim that there is", () => {
    const table = formats.table(report({ exp: seconds, scope: "a b", tenant: { id: 7 } }))
    expect(table).toMatch(/^alg +RS512$/m)
    expect(table).toMatch(/^kid +a \[2J$/m)
    expect(table).toMatch(/^scopes +a, b$/m)
    expect(table).toMatch(/^tenant +\{"id":7\}$/m)
    expect(JSON.parse(formats.json(report({ tenant: 7 })))).toMatchObject({
      header: { alg: "RS512" },
      claims: { tenant: 7 }
    })
  })

  it.each(
    [
      [{ _tag: "NotAsked" }, false, /decoded, not verified/],
      [{ _tag: "Verified" }, true, /The token is verified: its signature fits the key, and it is valid now\.$/],
      [{ _tag: "Invalid", problem: "it has expired" }, false, /not verified: it has expired\./]
    ] as const
  )("after the verification %o the report says so", (verification, verified, shown) => {
    const seen = report({ exp: seconds + 90 }, verification)
    expect(formats.table(seen)).toMatch(shown)
    expect(JSON.parse(formats.json(seen)).verified).toBe(verified)
  })

  it("the report does not say that a token without exp is valid now, only that its signature is right (L7)", () => {
    const seen = report({ iat: seconds }, { _tag: "Verified" })
    expect(formats.table(seen)).toMatch(/signature fits the key.* states no expiry/)
    expect(formats.table(seen)).not.toMatch(/is valid now/)
    expect(JSON.parse(formats.json(seen))).not.toHaveProperty("expires_at")
  })
})
