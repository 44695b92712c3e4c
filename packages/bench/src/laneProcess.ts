/*
 * One lane of the cold requests: does its work so many times for each message, and says when it is done.
 */
import * as Effect from "effect/Effect"
import { makers } from "./ColdRequest.js"

const [name = "", url = "", atOnce = "1"] = process.argv.slice(2)

const serve = Effect.gen(function*() {
  const run = yield* makers[name]?.(url, Number(atOnce)) ?? Effect.dieMessage(`There is no lane ${name}`)
  process.on("message", (times) => void run(Number(times)).then(() => process.send?.("done")))
  process.send?.("ready")
  return yield* Effect.never
})

process.once("disconnect", () => process.exit())
Effect.runFork(Effect.scoped(serve))
