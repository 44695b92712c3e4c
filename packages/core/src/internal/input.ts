/*
 * E2: the one way in which an input is refused. A schema's own error quotes the value that it refuses, and that value
 * may be a secret: what is said here comes from the schema's description alone.
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { InvalidInputError } from "../TokenError.js"

const expected = (schema: Schema.Schema.All): string =>
  Option.getOrElse(SchemaAST.getDescriptionAnnotation(schema.ast), () => "valid")

/** Refuses a value with words of ours: for a schema whose own words would quote a secret. */
export const withoutValue = (expected: string) => ({
  description: expected,
  message: () => ({ message: `must be ${expected}; the value is not shown`, override: true })
})

/** Decodes a setting given in code. */
export const validate =
  <A, I>(setting: string, schema: Schema.Schema<A, I>) => (input: unknown): Either.Either<A, InvalidInputError> =>
    Either.mapLeft(
      Schema.decodeUnknownEither(schema)(input),
      () => new InvalidInputError({ setting, expected: expected(schema) })
    )

/** The longest sleep that a timer of 32 bits can hold. */
const longest = Duration.millis(2 ** 31 - 1)

/** A time that can be waited for: `Duration` alone would let a negative one or `NaN` pass as zero. */
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
