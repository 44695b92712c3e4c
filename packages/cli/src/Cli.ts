/*
 * The command `tilia`, from arguments to exit status.
 */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import type { ValidationError } from "@effect/cli/ValidationError"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import { createRequire } from "node:module"
import * as Failure from "./Failure.js"
import * as Help from "./Help.js"
import * as InspectCommand from "./InspectCommand.js"
import * as SandboxCommand from "./SandboxCommand.js"
import * as TokenCommand from "./TokenCommand.js"

const { version }: { readonly version: string } = createRequire(import.meta.url)("../package.json")

const tilia = Command.make("tilia").pipe(
  Command.withDescription(Help.page({
    summary: "Access tokens of the Tilia payments API.",
    examples: [
      ["tilia sandbox", "a server to try things on; prints the variables to paste"],
      ["tilia token", "one token"],
      ["tilia token | tilia inspect", "what is in it?"]
    ],
    notes: [
      "Exit status: 0 done; 2 bad input or configuration; 3 refused, trying again is useless; 4 unavailable, try again later; 130 interrupted."
    ]
  })),
  Command.withSubcommands([TokenCommand.command, InspectCommand.command, SandboxCommand.command])
)

/** What is logged goes to standard error: standard output is for what was asked. */
const logger = Logger.withConsoleError(
  Logger.make(({ logLevel, message }) =>
    `${logLevel.label.toLowerCase()}: ${Arr.ensure(message).map(String).join(" ")}`
  )
)

/**
 * Runs one command, given as in `process.argv`. The exit status is the value; a mistake in the flags was already
 * printed.
 */
export const run = (args: ReadonlyArray<string>): Effect.Effect<number> =>
  Command.run(tilia, { name: "tilia", version })(args).pipe(
    Effect.as(0),
    Effect.catchAll((error: Failure.Failure | ValidationError) =>
      error._tag === "Failure"
        ? Effect.as(Console.error(Failure.render(error)), error.exitStatus)
        : Effect.succeed(2)
    ),
    Effect.catchAllDefect((defect) =>
      Effect.as(Console.error(`This is a bug in tilia. ${Cause.pretty(Cause.die(defect))}`), 1)
    ),
    Effect.provide([
      NodeContext.layer,
      CliConfig.layer({ showBuiltIns: false }),
      Logger.replace(Logger.defaultLogger, logger)
    ])
  )

export const exitStatus = (exit: Exit.Exit<unknown, unknown>): number =>
  Exit.match(exit, {
    onSuccess: Number,
    onFailure: (cause) => Cause.isInterruptedOnly(cause) ? 130 : 1
  })
