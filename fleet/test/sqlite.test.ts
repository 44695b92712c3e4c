import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Spies from "./support/spies.js"
import { tell } from "./support/story.js"

tell({
  name: "a SQLite file",
  start: Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "tilia-fleet-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    )
    const filename = join(folder, "tokens.db")
    const query = (text: string, whileOpen = Effect.void) =>
      Effect.flatMap(SqlClient, (sql) => Effect.zipLeft(sql.unsafe(text), whileOpen)).pipe(
        Effect.provide(SqliteClient.layer({ filename }))
      )
    return {
      store: `sqlite:${filename}`,
      spy: Spies.onTable(query("SELECT * FROM effect_tilia_token_store")),
      disturbances: {
        "the table is emptied": query("DELETE FROM effect_tilia_token_store"),
        "another program locks the file for 3 seconds": query("BEGIN EXCLUSIVE", Effect.sleep("3 seconds"))
      }
    }
  }),
  disturbances: [
    ["the table is emptied", 1],
    ["another program locks the file for 3 seconds", 8]
  ],
  outage: "10 seconds"
})
