import * as PgClient from "@effect/sql-pg/PgClient"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Postgres from "../../packages/sql/test/support/postgres.js"
import * as Spies from "./support/spies.js"
import { tell } from "./support/story.js"

if (Postgres.isInstalled) {
  tell({
    name: "PostgreSQL",
    start: Effect.gen(function*() {
      const server = yield* Effect.acquireRelease(
        Effect.promise(() => Postgres.make()),
        ({ remove }) => Effect.sync(remove)
      )
      const url = `postgres://postgres@127.0.0.1:${server.port}/postgres`
      const query = (text: string) =>
        Effect.flatMap(SqlClient, (sql) => sql.unsafe(text)).pipe(
          Effect.provide(PgClient.layer({ url: Redacted.make(url) }))
        )
      const pause = Effect.sleep("3 seconds")
      return {
        store: url,
        spy: Spies.onTable(query("SELECT * FROM effect_tilia_token_store")),
        disturbances: {
          "the table is emptied": query("TRUNCATE effect_tilia_token_store"),
          "every connection is terminated": query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
          ),
          "PostgreSQL is stopped, and started again after 3 seconds": Effect.all([
            Effect.sync(server.stop),
            pause,
            Effect.sync(server.start)
          ]),
          "PostgreSQL stands still for 3 seconds": Effect.all([
            Effect.sync(server.freeze),
            pause,
            Effect.sync(server.thaw)
          ])
        }
      }
    }),
    disturbances: [
      ["the table is emptied", 1],
      ["every connection is terminated", 8],
      ["PostgreSQL is stopped, and started again after 3 seconds", 8],
      ["PostgreSQL stands still for 3 seconds", 8]
    ],
    outage: "10 seconds"
  })
}
