/*
 * The command `tilia`, from its arguments to its exit status.
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
    summary: "Gets and inspects access tokens of the Tilia payments API.",
    examples: [
      ["tilia sandbox", "runs a local server to try things on, and prints its settings"],
      ["tilia token", "prints a token"],
      ["tilia token | tilia inspect", "shows what the token contains"]
    ],
    notes: [
      "Exit status 0: the command succeeded.",
      "Exit status 1: the output cannot be written, or tilia has a bug.",
      "Exit status 2: the input or the configuration is wrong. Nothing was sent.",
      "Exit status 3: the server refused. Trying again does not help.",
      "Exit status 4: the server is unavailable. Try again later.",
      "Exit status 130: the command was interrupted."
    ]
  })),
  Command.withSubcommands([TokenCommand.command, InspectCommand.command, SandboxCommand.command])
)

/** Logs go to standard error, because standard output is only for the result. */
const logger = Logger.withConsoleError(
  Logger.make(({ logLevel, message }) =>
    `${logLevel.label.toLowerCase()}: ${Arr.ensure(message).map(String).join(" ")}`
  )
)

/**
 * Runs the command with arguments as in `process.argv`, and returns the exit status. It prints every error itself.
 */
export const run = (args: ReadonlyArray<string>): Effect.Effect<number> =>
  Command.run(tilia, { name: "tilia", version })(args).pipe(
    Effect.as(0),
    Effect.catchAll((error: Failure.Failure | ValidationError) =>
      error._tag === "Failure"
        ? Effect.as(Console.error(Failure.render(error)), error.exitStatus)
        : Effect.succeed(2) // @effect/cli has printed what is wrong with the flags
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

/** The exit status of the process: what `run` returned, or the status of an interruption or a defect. */
export const exitStatus = (exit: Exit.Exit<unknown, unknown>): number =>
  Exit.match(exit, {
    onSuccess: Number,
    onFailure: (cause) => Cause.isInterruptedOnly(cause) ? 130 : 1
  })
