/*
 * What a refusal's body says: the vendor's envelope, RFC 6749 §5.2, or any text. Every field is optional, and nothing
 * about the body is sure.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"

/** In the server's own words: not yet fit to be kept. */
export interface ErrorBody {
  readonly code?: string | undefined
  readonly message?: string | undefined
}

/** A stranger's text as JSON. What the parser says of another is dropped: it quotes the text. */
export const json = (text: string): Either.Either<unknown, "NotJson"> =>
  Either.try({ try: (): unknown => JSON.parse(text), catch: () => "NotJson" })

/** The texts in a stranger's JSON with their names, but not what is called a secret; no deeper than an envelope is. */
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

const firstText = (...candidates: ReadonlyArray<unknown>): string | undefined => candidates.flatMap((_) => texts(_))[0]

const joined = (...parts: ReadonlyArray<unknown>): string | undefined =>
  parts.flatMap((part) => texts(part)).join("; ") || undefined

/** The code and the words of RFC 6749, or of the vendor's envelope. */
export const fromJson = (json: unknown): ErrorBody => ({
  code: firstText(property(json, "error"), property(json, "codes")),
  message: joined(
    property(json, "error_description"),
    property(json, "message"),
    property(property(json, "payload"), "errors")
  )
})

/** The same from a body that may be anything; where it is no envelope, its words are all of it. */
export const fromText = (text: string): ErrorBody =>
  Either.match(json(text), {
    onLeft: () => ({ message: text }),
    onRight: (json) => {
      const { code, message } = fromJson(json)
      return { code, message: message ?? joined(json) }
    }
  })
