import * as Effect from "effect/Effect"
import * as RedisServer from "../../packages/redis/test/support/redisServer.js"
import * as Spies from "./support/spies.js"
import { tell } from "./support/story.js"

if (RedisServer.binary() !== undefined) {
  tell({
    name: "a Redis cluster",
    start: Effect.map(RedisServer.makeCluster, ({ masters, replicas }) => ({
      spy: Spies.onRedis(masters),
      store: `cluster:${masters.map(({ port }) => port).join(",")}`,
      disturbances: {
        "FLUSHALL": Effect.forEach(masters, ({ command }) => command("FLUSHALL")),
        "every master fails over to its replica": Effect.forEach(replicas, RedisServer.failOver)
      }
    })),
    disturbances: [
      ["FLUSHALL", 1],
      ["every master fails over to its replica", 8]
    ],
    outage: "10 seconds"
  })
}
