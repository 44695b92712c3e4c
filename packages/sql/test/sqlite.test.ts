/*
 * What a real SQLite file does to the store: it is locked, shared by several processes, loses the table or holds
 * garbage.
 */
import { Abandoned, Failed, Granted } from "@effect-tilia/core/StoreEngine"
import { StoreError } from "@effect-tilia/core/TokenStore"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { execPath } from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { afterAll } from "vitest"
import * as SqlTokenStore from "../src/SqlTokenStore.js"
import { engineOver, eventually, grant, lock, logTo } from "./support/engines.js"

const folder = mkdtempSync(join(tmpdir(), "tilia-sqlite-"))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
const newFile = () => join(folder, `${files++}.db`)

const clientOf = (filename: string) => SqliteClient.layer({ filename })

/** Another connection, as of another program. */
const stranger = (filename: string) =>
  Effect.acquireRelease(Effect.sync(() => new Sqlite(filename)), (database) => Effect.sync(() => database.close()))

const unavailable = Exit.fail(new StoreError({ reason: "Unavailable", isLogged: true }))
const consequence = ": until it can, each process requests tokens for itself."
const unreadable = Exit.fail(new StoreError({ reason: "Unreadable" }))

const table = "effect_tilia_token_store"

/** A process of its own, which answers each line with another one. */
const contender = (filename: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        spawn(execPath, [
          "--conditions=@effect-tilia/source",
          "--import",
          "tsx",
          fileURLToPath(new URL("support/contender.ts", import.meta.url)),
          filename
        ], { stdio: ["pipe", "pipe", "inherit"] })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    ),
    (child) => {
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
      const answer = Effect.promise(async () => String((await lines.next()).value))
      return {
        ready: answer,
        ask: (line: string) => Effect.zipRight(Effect.sync(() => child.stdin.write(`${line}\n`)), answer)
      }
    }
  )

it.scopedLive(
  "of four processes that ask for a lock at once, from an empty file on, exactly one gets it (T1, row 102)",
  () =>
    Effect.gen(function*() {
      const filename = newFile()
      const processes = yield* Effect.all(Array.from({ length: 4 }, () => contender(filename)))
      expect(yield* Effect.all(processes.map(({ ready }) => ready), { concurrency: "unbounded" })).toStrictEqual(
        Array.from({ length: 4 }, () => "ready")
      )
      for (let round = 0; round < 50; round++) {
        const answers = yield* Effect.all(processes.map(({ ask }) => ask(`n${round}`)), { concurrency: "unbounded" })
        expect(answers.sort(), `round ${round}`).toStrictEqual(["Acquired", "Held", "Held", "Held"])
      }
    })
)

it.scopedLive(
  "a file that another program keeps locked fails commands, and blocks no other work (T2, row 100)",
  () =>
    Effect.gen(function*() {
      const filename = newFile()
      const lines: Array<string> = []
      const engine = yield* engineOver(clientOf(filename)).pipe(Effect.provide(logTo(lines)))
      yield* grant(engine, "n", "one")
      const other = yield* stranger(filename)
      other.exec("BEGIN EXCLUSIVE")
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      yield* Effect.gen(function*() {
        yield* Effect.all(
          Array.from({ length: 4 }, () =>
            Effect.gen(function*() {
              const [took, exit] = yield* Effect.timed(Effect.exit(engine.lock("m")))
              expect(exit).toStrictEqual(unavailable)
              expect(Duration.toMillis(took)).toBeLessThan(4_000)
            }).pipe(Effect.repeatN(4))),
          { concurrency: "unbounded" }
        )
        delay.disable()
        // Not the longest delays: the machine may be busy. SQLite itself would wait for 5 seconds.
        expect(delay.percentile(50) / 1e6).toBeLessThan(500)
        expect(delay.max / 1e6).toBeLessThan(3_000)
        expect(Option.isSome((yield* engine.read("n")).token), "WAL: a reader is not held up").toBe(true)
        other.exec("COMMIT")
        expect(yield* grant(engine, "m", "two")).toBeGreaterThan(0)
      }).pipe(Effect.provide(logTo(lines)))
      expect(lines[0]).toBe(`WARN The database of the token store cannot be used (${table}: SQLITE_BUSY)${consequence}`)
      expect(lines[1]).toBe(
        `INFO The database of the token store can be used again (${table}): tokens are shared again.`
      )
    })
)

it.scopedLive("a file that can be read but not written is logged once, and reading it is not a recovery (T2)", () => {
  const lines: Array<string> = []
  return Effect.gen(function*() {
    const filename = newFile()
    yield* Effect.scoped(Effect.flatMap(engineOver(clientOf(filename)), (engine) => grant(engine, "n", "one")))
    const engine = yield* engineOver(SqliteClient.layer({ filename, readonly: true, disableWAL: true }))
    for (let n = 0; n < 3; n++) {
      expect(Option.isSome((yield* engine.read("n")).token)).toBe(true)
      expect(yield* Effect.exit(engine.lock("n"))).toStrictEqual(unavailable)
    }
    yield* engine.read("n")
    expect(lines).toStrictEqual([
      `WARN The database of the token store cannot be used (${table}: SQLITE_READONLY)${consequence}`
    ])
  }).pipe(Effect.provide(logTo(lines)))
})

it.scopedLive("options that are no object, and a temporary table, are refused by an error that names the option", () =>
  Effect.gen(function*() {
    for (
      const [setting, options] of [
        ["options", null],
        ["options", "tokens"],
        ["table", { table: 5 }],
        ["table", { table: null }],
        ["table", { table: "temp.tokens" }]
      ] as const
    ) {
      const made: ReturnType<typeof SqlTokenStore.make> = Reflect.apply(SqlTokenStore.make, undefined, [options])
      const error = yield* Effect.flip(made)
      expect(error, JSON.stringify(options)).toMatchObject({ _tag: "InvalidInputError", setting })
    }
  }).pipe(Effect.provide(clientOf(newFile()))))

it.scopedLive("a file that is locked for a moment costs no command (T2)", () =>
  Effect.gen(function*() {
    const filename = newFile()
    const engine = yield* engineOver(clientOf(filename))
    const other = yield* stranger(filename)
    other.exec("BEGIN IMMEDIATE")
    const granted = yield* Effect.fork(grant(engine, "n", "one"))
    yield* Effect.sleep("80 millis")
    other.exec("COMMIT")
    expect(yield* Fiber.join(granted)).toBeGreaterThan(0)
  }))

it.scopedLive("the application's own time of waiting for a locked file stays as it is", () =>
  Effect.gen(function*() {
    const context = yield* Layer.build(clientOf(newFile()))
    const sql = Context.get(context, SqlClient)
    yield* sql`PRAGMA busy_timeout = 1234`
    const engine = yield* engineOver(Layer.succeedContext(context))
    yield* grant(engine, "n", "one")
    yield* sql`DROP TABLE ${sql(table)}`
    yield* grant(engine, "n", "one")
    expect(yield* sql`PRAGMA busy_timeout`).toStrictEqual([{ timeout: 1234 }])
  }))

it.scopedLive("a table that is dropped or emptied is there again, and its locks have larger generations (T3, row 100)", () =>
  Effect.gen(function*() {
    const filename = newFile()
    const engine = yield* engineOver(clientOf(filename))
    const other = yield* stranger(filename)
    for (const loss of [`DELETE FROM ${table}`, `DROP TABLE ${table}`]) {
      const before = yield* grant(engine, "n", "one")
      other.exec(loss)
      expect((yield* engine.read("n")).token).toStrictEqual(Option.none())
      const { generation } = yield* lock(engine, "n")
      expect(generation).toBeGreaterThan(before)
      yield* engine.settle("n", generation, Abandoned())
    }
  }))

it.scopedLive("garbage in a row is unreadable, blocks no lock, and is replaced by the next token (T2, row 101)", () =>
  Effect.gen(function*() {
    const filename = newFile()
    const engine = yield* engineOver(clientOf(filename))
    const other = yield* stranger(filename)
    const garbage = [
      ["token = x'00ff'", true],
      ["token = printf('%.*c', 524289, 'x')", true],
      ["failure = 'x', failure_generation = printf('%.*c', 524289, '1')", true],
      ["token_generation = 'x'", true],
      ["token_generation = 1.5", true],
      ["failure = 'x', failure_generation = NULL", true],
      ["generation = 'x'", false],
      ["generation = 9223372036854775807", false],
      ["locked_until = 'x'", false],
      ["locked_until = 9223372036854775807", false],
      ["keep_until = 'x'", false]
    ] as const
    for (const [change, isUnreadable] of garbage) {
      yield* grant(engine, "n", "one")
      other.exec(`UPDATE ${table} SET ${change}`)
      const read = yield* Effect.exit(Effect.as(engine.read("n"), "a row"))
      if (isUnreadable) expect(read, change).toStrictEqual(unreadable)
      else expect(Exit.isSuccess(read), change).toBe(true)
      const { generation, row } = yield* lock(engine, "n")
      expect(generation, change).toBeGreaterThanOrEqual(row.now)
      expect(generation, change).toBeLessThan(row.now + 1000)
      yield* engine.settle("n", generation, Granted({ text: "two", keepFor: Duration.hours(1) }))
      expect((yield* engine.read("n")).token, change).toStrictEqual(Option.some({ text: "two", generation }))
    }
  }))

it.scopedLive("a table that somebody has made with columns of text works as any other (T1, T3)", () =>
  Effect.gen(function*() {
    const filename = newFile()
    const columns = ["generation", "locked_until", "token", "token_generation", "failure", "failure_generation"]
    const other = yield* stranger(filename)
    other.exec(`CREATE TABLE ${table} (name text PRIMARY KEY, ${columns.join(" text, ")} text, keep_until text)`)
    const engine = yield* engineOver(clientOf(filename))
    const first = yield* grant(engine, "n", "one")
    expect((yield* engine.read("n")).token).toStrictEqual(Option.some({ text: "one", generation: first }))
    const { generation } = yield* lock(engine, "n")
    expect(generation).toBeGreaterThan(first)
    expect((yield* engine.lock("n"))._tag).toBe("Held")
    yield* engine.renew("n", generation)
    yield* engine.settle("n", generation, Failed({ text: "no", keepFor: Duration.hours(1) }))
    expect((yield* engine.read("n")).failure).toStrictEqual(Option.some({ text: "no", generation }))
    expect((yield* engine.lock("n"))._tag).toBe("Acquired")
  }))

it.scopedLive("rows that nobody needs any more are deleted when a process starts, and no other row is", () =>
  Effect.gen(function*() {
    const filename = newFile()
    const engine = yield* engineOver(clientOf(filename))
    for (const name of ["old", "new", "locked"]) yield* grant(engine, name, "x")
    const other = yield* stranger(filename)
    other.exec(`UPDATE ${table} SET keep_until = 1 WHERE name IN ('old', 'locked')`)
    yield* lock(engine, "locked")
    yield* Effect.sleep("20 millis")
    yield* engineOver(clientOf(filename))
    const names = Effect.sync(() => other.prepare(`SELECT name FROM ${table} ORDER BY name`).pluck().all())
    yield* eventually(Effect.filterOrFail(names, ({ length }) => length === 2))
    expect(yield* names).toStrictEqual(["locked", "new"])
  }))

it.scopedLive("the file is asked for changes only while somebody wants to know of them (T11)", () =>
  Effect.gen(function*() {
    const context = yield* Layer.build(clientOf(newFile()))
    const sql = Context.get(context, SqlClient)
    let commands = 0
    const reserve = Effect.tap(sql.reserve, () => {
      commands++
    })
    const counted = new Proxy(sql, {
      get: (target, key) => key === "reserve" ? reserve : Reflect.get(target, key)
    })
    const engine = yield* engineOver(Layer.succeed(SqlClient, counted))
    const during = (effect: Effect.Effect<unknown>) =>
      Effect.suspend(() => {
        const before = commands
        return Effect.map(effect, () => commands - before)
      })
    yield* Effect.sleep("100 millis")
    expect(yield* during(Effect.sleep("500 millis"))).toBe(0)
    const watching = yield* Effect.fork(Stream.runDrain(engine.changes("n")))
    const asked = yield* during(Effect.sleep("1 second"))
    expect(asked).toBeGreaterThan(4)
    expect(asked).toBeLessThan(12)
    yield* Fiber.interrupt(watching)
    yield* Effect.sleep("100 millis")
    expect(yield* during(Effect.sleep("500 millis"))).toBe(0)
  }))
