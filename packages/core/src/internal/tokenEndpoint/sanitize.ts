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

/** A character as itself, percent-encoded once or several times, or escaped as in JSON. */
const disguised = (character: string): string => {
  const codes = [character.toLowerCase(), character.toUpperCase()].map((c) => c.charCodeAt(0).toString(16)).join("|")
  return `(?:${character}|%(?:25){0,3}(?:${codes})|\\\\{1,8}u00(?:${codes}))`
}

/** All forms in which the secret may come back, in either case. A UUID needs no escaping in a pattern. */
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

/** Markup is of no use to a reader of errors. */
const withoutTags = (text: string): string =>
  text.trimStart().startsWith("<") ? text.replace(/<(?!redacted>)[^<>]*>/g, " ") : text

/**
 * The server's words in the form in which they may be kept. The order matters: a control character inside the secret
 * must not hide it, and a cut must not leave half of it. The first, generous cut bounds the work that follows.
 */
export const sanitize = (text: string, secret: ClientSecret): string =>
  pipe(
    Printable.make(text).replace(occurrences(secret), replacement).slice(0, 8 * limit),
    (text) => withoutTags(text.replace(jwt, replacement)).replace(/\s+/g, " ").trim(),
    cut
  )
