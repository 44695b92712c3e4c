/*
 * Runs the statements of one engine. It bounds them, creates the table when it is missed, and logs once when the
 * database cannot be used, and once when it can be used again (T2). A database may be readable and not writable: so a
 * success tells of a recovery only from failures that it disproves.
 */
import { StoreError } from "@effect-tilia/core/TokenStore"
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { hasProperty } from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Connections from "./connections.js"
import * as Rows from "./rows.js"
import type { Dialect, Statement, Statements } from "./statements.js"

export type Locked =
  | { readonly _tag: "Taken"; readonly taken: Rows.Taken }
  | { readonly _tag: "Held"; readonly remaining: Option.Option<number> }

/** What a statement needs: the right to read, to write, or also to delete. */
export type Kind = "read" | "write" | "sweep"

/** A success of the one kind shows that statements of these kinds do not fail any more. */
const disproved: Record<Kind, ReadonlyArray<Kind>> = {
  read: ["read"],
  write: ["read", "write"],
  sweep: ["read", "write", "sweep"]
}

export interface Database {
  readonly run: (kind: Kind, statement: Statement) => Effect.Effect<Connections.Rows, StoreError>
  readonly lock: (name: string) => Effect.Effect<Locked, StoreError>
}

/** A source has given up a command long before. This is for a command whose answer still matters: that of a lock. */
const longest = Duration.seconds(2)

/**
 * better-sqlite3 waits for a locked file in the main thread, by default for 5 seconds. So it does not wait, but we do,
 * in total for as long as a source has patience (T2).
 */
const busy = { pause: Duration.millis(10), total: Duration.millis(180) }

const untilFree = Schedule.jittered(Schedule.spaced(busy.pause)).pipe(Schedule.upTo(busy.total))

/** The time that the user has chosen is there again afterwards: the connection may be shared with the application. */
const withoutBlocking = <A>(
  connection: Connection,
  use: Effect.Effect<A, SqlError>
): Effect.Effect<A, SqlError> => {
  const timeout = (change: string) =>
    Connections.query(connection, { text: `PRAGMA busy_timeout${change}`, parameters: [] })
  return Effect.acquireUseRelease(
    Effect.zipLeft(timeout(""), timeout(" = 0")),
    () => use,
    ([before]) => Effect.ignore(timeout(` = ${hasProperty(before, "timeout") ? Number(before.timeout) : 5000}`))
  )
}

export const make = (sql: SqlClient, dialect: Dialect, table: string, statements: Statements): Database => {
  /** The kind of the failures since the database could be used last: that which needs most, except for deleting. */
  let away: Kind | undefined

  const connected = <A>(use: (connection: Connection) => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> =>
    Effect.retry(
      Connections.withConnection(
        sql,
        (connection) => dialect === "sqlite" ? withoutBlocking(connection, use(connection)) : use(connection)
      ),
      { while: Connections.isBusy, schedule: untilFree }
    )

  // Of several processes that create it at once most fail. What counts is whether it is there afterwards.
  const createdAnd = <A>(use: (connection: Connection) => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> =>
    Effect.flatMap(
      Effect.either(connected((connection) => Connections.query(connection, statements.createTable))),
      (created) =>
        Effect.catchIf(
          connected(use),
          Connections.isWithoutTable,
          (missing) => Either.isLeft(created) ? created.left : missing
        )
    )

  const failed = (kind: Kind, error: SqlError | undefined): Effect.Effect<never, StoreError> =>
    Effect.suspend(() => {
      const isNew = away === undefined
      if (away === undefined || away === "sweep" || kind === "write") away = kind
      const code = error && Connections.codeOf(error)
      const why = error === undefined ? "no answer" : code ?? "no error code"
      return Effect.zipRight(
        isNew
          ? Effect.logWarning(
            `The database of the token store cannot be used (${table}: ${why}): until it can, each process requests ` +
              "tokens for itself."
          )
          : Effect.void,
        new StoreError({ reason: "Unavailable", isLogged: true })
      )
    })

  const succeeded = (kind: Kind) =>
    Effect.suspend(() => {
      if (away === undefined || !disproved[kind].includes(away)) return Effect.void
      away = undefined
      return Effect.logInfo(`The database of the token store can be used again (${table}): tokens are shared again.`)
    })

  const command = <A>(
    kind: Kind,
    use: (connection: Connection) => Effect.Effect<A, SqlError>
  ): Effect.Effect<A, StoreError> =>
    connected(use).pipe(
      Effect.catchIf(Connections.isWithoutTable, () => createdAnd(use)),
      Effect.timeoutOption(longest),
      Effect.matchCauseEffect({
        onFailure: (cause) => failed(kind, Option.getOrUndefined(Cause.failureOption(cause))),
        onSuccess: Option.match({
          onNone: () => failed(kind, undefined),
          onSome: (result) => Effect.as(succeeded(kind), result)
        })
      })
    )

  return {
    run: (kind, statement) => command(kind, (connection) => Connections.query(connection, statement)),
    lock: (name) =>
      command(
        "write",
        Effect.fnUntraced(function*(connection) {
          const rows = yield* Connections.query(connection, statements.lock(name))
          const taken = Rows.toTaken(rows)
          if (Option.isSome(taken)) return { _tag: "Taken", taken: taken.value } as const
          const held = dialect === "pg" ? rows : yield* Connections.query(connection, statements.remaining(name))
          return { _tag: "Held", remaining: Rows.toRemaining(held) } as const
        })
      )
  }
}
