/*
 * The command `tilia`, from its decoded arguments to its exit status.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import type { Run } from "./Arguments.js"
import type { Name } from "./Commands.js"
import * as Failure from "./Failure.js"
import type { Signals } from "./Signals.js"

interface Program {
  readonly run: (args: Run) => Effect.Effect<number, Failure.Failure, Signals>
}

/** Each command is loaded when it is used: `tilia token` needs no server (P10). */
const programs: Readonly<Record<Name, () => Promise<Program>>> = {
  token: () => import("./TokenCommand.js"),
  inspect: () => import("./InspectCommand.js"),
  doctor: () => import("./DoctorCommand.js"),
  exec: () => import("./ExecCommand.js"),
  request: () => import("./RequestCommand.js"),
  sandbox: () => import("./SandboxCommand.js")
}

/** Logs go to standard error, because standard output is only for the result. */
const logger = Logger.withConsoleError(
  Logger.make(({ logLevel, message }) =>
    `${logLevel.label.toLowerCase()}: ${Arr.ensure(message).map(String).join(" ")}`
  )
)

/** Runs the command, and returns the exit status. It prints every error itself. */
export const run = (args: Run): Effect.Effect<number, never, Signals> =>
  Effect.promise(programs[args.name]).pipe(
    Effect.flatMap((program) => program.run(args)),
    Effect.catchAll((error) => Effect.as(Console.error(Failure.render(error)), error.exitStatus)),
    Effect.catchAllDefect((defect) =>
      Effect.as(Console.error(`This is a bug in tilia. ${Cause.pretty(Cause.die(defect))}`), 1)
    ),
    Effect.withTracerEnabled(false), // nobody sees the spans
    Effect.provide(Logger.replace(Logger.defaultLogger, logger))
  )

/** The exit status of the process: what `run` returned, or the status of an interruption or a defect. */
export const exitStatus = (exit: Exit.Exit<number, unknown>): number =>
  Exit.match(exit, {
    onSuccess: (status) => status,
    onFailure: (cause) => Cause.isInterruptedOnly(cause) ? 130 : 1
  })
