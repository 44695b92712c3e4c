/*
 * Where a text shows the secret, in whatever disguise (E8). The text is a stranger's, so the time of the search grows
 * with its length and not faster: escapes are read and markup is dropped in one pass, and what is left is compared. One
 * pattern for all disguises would try each escape in two ways. Pure.
 */
import * as Redacted from "effect/Redacted"
import type { ClientSecret } from "../../ClientCredentials.js"

/** A part of a text, from its first character to behind its last one. */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * A character that is escaped as in a URL or in HTML (once or several times), in JSON or in JavaScript. The groups are
 * the codes: five in hex, one in decimal.
 */
const escaped = [
  String.raw`%(?:25)*([\da-f]{2})`,
  String.raw`\\{1,8}(?:u([\da-f]{4})|x([\da-f]{2})|u\{(0*[\da-f]{1,6})\})`,
  String.raw`&(?:amp;)*#(?:x(0*[\da-f]{1,6})|(0*\d{1,7}));?`
].join("|")

/** A tag, or an entity with a name, which stands for no digit. */
const markup = "&[a-z]{2,8};|<[^<>]{0,256}>"

/** How a text may be read: as it is, and as one in which escapes count, or escapes and markup. */
const readings = ["(?!)", escaped, `${escaped}|${markup}`].map((pattern) => new RegExp(pattern, "gi"))

/** The character of an escape; nothing for what is no ASCII, since no digit of a secret is. */
const decoded = ([, percent, unicode, byte, braced, hex, decimal]: ReadonlyArray<string | undefined>): string => {
  const digits = percent ?? unicode ?? byte ?? braced ?? hex
  const code = digits === undefined ? Number(decimal) : Number.parseInt(digits, 16)
  return code < 128 ? String.fromCharCode(code) : ""
}

/** What is left of a text if only some characters count, in lower case, and where each of them is written. */
interface Line {
  readonly text: string
  readonly spans: ReadonlyArray<Span>
}

const lineOf = (text: string, escapes: RegExp, alphabet: ReadonlySet<string>): Line => {
  const characters: Array<string> = []
  const spans: Array<Span> = []
  const keep = (character: string, start: number, end: number) => {
    if (!alphabet.has(character)) return
    characters.push(character)
    spans.push({ start, end })
  }
  let at = 0
  const copyUntil = (end: number) => {
    for (; at < end; at++) keep(text.charAt(at), at, at + 1)
  }
  for (const match of text.matchAll(escapes)) {
    copyUntil(match.index)
    at += match[0].length
    keep(decoded(match), match.index, at)
  }
  copyUntil(text.length)
  return { text: characters.join("").toLowerCase(), spans }
}

const alphanumeric = new Set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
const base64Digits = new Set([...alphanumeric, ..."+/-_"])

/** Base64url is searched as base64. */
const inOneAlphabet = ({ spans, text }: Line): Line => ({
  text: text.replaceAll("-", "+").replaceAll("_", "/"),
  spans
})

const spanOf = ({ spans }: Line, from: number, length: number): Span => ({
  start: spans[from]?.start ?? 0,
  end: spans[from + length - 1]?.end ?? 0
})

const indicesOf = (line: Line, needle: string): ReadonlyArray<number> => {
  const indices: Array<number> = []
  for (let at = line.text.indexOf(needle); at >= 0; at = line.text.indexOf(needle, at + 1)) indices.push(at)
  return indices
}

/** How long two texts are the same, the one from here and the other from there. */
const commonLength = (one: string, here: number, other: string, there: number): number => {
  let length = 0
  while (here + length < one.length && one[here + length] === other[there + length]) length++
  return length
}

/** Any part of the digits that is long enough, as long as it goes on: a server may cut what it quotes. */
const partsIn = (line: Line, shortest: number) => (digits: string): ReadonlyArray<Span> =>
  Array.from({ length: Math.max(0, digits.length - shortest + 1) }, (_, from) => from).flatMap((from) =>
    indicesOf(line, digits.slice(from, from + shortest)).map((at) =>
      spanOf(line, at, commonLength(digits, from, line.text, at))
    )
  )

const hex = (text: string): string => Array.from(text, (character) => character.charCodeAt(0).toString(16)).join("")

/** The bytes that the digits stand for, each as a character. */
const bytesOf = (digits: string): string =>
  digits.replace(/../g, (byte) => String.fromCharCode(Number.parseInt(byte, 16)))

/** The digits of a text in base64, whatever stands before them. The first and the last one are not told apart. */
const base64 = (text: string): ReadonlyArray<string> =>
  [0, 1, 2].map((before) =>
    btoa(" ".repeat(before) + text).slice(before && before + 1, Math.floor((before + text.length) * 8 / 6))
      .toLowerCase()
  )

/** One span for those that overlap, in the order of the text. */
const merged = (spans: ReadonlyArray<Span>): ReadonlyArray<Span> => {
  const result: Array<Span> = []
  for (const span of [...spans].sort((one, other) => one.start - other.start)) {
    const last = result.at(-1)
    if (last !== undefined && span.start < last.end) {
      result[result.length - 1] = { start: last.start, end: Math.max(last.end, span.end) }
    } else result.push(span)
  }
  return result
}

/** Fewer digits are no secret: a server may show them to tell secrets apart. */
const shortestPart = 8

/** Where the text shows the secret or a part of it. */
export const spansOf = (text: string, secret: ClientSecret): ReadonlyArray<Span> => {
  const value = Redacted.value(secret)
  const cases = [...new Set([value, value.toLowerCase(), value.toUpperCase()])]
  const texts = cases.flatMap((text) => [text, text.replaceAll("-", "")])
  const digits = value.replaceAll("-", "").toLowerCase()
  const inHex = texts.map(hex)
  const inBase64 = [...texts, bytesOf(digits)].flatMap(base64)
  return merged(readings.flatMap((escapes) => {
    const plain = lineOf(text, escapes, alphanumeric)
    const encoded = inOneAlphabet(lineOf(text, escapes, base64Digits))
    return [
      ...partsIn(plain, shortestPart)(digits),
      ...inHex.flatMap(partsIn(plain, shortestPart * 2)),
      ...inBase64.flatMap(partsIn(encoded, Math.ceil(shortestPart * 8 / 6)))
    ]
  }))
}
