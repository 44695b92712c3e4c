/*
 * The library at work in a page: `PORT` is where (4180). Nothing leaves this machine.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as DemoServer from "./DemoServer.js"

const program = Effect.gen(function*() {
  const port = yield* Config.withDefault(Config.port("PORT"), 4180)
  yield* Effect.gen(function*() {
    const { url } = yield* DemoServer.DemoServer
    yield* Console.log(`\n  A page with a token and no secret: ${url}\n  Open it in several tabs. Ctrl-C ends it.\n`)
    yield* Effect.never
  }).pipe(
    Effect.provide(DemoServer.layer({ port, tokenLifetime: "30 seconds" })),
    Effect.catchTag("ServeError", () => Effect.fail(`Port ${port} is taken: name another one in PORT.`))
  )
})

NodeRuntime.runMain(program)
