/*
 * E8: what the server says may be kept, but it is a stranger's text: it may be long, hold terminal escapes, and repeat
 * what we sent.
 */
import { pipe } from "effect/Function"
import * as Redacted from "effect/Redacted"
import type { ClientSecret } from "../../ClientCredentials.js"

const replacement = "<redacted>"

/** Control, format, private and unpaired characters, and the line separators that aren't `\n`'s family. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]+/gu

const jwt = /eyJ[\w-]+\.[\w-]+\.?[\w-]*/g

/** A character as itself, percent-encoded (again and again) or escaped as in JSON. */
const disguised = (character: string): string => {
  const codes = [character.toLowerCase(), character.toUpperCase()].map((c) => c.charCodeAt(0).toString(16)).join("|")
  return `(?:${character}|%(?:25){0,3}(?:${codes})|\\\\{1,8}u00(?:${codes}))`
}

/** Every way in which the secret may come back, in either case. A UUID needs no escaping in a pattern. */
const occurrences = (secret: ClientSecret): RegExp =>
  new RegExp([...Redacted.value(secret)].map(disguised).join(" *"), "gi")

const limit = 1024
const ellipsis = "…"

/** The first KiB in UTF-8, never half a character. */
const cut = (text: string): string => {
  const room = new Uint8Array(limit)
  if (new TextEncoder().encodeInto(text, room).read === text.length) return text
  const { read } = new TextEncoder().encodeInto(text, room.subarray(0, limit - 3))
  return text.slice(0, read) + ellipsis
}

/** Markup says nothing to a reader of errors. */
const withoutTags = (text: string): string =>
  text.trimStart().startsWith("<") ? text.replace(/<(?!redacted>)[^<>]*>/g, " ") : text

/**
 * The server's words as they may be kept. The order matters: a control character inside the secret must not hide it,
 * and no cut may leave half of it. The first, generous cut bounds the work that follows.
 */
export const sanitize = (text: string, secret: ClientSecret): string =>
  pipe(
    text.replace(unprintable, " ").replace(occurrences(secret), replacement).slice(0, 8 * limit),
    (text) => withoutTags(text.replace(jwt, replacement)).replace(/\s+/g, " ").trim(),
    cut
  )
