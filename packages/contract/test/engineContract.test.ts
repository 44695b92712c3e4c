import { engineContract } from "@effect-tilia/contract/engineContract"
import * as StoreEngine from "@effect-tilia/core/StoreEngine"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import * as Checks from "../src/internal/checks.js"
import * as Commands from "../src/internal/commands.js"
import { type Database, makeEngine } from "./support/engine.js"

engineContract("memory", Layer.succeed(StoreEngine.StoreEngine, Effect.runSync(StoreEngine.makeMemory)))

/** A server's memory, in the place of a database. */
const rows = new Map<string, { readonly version: number; readonly value: Parameters<Database["put"]>[2] }>()
const database: Database = {
  get: async (key) => ({ now: Date.now(), version: 0, value: undefined, ...rows.get(key) }),
  put: async (key, version, value) => {
    if ((rows.get(key)?.version ?? 0) !== version) return false
    rows.set(key, { version: version + 1, value })
    return true
  }
}

engineContract("the documented engine", Layer.succeed(StoreEngine.StoreEngine, makeEngine(database)))

type Engine = StoreEngine.StoreEngine

/** Engines that break the contract, each in one way that no test of two or three commands shows. */
const planted: ReadonlyArray<readonly [what: string, plant: (engine: Engine) => Engine]> = [
  ["settles a lock that another process has taken", (engine) => {
    const last = new Map<string, number>()
    return {
      ...engine,
      lock: (name) =>
        Effect.tap(engine.lock(name), (result) => {
          if (result._tag === "Acquired") last.set(name, result.generation)
        }),
      settle: (name, _, outcome) => engine.settle(name, last.get(name) ?? 0, outcome)
    }
  }],
  ["gives a lock up without writing its failure", (engine) => ({
    ...engine,
    settle: (name, generation, outcome) =>
      engine.settle(name, generation, outcome._tag === "Failed" ? StoreEngine.Abandoned() : outcome)
  })],
  ["keeps a lock that was abandoned", (engine) => ({
    ...engine,
    settle: (name, generation, outcome) =>
      outcome._tag === "Abandoned" ? Effect.void : engine.settle(name, generation, outcome)
  })],
  ["gives each lock the same generation", (engine) => ({
    ...engine,
    lock: (name) =>
      Effect.map(engine.lock(name), (result) => result._tag === "Acquired" ? { ...result, generation: 7 } : result),
    settle: (name, _, outcome) =>
      Effect.flatMap(
        engine.read(name),
        ({ token }) =>
          engine.settle(name, Option.match(token, { onNone: () => 7, onSome: ({ generation }) => generation }), outcome)
      )
  })],
  ["forgets the token when a request fails", (engine) => ({
    ...engine,
    read: (name) =>
      Effect.map(engine.read(name), (row) => Option.isSome(row.failure) ? { ...row, token: Option.none() } : row)
  })],
  ["gives two names the same lock", (engine) => ({ ...engine, lock: (name) => engine.lock(name.slice(0, -1)) })],
  ["gives a lock that is held", (engine) => ({
    ...engine,
    lock: (name) =>
      Effect.flatMap(engine.lock(name), (result) =>
        result._tag === "Acquired"
          ? Effect.succeed(result)
          : Effect.map(engine.read(name), (row) => StoreEngine.Acquired({ generation: row.now, row })))
  })]
]

it.each(planted)("random commands tell an engine that %s from the one in memory", (_, plant) =>
  Effect.gen(function*() {
    const isFound = yield* Effect.forEach(Array.from({ length: 20 }), () =>
      Effect.gen(function*() {
        const commands = Commands.random(crypto.randomUUID(), 40)
        const [memory, wrong] = [yield* StoreEngine.makeMemory, plant(yield* StoreEngine.makeMemory)]
        const expected = yield* Commands.play([memory, memory], commands)
        return JSON.stringify(yield* Commands.play([wrong, wrong], commands)) !== JSON.stringify(expected)
      }))
    expect(isFound).toContain(true)
  }).pipe(Effect.runPromise))

it.each(["Granted", "Failed"] as const)(
  "an engine that cuts texts at 2,048 characters is found out (%s)",
  (tag) =>
    Effect.gen(function*() {
      const memory = yield* StoreEngine.makeMemory
      const wrong: Engine = {
        ...memory,
        settle: (name, generation, outcome) =>
          memory.settle(
            name,
            generation,
            outcome._tag === "Abandoned" ? outcome : { ...outcome, text: outcome.text.slice(0, 2048) }
          )
      }
      const { found, written } = yield* Checks.longText([wrong, wrong], tag)
      expect(found).not.toBe(written)
      const right = yield* Checks.longText([memory, memory], tag)
      expect(right.found).toBe(right.written)
      expect(right.written).toHaveLength(100_000)
    }).pipe(Effect.runPromise)
)

it("an engine that writes without comparing is found out, even if only microtasks lie between", () =>
  Effect.gen(function*() {
    const rows = new Map<string, { readonly version: number; readonly value: Parameters<Database["put"]>[2] }>()
    const database = (compares: boolean): Database => ({
      get: async (key) => ({ now: Date.now(), version: 0, value: undefined, ...rows.get(key) }),
      put: async (key, version, value) => {
        if (compares && (rows.get(key)?.version ?? 0) !== version) return false
        rows.set(key, { version: version + 1, value })
        return true
      }
    })
    const [wrong, right] = [makeEngine(database(false)), makeEngine(database(true))]
    expect(yield* Checks.race([wrong, wrong])).toBeGreaterThan(1)
    expect(yield* Checks.race([right, right])).toBe(1)
  }).pipe(Effect.runPromise))

it("the engine that docs/sharing.md shows is the one that is tested here", () => {
  const [documentation, tested] = ["../../../docs/sharing.md", "support/engine.ts"].map((file) =>
    readFileSync(new URL(file, import.meta.url), "utf8")
  )
  expect(documentation).toContain(tested)
})
