/*
 * The client that Freeze.ts stops and continues. It says what a `get` yields when it is asked.
 */
import { TokenSource } from "@effect-tilia/core/TokenSource"
import * as NodeTilia from "@effect-tilia/node/NodeTilia"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { randomUUID } from "node:crypto"
import type { Got } from "./Freeze.js"

const [origin = "", clientSecret = "", background] = process.argv.slice(2)

const runtime = ManagedRuntime.make(
  NodeTilia.layer({
    clientId: randomUUID(),
    clientSecret,
    scopes: ["user_info"],
    environment: { authUrl: origin },
    source: { background: background === "timer" ? "timer" : "onDemand" },
    http: { proxy: false }
  }).pipe(Layer.provide(Logger.minimumLogLevel(LogLevel.None)))
)

const get: Effect.Effect<Got, never, TokenSource> = Effect.flatMap(TokenSource, ({ get }) => get).pipe(
  Effect.match({
    onFailure: ({ message }) => ({ token: "", error: message }),
    onSuccess: ({ value }) => ({ token: Redacted.value(value), error: "" })
  })
)

process.on("message", () => void runtime.runPromise(get).then((answer) => process.send?.(answer)))
process.once("disconnect", () => process.exit())
