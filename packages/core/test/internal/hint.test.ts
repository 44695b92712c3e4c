import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Hint from "../../src/internal/hint.js"
import { Scope } from "../../src/Scopes.js"

const isScope = Schema.is(Scope)

const secrets = [
  "3f2bfe5b-19b8-41c1-88d7-70a1586bce94",
  "3F2BFE5B19B841C188D770A1586BCE94",
  "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
  "user:swordfish@auth.example",
  "https://auth.example/?key=swordfish",
  "https://auth.example/#swordfish",
  "swordfish\nswordfish",
  "password=swordfish",
  "x".repeat(201)
]

describe("What is quoted of a value", () => {
  it.each(["stagign", "http://auth.example", "user_info write_invoices", ""])("\"%s\" is quoted (F2)", (value) => {
    expect(Hint.quoted(value)).toBe(JSON.stringify(value))
  })

  it.each(secrets)("%j may be a secret, and is in no hint (F2)", (secret) => {
    expect(Hint.quoted(secret)).toBeUndefined()
    const hints = [
      Hint.around(secret),
      Hint.ofNames(secret, ["production", "staging"]),
      Hint.ofUrl(secret),
      Hint.ofScopes(isScope)([secret, "a b"])
    ]
    for (const hint of hints) expect(hint ?? "").not.toContain(secret)
  })

  it("no hint shows a text that has a UUID in it, whatever is around it (F2)", () => {
    const property = FastCheck.property(
      FastCheck.string(),
      FastCheck.uuid(),
      FastCheck.string(),
      (before, uuid, after) => {
        const value = `${before}${uuid}${after}`
        const hints = [
          Hint.around(value) ?? "",
          Hint.ofNames(value, ["staging"]),
          Hint.ofUrl(value),
          Hint.ofScopes(isScope)([value])
        ]
        return hints.every((hint) => !hint.includes(uuid))
      }
    )
    FastCheck.assert(property, { numRuns: 1000 })
  })
})

describe("The name that was probably meant", () => {
  it.each([
    ["stagign", "staging"],
    ["Staging", "staging"],
    [" staging", "staging"],
    ["stage", "staging"],
    ["prod", "production"],
    ["PRODUCTION", "production"],
    ["porduction", "production"],
    ["sandbox", undefined],
    ["test", undefined],
    ["live", undefined],
    ["dev", undefined],
    ["pr", undefined],
    ["", undefined]
  ])("of \"%s\" it is %s (F2)", (typed, expected) => {
    expect(Hint.nearest(typed, ["production", "staging"])).toBe(expected)
  })
})

describe("What is wrong with a URL", () => {
  it.each([
    ["", "it is empty"],
    ["https://a.example ", "there is white space around it"],
    ["'https://a.example'", "it is in quotes"],
    ["https://user@a.example", "it has a user or a password"],
    ["https://a.example/?a", "it has a query or a fragment"],
    ["http://a.example", "\"http://a.example\" is plain http, and not on loopback"],
    ["a.example:8443/x", "\"a.example:8443/x\" has no scheme (did you mean https://…?)"],
    ["https://a.example/token/", "it ends with /token, which is added by itself"],
    ["ftp://a.example", "\"ftp://a.example\" is not"]
  ])("of \"%s\" it is told: %s (F2)", (url, expected) => {
    expect(Hint.ofUrl(url)).toBe(expected)
  })
})
