import * as Effect from "effect/Effect"
import * as RedisServer from "../../packages/redis/test/support/redisServer.js"
import * as LossyNetwork from "./support/lossyNetwork.js"
import * as Spies from "./support/spies.js"
import { tell } from "./support/story.js"

if (RedisServer.binary() !== undefined) {
  tell({
    name: "a network that loses packets",
    start: Effect.gen(function*() {
      const server = yield* RedisServer.make()
      const network = yield* LossyNetwork.make(server.port)
      return {
        spy: Spies.onRedis([server]),
        store: `redis://127.0.0.1:${network.port}`,
        disturbances: {
          "the network loses packets for 6 seconds": Effect.all([
            network.setLossy(true),
            Effect.sleep("6 seconds"),
            network.setLossy(false)
          ])
        }
      }
    }),
    disturbances: [["the network loses packets for 6 seconds", 16]]
  })
}
