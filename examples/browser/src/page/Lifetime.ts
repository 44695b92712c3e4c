/*
 * A token's lifetime as the bar shows it. Times are in milliseconds.
 */
import type { AccessToken } from "@effect-tilia/core/AccessToken"
import * as Hash from "effect/Hash"
import * as Redacted from "effect/Redacted"

/**
 * The fraction of the lifetime after which the page's source requests the next token. The server's source does so
 * earlier, at 0.8: otherwise the page would get the rest of the old token.
 */
export const refreshAt = 0.85

export interface Lifetime {
  /** The name of the token: see `nameOf`. */
  readonly name: string
  /** The whole lifetime. */
  readonly total: number
  /** What is left of it. */
  readonly left: number
  /** The fraction that is left: 1 for a new token. */
  readonly fraction: number
  /** Whether the page requests the next token. */
  readonly isDue: boolean
}

/** A short name for a token, the same in every tab, by which a reader recognizes it. */
export const nameOf = (token: AccessToken): string =>
  (Hash.string(Redacted.value(token.value)) >>> 0).toString(16).padStart(8, "0")

/**
 * Makes a function that follows the tokens as they come. During an outage the mediator returns the same token again,
 * with what is left of its lifetime. The function remembers the first lifetime of that token, so the bar does not start
 * anew.
 */
export const follow = () => {
  let first = { name: "", total: 0 }
  return (token: AccessToken, now: number): Lifetime => {
    const name = nameOf(token)
    const end = token.expiresAt.epochMillis
    if (first.name !== name) first = { name, total: end - token.issuedAt.epochMillis }
    const left = Math.min(Math.max(0, end - now), first.total)
    const fraction = left / first.total
    return { ...first, left, fraction, isDue: fraction <= 1 - refreshAt }
  }
}
