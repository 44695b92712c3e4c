/*
 * What the body of an error response says, in the vendor's envelope, in that of RFC 6749 §5.2, or in any other text.
 * Pure. Every field is optional, and nothing about the body is certain.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Json from "./json.js"

/** In the server's own words, which must be sanitized before they are kept. */
export interface ErrorBody {
  readonly code?: string | undefined
  readonly message?: string | undefined
}

/**
 * The texts in foreign JSON with their names, no deeper than an envelope is, without those that are named as secrets.
 */
const texts = (value: unknown, depth = 4): ReadonlyArray<string> => {
  if (Predicate.isString(value)) return [value]
  if (typeof value !== "object" || value === null || depth === 0) return []
  if (Array.isArray(value)) return value.slice(0, 100).flatMap((item) => texts(item, depth - 1))
  return Object.entries(value)
    .filter(([name]) => !/token|secret|password/i.test(name))
    .flatMap(([name, item]) => texts(item, depth - 1).map((text) => `${name}: ${text}`))
}

const property = (value: unknown, name: string): unknown =>
  Predicate.isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined

const firstText = (...candidates: ReadonlyArray<unknown>): string | undefined =>
  candidates.flatMap((candidate) => texts(candidate))[0]

const joined = (...parts: ReadonlyArray<unknown>): string | undefined =>
  parts.flatMap((part) => texts(part)).join("; ") || undefined

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
