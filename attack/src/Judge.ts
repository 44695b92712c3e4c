/*
 * What one history has broken, and the texts that must not be printed.
 */
import { inspect } from "node:util"

export interface Judge {
  readonly violations: ReadonlyArray<string>
  /** Notes that a rule of docs/design is broken. */
  readonly violated: (rule: string, what: string) => void
  /** Prints a value in the ways that users print it, and looks for secrets in that (E8). */
  readonly printed: (where: string, value: unknown) => void
}

/** Part of each token's text. */
export const tokenMark = "tOkEnOfAnAttAcK"

const prints: ReadonlyArray<(value: unknown) => string> = [
  (value) => inspect(value, { depth: Infinity }),
  (value) => JSON.stringify(value) ?? "",
  String
]

export const make = (secret: string): Judge => {
  const violations: Array<string> = []
  const violated = (rule: string, what: string) => {
    if (violations.length < 20) violations.push(`${rule}: ${what}`)
  }
  return {
    violations,
    violated,
    printed: (where, value) => {
      for (const print of prints) {
        const text = print(value)
        if (text.toLowerCase().includes(secret)) violated("E8", `${where} shows the secret`)
        if (text.includes(tokenMark)) violated("E8", `${where} shows a token`)
      }
    }
  }
}
