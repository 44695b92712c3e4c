/*
 * The token endpoint that lanes ask: a process of its own, since one that shares the process with its clients distorts
 * ratios twofold.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Child from "./Child.js"

/** The base URL of a token endpoint that waits so many milliseconds before it answers. */
export const start = (delay = 0): Effect.Effect<string, never, Scope.Scope> =>
  Child.start("./serverProcess.js", String(delay)).pipe(
    Effect.flatMap((child) => Effect.promise(() => Child.nextMessage(child))),
    Effect.map((port) => `http://127.0.0.1:${String(port)}`)
  )
