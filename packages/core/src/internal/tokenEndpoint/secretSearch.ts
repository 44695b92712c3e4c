/*
 * Where a reading of a text shows a secret of the client: as it is, in hex or base64, in any case, with anything else
 * between its digits, or a part of it (E8). Pure.
 */
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { ClientSecret } from "../../ClientCredentials.js"
import { type Reading, replaced, type Span, spanOf } from "./readings.js"

/** Only what matches counts, in lower case. */
const only = (reading: Reading, others: RegExp): Reading => {
  const kept = replaced(reading, others, () => "")
  return { ...kept, text: kept.text.toLowerCase() }
}

const alphanumeric = (reading: Reading): Reading => only(reading, /[^a-z\d]+/gi)

/** Base64url is searched as base64. */
const base64Digits = (reading: Reading): Reading => {
  const kept = only(reading, /[^a-z\d+/_-]+/gi)
  return { ...kept, text: kept.text.replaceAll("-", "+").replaceAll("_", "/") }
}

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

/** A place in one of the texts that are looked for. */
interface Place {
  readonly text: string
  readonly at: number
}

/** All parts of this length of the texts that are looked for, and their places. */
interface Parts {
  readonly length: number
  readonly places: ReadonlyMap<string, ReadonlyArray<Place>>
}

const partsOf = (texts: ReadonlyArray<string>, length: number): Parts => {
  const places = new Map<string, Array<Place>>()
  for (const text of new Set(texts)) {
    for (let at = 0; at + length <= text.length; at++) {
      const part = text.slice(at, at + length)
      places.set(part, [...places.get(part) ?? [], { text, at }])
    }
  }
  return { length, places }
}

/** How long two texts are the same, the one from this place, the other from there. */
const commonLength = (place: Place, other: string, there: number): number => {
  let length = 0
  while (place.at + length < place.text.length && place.text[place.at + length] === other[there + length]) length++
  return length
}

/** Where one of the parts begins, and as far as it goes on. */
const spansOfParts = (reading: Reading, { length, places }: Parts): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  for (let at = 0; at + length <= reading.text.length; at++) {
    const found = places.get(reading.text.slice(at, at + length))
    if (found === undefined) continue
    spans.push(spanOf(reading, at, Math.max(...found.map((place) => commonLength(place, reading.text, at)))))
  }
  return spans
}

/** Fewer digits are no secret: a server may show them to tell secrets apart. */
const shortestPart = 8

/** The texts of the secrets, except for one that was wiped. */
const valuesOf = (secrets: ReadonlyArray<ClientSecret>): ReadonlyArray<string> =>
  secrets.flatMap((secret) => Option.toArray(Option.liftThrowable(Redacted.value)(secret)))

const digitsOf = (value: string): string => value.replaceAll("-", "").toLowerCase()

/** Whether a text holds one of the secrets as it is, with or without its dashes. */
export const holdsSecret = (text: string, secrets: ReadonlyArray<ClientSecret>): boolean => {
  const digits = text.replaceAll("-", "").toLowerCase()
  return valuesOf(secrets).some((value) => digits.includes(digitsOf(value)))
}

/** Finds the secrets and their parts in a reading. */
export const make = (secrets: ReadonlyArray<ClientSecret>): (reading: Reading) => ReadonlyArray<Span> => {
  const values = valuesOf(secrets)
  const digits = values.map(digitsOf)
  const texts = values.flatMap((value) => [value, value.toLowerCase(), value.toUpperCase()])
    .flatMap((text) => [text, text.replaceAll("-", "")])
  const plain = partsOf(digits, shortestPart)
  const inHex = partsOf(texts.map(hex), shortestPart * 2)
  const inBase64 = partsOf([...texts, ...digits.map(bytesOf)].flatMap(base64), Math.ceil(shortestPart * 8 / 6))
  return (reading) => {
    const letters = alphanumeric(reading)
    return [
      ...spansOfParts(letters, plain),
      ...spansOfParts(letters, inHex),
      ...spansOfParts(base64Digits(reading), inBase64)
    ]
  }
}
