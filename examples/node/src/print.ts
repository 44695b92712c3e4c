/*
 * How the demo prints: headings, and rows of a name and a value.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { styleText } from "node:util"

type Style = Parameters<typeof styleText>[0]

const styled = (style: Style, text: string): string => process.stdout.isTTY ? styleText(style, text) : text

const width = 16

/** A heading, after an empty line. */
export const heading = (text: string) => Console.log(`\n${styled("bold", text)}`)

/** A name and its value. */
export const row = (name: string, value: unknown) =>
  Console.log(`  ${styled("dim", name.padEnd(width))}${String(value)}`)

/** What a user sees of an error: its tag, whether another try may help, and its message. */
export const error = (error: { readonly _tag: string; readonly message: string; readonly retryable: boolean }) =>
  Effect.zipRight(
    row("error", styled("red", error._tag) + (error.retryable ? " (retryable)" : "")),
    row("message", error.message)
  )
