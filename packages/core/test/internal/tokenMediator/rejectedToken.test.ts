import { describe, expect, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import { readFileSync } from "node:fs"
import { hash } from "../../../src/internal/tokenMediator/rejectedToken.js"

const hashOf = (text: string): number => hash({ value: Redacted.make(text) })

describe("Hash of a rejected token (A2)", () => {
  // The vectors of draft-eastlake-fnv, appendix C.
  it.each([
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["b", 0xe70c2de5],
    ["c", 0xe60c2c52],
    ["fo", 0x6222e842],
    ["foo", 0xa9f37ed7],
    ["foob", 0x3f5076ef],
    ["fooba", 0x39aaa18a],
    ["foobar", 0xbf9cf968]
  ])("the hash of %j is the FNV-1a hash of 32 bits of the published vectors (A2)", (text, expected) => {
    expect(hashOf(text)).toBe(expected)
  })

  it("the hash is made of the bytes of UTF-8 (A2)", () => {
    expect(hashOf("ä")).toBe(hash({ value: Redacted.make("\u00e4") }))
    expect(hashOf("ä")).not.toBe(hashOf("\u00c3"))
    expect(hashOf("ä")).toBe(Math.imul(Math.imul(0x811c9dc5 ^ 0xc3, 0x01000193) ^ 0xa4, 0x01000193) >>> 0)
  })

  it("the hash is a whole number from 0 to 2^32 - 1 (A2)", () => {
    for (let n = 0; n < 1000; n++) {
      const found = hashOf(`token-${n}`)
      expect(Number.isInteger(found) && found >= 0 && found < 2 ** 32).toBe(true)
    }
  })

  it("two tokens that differ in one character or in their order have different hashes (A2)", () => {
    expect(new Set(["token-1", "token-2", "1-token", "token-", "Token-1"].map(hashOf)).size).toBe(5)
  })

  const documented = [
    ...readFileSync(new URL("../../../../../docs/mediator.md", import.meta.url), "utf8")
      .matchAll(/^\| `([^`]+)` \| `(\d+)` \| `0x([0-9a-f]{8})` \|$/gm)
  ]

  it("the document for pages without this library has at least three vectors (M8)", () => {
    expect(documented.length).toBeGreaterThanOrEqual(3)
  })

  it.each(documented.map(([, text = "", decimal, hex]) => [text, Number(decimal), Number(`0x${hex}`)] as const))(
    "the hash of %j is what the document says (M8)",
    (text, decimal, hex) => {
      expect([hashOf(text), hashOf(text)]).toStrictEqual([decimal, hex])
    }
  )
})
