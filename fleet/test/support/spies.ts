/*
 * What a reader of an engine sees: everything that is stored, and in Redis every command.
 */
import * as Effect from "effect/Effect"
import { Redis } from "ioredis"
import type { RedisServer } from "../../../packages/redis/test/support/redisServer.js"
import * as Monitor from "./monitor.js"

/** What MONITOR tells of these servers meanwhile, and then all of their keys. */
export const onRedis =
  (servers: ReadonlyArray<Pick<RedisServer, "port">>) => (meanwhile: Effect.Effect<unknown, unknown>) =>
    Effect.gen(function*() {
      const monitors = yield* Effect.forEach(servers, ({ port }) => Monitor.make(port))
      yield* meanwhile
      const seen: Array<string> = []
      for (const { port } of servers) {
        const client = yield* Effect.acquireRelease(
          Effect.sync(() => new Redis(port, "127.0.0.1").on("error", () => {})),
          (client) => Effect.sync(() => client.disconnect())
        )
        for (const key of yield* Effect.promise(() => client.keys("*"))) {
          seen.push(key, JSON.stringify(yield* Effect.promise(() => client.hgetall(key))))
        }
      }
      for (const { seen: commands } of monitors) seen.push(yield* commands)
      return seen.join("\n")
    }).pipe(Effect.scoped)

/** The whole table, again and again meanwhile. */
export const onTable =
  (read: Effect.Effect<ReadonlyArray<unknown>, unknown>) => (meanwhile: Effect.Effect<unknown, unknown>) =>
    Effect.gen(function*() {
      const seen = new Set<string>()
      const note = Effect.map(read, (rows) => seen.add(JSON.stringify(rows)))
      yield* Effect.raceFirst(meanwhile, Effect.forever(Effect.zipRight(note, Effect.sleep("100 millis"))))
      yield* note
      return [...seen].join("\n")
    })
