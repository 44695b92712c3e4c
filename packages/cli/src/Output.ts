/*
 * The standard streams of the process. Each write waits until it is done: a slow reader slows the command down, and
 * nothing is lost when the process ends (L3).
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** What cannot be written ends the process (see `bin.ts`), so nothing goes on after that. */
export const writeResult = (chunk: string | Uint8Array): Effect.Effect<void> =>
  Effect.async((resume) => {
    process.stdout.write(chunk, (error) => {
      if (!error) resume(Effect.void)
    })
  })

/** What is said besides the result may get lost. */
const writeAside = (text: string): Effect.Effect<void> =>
  Effect.async((resume) => {
    process.stderr.write(text, () => resume(Effect.void))
  })

const line = (values: ReadonlyArray<unknown>): string => `${values.join(" ").trimEnd()}\n`

/** Effect's console over these streams. */
export const console: Layer.Layer<never> = Layer.unwrapEffect(
  Console.consoleWith((console) =>
    Effect.succeed(Console.setConsole({
      ...console,
      log: (...values) => writeResult(line(values)),
      error: (...values) => writeAside(line(values))
    }))
  )
)
