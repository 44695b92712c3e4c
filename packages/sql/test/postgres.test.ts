/*
 * What a real PostgreSQL does to the store: it is away, hangs, cuts connections off, loses the table or holds garbage.
 */
import { Abandoned, Failed, Granted } from "@effect-tilia/core/StoreEngine"
import { StoreError } from "@effect-tilia/core/TokenStore"
import { leakProbe } from "@effect-tilia/testing"
import * as PgClient from "@effect/sql-pg/PgClient"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { getActiveResourcesInfo } from "node:process"
import * as Pg from "pg"
import { afterAll, beforeAll } from "vitest"
import * as SqlTokenStore from "../src/SqlTokenStore.js"
import { engineOver, eventually, grant, lock, logTo } from "./support/engines.js"
import * as Postgres from "./support/postgres.js"
import * as Proxy from "./support/proxy.js"

const unavailable = Exit.fail(new StoreError({ reason: "Unavailable", isLogged: true }))
const consequence = ": until it can, each process requests tokens for itself."
const unreadable = Exit.fail(new StoreError({ reason: "Unreadable" }))

describe.skipIf(!Postgres.isInstalled)("PostgreSQL", () => {
  let server: Postgres.Postgres
  beforeAll(async () => {
    server = await Postgres.make()
  })
  afterAll(() => server.remove())

  const clientWith = (config: Partial<PgClient.PgClientConfig> = {}) =>
    Layer.unwrapEffect(
      Effect.sync(() => PgClient.layer({ host: "127.0.0.1", port: server.port, username: "postgres", ...config }))
    )

  /** A client whose Layer needs no database. */
  const lazyClient = Layer.unwrapEffect(Effect.sync(() =>
    PgClient.layerFromPool({
      acquire: Effect.acquireRelease(
        Effect.sync(() =>
          new Pg.Pool({ host: "127.0.0.1", port: server.port, user: "postgres" }).on("error", () => {})
        ),
        (pool) => Effect.timeoutOption(Effect.interruptible(Effect.promise(() => pool.end())), 1000)
      )
    })
  ))

  /** Statements of somebody else. */
  const sql = (text: string) =>
    Effect.scoped(Effect.flatMap(
      Layer.build(clientWith({ maxConnections: 1 })),
      (context) => Context.get(context, SqlClient).unsafe<Record<string, unknown>>(text)
    ))

  let tables = 0
  const newTable = () => `tokens_${tables++}`

  const cutOff = sql(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
  )

  it.scopedLive(
    "eight processes that start at once on an empty database create the table, and one gets the lock (row 102)",
    () =>
      Effect.gen(function*() {
        for (let round = 0; round < 5; round++) {
          const table = newTable()
          const lines: Array<string> = []
          const engines = yield* Effect.all(
            Array.from({ length: 8 }, () => engineOver(clientWith({ maxConnections: 2 }), { table })),
            { concurrency: "unbounded" }
          ).pipe(Effect.provide(logTo(lines)))
          const results = yield* Effect.all(engines.map((engine) => engine.lock("n")), { concurrency: "unbounded" })
          expect(results.filter(({ _tag }) => _tag === "Acquired")).toHaveLength(1)
          expect(lines).toStrictEqual([])
        }
      })
  )

  it.scopedLive("a table that is dropped or emptied is there again, and its locks have larger generations (T3, row 100)", () =>
    Effect.gen(function*() {
      const table = newTable()
      const engine = yield* engineOver(clientWith(), { table })
      let last = 0
      for (const loss of [`TRUNCATE ${table}`, `DROP TABLE ${table}`]) {
        const before = yield* grant(engine, "n", "one")
        expect(before).toBeGreaterThan(last)
        yield* sql(loss)
        expect((yield* engine.read("n")).token).toStrictEqual(Option.none())
        const { generation } = yield* lock(engine, "n")
        expect(generation).toBeGreaterThan(before)
        yield* engine.settle("n", before, Granted({ text: "late", keepFor: Duration.hours(1) }))
        expect((yield* engine.read("n")).token).toStrictEqual(Option.none())
        yield* engine.settle("n", generation, Abandoned())
        last = generation
      }
    }))

  it.scopedLive(
    "connections that the server ends cost at most one command each, and changes are told again (T2, row 100)",
    () =>
      Effect.gen(function*() {
        const table = newTable()
        const [one, other] = yield* Effect.all([
          engineOver(clientWith(), { table }),
          engineOver(clientWith(), { table })
        ])
        const told = yield* Queue.unbounded<undefined>()
        yield* Effect.forkScoped(Stream.runForEach(one.changes("n"), () => Queue.offer(told, undefined)))
        const expectTold = Effect.timeoutFail(Queue.take(told), { duration: "5 seconds", onTimeout: () => "not told" })
        yield* expectTold // it listens
        yield* cutOff
        yield* expectTold // it listens again
        yield* eventually(one.read("n"))
        yield* Effect.sleep("300 millis")
        yield* Queue.takeAll(told)
        yield* eventually(grant(other, "n", "two"))
        yield* expectTold
        expect((yield* one.read("n")).token.pipe(Option.map(({ text }) => text))).toStrictEqual(Option.some("two"))
      })
  )

  it.scopedLive(
    "a server that is stopped fails each command, is logged once, and is used again when it is back (T2, row 100)",
    () =>
      Effect.gen(function*() {
        const table = newTable()
        const lines: Array<string> = []
        const engine = yield* engineOver(clientWith(), { table }).pipe(Effect.provide(logTo(lines)))
        const told = yield* Queue.unbounded<undefined>()
        const changes = yield* Effect.fork(Stream.runForEach(engine.changes("n"), () => Queue.offer(told, undefined)))
        const before = yield* grant(engine, "n", "kept")
        yield* Queue.take(told)
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            try {
              server.start()
            } catch {
              // It was started.
            }
          })
        )
        server.stop()
        yield* Effect.gen(function*() {
          for (let n = 0; n < 5; n++) {
            expect(yield* Effect.exit(engine.read("n"))).toStrictEqual(unavailable)
            expect(yield* Effect.exit(engine.lock("n"))).toStrictEqual(unavailable)
          }
          expect(lines).toHaveLength(1)
          expect(lines[0]).toMatch(
            /^WARN The database of the token store cannot be used \(tokens_\d+: [\w ]+\): until it can, each process requests tokens for itself\.$/
          )
          yield* Queue.takeAll(told)
          server.start()
          const row = yield* eventually(engine.read("n"))
          expect(Option.map(row.token, ({ generation }) => generation)).toStrictEqual(Option.some(before))
          expect(lines).toHaveLength(1)
          yield* grant(engine, "n", "new")
        }).pipe(Effect.provide(logTo(lines)))
        expect(lines[1]).toBe(
          `INFO The database of the token store can be used again (${table}): tokens are shared again.`
        )
        expect(lines).toHaveLength(2)
        yield* Effect.timeoutFail(Queue.take(told), { duration: "10 seconds", onTimeout: () => "not told" })
        yield* Fiber.interrupt(changes)
      })
  )

  it.scopedLive(
    "a store is made in about a second while the server is away, and is used when it is there (row 100)",
    () =>
      Effect.gen(function*() {
        const table = newTable()
        yield* Effect.sync(() => server.stop())
        const [took, engine] = yield* Effect.timed(engineOver(lazyClient, { table }))
        expect(Duration.toMillis(took)).toBeLessThan(1800)
        yield* Effect.sync(() => server.start())
        expect(yield* eventually(grant(engine, "n", "one"))).toBeGreaterThan(0)
      }).pipe(
        Effect.provide(logTo([])),
        Effect.ensuring(Effect.sync(() => {
          try {
            server.start()
          } catch {
            // It was started.
          }
        }))
      )
  )

  it.live(
    "a server that hangs holds up neither the making nor the closing of the store, and no caller who gives up (T2, row 100)",
    () =>
      Effect.gen(function*() {
        const table = newTable()
        const client = yield* Scope.make()
        const context = yield* Scope.extend(Layer.build(clientWith()), client)
        const store = yield* Scope.make()
        const engine = yield* Scope.extend(engineOver(Layer.succeedContext(context), { table }), store)
        yield* Effect.forkIn(Stream.runDrain(engine.changes("n")), store)
        yield* grant(engine, "n", "one")
        yield* Effect.sleep("300 millis") // it listens
        yield* Effect.sync(() => server.freeze())
        const givenUp = yield* Effect.timed(Effect.timeoutOption(engine.read("n"), "250 millis"))
        const [made] = yield* Effect.timed(Scope.extend(engineOver(lazyClient, { table }), client))
        const commands = yield* Effect.fork(Effect.all(
          Array.from({ length: 20 }, () => Effect.exit(engine.read("n"))),
          { concurrency: "unbounded" }
        ))
        yield* Effect.sleep("100 millis")
        const [closing] = yield* Effect.timed(Scope.close(store, Exit.void))
        const answers = yield* Fiber.join(commands)
        yield* Effect.sync(() => server.thaw())
        expect(givenUp[1]).toStrictEqual(Option.none())
        expect(Duration.toMillis(givenUp[0])).toBeLessThan(400)
        expect(Duration.toMillis(closing)).toBeLessThan(500)
        expect(Duration.toMillis(made)).toBeLessThan(1_500)
        expect(new Set(answers.map(({ _tag }) => _tag))).toStrictEqual(new Set(["Failure"]))

        // What was given up has left no connection behind that is stuck.
        const next = yield* Scope.extend(engineOver(Layer.succeedContext(context), { table }), client)
        expect((yield* eventually(next.read("n"))).token.pipe(Option.map(({ text }) => text))).toStrictEqual(
          Option.some("one")
        )
        yield* Scope.close(client, Exit.void)
      }).pipe(Effect.provide(logTo([])), Effect.ensuring(Effect.sync(() => server.thaw())))
  )

  it.live("a store that is closed while the server hangs leaves no socket of its own that keeps the process alive (row 100)", () =>
    Effect.gen(function*() {
      const sockets = Effect.sync(() => getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length)
      const client = yield* Layer.build(clientWith({ maxConnections: 3 }))
      const store = yield* Scope.make()
      const engine = yield* Scope.extend(engineOver(Layer.succeedContext(client), { table: newTable() }), store)
      yield* grant(engine, "n", "one")
      yield* Effect.sleep("200 millis")
      yield* Effect.forkIn(Stream.runDrain(engine.changes("n")), store)
      yield* Effect.sleep("500 millis")
      const listening = yield* sockets
      yield* Effect.sync(() => server.freeze())
      yield* Scope.close(store, Exit.void)
      yield* Effect.sleep("300 millis")
      expect(yield* sockets).toBe(listening - 1)
      yield* Effect.sync(() => server.thaw())
    }).pipe(Effect.scoped, Effect.provide(logTo([])), Effect.ensuring(Effect.sync(() => server.thaw()))))

  it.scopedLive("a lock that another process commits while the store waits for it is held, at every isolation level (T1, T3)", () =>
    Effect.gen(function*() {
      for (const level of ["read committed", "serializable"]) {
        yield* sql(`ALTER DATABASE postgres SET default_transaction_isolation = '${level}'`)
        const table = newTable()
        const engine = yield* engineOver(clientWith({ database: "postgres" }), { table })
        const now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        const other = yield* Effect.acquireRelease(
          Effect.promise(async () => {
            const client = new Pg.Client({ host: "127.0.0.1", port: server.port, user: "postgres" })
            await client.connect()
            await client.query(`BEGIN; INSERT INTO ${table} (name, generation, keep_until) VALUES ('n', 1, ${now})`)
            return client
          }),
          (client) => Effect.promise(() => client.end())
        )
        const waiting = yield* Effect.fork(engine.lock("n"))
        yield* Effect.sleep("500 millis")
        yield* Effect.promise(() => other.query(`UPDATE ${table} SET locked_until = ${now} + 2000; COMMIT`))
        expect((yield* Fiber.join(waiting))._tag, level).toBe("Held")
      }
    }).pipe(Effect.ensuring(Effect.orDie(sql("ALTER DATABASE postgres RESET default_transaction_isolation")))))

  it.scopedLive(
    "a table that is locked for long costs the server no connection for each command that was given up (T2)",
    () =>
      Effect.gen(function*() {
        const table = newTable()
        const engine = yield* engineOver(clientWith(), { table })
        const blocker = yield* Effect.acquireRelease(
          Effect.promise(async () => {
            const client = new Pg.Client({ host: "127.0.0.1", port: server.port, user: "postgres" })
            await client.connect()
            await client.query(`BEGIN; LOCK TABLE ${table}`)
            return client
          }),
          (client) => Effect.promise(() => client.end())
        )
        for (let n = 0; n < 6; n++) {
          expect(yield* Effect.timeoutOption(engine.read("n"), "100 millis")).toStrictEqual(Option.none())
        }
        const waiting = sql("SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        // A cancellation may come before its query, on a busy machine: then that one waits on.
        yield* eventually(Effect.filterOrFail(waiting, ([row]) => Number(row?.["n"]) <= 2, () => "still waiting"))
        yield* Effect.promise(() => blocker.query("COMMIT"))
        expect(yield* grant(engine, "n", "one")).toBeGreaterThan(0)
      }).pipe(Effect.provide(logTo([])))
  )

  it.scopedLive(
    "connections that are cut off without a word are given up within ten seconds, and changes are told again (T2)",
    () =>
      Effect.gen(function*() {
        const table = newTable()
        const proxy = yield* Effect.acquireRelease(
          Effect.promise(() => Proxy.make(server.port)),
          (proxy) => Effect.sync(() => proxy.close())
        )
        const engine = yield* engineOver(clientWith({ port: proxy.port, maxConnections: 3 }), { table })
        const other = yield* engineOver(clientWith(), { table })
        let told = 0
        yield* Effect.forkScoped(Stream.runForEach(engine.changes("n"), () => Effect.sync(() => told++)))
        yield* grant(engine, "n", "one")
        yield* Effect.sleep("300 millis")
        yield* Effect.sync(() => proxy.swallow())
        const before = told
        const givingUp = Effect.flatten(Effect.timeoutOption(engine.read("n"), "250 millis"))
        yield* Effect.exit(givingUp)
        yield* Effect.sleep("1 second")
        for (let n = 0; n < 10; n++) yield* givingUp
        yield* eventually(Effect.suspend(() => told > before ? Effect.void : Effect.fail("not told yet")))
        for (let n = 0; n < 10; n++) yield* givingUp
        const since = told
        yield* grant(other, "n", "two")
        yield* eventually(Effect.suspend(() => told > since ? Effect.void : Effect.fail("not told yet")))
      }).pipe(Effect.provide(logTo([])))
  )

  it.scopedLive(
    "commands that were given up leave no connection of the pool unusable (T2)",
    () =>
      Effect.gen(function*() {
        const table = newTable()
        const engine = yield* engineOver(clientWith({ maxConnections: 2 }), { table })
        yield* Effect.sync(() => server.freeze())
        for (let n = 0; n < 6; n++) yield* Effect.timeoutOption(engine.read("n"), "100 millis")
        yield* Effect.sync(() => server.thaw())
        const [took] = yield* Effect.timed(eventually(engine.read("n")))
        expect(Duration.toMillis(took)).toBeLessThan(2000)
      }).pipe(Effect.provide(logTo([])), Effect.ensuring(Effect.sync(() => server.thaw())))
  )

  it.scopedLive("garbage in a row is unreadable, leaves the lock free, and is replaced by the next token (T2, row 101)", () =>
    Effect.gen(function*() {
      const table = newTable()
      const engine = yield* engineOver(clientWith(), { table })
      const changes = [
        "token = 'x', token_generation = NULL",
        "token = 'x', token_generation = -1",
        "token = repeat('x', 524289), token_generation = 1",
        "failure = 'x', failure_generation = 9223372036854775807"
      ]
      for (const garbage of changes) {
        yield* grant(engine, "n", "one")
        yield* sql(`UPDATE ${table} SET ${garbage}`)
        expect(yield* Effect.exit(Effect.as(engine.read("n"), "a row"))).toStrictEqual(unreadable)
        const { generation, row } = yield* lock(engine, "n")
        expect(row[garbage.startsWith("token") ? "token" : "failure"]).toStrictEqual(Option.none())
        yield* engine.settle("n", generation, Granted({ text: "two", keepFor: Duration.hours(1) }))
        expect((yield* engine.read("n")).token).toStrictEqual(Option.some({ text: "two", generation }))
      }
    }))

  it.scopedLive("neither a lock that ends in years nor a generation of years ahead blocks a name (T2, T3, row 101)", () =>
    Effect.gen(function*() {
      const table = newTable()
      const engine = yield* engineOver(clientWith(), { table })
      for (
        const garbage of ["locked_until = 9223372036854775807", "generation = 9223372036854775807", "generation = -5"]
      ) {
        yield* grant(engine, "n", "one")
        yield* sql(`UPDATE ${table} SET ${garbage}`)
        const { generation, row } = yield* lock(engine, "n")
        expect(generation).toBeGreaterThanOrEqual(row.now)
        expect(generation).toBeLessThan(row.now + 1000)
        yield* engine.settle("n", generation, Abandoned())
      }
    }))

  it.scopedLive("a database user who may not create tables uses one that exists, and is told the reason otherwise", () =>
    Effect.gen(function*() {
      const table = newTable()
      yield* sql(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lowly') THEN CREATE ROLE lowly LOGIN; END IF; END $$"
      )
      const lines: Array<string> = []
      const client = clientWith({ username: "lowly", database: "postgres" })
      const missing = yield* engineOver(client, { table }).pipe(Effect.provide(logTo(lines)))
      expect(yield* Effect.exit(missing.lock("n"))).toStrictEqual(unavailable)
      expect(lines).toStrictEqual([
        `WARN The database of the token store cannot be used (${table}: 42501)${consequence}`
      ])
      yield* engineOver(clientWith(), { table })
      yield* sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO lowly`)
      expect(yield* grant(missing, "n", "one")).toBeGreaterThan(0)
    }).pipe(Effect.provide(logTo([]))))

  it.scopedLive("a database that can be read but not written is logged once, until it can be written again (T2)", () =>
    Effect.gen(function*() {
      yield* sql("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN")
      const readOnly = "ALTER ROLE reader SET default_transaction_read_only = on"
      const grants = ["SELECT", "SELECT, INSERT, UPDATE, DELETE"]
      for (const [forbidden, code] of [["SELECT 1", "42501"], [readOnly, "25006"]] as const) {
        const table = newTable()
        yield* engineOver(clientWith(), { table })
        yield* sql(`GRANT ${grants[code === "42501" ? 0 : 1]} ON ${table} TO reader; ${forbidden}`)
        const lines: Array<string> = []
        yield* Effect.scoped(Effect.gen(function*() {
          const client = clientWith({ username: "reader", database: "postgres", maxConnections: 1, idleTimeout: 10 })
          const engine = yield* engineOver(client, { table })
          for (let n = 0; n < 3; n++) {
            yield* engine.read("n")
            expect(yield* Effect.exit(engine.lock("n"))).toStrictEqual(unavailable)
          }
          yield* engine.read("n")
          const warning = `WARN The database of the token store cannot be used (${table}: ${code})${consequence}`
          expect(lines).toStrictEqual([warning])
          yield* sql(`GRANT ${grants[1]} ON ${table} TO reader`)
          yield* sql("ALTER ROLE reader RESET default_transaction_read_only")
          if (code !== "42501") yield* cutOff
          yield* eventually(grant(engine, "n", "one"))
          expect(lines).toStrictEqual([
            warning,
            `INFO The database of the token store can be used again (${table}): tokens are shared again.`
          ])
        })).pipe(Effect.provide(logTo(lines)))
        yield* sql(`DROP TABLE ${table}`)
      }
      yield* sql("DROP ROLE reader")
    }))

  it.scopedLive("a user who may not delete rows is told so once, and of no recovery", () =>
    Effect.gen(function*() {
      const table = newTable()
      yield* engineOver(clientWith(), { table })
      yield* sql(
        `DROP ROLE IF EXISTS keeper; CREATE ROLE keeper LOGIN; GRANT SELECT, INSERT, UPDATE ON ${table} TO keeper`
      )
      const lines: Array<string> = []
      yield* Effect.gen(function*() {
        const engine = yield* engineOver(clientWith({ username: "keeper", database: "postgres" }), { table })
        yield* Effect.sleep("300 millis")
        yield* grant(engine, "n", "one")
        yield* engine.read("n")
      }).pipe(Effect.provide(logTo(lines)))
      expect(lines).toStrictEqual([
        `WARN The database of the token store cannot be used (${table}: 42501)${consequence}`
      ])
    }))

  it.scopedLive("a caller's transaction neither holds up nor takes back what the store does", () =>
    Effect.gen(function*() {
      const table = newTable()
      const context = yield* Layer.build(clientWith())
      const engine = yield* engineOver(Layer.succeedContext(context), { table })
      const { withTransaction } = Context.get(context, SqlClient)
      yield* Effect.exit(withTransaction(Effect.zipRight(grant(engine, "n", "one"), Effect.fail("rolled back"))))
      expect(Option.isSome((yield* engine.read("n")).token)).toBe(true)
    }))

  it.scopedLive("rows that nobody needs any more are deleted when a process starts, and no other row is", () =>
    Effect.gen(function*() {
      const table = newTable()
      const engine = yield* engineOver(clientWith(), { table })
      for (const name of ["old", "failed", "new", "locked"]) yield* grant(engine, name, "x")
      const failed = yield* lock(engine, "failed")
      yield* engine.settle("failed", failed.generation, Failed({ text: "y", keepFor: Duration.seconds(1) }))
      yield* sql(`UPDATE ${table} SET keep_until = 1 WHERE name IN ('old', 'locked')`)
      yield* lock(engine, "locked")
      yield* Effect.sleep("1100 millis")
      yield* engineOver(clientWith(), { table })
      yield* eventually(
        Effect.filterOrFail(sql(`SELECT name FROM ${table} ORDER BY name`), (rows) => rows.length === 3)
      )
      expect(yield* sql(`SELECT name FROM ${table} ORDER BY name`)).toStrictEqual([
        { name: "failed" },
        { name: "locked" },
        { name: "new" }
      ])
    }))

  it.scopedLive(
    "a pool of a single connection, renamed columns and other isolation levels do not matter",
    () =>
      Effect.gen(function*() {
        const table = newTable()
        const upper = (name: string) => name.toUpperCase()
        const single = yield* engineOver(
          clientWith({ maxConnections: 1, transformQueryNames: upper, transformResultNames: upper }),
          { table }
        )
        yield* Effect.forkScoped(Stream.runDrain(single.changes("m")))
        const told = yield* Effect.fork(Stream.runDrain(Stream.take(single.changes("n"), 2)))
        yield* sql("ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'")
        const engines = yield* Effect.all(
          Array.from({ length: 4 }, () => engineOver(clientWith({ database: "postgres" }), { table }))
        )
        for (let round = 0; round < 10; round++) {
          const results = yield* Effect.all(engines.map((engine) => engine.lock(`n${round}`)), {
            concurrency: "unbounded"
          })
          expect(results.filter(({ _tag }) => _tag === "Acquired")).toHaveLength(1)
        }
        yield* Effect.sleep("200 millis")
        for (const engine of engines.slice(0, 1)) yield* grant(engine, "n", "one")
        yield* Effect.timeoutFail(Fiber.join(told), { duration: "5 seconds", onTimeout: () => "not told" })
        expect(Option.isSome((yield* single.read("n")).token)).toBe(true)
      }).pipe(Effect.ensuring(Effect.orDie(sql("ALTER DATABASE postgres RESET default_transaction_isolation"))))
  )

  it.scopedLive("a name of any length and with any letters is told to those who wait for it, and to no one else (T11)", () =>
    Effect.gen(function*() {
      const table = newTable()
      const [one, other] = yield* Effect.all([engineOver(clientWith(), { table }), engineOver(clientWith(), { table })])
      const name = `'"${"é".repeat(3000)}`
      const told: Array<string> = []
      for (const watched of [name, "stranger"]) {
        yield* Effect.forkScoped(Stream.runForEach(one.changes(watched), () => Effect.sync(() => told.push(watched))))
      }
      yield* eventually(Effect.suspend(() => told.length === 2 ? Effect.void : Effect.fail("listens not yet")))
      yield* grant(other, name, "x")
      yield* eventually(Effect.suspend(() => told.length === 3 ? Effect.void : Effect.fail("not told")))
      yield* Effect.sleep("200 millis")
      expect(told.filter((watched) => watched === name)).toHaveLength(2)
    }))

  it.live("neither a log line nor an error shows the password, the name or the text (row 100)", () =>
    Effect.gen(function*() {
      const [password, name, text] = ["hunter2-password", "secret-name-0815", "sealed-text-4711"]
      const table = newTable()
      const { exit, leaks } = yield* leakProbe(
        Effect.scoped(Effect.gen(function*() {
          const engine = yield* engineOver(
            clientWith({ password: Redacted.make(password) }),
            { table }
          )
          yield* sql(`ALTER TABLE ${table} ADD CHECK (token IS NULL)`)
          yield* Effect.exit(grant(engine, name, text))
          yield* sql(`DROP TABLE ${table}; CREATE VIEW ${table} AS SELECT 1 AS name`)
          return yield* Effect.exit(engine.lock(name))
        })),
        [password, name, text]
      )
      expect(exit).toStrictEqual(Exit.succeed(unavailable))
      expect(leaks).toStrictEqual([])
    }))

  it.live("a Layer that is closed leaves no connection behind, and nobody who listens", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(clientWith({ applicationName: "counted" }))
      yield* Effect.scoped(Effect.gen(function*() {
        const engine = yield* engineOver(Layer.succeedContext(context), { table: newTable() })
        yield* Stream.runDrain(Stream.take(engine.changes("n"), 1))
        yield* Effect.forkScoped(Stream.runDrain(engine.changes("n")))
        yield* Effect.sleep("200 millis")
        const listening = yield* sql(
          "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'counted' AND query LIKE 'LISTEN%'"
        )
        expect(listening).toStrictEqual([{ n: 1 }])
      }))
      yield* Effect.sleep("200 millis")
      const listening = yield* sql(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'counted' AND query LIKE 'LISTEN%'"
      )
      expect(listening).toStrictEqual([{ n: 0 }])
    }).pipe(Effect.scoped))

  it.live("a table name that is none is an InvalidInputError that names the option", () =>
    Effect.gen(function*() {
      for (
        const table of [
          "",
          "Tokens",
          "a b",
          "a\"b",
          "a.b.c",
          "1a",
          "é",
          "a".repeat(64),
          "a;drop table b",
          "pg_temp.a",
          "pg_temp_3.a"
        ]
      ) {
        const exit = yield* Effect.exit(
          Effect.scoped(Layer.build(Layer.provide(SqlTokenStore.layer({ table }), lazyClient)))
        )
        expect(String(exit), table).toContain("table must be a name of lower-case letters")
      }
    }))

  it.scopedLive("a schema may stand before the table (row 100)", () =>
    Effect.gen(function*() {
      yield* sql("CREATE SCHEMA auth")
      const engine = yield* engineOver(clientWith(), { table: "auth.tokens" })
      yield* grant(engine, "n", "one")
      expect(yield* sql("SELECT count(*)::int AS n FROM auth.tokens")).toStrictEqual([{ n: 1 }])
    }))
})
