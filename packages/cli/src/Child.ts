/*
 * A process that a command runs. It has the terminal, the input and the outputs of this one. Signals and its exit
 * status pass through.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { type ChildProcess, spawn } from "node:child_process"
import { constants } from "node:os"
import { type Signal, Signals } from "./Signals.js"

/** How a process ended, in Node's words. */
export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The exit status that a shell has for it. */
export const exitStatus = ({ code, signal }: End): number =>
  code ?? 128 + (signal === null ? 0 : constants.signals[signal])

/** A terminal sends Ctrl-C to both processes. The child must not get it twice: many end at once on the second (L9). */
export const passesOn = (signal: Signal, isTerminal: boolean): boolean => !(signal === "SIGINT" && isTerminal)

const notStarted = (
  name: string,
  code: string
): { readonly status: number; readonly text: string } =>
  code === "ENOENT" || name === ""
    ? { status: 127, text: `tilia found no command ${name === "" ? "with an empty name" : name}.` }
    : { status: 126, text: `tilia could not run ${name} (${code}).` }

const codeOf = (error: unknown): string => Predicate.hasProperty(error, "code") ? String(error.code) : "unknown error"

/**
 * Runs a command, and returns its exit status when it has ended. The environment is the one given, and nothing else.
 */
export const run = (
  [name = "", ...args]: ReadonlyArray<string>,
  env: NodeJS.ProcessEnv
): Effect.Effect<number, never, Signals> =>
  Effect.scoped(Effect.gen(function*() {
    let child: ChildProcess | undefined
    yield* (yield* Signals).passTo((signal) => {
      if (passesOn(signal, process.stdin.isTTY)) child?.kill(signal)
    })
    return yield* Effect.async<number>((resume) => {
      const fail = (code: string) => {
        const { status, text } = notStarted(name, code)
        resume(Effect.as(Console.error(text), status))
      }
      const spawned = Either.try({
        try: () => spawn(name, args, { stdio: "inherit", env }),
        catch: codeOf
      })
      // Node emits some errors, as ENOENT, and throws the others, as that of an empty name, ENOTDIR or E2BIG.
      if (Either.isLeft(spawned)) return fail(spawned.left)
      const started = child = spawned.right
      started.once("exit", (code, signal) => resume(Effect.succeed(exitStatus({ code, signal }))))
      started.on("error", (error) => {
        if (started.pid === undefined) fail(codeOf(error)) // otherwise a signal could not be sent, and the child goes on
      })
      return Effect.sync(() => started.kill())
    })
  }))
