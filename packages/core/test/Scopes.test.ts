import { Scopes } from "@effect-tilia/core"
import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"

const decode = Schema.decodeEither(Scopes.Scopes)
const encode = Schema.encodeSync(Scopes.Scopes)
const scopes = (...names: ReadonlyArray<string>) => Effect.runSync(Scopes.make(names))

describe("a set of scopes, given in code or read from the wire (row 61)", () => {
  it.each([
    ["a known name", ["user_info"], ["user_info"]],
    ["several, in the order given", ["b", "a", "c"], ["b", "a", "c"]],
    ["a name that no public page shows", ["mint_unicorns"], ["mint_unicorns"]],
    ["every character that a scope may hold", ["!#$%&'()*+-./09:;<=>?@AZ[]^_`az{|}~"], undefined],
    ["a duplicate, merged", ["b", "a", "b"], ["b", "a"]],
    ["nothing but duplicates, merged", ["a", "a", "a"], ["a"]],
    ["names that differ in case only, kept apart", ["a", "A"], ["a", "A"]]
  ])("accepts %s", (_, names, expected = names) => {
    expect(Effect.runSync(Scopes.make(names))).toStrictEqual(expected)
    expect(decode(names.join(","))).toStrictEqual(Either.right(expected))
  })

  it.each([
    ["none", []],
    ["an empty item", [""]],
    ["an empty item at the start", ["", "a"]],
    ["an empty item at the end", ["a", ""]],
    ["two empty items", ["", ""]],
    ["a space", ["a b"]],
    ["a space before", ["a", " b"]],
    ["a tab", ["a\tb"]],
    ["a newline at the end", ["a\n"]],
    ["CR LF", ["a\r\nx-evil: 1"]],
    ["NUL", ["a\u0000"]],
    ["DEL", ["a\u007f"]],
    ["a quote", ["a\"b"]],
    ["a backslash", ["a\\b"]],
    ["a character beyond ASCII", ["ä"]]
  ])("refuses %s", (_, names) => {
    expect(Effect.runSync(Effect.flip(Scopes.make(names)))).toMatchObject({
      _tag: "InvalidInputError",
      setting: "scopes"
    })
    expect(decode(names.join(","))).toMatchObject({ _tag: "Left" })
  })

  it("refuses a comma in code, where it separates nothing", () => {
    expect(Effect.runSyncExit(Scopes.make(["a,b"]))).toMatchObject({ _tag: "Failure" })
    expect(decode("a,b")).toStrictEqual(Either.right(["a", "b"]))
  })

  it("says what a scope may be and doesn't quote what it refuses (E8)", () => {
    const error = Effect.runSync(Effect.flip(Scopes.make(["my secret"])))
    expect(error.message).toBe(
      "scopes must be one scope or more, each of printable ASCII without space, comma, quote or backslash."
    )
    expect(linesShowing("my secret", error)).toStrictEqual([])
  })

  it("is called by its name where a schema of the user's own holds it", () => {
    const { Scope, Scopes: Text, ScopesFromArray: Items } = Scopes
    expect(String(Schema.Struct({ Scope, Text, Items }))).toBe(
      "{ readonly Scope: Scope; readonly Text: Scopes; readonly Items: ScopesFromArray }"
    )
  })

  it("has no duplicates when it is validated, either", () => {
    expect([["a", "b"], ["a", "a"], []].map((scopes) => Schema.is(Scopes.Scopes)(scopes))).toStrictEqual(
      [true, false, false]
    )
  })

  it("knows the published names, sorted and each once", () => {
    expect(Scopes.make(Scopes.known)).toStrictEqual(Either.right([...Scopes.known]))
    expect(Scopes.known).toStrictEqual([...Scopes.known].sort())
    expect(Scopes.known).toHaveLength(27)
  })

  it.prop("survives the wire, in its order", [Scopes.Scopes], ([set]) => {
    expect(decode(encode(set))).toStrictEqual(Either.right(set))
  })
})

describe("TILIA_SCOPES (row 61, E8)", () => {
  const read = (settings: Record<string, string>, tenant?: string) => {
    const provider = ConfigProvider.fromMap(new Map(Object.entries(settings)))
    const nested = tenant === undefined ? provider : ConfigProvider.nested(provider, tenant)
    return Effect.runSync(Effect.either(Effect.withConfigProvider(Scopes.config, nested)))
  }
  const mustBe = "must be one scope or more, each of printable ASCII without space, comma, quote or backslash"

  it("is read in its order, and nests", () => {
    expect(read({ TILIA_SCOPES: "b,a,b" })).toStrictEqual(Either.right(["b", "a"]))
    expect(read({ "ACME.TILIA_SCOPES": "b,a" }, "ACME")).toStrictEqual(Either.right(["b", "a"]))
  })

  it.each([["empty", ""], ["with an empty item", "a,,b"], ["of characters that a scope can't hold", "sword\"fish"]])(
    "is refused %s, by its name and without its value",
    (_, TILIA_SCOPES) => {
      const error = Either.getOrThrow(Either.flip(read({ TILIA_SCOPES })))
      expect(error).toMatchObject({ _op: "InvalidData", path: ["TILIA_SCOPES"], message: mustBe })
      expect(linesShowing("sword", error)).toStrictEqual([])
    }
  )

  it("is missed by its name", () => {
    expect(Either.flip(read({}))).toMatchObject({ right: { _op: "MissingData", path: ["TILIA_SCOPES"] } })
  })
})

describe("key", () => {
  const setAndShuffled = Arbitrary.make(Scopes.Scopes).chain((set) =>
    FastCheck.tuple(
      FastCheck.constant(set),
      FastCheck.shuffledSubarray([...set], { minLength: set.length }),
      FastCheck.shuffledSubarray([...set])
    )
  )

  it.prop(
    "is the same for the same scopes in any order, however often named",
    [setAndShuffled],
    ([[set, all, some]]) => {
      expect(Scopes.key(scopes(...all, ...some))).toBe(Scopes.key(set))
    }
  )

  it.prop("differs where the scopes differ", [Scopes.Scopes, Scopes.Scopes], ([a, b]) => {
    const sameScopes = Scopes.missing(a, b).length === 0 && Scopes.missing(b, a).length === 0
    expect(Scopes.key(a) === Scopes.key(b)).toBe(sameScopes)
  })

  it("leaves the set as it was", () => {
    const set = scopes("b", "a")
    expect(Scopes.key(set)).toBe("a,b")
    expect(set).toStrictEqual(["b", "a"])
  })
})

describe("missing: what was asked for and not granted (E9)", () => {
  it.each([
    ["all granted", ["a", "b"], ["a", "b"], []],
    ["another order", ["a", "b"], ["b", "a"], []],
    ["wider", ["a"], ["a", "b"], []],
    ["narrower", ["a", "b", "c"], ["b"], ["a", "c"]],
    ["something else", ["a", "b"], ["c"], ["a", "b"]],
    ["another case", ["a"], ["A"], ["a"]]
  ])("%s", (_, requested, granted, expected) => {
    expect(Scopes.missing(scopes(...requested), scopes(...granted))).toStrictEqual(expected)
  })
})
