import { Scopes, TokenResponse } from "@effect-tilia/core"
import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as vendor from "./fixtures/vendorSample.js"

const decode = Schema.decodeUnknownEither(TokenResponse.TokenResponse)
const encode = Schema.encodeSync(TokenResponse.TokenResponse)
const decodeText = Schema.decodeEither(Schema.parseJson(TokenResponse.TokenResponse))

const tenYears = 315_360_000

/** What was granted, with the token in clear: two `Redacted` look the same to `expect`. */
const granted = (json: unknown) => {
  const { access_token, ...rest } = Either.getOrThrow(decodeText(JSON.stringify(json)))
  return { access_token: Redacted.value(access_token), ...rest }
}

const answer = { access_token: "opaque-token", token_type: "Bearer", expires_in: "3600", scope: "a,b" }

describe("The vendor's sample response", () => {
  it("the vendor's sample response decodes as a token", () => {
    expect(granted(vendor.response)).toStrictEqual({
      access_token: vendor.token,
      token_type: "Bearer",
      expires_in: 3600,
      scope: ["write_registrations", "write_user_tokens", "user_info"]
    })
  })

  it("the vendor's sample response is encoded as the vendor writes it", () => {
    expect(encode(Either.getOrThrow(decode(vendor.response)))).toStrictEqual(vendor.response)
  })

  it("a decoded response shows no token, however it is printed (E8)", () => {
    expect(linesShowing(vendor.token.slice(0, 10), decode(vendor.response))).toStrictEqual([])
  })
})

describe("access_token", () => {
  it.each([
    ["an opaque text", "x"],
    ["every character of b64token", "AZaz09-._~+/=="],
    ["a JWT", "eyJhbGciOiJub25lIn0.e30.c2ln"],
    ["a JWT cut short", vendor.token.slice(0, 100)],
    ["100,000 characters", "x".repeat(1e5)]
  ])("the field access_token accepts %s (row 56)", (_, access_token) => {
    expect(granted({ ...answer, access_token }).access_token).toBe(access_token)
  })

  it.each([
    ["missing", undefined],
    ["null", null],
    ["empty", ""],
    ["a number", 7],
    ["an array", ["x"]],
    ["a record", { value: "x" }],
    ["a text with a space", "swordfish x"],
    ["a text with a space after it", "swordfish "],
    ["a text with a newline after it", "swordfish\n"],
    ["a text with CR LF and a header", "swordfish\r\nx-evil: 1"],
    ["a text with a comma", "swordfish,x"],
    ["a text with a quote", "swordfish\""],
    ["a text with NUL", "swordfish\u0000"],
    ["a text with a character beyond ASCII", "swordfisch-ä"],
    ["nothing but padding", "="],
    ["a text with padding inside", "a=b"]
  ])("the field access_token is refused and not shown where it is %s (row 24)", (_, access_token) => {
    const result = decode({ ...answer, access_token })
    expect(result).toMatchObject({ _tag: "Left" })
    expect(linesShowing("sword", result)).toStrictEqual([])
  })
})

describe("The schema TokenText", () => {
  const { TokenText } = TokenResponse

  it("the schema TokenText shows its name", () => {
    expect(String(TokenText)).toBe("TokenText")
  })

  it.each(["", "swordfish x", "swordfish\r\nx-evil: 1"])(
    "the error for the token %j says what a token is and does not show it (E8)",
    (text) => {
      const error = Either.getOrThrow(Either.flip(Schema.decodeEither(TokenText)(text)))
      expect(error.message).toBe("must be a bearer token (RFC 6750 §2.1); the value is not shown")
      expect(linesShowing("sword", error)).toStrictEqual([])
    }
  )
})

describe("token_type", () => {
  it.each(["Bearer", "bearer", "BEARER", "bEaReR"])("the field token_type accepts %s (row 51)", (token_type) => {
    expect(granted({ ...answer, token_type }).token_type).toBe("Bearer")
  })

  it.each([undefined, null, "", "mac", "DPoP", "Bearer ", " Bearer", "Bearer\n", "Bearer, DPoP", 1, ["Bearer"]])(
    "the field token_type refuses %j (row 25)",
    (token_type) => {
      expect(decode({ ...answer, token_type })).toMatchObject({ _tag: "Left" })
    }
  )
})

describe("expires_in", () => {
  it.each([
    ["\"3600\"", 3600],
    ["3600", 3600],
    ["3600.0", 3600],
    ["36e2", 3600],
    ["\"003600\"", 3600],
    ["1", 1],
    ["\"1\"", 1],
    [`${tenYears}`, tenYears],
    [`${tenYears + 1}`, tenYears],
    [`"${tenYears + 1}"`, tenYears],
    ["9007199254740991", tenYears],
    ["100000000000000000000", tenYears],
    ["\"100000000000000000000\"", tenYears],
    [`"${"9".repeat(400)}"`, tenYears]
  ])("the field expires_in reads %s as %i seconds (row 50)", (text, seconds) => {
    const json = JSON.stringify(answer).replace("\"3600\"", text)
    expect(Either.getOrThrow(decodeText(json)).expires_in).toBe(seconds)
  })

  it.each([
    "null",
    "\"\"",
    "\"abc\"",
    "0",
    "\"0\"",
    "-0",
    "-1",
    "\"-1\"",
    "\"+1\"",
    "0.5",
    "3600.5",
    "\"3600.5\"",
    "1e999",
    "-1e999",
    "\"1e9\"",
    "\"Infinity\"",
    "\"NaN\"",
    "\"0x10\"",
    "\" 3600\"",
    "\"3600\\n\"",
    "\"3,600\"",
    "\"٣٦٠٠\"",
    "true",
    "[3600]",
    "{}"
  ])("the field expires_in refuses %s (row 26)", (text) => {
    const json = JSON.stringify(answer).replace("\"3600\"", text)
    expect(JSON.parse(json)).toHaveProperty("expires_in")
    expect(decodeText(json)).toMatchObject({ _tag: "Left" })
  })

  it("a response without expires_in is refused (row 26)", () => {
    expect(decode({ ...answer, expires_in: undefined })).toMatchObject({ _tag: "Left" })
  })
})

describe("scope", () => {
  it.each<[string, unknown, ReadonlyArray<string> | undefined]>([
    ["its own absence", undefined, undefined],
    ["null", null, undefined],
    ["an empty text", "", undefined],
    ["a space", " ", undefined],
    ["a comma", ",", undefined],
    ["names between commas", "a,b", ["a", "b"]],
    ["names between spaces", "a b", ["a", "b"]],
    ["names between commas and spaces", "a, b", ["a", "b"]],
    ["many separators, also at both ends", " ,a,, b  c,", ["a", "b", "c"]],
    ["duplicates", "a,b,a", ["a", "b"]],
    ["another order", "b,a", ["b", "a"]],
    ["more names than requested", "a,b,c,d", ["a", "b", "c", "d"]],
    ["fewer names than requested", "a", ["a"]]
  ])("the field scope accepts %s (rows 52 and 53)", (_, scope, scopes) => {
    expect(granted({ ...answer, scope }).scope).toStrictEqual(scopes)
  })

  it.each([["a number", 7], ["an array", ["a"]], ["a quote", "a,\"b\""], ["a tab", "a\tb"], ["a newline", "a\n"]])(
    "the field scope refuses %s",
    (_, scope) => {
      expect(decode({ ...answer, scope })).toMatchObject({ _tag: "Left" })
    }
  )
})

describe("The response as a whole", () => {
  it.each([
    ["unknown members", JSON.stringify({ ...answer, refresh_token: "x", n: { a: [1] } })],
    ["__proto__", `{"__proto__":{"expires_in":1,"polluted":true},${JSON.stringify(answer).slice(1)}`],
    [
      "constructor and toString",
      JSON.stringify({ ...answer, constructor: { prototype: { polluted: true } }, toString: 1 })
    ],
    ["all but the last of duplicate keys", `{"expires_in":1,${JSON.stringify(answer).slice(1)}`],
    ["white space", JSON.stringify(answer, undefined, "\t")]
  ])("the schema of a response ignores %s (row 54)", (_, json) => {
    const { access_token, ...rest } = Either.getOrThrow(decodeText(json))
    expect(Redacted.value(access_token)).toBe("opaque-token")
    expect(rest).toStrictEqual({ token_type: "Bearer", expires_in: 3600, scope: ["a", "b"] })
    expect({}).not.toHaveProperty("polluted")
  })

  it("the schema of a response takes no field from a prototype (row 54)", () => {
    const rest = JSON.stringify({ ...answer, expires_in: undefined })
    expect(decodeText(`{"__proto__":{"expires_in":"3600"},${rest.slice(1)}`)).toMatchObject({
      _tag: "Left"
    })
  })

  it.each<[string, unknown]>([
    ["a token alone", vendor.token],
    ["an array with a token", [vendor.token]],
    ["null", null],
    ["a number", 1],
    ["undefined", undefined],
    ["an empty record", {}],
    ["a record of records", { access_token: { access_token: vendor.token } }],
    ["swapped fields", { ...vendor.response, token_type: vendor.token }],
    ["a token for a lifetime", { ...vendor.response, expires_in: vendor.token }],
    ["a token with spaces for scopes", { ...vendor.response, scope: `"${vendor.token}"` }]
  ])("the schema of a response refuses %s and does not show it (E8, row 22)", (_, json) => {
    const result = decode(json)
    expect(result).toMatchObject({ _tag: "Left" })
    const error = Either.getOrThrow(Either.flip(result))
    expect(error.message).toBe(
      "must be a granted token: access_token, token_type, expires_in and perhaps scope; the value is not shown"
    )
    expect(linesShowing(vendor.token.slice(0, 10), error)).toStrictEqual([])
  })

  it.prop("a response stays the same when it is encoded and decoded", [TokenResponse.TokenResponse], ([response]) => {
    const wire = encode(response)
    const json: unknown = JSON.parse(JSON.stringify(wire))
    const { access_token, ...rest } = Either.getOrThrow(decode(json))
    const { access_token: sent, ...others } = response
    expect(Redacted.value(access_token)).toBe(Redacted.value(sent))
    expect(rest).toEqual(others) // an absent scope is an undefined one
    expect(encode({ access_token, ...rest })).toEqual(wire)
  })

  const nearMiss = FastCheck.oneof(
    FastCheck.jsonValue(),
    FastCheck.string(),
    FastCheck.stringMatching(/^[\d.eE+-]{0,20}$/),
    FastCheck.stringMatching(/^[a-b ,\n"]{0,20}$/),
    FastCheck.double(),
    FastCheck.constantFrom(undefined, "bearer", "BEARER ", "opaque\r\n", "=")
  )
  const mutated = FastCheck.record({
    access_token: FastCheck.oneof(FastCheck.constant("opaque-token"), nearMiss),
    token_type: FastCheck.oneof(FastCheck.constant("Bearer"), nearMiss),
    expires_in: FastCheck.oneof(FastCheck.constant("3600"), nearMiss),
    scope: FastCheck.oneof(FastCheck.constant("a,b"), nearMiss)
  }, { requiredKeys: [] })

  it.prop("any response is malformed or keeps the promises of the schema (E4)", [mutated], ([json]) => {
    Either.match(decode(json), {
      onLeft: () => expect(json).not.toStrictEqual(answer),
      onRight: (response) => {
        expect(Redacted.value(response.access_token)).toBe(json.access_token)
        expect(json.access_token).toMatch(/^[\w\-.~+/]+=*$/)
        expect(String(json.token_type).toLowerCase()).toBe("bearer")
        expect(response.token_type).toBe("Bearer")
        expect(typeof json.expires_in === "string" ? /^\d+$/.test(json.expires_in) : Number.isInteger(json.expires_in))
          .toBe(true)
        expect(response.expires_in).toBe(Math.min(Number(json.expires_in), tenYears))
        expect(response.expires_in).toBeGreaterThan(0)
        expect(response.scope ?? ["none"]).toSatisfy(Schema.is(Schema.Array(Scopes.Scope)))
      }
    })
  }, { fastCheck: { numRuns: 2000 } })
})
