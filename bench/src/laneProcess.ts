/*
 * The process of one client of ColdRequest.ts. Each message starts a run, and each finished run is reported.
 */
import * as Effect from "effect/Effect"
import * as Child from "./Child.js"
import { makers } from "./ColdRequest.js"

const [name = "", url = ""] = process.argv.slice(2)

Child.pinToCore("client")

const serve = Effect.gen(function*() {
  const run = yield* makers[name]?.(url) ?? Effect.dieMessage(`There is no lane ${name}`)
  process.on(
    "message",
    ({ concurrency, times }: { readonly times: number; readonly concurrency: number }) =>
      void run(times, concurrency).then(() => process.send?.("done"))
  )
  return yield* Effect.never
})

process.once("disconnect", () => process.exit())
Effect.runPromise(Effect.scoped(serve)).catch(() => process.exit(1))
