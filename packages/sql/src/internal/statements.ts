/*
 * The SQL of the store. Each command is one statement, so that it takes effect as a whole or not at all. All times are
 * those of the database's own clock, in milliseconds since 1970. Numbers are read as texts, since each client makes
 * something else of a `bigint`.
 */
import { longestText } from "@effect-tilia/core/StoreEngine"
import { lease } from "@effect-tilia/core/TokenStore"
import * as Duration from "effect/Duration"

export type Dialect = "pg" | "sqlite"

export interface Statement {
  readonly text: string
  readonly parameters: ReadonlyArray<string | number>
}

export interface Statements {
  /** The channel that PostgreSQL tells changes on. */
  readonly channel: string
  readonly createTable: Statement
  /** One row, even if the name is unknown. */
  readonly read: (name: string) => Statement
  /** One row if the lock was given. In PostgreSQL another one if it was not, which says for how long it is held. */
  readonly lock: (name: string) => Statement
  /** For how long the lock of a name is held: at most one row. */
  readonly remaining: (name: string) => Statement
  /** These three yield one row if they did something. */
  readonly grant: (name: string, generation: number, text: string, keepFor: number) => Statement
  readonly fail: (name: string, generation: number, text: string, keepFor: number) => Statement
  readonly abandon: (name: string, generation: number) => Statement
  readonly renew: (name: string, generation: number) => Statement
  /** Deletes rows that nobody needs. */
  readonly sweep: Statement
  /** What changes when a lock of these names is settled. */
  readonly states: (names: ReadonlyArray<string>) => Statement
}

/** `clock_timestamp` goes on within a transaction; SQLite's `'now'` is the same throughout a statement. */
const clock: Record<Dialect, string> = {
  pg: "(floor(extract(epoch FROM clock_timestamp()) * 1000))::bigint",
  sqlite: "CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS integer)"
}

const leaseMillis = Duration.toMillis(lease)

const day = Duration.toMillis("1 day")

/** Rows deleted at once: more would hold up others. */
const sweptAtOnce = 1000

/** Characters of a name that a notification carries: its limit is 8,000 bytes. */
export const announced = 1000

/** A name of lower-case letters needs no quotes to mean the same, and so nobody mistakes it. */
export const tablePattern = /^([a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,62}$/

/** A temporary table belongs to one connection: other processes, and other connections of the pool, do not see it. */
export const isTemporary = (dialect: Dialect, table: string): boolean =>
  table.startsWith(dialect === "pg" ? "pg_temp" : "temp.") && table.includes(".")

export const make = (dialect: Dialect, table: string): Statements => {
  const isPg = dialect === "pg"
  const channel = table.slice(table.indexOf(".") + 1)
  const quoted = table.split(".").map((part) => `"${part}"`).join(".")
  // By its type a number equals that of a column of texts too, which SQLite takes for any type.
  const parameter = (n: number, type: "text" | "bigint") => isPg ? `$${n}::${type}` : `CAST(? AS ${type})`
  // What is longer is no number. In SQLite, any column may hold a text.
  const asText = (column: string) => `substr(CAST(${column} AS text), 1, 40)`
  const withClock = `WITH clock AS ${isPg ? "MATERIALIZED " : ""}(SELECT ${clock[dialect]} AS now)`
  const now = "(SELECT now FROM clock)"

  /** An empty text in place of one that is too long to be ours. PostgreSQL knows its bytes without reading it. */
  const bounded = (column: string) => {
    const length = `${isPg ? "octet_length" : "length"}(${column})`
    return `CASE WHEN ${length} <= ${longestText} THEN ${column} WHEN ${column} IS NOT NULL THEN '' END`
  }

  /** Of a row that is locked by nobody. */
  const contents = (row: string) =>
    ["token", "failure"].map((kind) =>
      `${bounded(`${row}${kind}`)} AS ${kind}, ${asText(`${row}${kind}_generation`)} AS ${kind}_generation`
    ).join(", ")

  const remainingOf = (row: string) => `${asText(`${row}locked_until - ${now}`)} AS remaining`

  // A lock that ends later than a lease from now is of a clock that was set back, and a generation of more than a day
  // ahead is none of ours: neither blocks the name for ever (T2). The clock is read anew once the row is there, because
  // PostgreSQL may have waited for another transaction: by a clock that was read before, its lock ends too late. Seen:
  // two of eight processes got the lock (T3).
  const take = [
    `INSERT INTO ${quoted} AS r (name, generation, locked_until, keep_until)`,
    `SELECT ${parameter(1, "text")}, now, now + ${leaseMillis}, now + ${day} FROM clock WHERE true`,
    "ON CONFLICT (name) DO UPDATE SET",
    `  generation = CASE WHEN r.generation BETWEEN excluded.generation AND excluded.generation + ${day}`,
    "    THEN r.generation + 1 ELSE excluded.generation END,",
    `  locked_until = ${clock[dialect]} + ${leaseMillis}`,
    `WHERE r.locked_until IS NULL OR r.locked_until <= ${clock[dialect]}`,
    `  OR r.locked_until > ${clock[dialect]} + ${leaseMillis}`
  ].join("\n")

  // The outcome and its announcement are one statement: nobody is told of what was rolled back.
  const settle = (changes: string) => {
    const update = [
      `UPDATE ${quoted} SET locked_until = NULL${changes}`,
      `WHERE name = ${parameter(1, "text")} AND generation = ${parameter(2, "bigint")} RETURNING name`
    ].join("\n")
    return isPg
      ? `${withClock}, settled AS (${update})
SELECT name, CAST(pg_notify('${channel}', left(name, ${announced})) AS text) FROM settled`
      : `${withClock} ${update}`
  }

  const kept = `${now} + ${parameter(4, "bigint")}`
  const text = parameter(3, "text")
  const grant = settle(
    `, token = ${text}, token_generation = generation, failure = NULL, failure_generation = NULL, keep_until = ${kept}`
  )
  const fail = settle(
    `, failure = ${text}, failure_generation = generation, keep_until = ${
      isPg ? "greatest" : "max"
    }(keep_until, ${kept})`
  )
  const abandon = settle("")

  // SQLite numbers its parameters by their place: so they are given in the order in which the text has them.
  const settling = (text: string) => (name: string, generation: number, content: string, keepFor: number) => ({
    text,
    parameters: isPg ? [name, generation, content, keepFor] : [content, keepFor, name, generation]
  })

  return {
    channel,
    createTable: {
      text: `CREATE TABLE IF NOT EXISTS ${quoted} (
  name text NOT NULL PRIMARY KEY,
  generation bigint NOT NULL,
  locked_until bigint,
  token text,
  token_generation bigint,
  failure text,
  failure_generation bigint,
  keep_until bigint NOT NULL
)`,
      parameters: []
    },
    read: (name) => ({
      text: `${withClock}
SELECT ${asText("clock.now")} AS now, ${contents("r.")}
FROM clock LEFT JOIN ${quoted} AS r ON r.name = ${parameter(1, "text")}`,
      parameters: [name]
    }),
    lock: (name) => ({
      text: isPg
        ? `${withClock}, taken AS (${take} RETURNING r.generation, ${contents("r.")})
SELECT ${asText("clock.now")} AS now, ${asText("taken.generation")} AS generation, ${contents("taken.")},
  ${remainingOf("held.")}
FROM clock LEFT JOIN taken ON true LEFT JOIN ${quoted} AS held ON held.name = ${parameter(1, "text")}`
        : `${withClock} ${take}
RETURNING ${asText(clock[dialect])} AS now, ${asText("generation")} AS generation, ${contents("")}`,
      parameters: [name]
    }),
    remaining: (name) => ({
      text: `${withClock} SELECT ${remainingOf("")} FROM ${quoted} WHERE name = ${parameter(1, "text")}`,
      parameters: [name]
    }),
    grant: settling(grant),
    fail: settling(fail),
    abandon: (name, generation) => ({ text: abandon, parameters: [name, generation] }),
    renew: (name, generation) => ({
      text: `${withClock} UPDATE ${quoted} SET locked_until = ${now} + ${leaseMillis}
WHERE name = ${parameter(1, "text")} AND generation = ${parameter(2, "bigint")} AND locked_until IS NOT NULL`,
      parameters: [name, generation]
    }),
    // The next generation of a name must be larger than the last one, even if its row is gone (T3).
    sweep: {
      text: `${withClock} DELETE FROM ${quoted} WHERE name IN (SELECT name FROM ${quoted}
WHERE keep_until < ${now} AND generation < ${now} AND (locked_until IS NULL OR locked_until <= ${now})
LIMIT ${sweptAtOnce}${isPg ? " FOR UPDATE SKIP LOCKED" : ""})`,
      parameters: []
    },
    states: (names) => ({
      text: `SELECT name, ${asText("generation")} AS generation,
  CASE WHEN locked_until IS NULL THEN 'free' ELSE 'locked' END AS state
FROM ${quoted} WHERE name IN (SELECT value FROM ${
        isPg ? "json_array_elements_text(CAST($1 AS json))" : "json_each(?)"
      })`,
      parameters: [JSON.stringify(names)]
    })
  }
}
