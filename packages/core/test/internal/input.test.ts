import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { duration, validate, withoutValue } from "../../src/internal/input.js"

describe("Times as options", () => {
  it.each([
    ["milliseconds", 1, 1],
    ["a text", "10 seconds", 10_000],
    ["a Duration", Duration.minutes(1), 60_000],
    ["nanoseconds", 5_000_000n, 5],
    ["the longest that a timer holds", 2 ** 31 - 1, 2 ** 31 - 1]
  ])("an option that is a time accepts %s (row 64)", (_, time, millis) => {
    expect(Either.map(duration("budget")(time), Duration.toMillis)).toStrictEqual(Either.right(millis))
  })

  it.each<[string, unknown]>([
    ["zero", 0],
    ["a negative number", -1],
    ["a negative text", "-1 seconds"],
    ["NaN", Number.NaN],
    ["infinity", Infinity],
    ["more than a timer holds", 2 ** 31],
    ["a text without a unit", "10"],
    ["another text", "swordfish"],
    ["null", null],
    ["undefined", undefined],
    ["a record", { seconds: 10 }]
  ])("an option that is a time refuses %s (row 64)", (_, time) => {
    const error = Either.getOrThrow(Either.flip(duration("budget")(time)))
    expect(error.message).toBe("budget must be a time longer than zero and shorter than 25 days, as \"10 seconds\".")
  })
})

describe("Errors of refused inputs (E2, E8)", () => {
  const Password = Schema.Redacted(Schema.String.pipe(Schema.minLength(20))).annotations(withoutValue("a long text"))

  it("the error of a refused input says what is accepted and does not show the value (E2, E8)", () => {
    const error = Either.getOrThrow(Either.flip(validate("password", Password)("swordfish")))
    expect(error).toMatchObject({ setting: "password", expected: "a long text" })
    expect(error.message).toBe("password must be a long text.")
    expect(linesShowing("swordfish", error)).toStrictEqual([])
  })

  it("the error of a schema that the user decodes says what is accepted, without the value (E2, E8)", () => {
    const error = Either.getOrThrow(Either.flip(Schema.decodeUnknownEither(Password)("swordfish")))
    expect(error.message).toBe("must be a long text; the value is not shown")
    expect(linesShowing("swordfish", error)).toStrictEqual([])
  })

  it("the error of a schema without a description says only that the input must be valid (E2, E8)", () => {
    const error = Either.getOrThrow(Either.flip(validate("answer", Schema.Literal(42))("swordfish")))
    expect(error.message).toBe("answer must be valid.")
  })

  it("validate passes on an accepted input (E2, E8)", () => {
    const password = Either.getOrThrow(validate("password", Password)("correct-horse-battery-staple"))
    expect(Redacted.value(password)).toBe("correct-horse-battery-staple")
  })
})
