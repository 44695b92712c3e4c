/*
 * One lane of the cold requests: does its work for each message, and says when it is done.
 */
import * as Effect from "effect/Effect"
import * as Child from "./Child.js"
import { makers } from "./ColdRequest.js"

const [name = "", url = ""] = process.argv.slice(2)

Child.stay("client")

const serve = Effect.gen(function*() {
  const run = yield* makers[name]?.(url) ?? Effect.dieMessage(`There is no lane ${name}`)
  process.on(
    "message",
    ({ atOnce, times }: { readonly times: number; readonly atOnce: number }) =>
      void run(times, atOnce).then(() => process.send?.("done"))
  )
  return yield* Effect.never
})

process.once("disconnect", () => process.exit())
Effect.runPromise(Effect.scoped(serve)).catch(() => process.exit(1))
