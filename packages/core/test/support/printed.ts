import * as Effect from "effect/Effect"
import { record } from "../../../testing/src/internal/recorder.js"

/** Everything that a program could print of a value, as `leakProbe` prints it, in one text. */
export const printed = (value: unknown): string =>
  Effect.runSync(record(Effect.fail(value))).printed.map(({ text }) => text).join("\n")

/** The printed lines that show a text; none where it is kept. */
export const linesShowing = (text: string | RegExp, value: unknown): ReadonlyArray<string> =>
  printed(value).split("\n").filter((line) => typeof text === "string" ? line.includes(text) : text.test(line))
