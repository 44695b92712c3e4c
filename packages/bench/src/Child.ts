/*
 * A part of a benchmark in a process of its own: what shares a process shares its heap and its compiler, and distorts the rest.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, fork, spawnSync } from "node:child_process"
import { availableParallelism } from "node:os"

/** Clients and servers on cores of their own: where a system moves them is most of what it takes to ask and answer. */
const cores = { client: 0, server: availableParallelism() - 1 }

/** The next message of a process. */
export const nextMessage = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve) => child.once("message", resolve))

/**
 * Starts one of the modules beside this one, and stops it with the scope. If it fails, so does all. Where there is no `taskset`,
 * the system decides on its core.
 */
export const start = (
  module: string,
  role: keyof typeof cores,
  ...parameters: ReadonlyArray<string>
): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = fork(new URL(module, import.meta.url), parameters)
      child.once("exit", (code) => {
        if (code !== null && code !== 0) throw new Error(`${module} ${parameters.join(" ")} ended with ${code}`)
      })
      spawnSync("taskset", ["-acp", String(cores[role]), String(child.pid)])
      return child
    }),
    (child) => Effect.sync(() => child.kill())
  )
