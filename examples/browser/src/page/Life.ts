/*
 * A token's life as the bar shows it. Pure but for what `follow` remembers; times are in milliseconds.
 */
import type { AccessToken } from "@effect-tilia/core/AccessToken"
import * as Hash from "effect/Hash"
import * as Redacted from "effect/Redacted"

/**
 * The fraction of its life at which the page's source asks for the next token. The server's does so a little earlier,
 * at 0.8.
 */
export const refreshAt = 0.85

export interface Life {
  readonly name: string
  readonly lifetime: number
  readonly left: number
  /** Of the life, what is left: 1 for a new token. */
  readonly fraction: number
  readonly isDue: boolean
}

/** A name by which a reader knows a token again, in another tab too. */
export const nameOf = (token: AccessToken): string =>
  (Hash.string(Redacted.value(token.value)) >>> 0).toString(16).padStart(8, "0")

/**
 * The lives of the tokens that come one after the other. In an outage the mediator hands out the same one again, with
 * what is left of its life: that is no new life.
 */
export const follow = () => {
  let first = { name: "", lifetime: 0 }
  return (token: AccessToken, now: number): Life => {
    const name = nameOf(token)
    const end = token.expiresAt.epochMillis
    if (first.name !== name) first = { name, lifetime: end - token.issuedAt.epochMillis }
    const left = Math.min(Math.max(0, end - now), first.lifetime)
    const fraction = left / first.lifetime
    return { ...first, left, fraction, isDue: fraction <= 1 - refreshAt }
  }
}
