/*
 * How a stranger's text may be read (E8): as it is, with its escapes read, with the escapes in those read, and each of
 * these without its markup. The time grows with the length of the text and not faster, as that of one pattern for all
 * disguises would: it could read each escape in two ways. Pure.
 */

/** A part of a text, from its first character to behind its last one. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A text, and where each of its characters begins and ends in the stranger's text. */
export interface Reading {
  readonly text: string
  readonly starts: ReadonlyArray<number>
  readonly ends: ReadonlyArray<number>
}

const asItIs = (text: string): Reading => ({
  text,
  starts: Array.from({ length: text.length }, (_, at) => at),
  ends: Array.from({ length: text.length }, (_, at) => at + 1)
})

/** Where a part of the reading, which must not be empty, stands in the stranger's text. */
export const spanOf = ({ ends, starts }: Reading, start: number, length: number): Span => ({
  start: starts[start] ?? 0,
  end: ends[start + length - 1] ?? 0
})

/** With something else in the place of each match. Its characters stand where the match stood. */
export const replaced = (
  reading: Reading,
  pattern: RegExp,
  replacement: (match: RegExpExecArray) => string
): Reading => {
  const texts: Array<string> = []
  const starts: Array<number> = []
  const ends: Array<number> = []
  const add = (start: number, length: number) => {
    const span = spanOf(reading, start, length)
    starts.push(span.start)
    ends.push(span.end)
  }
  let at = 0
  const keepUntil = (end: number) => {
    texts.push(reading.text.slice(at, end))
    for (; at < end; at++) add(at, 1)
  }
  for (const match of reading.text.matchAll(pattern)) {
    keepUntil(match.index)
    const text = replacement(match)
    texts.push(text)
    for (let n = 0; n < text.length; n++) add(at, match[0].length)
    at += match[0].length
  }
  keepUntil(reading.text.length)
  return { text: texts.join(""), starts, ends }
}

/**
 * A character that is escaped as in a URL or in HTML (once or several times), in JSON or in JavaScript. The groups are
 * the codes, five in hex, one in octal and one in decimal, and the name of an entity.
 */
const escaped = new RegExp(
  [
    String.raw`%(?:25)*([\da-f]{2})`,
    String.raw`\\{1,8}(?:u([\da-f]{4})|x([\da-f]{2})|u\{(0*[\da-f]{1,6})\}|([0-7]{1,3})|[bfnrtv])`,
    String.raw`&(?:amp;)*(?:#(?:x(0*[\da-f]{1,6})|(0*\d{1,7}));?|(lt|gt|amp);)`
  ].join("|"),
  "gi"
)

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&" }

const codeOf = (digits: string | undefined, radix: number): number | undefined =>
  digits === undefined ? undefined : Number.parseInt(digits, radix)

/** The character of an escape; a space for what is no ASCII, since nothing that is looked for is. */
const unescaped = ([, percent, unicode, byte, braced, octal, hex, decimal, name = ""]: RegExpExecArray): string => {
  const code = codeOf(percent ?? unicode ?? byte ?? braced ?? hex, 16) ?? codeOf(octal, 8) ?? codeOf(decimal, 10)
  return code === undefined ? entities[name.toLowerCase()] ?? " " : code < 128 ? String.fromCharCode(code) : " "
}

/** A tag, or an entity that has a name. */
const markup = /<[^<>]{0,256}>|&[a-z]{2,8};/gi

const mostEscapes = 3

/** The readings of a text that differ. */
export function* readingsOf(text: string): Generator<Reading> {
  let reading = asItIs(text)
  for (let depth = 0;; depth++) {
    yield reading
    if (reading.text.search(markup) >= 0) yield replaced(reading, markup, () => " ")
    if (depth === mostEscapes || reading.text.search(escaped) < 0) return
    reading = replaced(reading, escaped, unescaped)
  }
}
