/*
 * What the statements yield. Anyone may have written to the table: what does not have the expected shape is unreadable.
 */
import type { Row, Sealed } from "@effect-tilia/core/StoreEngine"
import { StoreError } from "@effect-tilia/core/TokenStore"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Rows } from "./connections.js"

const Integer = Schema.compose(Schema.NumberFromString, Schema.Int)

const Contents = Schema.Struct({
  now: Integer,
  token: Schema.Unknown,
  token_generation: Schema.Unknown,
  failure: Schema.Unknown,
  failure_generation: Schema.Unknown
})

const Written = Schema.Struct({ text: Schema.NonEmptyString, generation: Schema.compose(Integer, Schema.NonNegative) })

const Taken = Schema.Struct({ ...Contents.fields, generation: Integer })

const Held = Schema.Struct({ remaining: Integer })

const State = Schema.Struct({ name: Schema.String, generation: Schema.String, state: Schema.String })

const unreadable = (): StoreError => new StoreError({ reason: "Unreadable" })

const first = <A, I>(schema: Schema.Schema<A, I>) => (rows: Rows): Either.Either<A, StoreError> =>
  Either.mapLeft(Schema.decodeUnknownEither(schema)(rows[0]), unreadable)

const toWritten = Schema.decodeUnknownEither(Written)

const written = (text: unknown, generation: unknown): Either.Either<Option.Option<Sealed>, StoreError> =>
  text === null
    ? Either.right(Option.none())
    : Either.mapBoth(toWritten({ text, generation }), { onLeft: unreadable, onRight: Option.some })

/** A row as `read` found it. */
export const toRow = (rows: Rows): Effect.Effect<Row, StoreError> =>
  Either.gen(function*() {
    const row = yield* first(Contents)(rows)
    return {
      now: row.now,
      token: yield* written(row.token, row.token_generation),
      failure: yield* written(row.failure, row.failure_generation)
    }
  })

/** The generation of a lock that was given, and what its holder finds. */
export interface Taken {
  readonly generation: number
  readonly row: Row
}

/** The lock, with what is readable of the row; nothing if it was not given. Its holder replaces the rest. */
export const toTaken = (rows: Rows): Option.Option<Taken> =>
  Option.map(Either.getRight(first(Taken)(rows)), (row) => ({
    generation: row.generation,
    row: {
      now: row.now,
      token: Either.getOrElse(written(row.token, row.token_generation), () => Option.none()),
      failure: Either.getOrElse(written(row.failure, row.failure_generation), () => Option.none())
    }
  }))

/** For how long a lock is held, if that is known. */
export const toRemaining = (rows: Rows): Option.Option<number> =>
  Option.map(Either.getRight(first(Held)(rows)), ({ remaining }) => remaining)

/** By name, what changes when a lock is settled. */
export const toStates = (rows: Rows): ReadonlyMap<string, string> =>
  new Map(
    rows.flatMap((row) =>
      Option.toArray(Option.map(Schema.decodeUnknownOption(State)(row), ({ generation, name, state }) =>
        [name, `${generation} ${state}`] as const))
    )
  )
