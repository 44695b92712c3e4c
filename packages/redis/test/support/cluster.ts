/*
 * A client of a cluster, as a user has it.
 */
import * as Effect from "effect/Effect"
import { Cluster } from "ioredis"
import type { RedisCluster } from "./redisServer.js"

export const clusterClient = ({ masters }: RedisCluster) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const client = new Cluster(masters.map(({ port }) => ({ host: "127.0.0.1", port })))
      client.on("error", () => {})
      return client
    }),
    (client) => Effect.sync(() => client.disconnect())
  )
