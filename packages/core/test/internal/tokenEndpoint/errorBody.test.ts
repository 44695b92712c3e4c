import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { fromText } from "../../../src/internal/tokenEndpoint/errorBody.js"
import { within } from "../../support/within.js"

const json = (value: unknown) => fromText(JSON.stringify(value))

describe("Body of an error response", () => {
  it.each<[string, unknown, string | undefined, string | undefined]>([
    [
      "the vendor's envelope",
      { status: "Failure", message: ["input is invalid"], codes: ["INPUT_ERROR"], payload: {} },
      "INPUT_ERROR",
      "input is invalid"
    ],
    ["an envelope with a text as its message", { message: "no such client", codes: ["X"] }, "X", "no such client"],
    ["several messages and codes", { message: ["a", "b"], codes: ["X", "Y"] }, "X", "a; b"],
    ["payload.errors as a text", { payload: { errors: "scope is wrong" } }, undefined, "scope is wrong"],
    ["payload.errors as a list", { payload: { errors: ["a", "b"] } }, undefined, "a; b"],
    ["payload.errors by field", { payload: { errors: { scope: ["a", "b"] } } }, undefined, "scope: a; scope: b"],
    [
      "a message and payload.errors together",
      { message: "invalid", payload: { errors: { scope: "unknown" } } },
      undefined,
      "invalid; scope: unknown"
    ],
    [
      "a code and a description of RFC 6749",
      { error: "invalid_client", error_description: "unknown" },
      "invalid_client",
      "unknown"
    ],
    ["a code of RFC 6749 alone", { error: "invalid_client" }, "invalid_client", "error: invalid_client"],
    [
      "both conventions, with the code of RFC 6749 first",
      { error: "a", codes: ["b"], error_description: "c", message: "d" },
      "a",
      "c; d"
    ],
    ["other JSON", { detail: "nope", n: 7 }, undefined, "detail: nope"],
    ["a text of JSON", "nope", undefined, "nope"],
    ["a list", ["a", "b"], undefined, "a; b"],
    ["an empty envelope", { message: [], codes: [], payload: { errors: {} } }, undefined, undefined],
    ["null", null, undefined, undefined],
    ["a number", 7, undefined, undefined],
    ["fields of other types", { error: 7, message: { a: null }, codes: true, payload: "x" }, undefined, "payload: x"]
  ])("the code and the message are read from %s (row 30)", (_, body, code, message) => {
    expect(json(body)).toStrictEqual({ code, message })
  })

  it.each([["plain text", "Service down"], ["HTML", "<p>Bad gateway</p>"], ["cut JSON", "{\"error\":\"inva"]])(
    "a body of %s is the message as it is (row 30)",
    (_, text) => {
      expect(fromText(text)).toStrictEqual({ message: text })
    }
  )

  it.each(["access_token", "accessToken", "refresh_token", "client_secret", "password", "TOKEN"])(
    "the message leaves out a field with the name %s (row 30)",
    (name) => {
      expect(JSON.stringify(json({ detail: "kept", [name]: "swordfish", deep: { [name]: ["swordfish"] } }))).toBe(
        "{\"message\":\"detail: kept\"}"
      )
    }
  )

  it("the code is never read from a prototype (row 30)", () => {
    expect(fromText("{\"__proto__\":{\"error\":\"polluted\",\"message\":\"polluted\"}}").code).toBeUndefined()
    expect(json({}).code).toBeUndefined()
  })

  it.each([
    ["arrays", "[".repeat(1e5) + "]".repeat(1e5)],
    ["records", "{\"a\":".repeat(1e5) + "1" + "}".repeat(1e5)],
    ["records inside an envelope", `{"message":${"{\"a\":".repeat(1e5)}1${"}".repeat(1e5)}}`],
    ["arrays that never end", "[".repeat(1e5)]
  ])("a body of %s, 100,000 deep, is read within a second (row 30)", (_, text) => {
    within(1000, () => fromText(text))
  })

  it("a body with 256 KiB of lists is read within a second (row 30)", () => {
    within(
      1000,
      () => json({ message: Array.from({ length: 6e4 }, () => ["a"]), payload: { errors: Array(6e4).fill("") } })
    )
  })

  it("a long name above 40,000 texts in a body of 256 KiB is not repeated before each of them (row 30)", () => {
    const lists = Array.from({ length: 4 }, () => Array.from({ length: 100 }, () => Array(100).fill("x")))
    for (const name of ["k".repeat(90), "k".repeat(90_000)]) {
      const { message = "" } = within(1000, () => json({ message: { [name]: lists } }))
      expect(message.length).toBeLessThan(10_000)
    }
  })

  it.prop("any body yields a code and a message that are texts or absent (row 30)", [
    FastCheck.oneof(FastCheck.json(), FastCheck.string())
  ], ([text]) => {
    for (const said of Object.values(fromText(text))) expect(["string", "undefined"]).toContain(typeof said)
  })
})
