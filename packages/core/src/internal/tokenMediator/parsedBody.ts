/*
 * A body that a framework has read before the mediator could, as `express.json()` does: it is in the field `body` of
 * the framework's request. Pure.
 */
import * as Predicate from "effect/Predicate"

/**
 * The text of such a body; `undefined` if nobody has read it. Some parsers set the field of a body that they leave
 * alone, so it counts only once the request's stream has ended. A `Request` of fetch has no such stream.
 */
export const textOf = (source: unknown): string | undefined => {
  if (!Predicate.hasProperty(source, "body") || source.body === undefined) return undefined
  if (!Predicate.hasProperty(source, "readableEnded") || source.readableEnded !== true) return undefined
  const { body } = source
  if (typeof body === "string") return body
  if (body instanceof Uint8Array) return new TextDecoder().decode(body)
  return JSON.stringify(body)
}
