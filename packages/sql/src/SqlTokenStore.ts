/**
 * One token for all processes that use a PostgreSQL database, or the same SQLite file. With it in its context,
 * `Tilia.layer` and `NodeTilia.layer` request one token per lifetime, however many processes there are.
 *
 * What the table contains can only be read or written by those who have the client secret. If the database is away,
 * slow or broken, tokens still flow: each process then requests its own.
 *
 * @example
 * import { NodeTilia } from "@effect-tilia/node"
 * import { SqlTokenStore } from "@effect-tilia/sql"
 * import { PgClient } from "@effect/sql-pg"
 * import { Config, Layer } from "effect"
 *
 * const TiliaLive = NodeTilia.layerConfig().pipe(
 *   Layer.provide(SqlTokenStore.layer()),
 *   Layer.provide(PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") }))
 * )
 *
 * @since 0.1.0
 */
import { Acquired, Held, type Outcome, type Row, StoreEngine } from "@effect-tilia/core/StoreEngine"
import * as TiliaConfig from "@effect-tilia/core/TiliaConfig"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import { lease, type StoreError } from "@effect-tilia/core/TokenStore"
import { SqlClient } from "@effect/sql/SqlClient"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { isRecord, isString } from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Database from "./internal/database.js"
import * as Rows from "./internal/rows.js"
import * as Statements from "./internal/statements.js"
import * as Subscribers from "./internal/subscribers.js"
import * as Watch from "./internal/watch.js"

/**
 * The options of the store.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The name of the table, or a schema and a table as in `auth.tokens`: lower-case letters, digits and `_`, at most 63
   * characters each. A table that does not exist is created; its schema must exist. A temporary table is refused. On
   * PostgreSQL, the part after the dot also names the channel of notifications.
   *
   * @default "effect_tilia_token_store"
   */
  readonly table?: string | undefined
}

const defaultTable = "effect_tilia_token_store"

/** How long a new Layer waits for the database. */
const patience = Duration.seconds(1)

/** How often rows that nobody needs are deleted, unless the process was started anew meanwhile. */
const sweepInterval = Duration.toMillis("1 hour")

/** Longer than any token lives, and short enough for a `bigint`. */
const longestKept = Duration.toMillis("3650 days")

/** The options may come from JavaScript. */
const tableOf = (options: unknown, dialect: Statements.Dialect): Effect.Effect<string, InvalidInputError> => {
  if (!isRecord(options)) return new InvalidInputError({ setting: "options", expected: "an object, or left out" })
  const { table = defaultTable } = options
  return isString(table) && Statements.tablePattern.test(table) && !Statements.isTemporary(dialect, table)
    ? Effect.succeed(table)
    : new InvalidInputError({
      setting: "table",
      expected:
        "a name of lower-case letters, digits and _, as \"tokens\" or \"auth.tokens\", and not a temporary table"
    })
}

const dialectOf = (sql: SqlClient): Effect.Effect<Statements.Dialect, InvalidInputError> => {
  const dialect = sql.onDialectOrElse({
    pg: () => "pg" as const,
    sqlite: () => "sqlite" as const,
    orElse: () => undefined
  })
  return dialect === undefined
    ? new InvalidInputError({ setting: "SqlClient", expected: "a client of PostgreSQL or SQLite" })
    : Effect.succeed(dialect)
}

/**
 * An engine that keeps its rows in a table of the database. The table is created when it is missed. Making it waits for
 * the database, for a second at most, and does not fail if the database is away. An invalid name of the table, or a
 * database that is neither PostgreSQL nor SQLite, is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  options: Options = {}
): Effect.fn.Return<StoreEngine, InvalidInputError, Scope.Scope | SqlClient> {
  const sql = yield* SqlClient
  const dialect = yield* dialectOf(sql)
  const table = yield* tableOf(options, dialect)
  const statements = Statements.make(dialect, table)
  const subscribers = yield* Subscribers.make
  const { lock, run } = Database.make(sql, dialect, table, statements)
  const scope = yield* Effect.scope

  let sweptAt = -Infinity
  const sweep = Effect.flatMap(Effect.clock, (clock) =>
    Effect.suspend(() => {
      const now = clock.unsafeCurrentTimeMillis()
      if (now - sweptAt < sweepInterval) return Effect.void
      sweptAt = now
      return Effect.forkIn(Effect.ignore(run("sweep", statements.sweep)), scope)
    }))

  const settled = (name: string, generation: number, outcome: Outcome): Statements.Statement => {
    if (outcome._tag === "Abandoned") return statements.abandon(name, generation)
    const keepFor = Math.min(Math.ceil(Duration.toMillis(outcome.keepFor)), longestKept)
    return outcome._tag === "Granted"
      ? statements.grant(name, generation, outcome.text, keepFor)
      : statements.fail(name, generation, outcome.text, keepFor)
  }

  const read = (name: string): Effect.Effect<Row, StoreError> =>
    Effect.flatMap(run("read", statements.read(name)), Rows.toRow)

  const look = (statement: Statements.Statement) => run("read", statement)
  yield* subscribers.whileAny(
    dialect === "pg"
      ? Watch.notifications(sql, look, statements, subscribers)
      : Watch.polling(look, statements, subscribers)
  )
  yield* Effect.forkScoped(Effect.ignore(Effect.zipRight(read(""), sweep))).pipe(
    Effect.flatMap((fiber) => Effect.timeoutOption(Effect.disconnect(fiber), patience))
  )

  return {
    read,
    lock: (name) =>
      Effect.map(lock(name), (result) =>
        result._tag === "Taken"
          ? Acquired(result.taken)
          : Held({
            remaining: Option.match(result.remaining, { onNone: () => Duration.decode(lease), onSome: Duration.millis })
          })),
    settle: (name, generation, outcome) =>
      run("write", settled(name, generation, outcome)).pipe(
        Effect.tap((rows) => {
          if (rows.length > 0) subscribers.announce((subscribed) => subscribed === name)
        }),
        Effect.zipRight(sweep),
        Effect.asVoid
      ),
    renew: (name, generation) => Effect.asVoid(run("write", statements.renew(name, generation))),
    changes: subscribers.changes
  }
})

/**
 * The engine as a Layer. It needs the `SqlClient` of `@effect/sql-pg` 0.53 or `@effect/sql-sqlite-node` 0.53.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<StoreEngine, InvalidInputError, SqlClient> =>
  Layer.scoped(StoreEngine, make(options))

/**
 * The engine with options from the configuration; without an argument, all at their defaults. Whatever is missing or
 * wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: TiliaConfig.Input<Options> = {}
): Layer.Layer<StoreEngine, ConfigError, SqlClient> => TiliaConfig.layer(options, layer)
