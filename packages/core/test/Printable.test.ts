import { Printable } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"

describe("Printable texts (E8)", () => {
  it.each([
    ["no such client", "no such client"],
    ["", ""],
    ["Grüße 🎉 ~!\"#", "Grüße 🎉 ~!\"#"],
    ["a\u00a0b", "a\u00a0b"],
    ["\u001b[31mred\u001b[0m", " [31mred [0m"],
    ["a\r\nb\tc", "a b c"],
    ["a\u0000\u0007\u007f\u0085b", "a b"],
    ["a\u202eb\u200bc\ufeffd", "a b c d"],
    ["a\u2028b\u2029c", "a b c"],
    ["a\ue000b", "a b"],
    ["a\ud800b", "a b"],
    ["a\u0378b", "a b"],
    ["\u0001a\u0002b\u0003", " a b "]
  ])("%j becomes %j, with one space for each run of unprintable characters (E8)", (text, printable) => {
    expect(Printable.make(text)).toBe(printable)
  })
})
