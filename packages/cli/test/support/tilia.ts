/*
 * Runs `tilia`, as `bundled.ts` has bundled it, as a process. It gets nothing of this process's environment except the
 * path.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { inject } from "vitest"

const node = [process.execPath, inject("tilia")]

export interface Options {
  readonly env?: Record<string, string | undefined>
  readonly input?: string
  /** What a shell does with its output, as `| head -1`. */
  readonly through?: string
}

export interface Result {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ended: Effect.Effect<Result>
  /** Waits until standard output matches the pattern, and returns it. */
  readonly until: (pattern: RegExp) => Effect.Effect<string>
}

const launch = (args: ReadonlyArray<string>, { env, input = "", through }: Options = {}) => {
  const [command = "", ...rest] = through === undefined
    ? [...node, ...args]
    : ["bash", "--norc", "-c", `"$@" ${through}`, "tilia", ...node, ...args]
  const child = spawn(command, rest, { env: { PATH: process.env["PATH"], ...env } })
  child.stdin.end(input)
  return child
}

/** Starts the process, and kills it at the end of the test. */
export const start = (args: ReadonlyArray<string>, options?: Options): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => launch(args, options)),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(Effect.map((child) => {
    const printed = { stdout: "", stderr: "" }
    child.stdout.setEncoding("utf8").on("data", (text: string) => printed.stdout += text)
    child.stderr.setEncoding("utf8").on("data", (text: string) => printed.stderr += text)
    const ended = new Promise<Result>((done) => child.once("close", (status) => done({ status, ...printed })))
    return {
      kill: (signal) => void child.kill(signal),
      ended: Effect.promise(() => ended),
      until: (pattern) =>
        Effect.async((resume) => {
          const look = () => pattern.test(printed.stdout) && resume(Effect.succeed(printed.stdout))
          child.stdout.on("data", look)
          look()
        })
    }
  }))

/** Runs the process to its end. */
export const tilia = (args: ReadonlyArray<string>, options?: Options): Effect.Effect<Result> =>
  Effect.scoped(Effect.flatMap(start(args, options), ({ ended }) => ended))
