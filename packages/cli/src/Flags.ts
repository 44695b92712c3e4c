/*
 * Flags that several commands have. The library's own validation checks them.
 */
import * as Scopes from "@effect-tilia/core/Scopes"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** A wrong flag. @effect/cli prints the message, and the exit status is 2. */
export const invalidFlag = (message: string) => ValidationError.invalidValue(HelpDoc.p(message))

/** The flag `--scopes`. */
export const scopes = (description: string): Options.Options<Option.Option<Scopes.Scopes>> =>
  Options.text("scopes").pipe(
    Options.mapEffect((text) =>
      Effect.mapError(Scopes.make(text.split(",")), ({ expected }) => invalidFlag(`--scopes must be ${expected}`))
    ),
    Options.withDescription(description),
    Options.optional
  )

/** A timer cannot wait much longer than 24 days. */
const longest = Duration.days(24)

/** A flag that takes a time. */
export const duration = (name: string, fallback: Duration.DurationInput & string): Options.Options<Duration.Duration> =>
  Options.text(name).pipe(
    Options.withDefault(fallback),
    Options.mapEffect((text) =>
      Duration.decodeUnknown(text).pipe(
        Option.filter(Duration.between({ minimum: Duration.millis(1), maximum: longest })),
        Effect.mapError(() =>
          invalidFlag(`--${name} must be a time from 1 millisecond to 24 days, as "15 seconds" or "1 hour"`)
        )
      )
    )
  )
