import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { BaseUrl, Origin } from "../../src/internal/origin.js"

describe("Base URLs", () => {
  const decode = Schema.decodeUnknownEither(BaseUrl)

  it.each(["https://h.example", "https://h.example/p/q", "http://localhost:8080/p"])("%s is a base URL", (text) => {
    expect(Either.map(decode(text), (url) => url.href)).toStrictEqual(Either.right(new URL(text).href))
  })

  it.each([
    "http://h.example",
    "https://swordfish@h.example",
    "https://h.example?a=swordfish",
    "https://h.example?",
    "https://h.example#swordfish",
    "https://h.example#",
    "swordfish"
  ])("%s is not a base URL, and the error does not show it", (text) => {
    const error = Either.getOrThrow(Either.flip(decode(text)))
    expect(error.message).toBe(
      "must be an https URL (http on loopback only) without user, query or fragment; the value is not shown"
    )
    expect(linesShowing("swordfish", error)).toStrictEqual([])
  })
})

describe("Origins", () => {
  const decode = Schema.decodeUnknownEither(Origin)

  it.each([
    ["https://h.example", "https://h.example"],
    ["https://h.example/", "https://h.example"],
    ["HTTPS://H.Example:443", "https://h.example"],
    ["https://h.example:8443", "https://h.example:8443"],
    ["http://localhost:3000/", "http://localhost:3000"]
  ])("%s is read as the origin %s, as browsers write it", (text, origin) => {
    expect(decode(text)).toStrictEqual(Either.right(origin))
  })

  it.each([
    "https://h.example/p",
    "https://h.example/?a",
    "http://h.example",
    "https://swordfish@h.example",
    "h.example"
  ])(
    "%s is not an origin, and the error does not show it",
    (text) => {
      const error = Either.getOrThrow(Either.flip(decode(text)))
      expect(error.message).toBe(
        "must be an https origin (http on loopback only), without path, user, query or fragment; the value is not shown"
      )
      expect(linesShowing("swordfish", error)).toStrictEqual([])
    }
  )

  it("an origin is written as the text that it is", () => {
    expect(Schema.encodeSync(Origin)("https://h.example")).toBe("https://h.example/")
  })
})
