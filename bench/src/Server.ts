/*
 * Starts the token endpoint in a process of its own. A server in the process of its clients distorts the ratios by a
 * factor of two.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Child from "./Child.js"

/** The base URL of a token endpoint that responds after this delay, in milliseconds. */
export const start = (delay = 0): Effect.Effect<string, never, Scope.Scope> =>
  Child.start("./serverProcess.js", [String(delay)]).pipe(
    Effect.flatMap((child) => Effect.promise(() => Child.nextMessage(child))),
    Effect.map((port) => `http://127.0.0.1:${String(port)}`)
  )
