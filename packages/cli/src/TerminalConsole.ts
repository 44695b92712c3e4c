/*
 * Colours are for terminals, and for those who want them there (no-color.org).
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { stripVTControlCharacters } from "node:util"

const wantsColour = (stream: NodeJS.WriteStream): boolean => stream.isTTY && (process.env["NO_COLOR"] ?? "") === ""

const writer = (stream: NodeJS.WriteStream) => (...lines: ReadonlyArray<unknown>): void => {
  const text = lines.join(" ").trimEnd()
  stream.write(`${wantsColour(stream) ? text : stripVTControlCharacters(text)}\n`)
}

/** Effect's console, over the process's own streams. */
export const layer: Layer.Layer<never> = Layer.unwrapEffect(Console.consoleWith((console) => {
  const unsafe = { ...console.unsafe, log: writer(process.stdout), error: writer(process.stderr) }
  return Effect.succeed(Console.setConsole({
    ...console,
    log: (...lines) => Effect.sync(() => unsafe.log(...lines)),
    error: (...lines) => Effect.sync(() => unsafe.error(...lines)),
    unsafe
  }))
}))
