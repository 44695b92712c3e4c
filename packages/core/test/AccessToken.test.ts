import { AccessToken, Scopes, TokenResponse } from "@effect-tilia/core"
import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { fromResponse } from "../src/internal/accessToken.js"
import * as vendor from "./fixtures/vendorSample.js"

const requested = Effect.runSync(Scopes.make(["user_info", "write_invoices"]))
const issuedAt = DateTime.unsafeMake("2026-01-31T23:30:00.250Z")

const token = (
  fields: { readonly access_token?: string; readonly expires_in?: unknown; readonly scope?: string } = {}
) =>
  fromResponse(
    Schema.decodeUnknownSync(TokenResponse.TokenResponse)({
      access_token: vendor.token,
      token_type: "bearer",
      expires_in: "3600",
      ...fields
    }),
    requested,
    issuedAt
  )

describe("AccessToken.fromResponse", () => {
  it("the lifetime of an access token starts at the moment before its request (S5)", () => {
    expect(token().issuedAt).toStrictEqual(issuedAt)
    expect(DateTime.formatIso(token().expiresAt)).toBe("2026-02-01T00:30:00.250Z")
    expect(token().tokenType).toBe("Bearer")
    expect(Redacted.value(token().value)).toBe(vendor.token)
  })

  it.each([
    ["a second", 1, "2026-01-31T23:30:01.250Z"],
    ["ten years at most (row 50)", 1e15, "2036-01-29T23:30:00.250Z"]
  ])("the lifetime of an access token may be %s", (_, expires_in, expiresAt) => {
    expect(DateTime.formatIso(token({ expires_in }).expiresAt)).toBe(expiresAt)
  })

  it.each([
    ["that were requested where the response names none", undefined, ["user_info", "write_invoices"]],
    ["that were requested where the response names an empty text", "", ["user_info", "write_invoices"]],
    ["that were granted where they are fewer", "user_info", ["user_info"]],
    ["that were granted where they are more", "a b,user_info", ["a", "b", "user_info"]]
  ])("an access token has the scopes %s (rows 52 and 53)", (_, scope, scopes) => {
    expect(token(scope === undefined ? {} : { scope }).scopes).toStrictEqual(scopes)
  })
})

describe("AccessToken.remaining and AccessToken.isExpired", () => {
  it.effect.each(
    [
      ["an hour before the request", -3_600_000, 7_200_000, false],
      ["at the request", 0, 3_600_000, false],
      ["a millisecond before the end", 3_599_999, 1, false],
      ["at the end", 3_600_000, 0, true],
      ["a millisecond after the end", 3_600_001, 0, true],
      ["a year after the end", 31_536_000_000, 0, true]
    ] as const
  )(
    "AccessToken.remaining and isExpired follow the fiber's clock %s of the token",
    ([, elapsed, remaining, expired]) =>
      Effect.gen(function*() {
        yield* TestClock.setTime(issuedAt.epochMillis + elapsed)
        expect(Duration.toMillis(yield* AccessToken.remaining(token()))).toBe(remaining)
        expect(yield* AccessToken.isExpired(token())).toBe(expired)
      })
  )
})

describe("AccessToken.claims", () => {
  const jwt = (payload: string) => token({ access_token: `e30.${Encoding.encodeBase64Url(payload)}.c2ln` })

  it("AccessToken.claims yields every claim of the vendor's sample token", () => {
    expect(AccessToken.claims(token())).toStrictEqual(Either.right(vendor.claims))
  })

  it.each([
    ["an empty payload", "{}", {}],
    ["known claims and leaves out unknown ones", "{\"exp\":1,\"aud\":[\"x\"]}", { exp: 1 }],
    ["text beyond ASCII", "{\"username\":\"Zoë 🦓\"}", { username: "Zoë 🦓" }]
  ])("AccessToken.claims decodes %s", (_, payload, claims) => {
    expect(AccessToken.claims(jwt(payload))).toStrictEqual(Either.right(claims))
  })

  const [header = "", payload = ""] = vendor.token.split(".")

  it.each([
    ["an opaque token", token({ access_token: "opaque-token" })],
    ["a JWT cut in its header", token({ access_token: header.slice(0, 9) })],
    ["a JWT cut after its header", token({ access_token: `${header}.` })],
    ["a JWT cut in its payload", token({ access_token: `${header}.${payload.slice(0, 400)}` })],
    ["a JWT cut inside a character of base64", token({ access_token: `${header}.${payload.slice(0, 401)}` })],
    ["characters beyond base64url", token({ access_token: `${header}.~~~~.x` })],
    ["an array", jwt("[1]")],
    ["a text", jwt("\"opaque-token\"")],
    ["null", jwt("null")],
    ["a claim of another type", jwt("{\"exp\":\"opaque-token\"}")],
    ["nesting 100,000 deep", jwt("[".repeat(1e5))]
  ])("AccessToken.claims fails with a ClaimsError that shows no piece of the token for %s (row 56)", (_, token) => {
    const error = Either.getOrThrow(Either.flip(AccessToken.claims(token)))
    expect(error).toMatchObject({ _tag: "ClaimsError", message: "The token has no claims to show: it isn't a JWT." })
    expect(linesShowing(/eyJ|opaque|~~/, error)).toStrictEqual([])
  })
})

describe("Printed and encoded access tokens", () => {
  it("an access token never shows its value, alone or inside another value (E8)", () => {
    const shown = [token(), { token: token() }, [token()], new Map([["token", token()]]), Either.right(token())]
    for (const value of shown) expect(linesShowing(/eyJ|WQo3/, value)).toStrictEqual([])
  })

  it("a printed access token shows its scopes and when it was issued", () => {
    for (const text of ["user_info", "2026-01-31T23:30:00.250Z"]) {
      expect(linesShowing(text, token())).not.toStrictEqual([])
    }
  })

  it("AccessToken and ClaimsError have their own schema identifiers", () => {
    expect([AccessToken.AccessToken.identifier, AccessToken.ClaimsError.identifier]).toStrictEqual(
      ["@effect-tilia/core/AccessToken", "@effect-tilia/core/ClaimsError"]
    )
  })

  it("an access token is encoded as plain JSON", () => {
    expect(Schema.encodeSync(AccessToken.AccessToken)(token())).toStrictEqual({
      value: vendor.token,
      tokenType: "Bearer",
      scopes: "user_info,write_invoices",
      issuedAt: "2026-01-31T23:30:00.250Z",
      expiresAt: "2026-02-01T00:30:00.250Z"
    })
  })

  it.prop("an access token stays the same when it is encoded and decoded", [AccessToken.AccessToken], ([token]) => {
    const json = Schema.parseJson(AccessToken.AccessToken)
    const text = Schema.encodeSync(json)(token)
    const read = Schema.decodeSync(json)(text)
    expect(read).toBeInstanceOf(AccessToken.AccessToken)
    expect(Redacted.value(read.value)).toBe(Redacted.value(token.value))
    expect(read).toStrictEqual(token)
    expect(Schema.encodeSync(json)(read)).toBe(text)
  })

  it.each<[string, unknown]>([
    ["the text of a token alone", vendor.token],
    ["an array with the text of a token", [vendor.token]],
    ["a text that is no token", { ...Schema.encodeSync(AccessToken.AccessToken)(token()), value: `${vendor.token} ` }],
    ["a scope that is a token", { ...Schema.encodeSync(AccessToken.AccessToken)(token()), scopes: `"${vendor.token}` }]
  ])("the error shows no token when %s is decoded as an access token (E8)", (_, input) => {
    const error = Either.getOrThrow(Either.flip(Schema.decodeUnknownEither(AccessToken.AccessToken)(input)))
    expect(error.message).toContain("must be an access token; the value is not shown")
    expect(linesShowing(/eyJ|WQo3/, error)).toStrictEqual([])
  })
})
