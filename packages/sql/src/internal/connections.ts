/*
 * Connections out of the client's pool, and what their errors mean. A connection of its own for each command has three
 * reasons: a caller's transaction does not matter, a connection that hangs can be thrown away, and no transformation of
 * names that the user has chosen changes our columns.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { hasProperty, isFunction, isString } from "effect/Predicate"
import type { Statement } from "./statements.js"

export type Rows = ReadonlyArray<unknown>

/** What is used of the `Client` of `pg` that a connection of `@effect/sql-pg` is made of. */
export interface PgClient {
  readonly on: (event: string, listener: (event: unknown) => void) => unknown
  readonly off: (event: string, listener: (event: unknown) => void) => unknown
  /** The pool drops the connection then. */
  readonly end: () => unknown
}

const isPgClient = (client: unknown): client is PgClient =>
  hasProperty(client, "on") && isFunction(client.on) &&
  hasProperty(client, "off") && isFunction(client.off) &&
  hasProperty(client, "end") && isFunction(client.end)

/**
 * Closes the socket at once. `end` alone does so only if a query is under way. Otherwise it waits for the server, and
 * one that hangs would keep the process alive after the store is closed (row 100).
 */
export const close = (client: PgClient): void => {
  client.end()
  const stream = hasProperty(client, "connection") && hasProperty(client.connection, "stream")
    ? client.connection.stream
    : undefined
  if (hasProperty(stream, "destroy") && isFunction(stream.destroy)) stream.destroy()
}

export const pgClientOf = (connection: Connection): PgClient | undefined =>
  hasProperty(connection, "pg") && isPgClient(connection.pg) ? connection.pg : undefined

/**
 * Uses a connection. Whoever is interrupted waits for nothing: neither for a connection nor for a statement that hangs.
 *
 * Seen in sql-pg 0.53: a `reserve` that is interrupted while it waits for the pool never gives its connection back. An
 * interrupted query asks the server to cancel it, for up to 5 seconds, and then gives its connection back even if the
 * query is still under way. So a connection is always awaited, in a fiber of its own, and one whose statement was given
 * up is closed: the next command would hang on it, too, if it was cut off without a word (T2).
 */
export const withConnection = <A, E>(
  { reserve }: SqlClient,
  use: (connection: Connection) => Effect.Effect<A, E>
): Effect.Effect<A, E | SqlError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.uninterruptible(reserve).pipe(
      Effect.flatMap((connection) =>
        Effect.onInterrupt(
          Effect.interruptible(Effect.suspend(() => use(connection))),
          () => Effect.sync(() => pgClientOf(connection)?.end())
        )
      ),
      Effect.scoped,
      Effect.withUnhandledErrorLogLevel(Option.none()), // whoever joins the fiber gets its error
      Effect.forkDaemon,
      Effect.flatMap((fiber) => Effect.onInterrupt(restore(Fiber.join(fiber)), () => Fiber.interruptFork(fiber)))
    )
  )

/**
 * Runs a statement. sql-sqlite-node throws if it cannot prepare it, and its other ways of running one remember for 10
 * minutes that it could not be prepared, even if the reason was a locked file.
 */
export const query = (connection: Connection, { parameters, text }: Statement): Effect.Effect<Rows, SqlError> =>
  Effect.suspend(() => connection.executeUnprepared(text, parameters, undefined)).pipe(
    Effect.catchAllDefect((cause) => new SqlError({ cause }))
  )

export const brokenConnection = new SqlError({ message: "The connection is broken." })

/** SQLSTATE, or SQLite's or Node's name of the error. Its message may quote anything, and is never shown. */
export const codeOf = ({ cause }: SqlError): string | undefined =>
  hasProperty(cause, "code") && isString(cause.code) && /^[A-Z0-9_]{2,40}$/.test(cause.code) ? cause.code : undefined

/** Another transaction was in the way, so nothing was done. */
export const isBusy = (error: SqlError): boolean => /^(SQLITE_(BUSY|LOCKED)\w*|40001|40P01)$/.test(codeOf(error) ?? "")

export const isWithoutTable = (error: SqlError): boolean =>
  codeOf(error) === "42P01" ||
  codeOf(error) === "SQLITE_ERROR" && error.cause instanceof Error && /^no such table/.test(error.cause.message)
