/*
 * What a server says may be kept once it is sanitized (E8). It is a stranger's text: it may be long, contain terminal
 * escapes, and repeat what we sent. Pure.
 */
import { pipe } from "effect/Function"
import type { ClientSecret } from "../../ClientCredentials.js"
import * as Printable from "../../Printable.js"
import { spansOf } from "./secretSearch.js"

const replacement = "<redacted>"

/** Its header begins with `{"` or with `{ `. The dots may be escaped as in a URL. */
const jwt = /ey[AJ][\w-]+(?:\.|%2[Ee])[\w-]+(?:\.|%2[Ee])?[\w-]*/g

/** Whether a text shows the secret or a part of it. */
export const showsSecret = (text: string, secret: ClientSecret): boolean => spansOf(text, secret).length > 0

const withoutSecret = (text: string, secret: ClientSecret): string => {
  let kept = ""
  let at = 0
  for (const { end, start } of spansOf(text, secret)) {
    kept += text.slice(at, start) + replacement
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
 * The server's words in the form in which they may be kept. The order matters: nothing may be removed after the secret
 * was looked for, since that could put it together again, and a cut must not leave half of it.
 */
export const sanitize = (text: string, secret: ClientSecret): string =>
  pipe(
    withoutTags(Printable.make(text)).replace(/\s+/g, " "),
    (text) => withoutSecret(text.slice(0, 32 * limit), secret),
    (text) => text.slice(0, 8 * limit).replace(jwt, replacement).trim(),
    cut
  )
