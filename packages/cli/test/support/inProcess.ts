/*
 * Runs `tilia` in this process, and records what it prints.
 */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Arguments from "../../src/Arguments.js"
import * as Cli from "../../src/Cli.js"
import { Signals } from "../../src/Signals.js"
import type { Options, Result } from "./tilia.js"

/** Runs the command with these settings and no others. */
export const tilia = (
  args: ReadonlyArray<string>,
  { env = {} }: Pick<Options, "env"> = {}
): Effect.Effect<Result> =>
  Console.consoleWith((console) => {
    const printed = { stdout: "", stderr: "" }
    const unsafe = {
      ...console.unsafe,
      log: (text: string) => printed.stdout += `${text}\n`,
      error: (text: string) => printed.stderr += `${text}\n`
    }
    const parsed = Arguments.parse(args)
    if (parsed._tag === "Help") return Effect.succeed({ status: 0, stdout: `${parsed.text}\n`, stderr: "" })
    if (parsed._tag === "Mistake") return Effect.succeed({ status: 2, stdout: "", stderr: `${parsed.text}\n` })
    if (parsed._tag === "Version") return Effect.dieMessage("the version is printed by bin.ts")
    return Cli.run(parsed).pipe(
      Effect.map((status) => ({ status, ...printed })),
      Effect.withConsole({
        ...console,
        log: (text) => Effect.sync(() => unsafe.log(text)),
        error: (text) => Effect.sync(() => unsafe.error(text)),
        unsafe
      }),
      Effect.provideService(Signals, { passTo: () => Effect.void }),
      Effect.withConfigProvider(
        ConfigProvider.fromMap(
          new Map(Object.entries(env).flatMap(([name, value]) => value === undefined ? [] : [[name, value]]))
        )
      )
    )
  })
