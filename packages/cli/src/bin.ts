#!/usr/bin/env node
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Cli from "./Cli.js"
import * as TerminalConsole from "./TerminalConsole.js"

// A reader that closes the pipe early (`| head -1`) is not an error. A full disk is one.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))
process.stderr.on("error", () => undefined)

NodeRuntime.runMain(Effect.provide(Cli.run(process.argv), TerminalConsole.layer), {
  disableErrorReporting: true,
  disablePrettyLogger: true,
  teardown: (exit, onExit) => onExit(Cli.exitStatus(exit))
})
