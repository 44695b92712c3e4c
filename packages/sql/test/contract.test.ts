/*
 * The contract of an engine, over both databases.
 */
import { engineContract } from "@effect-tilia/contract/engineContract"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import * as SqlTokenStore from "../src/SqlTokenStore.js"
import * as Postgres from "./support/postgres.js"

if (Postgres.isInstalled) {
  let server: Postgres.Postgres
  beforeAll(async () => {
    server = await Postgres.make()
  })
  afterAll(() => server.remove())

  const client = Layer.unwrapEffect(
    Effect.sync(() => PgClient.layer({ host: "127.0.0.1", port: server.port, username: "postgres" }))
  )
  engineContract("PostgreSQL", Layer.provide(SqlTokenStore.layer(), client))
}

const folder = mkdtempSync(join(tmpdir(), "tilia-sqlite-"))
afterAll(() => rmSync(folder, { recursive: true }))

engineContract(
  "SQLite",
  Layer.provide(SqlTokenStore.layer(), SqliteClient.layer({ filename: join(folder, "tokens.db") }))
)
