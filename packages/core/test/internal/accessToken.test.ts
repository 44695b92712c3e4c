import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { fromResponse, lifetime } from "../../src/internal/accessToken.js"
import * as Scopes from "../../src/Scopes.js"

const issuedAt = DateTime.unsafeMake(1_000_000)
const requested = Effect.runSync(Scopes.make(["a", "b"]))
const granted = Effect.runSync(Scopes.make(["a"]))
const response = { access_token: Redacted.make("abc"), token_type: "Bearer", expires_in: 60 } as const

describe("The token of a response", () => {
  it("a token has the text and the type of the response, and lives from its issue for expires_in seconds (S5)", () => {
    const token = fromResponse({ ...response, scope: granted }, requested, issuedAt)
    expect(Redacted.value(token.value)).toBe("abc")
    expect(token.tokenType).toBe("Bearer")
    expect(token.issuedAt.epochMillis).toBe(1_000_000)
    expect(token.expiresAt.epochMillis).toBe(1_060_000)
    expect(lifetime(token)).toBe(60_000)
  })

  it("a response that names scopes grants these (E4)", () => {
    expect(fromResponse({ ...response, scope: granted }, requested, issuedAt).scopes).toStrictEqual(["a"])
  })

  it("a response without scopes grants what was requested (E4)", () => {
    expect(fromResponse(response, requested, issuedAt).scopes).toStrictEqual(["a", "b"])
  })

  it("a token of a response is not validated a second time (P3)", () => {
    const unvalidated = { ...response, access_token: Redacted.make("no b64token") }
    expect(Redacted.value(fromResponse(unvalidated, requested, issuedAt).value)).toBe("no b64token")
  })
})
