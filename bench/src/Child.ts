/*
 * Runs a part of a benchmark in a process of its own. Parts that share a process share its heap and its compiler, and
 * so distort each other.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, fork, spawnSync } from "node:child_process"
import { availableParallelism } from "node:os"

const cores = { client: 0, server: availableParallelism() - 1 }

/**
 * Pins this process to a core: clients to the first one, servers to the last. A request takes half as long if both run
 * on the same core, and without pins the operating system places them differently in each run. Without `taskset` it
 * does nothing.
 */
export const pinToCore = (role: keyof typeof cores): void =>
  void spawnSync("taskset", ["-cp", String(cores[role]), String(process.pid)])

/** The next message that a process sends. */
export const nextMessage = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve) => child.once("message", resolve))

/**
 * Runs a module of this folder in a new process, and stops it with the scope. If it fails, the benchmark fails. `flags`
 * are those of Node.
 */
export const start = (
  module: string,
  parameters: ReadonlyArray<string>,
  flags: ReadonlyArray<string> = []
): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(new URL(module, import.meta.url), parameters, { execArgv: [...flags] }).once("exit", (code) => {
        if (code !== null && code !== 0) throw new Error(`${module} ${parameters.join(" ")} ended with ${code}`)
      })
    ),
    (child) => Effect.sync(() => child.kill())
  )
