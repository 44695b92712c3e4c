/*
 * Where a reading of a text shows a token (E8): a JWT, also in lines, or the value of a field that is named as one.
 * Pure.
 */
import { type Reading, type Span, spanOf } from "./readings.js"

/**
 * What may be a JWT: its digits and dots, and on from a break before at least 16 of these, since a word of a sentence
 * has fewer. If the last line has fewer, it stays: that is not enough of a signature.
 */
const runs = /[\w.=-]+(?:\s+(?:\.\s+)?[\w.=-]{16,})*/g

/** The beginning of a JSON object, in base64. */
const isHeader = (digits: string): boolean =>
  /^[\w-]{8}$/.test(digits) && /^\{\s*(?:"[ -~]*)?$/.test(atob(digits.replaceAll("-", "+").replaceAll("_", "/")))

/** Where a JWT begins in a run, if there is one: its header, and at least one more part. */
const startOfJwt = (run: string): number | undefined => {
  const beforeLastPart = [...run.matchAll(/\.\s*[\w-]/g)].at(-1)?.index ?? 0
  for (const { index } of run.matchAll(/e[wy]/g)) {
    if (index < beforeLastPart && isHeader(run.slice(index, index + 8))) return index
  }
  return undefined
}

/** Where it ends: the dot of a sentence is not part of it. */
const endOfJwt = (run: string): number => {
  let end = run.length
  while (run[end - 1] === ".") end--
  return end
}

const jwtsIn = (reading: Reading): ReadonlyArray<Span> =>
  Array.from(reading.text.matchAll(runs)).flatMap(({ 0: run, index }) => {
    const start = startOfJwt(run)
    return start === undefined ? [] : [spanOf(reading, index + start, endOfJwt(run) - start)]
  })

/** A field of JSON or of a form, also of JSON inside JSON. The group is its value. */
const fields = /(?:token|secret|password)(?:\\*["']\s*:\s*\\*["']|=\\*["']?)([^\s"'\\&<>,;]+)/gi

const valuesIn = (reading: Reading): ReadonlyArray<Span> =>
  Array.from(
    reading.text.matchAll(fields),
    ({ 0: { length }, 1: value = "", index }) => spanOf(reading, index + length - value.length, value.length)
  )

export const spansOf = (reading: Reading): ReadonlyArray<Span> => [...jwtsIn(reading), ...valuesIn(reading)]
