import { engineContract } from "@effect-tilia/contract/engineContract"
import { RedisTokenStore } from "../src/index.js"
import * as RedisServer from "./support/redisServer.js"
import { shared } from "./support/shared.js"

const { url } = await shared(RedisServer.make())

engineContract("Redis", RedisTokenStore.layer({ url }))
