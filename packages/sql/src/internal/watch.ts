/*
 * How an engine learns of what other processes settle. PostgreSQL notifies one connection; everywhere else a small
 * query is repeated. Neither ever ends. Once the database can be reached again, everyone is told that something may
 * have changed.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { hasProperty, isString } from "effect/Predicate"
import * as Random from "effect/Random"
import * as Connections from "./connections.js"
import * as Rows from "./rows.js"
import { announced, type Statement, type Statements } from "./statements.js"
import type { Subscribers } from "./subscribers.js"

/** How often SQLite is asked. What is settled wakes waiting processes that much later, at most. */
const pollInterval = Duration.millis(100)

/** How often a connection that listens is tried: one that is cut off without a word ends only so. */
const heartbeat = { every: Duration.seconds(5), patience: Duration.seconds(2) }

/** The waits between attempts to listen again double, and differ from process to process. */
const backoff = { first: 100, longest: 5000 }

const everyone = () => true

/** A connection that listens does no other work, so a pool of a single one cannot spare it. */
const hasOneConnection = (sql: SqlClient): boolean =>
  hasProperty(sql, "config") && hasProperty(sql.config, "maxConnections") && sql.config.maxConnections === 1

/** Asks for the states of all names that anyone wants to know of, and compares. */
export const polling = (
  run: (statement: Statement) => Effect.Effect<Connections.Rows, unknown>,
  { states }: Statements,
  { announce, names }: Subscribers
): Effect.Effect<never> => {
  let known: ReadonlyMap<string, string | undefined> = new Map()
  const ask = Effect.suspend(() => {
    const asked = names()
    return Effect.match(run(states(asked)), {
      onFailure: () => {
        known = new Map()
      },
      onSuccess: (rows) => {
        const found = Rows.toStates(rows)
        const before = known
        known = new Map(asked.map((name) => [name, found.get(name)]))
        announce((name) => known.has(name) && !(before.has(name) && before.get(name) === known.get(name)))
      }
    })
  })
  return Effect.forever(Effect.zipRight(ask, Effect.sleep(pollInterval)))
}

const isFor = (payload: string) => (name: string): boolean => name.slice(0, announced) === payload

/**
 * Listens until the connection breaks. The `listen` of sql-pg 0.53 neither ends nor fails if its backend is terminated,
 * and its finalizer waits for a hung server for ever. So this is a connection of the pool, which the pool gets back
 * closed.
 */
const listening = (
  sql: SqlClient,
  { channel }: Statements,
  { announce }: Subscribers,
  listens: () => void
): Effect.Effect<"unsupported", SqlError> =>
  Connections.withConnection(sql, (connection) =>
    Effect.scoped(Effect.gen(function*() {
      const client = Connections.pgClientOf(connection)
      if (client === undefined) return "unsupported" as const
      const broken = yield* Deferred.make<never, SqlError>()
      const onNotification = (event: unknown) => {
        if (hasProperty(event, "channel") && event.channel === channel) {
          announce(hasProperty(event, "payload") && isString(event.payload) ? isFor(event.payload) : everyone)
        }
      }
      const onEnd = () => Deferred.unsafeDone(broken, Effect.fail(Connections.brokenConnection))
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          client.on("notification", onNotification)
          client.on("end", onEnd)
        }),
        () =>
          Effect.sync(() => {
            client.off("notification", onNotification)
            client.off("end", onEnd)
            Connections.close(client)
          })
      )
      yield* Connections.query(connection, { text: `LISTEN "${channel}"`, parameters: [] })
      listens()
      announce(everyone)
      const beat = Connections.query(connection, { text: "SELECT 1", parameters: [] }).pipe(
        Effect.disconnect,
        Effect.timeoutFail({ duration: heartbeat.patience, onTimeout: () => Connections.brokenConnection })
      )
      return yield* Effect.raceFirst(
        Deferred.await(broken),
        Effect.forever(Effect.zipRight(Effect.sleep(heartbeat.every), beat))
      )
    })))

/** The notifications of PostgreSQL, for as long as it takes. */
export const notifications = (
  sql: SqlClient,
  run: (statement: Statement) => Effect.Effect<Connections.Rows, unknown>,
  statements: Statements,
  subscribers: Subscribers
): Effect.Effect<never> =>
  Effect.suspend(() => {
    if (hasOneConnection(sql)) return polling(run, statements, subscribers)
    let wait = backoff.first
    const attempt = listening(sql, statements, subscribers, () => {
      wait = backoff.first
    })
    const pause = Effect.suspend(() => {
      const longest = wait
      wait = Math.min(2 * wait, backoff.longest)
      return Effect.flatMap(Random.nextRange(longest / 2, longest), (millis) => Effect.sleep(Math.round(millis)))
    })
    return Effect.forever(Effect.matchCauseEffect(attempt, {
      onFailure: () => pause,
      onSuccess: () => polling(run, statements, subscribers)
    }))
  })
