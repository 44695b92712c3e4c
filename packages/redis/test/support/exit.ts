/*
 * A process that uses the store in Redis and has nothing else to do: it must end by itself.
 */
import * as Effect from "effect/Effect"
import { argv, getActiveResourcesInfo } from "node:process"
import { RedisTokenStore } from "../../src/index.js"

const url = argv[2] ?? ""

await Effect.runPromise(
  Effect.scoped(
    Effect.flatMap(
      RedisTokenStore.make({ url }),
      (store) => Effect.ignore(Effect.timeout(store.lock("name"), "250 millis"))
    )
  )
)

// The pipes are those of the standard streams, and on a busy machine the loader of TypeScript still uses files.
const others = ["PipeWrap", "FSReqCallback"]
process.stdout.write(JSON.stringify(getActiveResourcesInfo().filter((name) => !others.includes(name))))
