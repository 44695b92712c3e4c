import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { format, inspect } from "node:util"

const { jsonLogger, logfmtLogger, stringLogger, structuredLogger } = Logger

/** What a logger makes of a value, be it a text or what it writes to the console. */
const logged = (logger: Logger.Logger<unknown, unknown>, value: unknown): string => {
  const lines: Array<unknown> = []
  const write = (...line: ReadonlyArray<unknown>) => void lines.push(format(...line))
  Effect.logError("failed", value, Cause.fail(value)).pipe(
    Effect.annotateLogs("value", value),
    Effect.provide(Logger.replace(Logger.defaultLogger, Logger.map(logger, (line) => lines.push(line)))),
    (effect) =>
      Console.consoleWith((console) =>
        Effect.withConsole(effect, {
          ...console,
          unsafe: { ...console.unsafe, log: write, error: write, group: write }
        })
      ),
    Effect.runSync
  )
  return lines.map((line) => typeof line === "string" ? line : inspect(line, { depth: 10 })).join("\n")
}

const prettyLogger = Logger.prettyLogger({ colors: false, mode: "tty" })

/** Everything that a program could print of a value, in one text. */
export const printed = (value: unknown): string =>
  [
    String(value),
    value instanceof Error ? value.message : "",
    JSON.stringify(value) ?? "",
    inspect(value, { depth: 10, showHidden: true }),
    Cause.pretty(Cause.fail(value), { renderErrorCause: true }),
    ...[stringLogger, jsonLogger, logfmtLogger, structuredLogger, prettyLogger].map((logger) => logged(logger, value))
  ].join("\n")

/** The printed lines that show a text; none where it is kept. */
export const linesShowing = (text: string | RegExp, value: unknown): ReadonlyArray<string> =>
  printed(value).split("\n").filter((line) => typeof text === "string" ? line.includes(text) : text.test(line))
