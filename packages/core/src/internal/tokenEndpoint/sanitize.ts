/*
 * What a server says may be kept once it is sanitized (E8). It is a stranger's text: it may be long, contain terminal
 * escapes, and repeat what we sent. Pure.
 */
import { pipe } from "effect/Function"
import * as Redacted from "effect/Redacted"
import type { ClientSecret } from "../../ClientCredentials.js"
import * as Printable from "../../Printable.js"

const replacement = "<redacted>"

const jwt = /eyJ[\w-]+\.[\w-]+\.?[\w-]*/g

const hex = (text: string): string => Array.from(text, (character) => character.charCodeAt(0).toString(16)).join("")

/** A character escaped as in a URL or HTML (once or several times), in JSON or in JavaScript. */
const escaped = (character: string): string => {
  const code = hex(character)
  return String.raw`%(?:25){0,3}${code}|\\{1,8}(?:u00|x|u\{0{0,4})${code}\}?|&(?:amp;){0,3}#(?:0*${
    character.charCodeAt(0)
  }|x0*${code});?`
}

/** A digit of the secret in either case. */
const digit = (character: string): string => {
  const cases = new Set([character.toLowerCase(), character.toUpperCase()])
  return `(?:${character}|${[...cases].map(escaped).join("|")})`
}

/**
 * What may stand between two digits of the secret: its dashes, and what a server, a page or a list of words adds. The
 * alternatives begin with different characters, so that no text takes long.
 */
const between = String.raw`(?:[^\w<%&\\]|_|<[^<>]{0,256}>|&[a-z]{2,8};|&#(?:160|xa0|173|xad);|${escaped("-")})*`

/** The digits of a text in base64, whatever stands before them. The first and the last one are not told apart. */
const base64 = (text: string): ReadonlyArray<string> =>
  [0, 1, 2].map((before) =>
    btoa(" ".repeat(before) + text).slice(before && before + 1, Math.floor((before + text.length) * 8 / 6))
  )

/** Fewer digits are no secret: a server may show them to tell secrets apart. */
const shortestPart = 8

/** Any part of these digits, as long as it goes on: a server may cut what it quotes. */
const parts = (digits: string): ReadonlyArray<string> =>
  Array.from({ length: digits.length - shortestPart + 1 }, (_, from) => {
    const start = Array.from(digits.slice(from, from + shortestPart)).join("-?")
    const rest = Array.from(digits.slice(from + shortestPart))
    return start + rest.reduceRight((further, digit) => `(?:-?${digit}${further})?`, "")
  })

/** A text of base64 or hex, as an ordinary or a URL-safe alphabet writes it, in lines or with separators. */
const printed = (encoded: string): string =>
  Array.from(encoded, (character) => character.replace("+", "[+-]").replace("/", "[/_]")).join("[ :-]?")

/** The bytes that the digits stand for, each as a character. */
const bytesOf = (digits: string): string =>
  digits.replace(/../g, (byte) => String.fromCharCode(Number.parseInt(byte, 16)))

/** All forms in which the secret may come back. A UUID needs no escaping in a pattern. */
const occurrences = (secret: ClientSecret): RegExp => {
  const text = Redacted.value(secret)
  const digits = text.replaceAll("-", "")
  const disguised = Array.from(digits, digit).join(between)
  const encoded = [hex(text), ...base64(text), ...base64(bytesOf(digits))].map(printed)
  return new RegExp([disguised, ...encoded, ...parts(digits)].join("|"), "gi")
}

/** Whether one of these texts holds the secret or a part of it. */
export const holdSecret = (texts: ReadonlyArray<string>, secret: ClientSecret): boolean => {
  const occurrence = occurrences(secret)
  return texts.some((text) => text.search(occurrence) >= 0)
}

const limit = 1024
const ellipsis = "…"

/** The first KiB in UTF-8, never half a character. */
const cut = (text: string): string => {
  const room = new Uint8Array(limit)
  if (new TextEncoder().encodeInto(text, room).read === text.length) return text
  const { read } = new TextEncoder().encodeInto(text, room.subarray(0, limit - 3))
  return text.slice(0, read) + ellipsis
}

/** Markup is of no use to a reader of errors. */
const withoutTags = (text: string): string => text.trimStart().startsWith("<") ? text.replace(/<[^<>]*>/g, " ") : text

/**
 * The server's words in the form in which they may be kept. The order matters: nothing may be removed after the secret
 * was looked for, since that could put it together again, and a cut must not leave half of it.
 */
export const sanitize = (text: string, secret: ClientSecret): string =>
  pipe(
    withoutTags(Printable.make(text)).replace(/\s+/g, " ").replace(occurrences(secret), replacement),
    (text) => text.slice(0, 8 * limit).replace(jwt, replacement).trim(),
    cut
  )
