/*
 * The process: it runs a command, and ends with its exit status. A signal interrupts the command, unless the command
 * passes it on.
 */
import * as Effect from "effect/Effect"
import type { Run } from "./Arguments.js"
import * as Cli from "./Cli.js"
import * as Output from "./Output.js"
import * as Signals from "./Signals.js"

export const main = (args: Run): void => {
  let recipient: ((signal: Signals.Signal) => void) | undefined

  const signals: Signals.Signals = {
    passTo: (next) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          recipient = next
        }),
        () =>
          Effect.sync(() => {
            recipient = undefined
          })
      )
  }

  const fiber = Effect.runFork(
    Cli.run(args).pipe(Effect.provideService(Signals.Signals, signals), Effect.provide(Output.console))
  )
  for (const signal of Signals.handled) {
    process.on(signal, () => recipient === undefined ? fiber.unsafeInterruptAsFork(fiber.id()) : recipient(signal))
  }
  fiber.addObserver((exit) => process.exit(Cli.exitStatus(exit)))
}
