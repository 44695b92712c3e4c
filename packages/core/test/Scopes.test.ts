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

describe("Scopes.make and the schema Scopes", () => {
  it.each([
    ["a known name", ["user_info"], ["user_info"]],
    ["several names in their order", ["b", "a", "c"], ["b", "a", "c"]],
    ["a name that no public page shows", ["mint_unicorns"], ["mint_unicorns"]],
    ["every character that a scope may hold", ["!#$%&'()*+-./09:;<=>?@AZ[]^_`az{|}~"], undefined],
    ["a duplicate and merges it", ["b", "a", "b"], ["b", "a"]],
    ["nothing but duplicates and merges them", ["a", "a", "a"], ["a"]],
    ["names that differ in case only and keeps them apart", ["a", "A"], ["a", "A"]]
  ])("a set of scopes accepts %s (row 61)", (_, names, expected = names) => {
    expect(Effect.runSync(Scopes.make(names))).toStrictEqual(expected)
    expect(decode(names.join(","))).toStrictEqual(Either.right(expected))
  })

  it.each([
    ["an empty list", []],
    ["an empty item", [""]],
    ["an empty item at the start", ["", "a"]],
    ["an empty item at the end", ["a", ""]],
    ["two empty items", ["", ""]],
    ["a space", ["a b"]],
    ["a space before a scope", ["a", " b"]],
    ["a tab", ["a\tb"]],
    ["a newline at the end", ["a\n"]],
    ["CR LF", ["a\r\nx-evil: 1"]],
    ["NUL", ["a\u0000"]],
    ["DEL", ["a\u007f"]],
    ["a quote", ["a\"b"]],
    ["a backslash", ["a\\b"]],
    ["a character beyond ASCII", ["ä"]],
    ["a UUID, as ids and secrets are", ["user_info", "3F2504E0-4F89-41D3-9A0C-0305E82C3301"]],
    ["a UUID without hyphens", ["3f2504e04f8941d39a0c0305e82c3301"]]
  ])("a set of scopes refuses %s (row 61)", (_, names) => {
    expect(Effect.runSync(Effect.flip(Scopes.make(names)))).toMatchObject({
      _tag: "InvalidInputError",
      setting: "scopes"
    })
    expect(decode(names.join(","))).toMatchObject({ _tag: "Left" })
  })

  it("Scopes.make refuses a comma, which separates scopes on the wire only (row 61)", () => {
    expect(Effect.runSyncExit(Scopes.make(["a,b"]))).toMatchObject({ _tag: "Failure" })
    expect(decode("a,b")).toStrictEqual(Either.right(["a", "b"]))
  })

  it("the error says what a scope may be and does not show the refused value (E8, row 61)", () => {
    const error = Effect.runSync(Effect.flip(Scopes.make(["my secret"])))
    expect(error.message).toBe(
      "scopes must be one scope or more, each of printable ASCII without space, comma, quote or backslash, and no UUID."
    )
    expect(linesShowing("my secret", error)).toStrictEqual([])
  })

  it("no error of a schema shows a secret that was taken for a scope (E8, row 61)", () => {
    const secret = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    const results: ReadonlyArray<Either.Either<unknown, Error>> = [
      Schema.decodeEither(Scopes.Scope)(secret),
      decode(`user_info,${secret}`),
      Schema.decodeUnknownEither(Scopes.ScopesFromArray)([secret]),
      Schema.validateEither(Scopes.Scopes)(["user_info", secret]),
      Effect.runSync(Effect.either(Scopes.make([secret])))
    ]
    const errors = results.map((result) => Either.isLeft(result) ? result.left : expect.fail("it was accepted"))
    expect(errors.map(String).filter((text) => text.includes("3f2504e0"))).toStrictEqual([])
  })

  it("the schemas Scope, Scopes and ScopesFromArray show their names in a user's schema (row 61)", () => {
    const { Scope, Scopes: Text, ScopesFromArray: Items } = Scopes
    expect(String(Schema.Struct({ Scope, Text, Items }))).toBe(
      "{ readonly Scope: Scope; readonly Text: Scopes; readonly Items: ScopesFromArray }"
    )
  })

  it("the schema Scopes refuses a value with duplicates or without a scope (row 61)", () => {
    expect([["a", "b"], ["a", "a"], []].map((scopes) => Schema.is(Scopes.Scopes)(scopes))).toStrictEqual(
      [true, false, false]
    )
  })

  it("Scopes.known lists 27 published names, sorted and without duplicates (row 61)", () => {
    expect(Scopes.make(Scopes.known)).toStrictEqual(Either.right([...Scopes.known]))
    expect(Scopes.known).toStrictEqual([...Scopes.known].sort())
    expect(Scopes.known).toHaveLength(27)
  })

  it.prop("a set of scopes keeps its order when it is encoded and decoded (row 61)", [Scopes.Scopes], ([set]) => {
    expect(decode(encode(set))).toStrictEqual(Either.right(set))
  })
})

describe("Scopes.config", () => {
  const read = (settings: Record<string, string>, tenant?: string) => {
    const provider = ConfigProvider.fromMap(new Map(Object.entries(settings)))
    const nested = tenant === undefined ? provider : ConfigProvider.nested(provider, tenant)
    return Effect.runSync(Effect.either(Effect.withConfigProvider(Scopes.config, nested)))
  }
  const mustBe =
    "must be one scope or more, each of printable ASCII without space, comma, quote or backslash, and no UUID"

  it("Scopes.config reads TILIA_SCOPES in its order, also from a nested provider (E8, row 61)", () => {
    expect(read({ TILIA_SCOPES: "b,a,b" })).toStrictEqual(Either.right(["b", "a"]))
    expect(read({ "ACME.TILIA_SCOPES": "b,a" }, "ACME")).toStrictEqual(Either.right(["b", "a"]))
  })

  it.each([
    ["that is empty", "", "there is none"],
    ["with an empty item", "a,,b", "one of them is empty"],
    ["with characters that a scope can't hold", "a,sword\"fish", String.raw`"sword\"fish" is not`],
    ["with spaces for commas", "a b", "\"a b\" has a space (separate scopes by commas)"],
    [
      "that may be a secret",
      "3f2bfe5b-19b8-41c1-88d7-70a1586bce94 x",
      "the value has a space (separate scopes by commas)"
    ],
    ["with a UUID, which may be the secret", "user_info,3f2bfe5b-19b8-41c1-88d7-70a1586bce94", "the value is not"]
  ])("Scopes.config refuses a TILIA_SCOPES %s (F2, E8, row 61)", (_, TILIA_SCOPES, hint) => {
    const error = Either.getOrThrow(Either.flip(read({ TILIA_SCOPES })))
    expect(error).toMatchObject({ _op: "InvalidData", path: ["TILIA_SCOPES"], message: `${mustBe}; ${hint}` })
  })

  it("Scopes.config names TILIA_SCOPES where it is missing (E8, row 61)", () => {
    expect(Either.flip(read({}))).toMatchObject({ right: { _op: "MissingData", path: ["TILIA_SCOPES"] } })
  })
})

describe("Scopes.key", () => {
  const setAndShuffled = Arbitrary.make(Scopes.Scopes).chain((set) =>
    FastCheck.tuple(
      FastCheck.constant(set),
      FastCheck.shuffledSubarray([...set], { minLength: set.length }),
      FastCheck.shuffledSubarray([...set])
    )
  )

  it.prop(
    "Scopes.key is the same for the same scopes in any order and with duplicates",
    [setAndShuffled],
    ([[set, all, some]]) => {
      expect(Scopes.key(scopes(...all, ...some))).toBe(Scopes.key(set))
    }
  )

  it.prop("Scopes.key differs where the scopes differ", [Scopes.Scopes, Scopes.Scopes], ([a, b]) => {
    const sameScopes = Scopes.missing(a, b).length === 0 && Scopes.missing(b, a).length === 0
    expect(Scopes.key(a) === Scopes.key(b)).toBe(sameScopes)
  })

  it("Scopes.key leaves its set of scopes as it was", () => {
    const set = scopes("b", "a")
    expect(Scopes.key(set)).toBe("a,b")
    expect(set).toStrictEqual(["b", "a"])
  })
})

describe("Scopes.missing (E9)", () => {
  it.each([
    ["the same scopes", ["a", "b"], ["a", "b"], []],
    ["the same scopes in another order", ["a", "b"], ["b", "a"], []],
    ["more scopes", ["a"], ["a", "b"], []],
    ["fewer scopes", ["a", "b", "c"], ["b"], ["a", "c"]],
    ["other scopes", ["a", "b"], ["c"], ["a", "b"]],
    ["the same scopes in another case", ["a"], ["A"], ["a"]]
  ])(
    "Scopes.missing yields what is missing where the granted scopes are %s (E9)",
    (_, requested, granted, expected) => {
      expect(Scopes.missing(scopes(...requested), scopes(...granted))).toStrictEqual(expected)
    }
  )
})
