/*
 * Parses the flag `--faults` of `tilia sandbox`, as `503,429:60,delay:2 seconds,reset,ok`.
 */
import * as Faults from "@effect-tilia/sandbox/Faults"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Time from "./Time.js"

const named = new Map<string, Faults.Fault>([
  ["hang", Faults.hang],
  ["ok", Faults.none],
  ["reset", Faults.reset],
  ["revoked", Faults.revoked],
  ["truncate", Faults.truncate]
])

const status = (text: string): Option.Option<Faults.Fault> =>
  Option.map(
    Option.fromNullable(/^([2-5]\d\d)(?::(\d{1,9}))?$/.exec(text)),
    ([, status, retryAfter]) =>
      Faults.status(Number(status), retryAfter === undefined ? {} : { headers: { "retry-after": retryAfter } })
  )

const delay = (text: string): Option.Option<Faults.Fault> =>
  text.startsWith("delay:")
    ? Option.map(Time.parse(text.slice("delay:".length)), Faults.delay)
    : Option.none()

const fault = (text: string): Either.Either<Faults.Fault, string> =>
  Option.fromNullable(named.get(text)).pipe(
    Option.orElse(() => status(text)),
    Option.orElse(() => delay(text)),
    Either.fromOption(() => text)
  )

/** The faults in a text, or the first part of it that is not a fault. */
export const parse = (text: string): Either.Either<ReadonlyArray<Faults.Fault>, string> =>
  Either.all(text.split(",").map((text) => fault(text.trim())))

/** A script that starts again after its last fault. It needs at least one fault. */
export function* cycle(faults: ReadonlyArray<Faults.Fault>): Generator<Faults.Fault> {
  for (;;) yield* faults
}
