/*
 * What the body of an error response says, in the vendor's envelope, in that of RFC 6749 §5.2, or in any other text.
 * Pure. Every field is optional, and nothing about the body is certain.
 */
import * as Either from "effect/Either"
import * as Iterable from "effect/Iterable"
import * as Predicate from "effect/Predicate"
import * as Json from "./json.js"

/** In the server's own words, which must be sanitized before they are kept. */
export interface ErrorBody {
  readonly code?: string | undefined
  readonly message?: string | undefined
}

/** A longer one is no name that helps a reader. */
const longestName = 100

const mostTexts = 100

/**
 * The texts in foreign JSON with their names, no deeper than an envelope is, without those that are named as secrets.
 * One by one: a name stands before each text below it, so that all of them may be as long as the square of the body.
 */
function* allTexts(value: unknown, names = "", depth = 4): Generator<string> {
  if (Predicate.isString(value)) yield names + value
  if (typeof value !== "object" || value === null || depth === 0) return
  if (Array.isArray(value)) {
    for (const item of value) yield* allTexts(item, names, depth - 1)
    return
  }
  for (const [name, item] of Object.entries(value)) {
    if (/token|secret|password/i.test(name)) continue
    yield* allTexts(item, name.length > longestName ? names : `${names}${name}: `, depth - 1)
  }
}

const texts = (value: unknown): Iterable<string> => Iterable.take(allTexts(value), mostTexts)

const property = (value: unknown, name: string): unknown =>
  Predicate.isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined

const firstText = (...candidates: ReadonlyArray<unknown>): string | undefined => {
  const [first] = Iterable.flatMap(candidates, texts)
  return first
}

const joined = (...parts: ReadonlyArray<unknown>): string | undefined =>
  [...Iterable.flatMap(parts, texts)].join("; ") || undefined

/** The code and the message of RFC 6749, or of the vendor's envelope. */
export const fromJson = (json: unknown): ErrorBody => ({
  code: firstText(property(json, "error"), property(json, "codes")),
  message: joined(
    property(json, "error_description"),
    property(json, "message"),
    property(property(json, "payload"), "errors")
  )
})

/** The same from a body of any kind. All of its words are the message if it is no envelope. */
export const fromText = (text: string): ErrorBody =>
  Either.match(Json.parse(text), {
    onLeft: () => ({ message: text }),
    onRight: (json) => {
      const { code, message } = fromJson(json)
      return { code, message: message ?? joined(json) }
    }
  })
