/*
 * Decodes the values of flags. The library's own validation checks what the library takes.
 */
import * as Scopes from "@effect-tilia/core/Scopes"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import type { Run } from "./Arguments.js"
import * as Failure from "./Failure.js"
import * as Time from "./Time.js"

/** A wrong flag. The message does not quote its value. */
export const invalid = (name: string, expected: string): Failure.Failure =>
  Failure.fromError(new InvalidInputError({ setting: `--${name}`, expected }), "text")

export const isSet = ({ flags }: Run, name: string): boolean => flags[name] === true

export const text = ({ flags }: Run, name: string): Option.Option<string> =>
  Option.liftPredicate(flags[name], Predicate.isString)

/** All values of a flag that can be given more than once. */
export const texts = ({ flags }: Run, name: string): ReadonlyArray<string> => {
  const value = flags[name]
  return Array.isArray(value) ? value.filter(Predicate.isString) : []
}

/** Decodes a flag that has a default. */
const decoded = <A>(
  run: Run,
  name: string,
  expected: string,
  decode: (text: string) => Option.Option<A>
): Effect.Effect<A, Failure.Failure> =>
  Effect.mapError(Option.flatMap(text(run, name), decode), () => invalid(name, expected))

/** One of the keys of a record. */
export const choice = <K extends string>(
  run: Run,
  name: string,
  choices: Readonly<Record<K, unknown>>
): Effect.Effect<K, Failure.Failure> =>
  decoded(
    run,
    name,
    Record.keys(choices).join(" or "),
    (text) => Option.fromNullable(Record.keys(choices).find((key) => key === text))
  )

/** A timer cannot wait much longer than 24 days. */
const longest = Duration.days(24)

const time = (run: Run, name: string, expected: string, isAccepted: Predicate.Predicate<Duration.Duration>) =>
  decoded(run, name, expected, (text) => Option.filter(Time.parse(text), isAccepted))

export const duration = (run: Run, name: string): Effect.Effect<Duration.Duration, Failure.Failure> =>
  time(
    run,
    name,
    "a time from 1ms to 24d, as 500ms, 5s, 2m or 1h",
    Duration.between({ minimum: Duration.millis(1), maximum: longest })
  )

/** A time that the protocol counts in seconds. */
export const wholeSeconds = (run: Run, name: string): Effect.Effect<Duration.Duration, Failure.Failure> =>
  time(
    run,
    name,
    "a time from 1s to 24d in whole seconds, as 5s, 2m or 1h",
    (time) =>
      Duration.between(time, { minimum: Duration.seconds(1), maximum: longest }) && Duration.toMillis(time) % 1000 === 0
  )

export const port = (run: Run, name: string): Effect.Effect<number, Failure.Failure> =>
  decoded(
    run,
    name,
    "a number from 0 to 65535",
    (text) => Option.liftPredicate(Number(text), (port) => /^\d{1,5}$/.test(text) && port < 65_536)
  )

/** The flag `--scopes`, if it is given. */
export const scopes = (run: Run): Effect.Effect<Option.Option<Scopes.Scopes>, Failure.Failure> =>
  Option.match(text(run, "scopes"), {
    onNone: () => Effect.succeedNone,
    onSome: (text) =>
      Effect.mapBoth(Scopes.make(text.split(",")), {
        onFailure: ({ expected }) => invalid("scopes", expected),
        onSuccess: Option.some
      })
  })
