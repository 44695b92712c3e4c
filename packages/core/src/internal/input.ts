/*
 * The validation of inputs and options (E2). A schema's own error quotes the value that it refuses, and that value may
 * be a secret. Here the error is made of the schema's description alone.
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { InvalidInputError } from "../TokenError.js"

export const expected = (schema: Schema.Schema.All): string =>
  Option.getOrElse(SchemaAST.getDescriptionAnnotation(schema.ast), () => "valid")

/** The annotations of a schema that must not quote what it refuses. */
export const withoutValue = (expected: string) => ({
  description: expected,
  message: () => ({ message: `must be ${expected}; the value is not shown`, override: true })
})

/** A URL as its text. What is neither stays as it is, for a schema to refuse. */
export const urlText = (input: unknown): unknown => Predicate.hasProperty(input, "href") ? input.href : input

/** Decodes an input; the error names `setting`. */
export const validate =
  <A, I>(setting: string, schema: Schema.Schema<A, I>) => (input: unknown): Either.Either<A, InvalidInputError> =>
    Either.mapLeft(
      Schema.decodeUnknownEither(schema)(input),
      () => new InvalidInputError({ setting, expected: expected(schema) })
    )

/** The longest sleep that a timer of 32 bits can hold. */
const longest = Duration.millis(2 ** 31 - 1)

/** A time that a timer can wait. `Duration` alone would take a negative number or `NaN` for zero. */
export const duration = (setting: string) => (input: unknown): Either.Either<Duration.Duration, InvalidInputError> =>
  Duration.decodeUnknown(input).pipe(
    Option.filter((time) => Duration.greaterThan(time, Duration.zero) && Duration.lessThanOrEqualTo(time, longest)),
    Either.fromOption(() =>
      new InvalidInputError({
        setting,
        expected: "a time longer than zero and shorter than 25 days, as \"10 seconds\""
      })
    )
  )
