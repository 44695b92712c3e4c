/*
 * Starts the server's process, and stops it with the scope.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { fork } from "node:child_process"

/** The base URL of a token endpoint that waits so many milliseconds before it answers. */
export const start = (delay = 0): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(new URL("./serverProcess.js", import.meta.url), { env: { ...process.env, DELAY: String(delay) } })
    ),
    (child) => Effect.sync(() => child.kill())
  ).pipe(
    Effect.flatMap((child) =>
      Effect.async<number>((resume) => void child.once("message", (port) => resume(Effect.succeed(Number(port)))))
    ),
    Effect.map((port) => `http://127.0.0.1:${port}`)
  )
