import { engineContract } from "@effect-tilia/contract/engineContract"
import * as StoreEngine from "@effect-tilia/core/StoreEngine"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
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

it("the engine that docs/sharing.md shows is the one that is tested here", () => {
  const [documentation, tested] = ["../../../docs/sharing.md", "support/engine.ts"].map((file) =>
    readFileSync(new URL(file, import.meta.url), "utf8")
  )
  expect(documentation).toContain(tested)
})
