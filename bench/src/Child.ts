/*
 * A part of a benchmark in a process of its own: what shares a process shares its heap and its compiler, and distorts
 * the rest.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, fork, spawnSync } from "node:child_process"
import { availableParallelism } from "node:os"

const cores = { client: 0, server: availableParallelism() - 1 }

/**
 * Keeps this process's thread on its core: on one core client and server take half as long to ask and answer as on two,
 * and where a system puts them changes from run to run. Where there is no `taskset`, it still decides.
 */
export const stay = (role: keyof typeof cores): void =>
  void spawnSync("taskset", ["-cp", String(cores[role]), String(process.pid)])

/** The next message of a process. */
export const nextMessage = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve) => child.once("message", resolve))

/** Starts one of the modules beside this one, and stops it with the scope. If it fails, so does all. */
export const start = (
  module: string,
  ...parameters: ReadonlyArray<string>
): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(new URL(module, import.meta.url), parameters).once("exit", (code) => {
        if (code !== null && code !== 0) throw new Error(`${module} ${parameters.join(" ")} ended with ${code}`)
      })
    ),
    (child) => Effect.sync(() => child.kill())
  )
