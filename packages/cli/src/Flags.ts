/*
 * Flags that more than one command has, validated as the library validates them.
 */
import * as Scopes from "@effect-tilia/core/Scopes"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** A mistake in a flag: printed by @effect/cli, exit status 2. */
export const refused = (message: string) => ValidationError.invalidValue(HelpDoc.p(message))

export const scopes = (description: string): Options.Options<Option.Option<Scopes.Scopes>> =>
  Options.text("scopes").pipe(
    Options.mapEffect((text) =>
      Effect.mapError(Scopes.make(text.split(",")), ({ expected }) => refused(`--scopes must be ${expected}`))
    ),
    Options.withDescription(description),
    Options.optional
  )

/** The longest wait that one timer can hold is some 24 days; nobody waits for a command that long. */
const longest = Duration.days(24)

export const duration = (name: string, fallback: Duration.DurationInput & string): Options.Options<Duration.Duration> =>
  Options.text(name).pipe(
    Options.withDefault(fallback),
    Options.mapEffect((text) =>
      Duration.decodeUnknown(text).pipe(
        Option.filter(Duration.between({ minimum: Duration.millis(1), maximum: longest })),
        Effect.mapError(() => refused(`--${name} must be a time longer than zero, as "15 seconds" or "1 hour"`))
      )
    )
  )
