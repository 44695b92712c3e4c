/*
 * The demo in a page. The environment variable `PORT` sets its port, 4180 by default. Nothing leaves this machine.
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
    yield* Console.log(
      `\n  Open this page, in several tabs: ${url}\n  It has a token and no secret. Press Ctrl-C to end the demo.\n`
    )
    yield* Effect.never
  }).pipe(
    Effect.provide(DemoServer.layer({ port, tokenLifetime: "30 seconds" })),
    Effect.catchTag("ServeError", () => Effect.fail(`Port ${port} is taken. Set PORT to another one.`))
  )
})

NodeRuntime.runMain(program)
