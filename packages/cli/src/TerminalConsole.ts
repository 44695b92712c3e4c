/*
 * The console of the process. It writes colours only to a terminal, and only if `NO_COLOR` is not set (no-color.org).
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { stripVTControlCharacters } from "node:util"

const showsColours = (stream: NodeJS.WriteStream): boolean => stream.isTTY && (process.env["NO_COLOR"] ?? "") === ""

const writer = (stream: NodeJS.WriteStream) => (...lines: ReadonlyArray<unknown>): void => {
  const text = lines.join(" ").trimEnd()
  stream.write(`${showsColours(stream) ? text : stripVTControlCharacters(text)}\n`)
}

/** Effect's console over the streams of the process. */
export const layer: Layer.Layer<never> = Layer.unwrapEffect(Console.consoleWith((console) => {
  const unsafe = { ...console.unsafe, log: writer(process.stdout), error: writer(process.stderr) }
  return Effect.succeed(Console.setConsole({
    ...console,
    log: (...lines) => Effect.sync(() => unsafe.log(...lines)),
    error: (...lines) => Effect.sync(() => unsafe.error(...lines)),
    unsafe
  }))
}))
