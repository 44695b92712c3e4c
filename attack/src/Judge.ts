/*
 * What one history has broken, and the texts that must not be printed.
 */
import { linesShowing } from "@effect-tilia/testing/leakProbe"

export interface Judge {
  readonly violations: ReadonlyArray<string>
  /** Notes that a rule of docs/design is broken. */
  readonly violated: (rule: string, what: string) => void
  /** Looks for secrets in what a value prints: the first of a kind in all ways in which users print it (E8). */
  readonly printed: (where: string, value: unknown) => void
}

/** Part of each token's text. */
export const tokenMark = "tOkEnOfAnAttAcK"

/** The kinds of values that were printed in all ways. That takes some milliseconds, in which nothing else runs. */
const printedKinds = new Set<string>()

/** Values that differ in ids and numbers alone are of the same kind. */
const kindOf = (where: string, text: string): string => `${where} ${text.replace(/[\da-f-]{36}|\d+/gi, "")}`

const isNew = (kind: string): boolean => {
  const before = printedKinds.size
  return printedKinds.add(kind).size > before
}

export const make = (secret: string): Judge => {
  const violations: Array<string> = []
  const hidden = new RegExp(`${secret}|${tokenMark}`, "i")
  const violated = (rule: string, what: string) => {
    if (violations.length < 20) violations.push(`${rule}: ${what}`)
  }
  return {
    violations,
    violated,
    printed: (where, value) => {
      const text = String(value)
      const shown = isNew(kindOf(where, text))
        ? linesShowing(hidden, value)
        : [text].filter((text) => hidden.test(text))
      for (const line of shown) {
        violated("E8", `${where} shows ${line.includes(tokenMark) ? "a token" : "the secret"}`)
      }
    }
  }
}
