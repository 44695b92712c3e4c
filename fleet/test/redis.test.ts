import * as Effect from "effect/Effect"
import * as RedisServer from "../../packages/redis/test/support/redisServer.js"
import * as Spies from "./support/spies.js"
import { tell } from "./support/story.js"

const forAWhile = <A, E>(begin: Effect.Effect<A, E>, end: Effect.Effect<unknown, E>) =>
  begin.pipe(Effect.zipRight(Effect.sleep("3 seconds")), Effect.zipRight(end))

if (RedisServer.binary() !== undefined) {
  tell({
    name: "a Redis server",
    start: Effect.gen(function*() {
      const server = yield* RedisServer.make()
      return {
        store: server.url,
        spy: Spies.onRedis([server]),
        disturbances: {
          "FLUSHALL": server.command("FLUSHALL"),
          "CLIENT PAUSE for 3 seconds": server.command("CLIENT", "PAUSE", 3_000),
          "Redis is killed, and started again after 3 seconds": forAWhile(server.kill, server.start),
          "Redis stands still for 3 seconds": forAWhile(server.freeze, server.thaw)
        }
      }
    }),
    disturbances: [
      ["FLUSHALL", 1],
      ["CLIENT PAUSE for 3 seconds", 8],
      ["Redis is killed, and started again after 3 seconds", 8],
      ["Redis stands still for 3 seconds", 8]
    ],
    outage: "1 minute"
  })
}
