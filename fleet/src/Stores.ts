/*
 * The engine that a process uses, as text: its command line names it.
 */
import { type StoreEngine } from "@effect-tilia/core/StoreEngine"
import * as RedisTokenStore from "@effect-tilia/redis/RedisTokenStore"
import * as SqlTokenStore from "@effect-tilia/sql/SqlTokenStore"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Cluster } from "ioredis"

const cluster = (nodes: ReadonlyArray<string>) =>
  Layer.unwrapScoped(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() =>
          new Cluster(nodes.map((node) => ({ host: "127.0.0.1", port: Number(node) }))).on("error", () => {})
        ),
        (client) => Effect.sync(() => client.disconnect())
      ),
      (client) => RedisTokenStore.layer({ client })
    )
  )

/**
 * The engine at this address: `redis://…`, `cluster:7000,7001` (ports of loopback), `postgres://…` or `sqlite:file`.
 * None for `none`: then each process is by itself.
 */
export const layerOf = (address: string): Layer.Layer<StoreEngine, unknown> | undefined => {
  const [scheme = "", rest = ""] = address.split(/:(.*)/s)
  switch (scheme) {
    case "redis":
      return RedisTokenStore.layer({ url: address })
    case "cluster":
      return cluster(rest.split(","))
    case "postgres":
      return Layer.provide(SqlTokenStore.layer(), PgClient.layer({ url: Redacted.make(address) }))
    case "sqlite":
      return Layer.provide(SqlTokenStore.layer(), SqliteClient.layer({ filename: rest }))
    default:
      return undefined
  }
}
