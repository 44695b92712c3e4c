/*
 * What a server says may be kept once it is sanitized (E8). It is a stranger's text: it may be long, contain terminal
 * escapes, and repeat what we sent. Pure.
 */
import { pipe } from "effect/Function"
import type { ClientSecret } from "../../ClientCredentials.js"
import * as Printable from "../../Printable.js"
import { readingsOf, type Span } from "./readings.js"
import * as SecretSearch from "./secretSearch.js"
import * as TokenSearch from "./tokenSearch.js"

/** Whether a text shows one of the secrets or a part of it. */
export const showsSecret = (text: string, secrets: ReadonlyArray<ClientSecret>): boolean => {
  const search = SecretSearch.make(secrets)
  for (const reading of readingsOf(text)) if (search(reading).length > 0) return true
  return false
}

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

/** Without the secrets, their parts and tokens, as any reading of the text shows them. */
const withoutSecrets = (text: string, secrets: ReadonlyArray<ClientSecret>): string => {
  const search = SecretSearch.make(secrets)
  const spans = Array.from(readingsOf(text)).flatMap((reading) => [...search(reading), ...TokenSearch.spansOf(reading)])
  let kept = ""
  let at = 0
  for (const { end, start } of merged(spans)) {
    kept += `${text.slice(at, start)}<redacted>`
    at = end
  }
  return kept + text.slice(at)
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
 * The server's words in the form in which they may be kept. The order matters: nothing may be removed after the secrets
 * were looked for, since that could put it together again, and a cut must not leave half of it.
 */
export const sanitize = (text: string, secrets: ReadonlyArray<ClientSecret>): string =>
  pipe(
    withoutTags(Printable.make(text)).replace(/\s+/g, " "),
    (text) => withoutSecrets(text.slice(0, 32 * limit), secrets).trim(),
    cut
  )
