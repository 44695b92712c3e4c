/*
 * "Fresh, refresh in the background, or wait?" as a pure function of a token's life, both hands of the clock and the policy.
 * All times are in milliseconds.
 */
import type { AccessToken } from "../../AccessToken.js"
import { type Hands, since } from "../../Instant.js"

/** When a token of any life is refreshed, and when it is no longer used. */
export interface Policy {
  /** S4: as fractions of the life. */
  readonly refreshAt: number
  readonly jitter: number
  /** S5 */
  readonly expiryMargin: number
}

/** One token's life, as it was drawn when the token arrived. */
export interface Life {
  /** S5: the moment before the request was sent. */
  readonly began: Hands
  /** The age at which it is due for refresh. */
  readonly dueAt: number
  /** The age at which it counts as expired. */
  readonly usableFor: number
}

/**
 * - `Fresh`: use it; nothing else is to be done.
 * - `Refresh`: use it, and ask for another one in the background.
 * - `Wait`: there is nothing to use.
 *
 * `holdsFor` is the time after which it has to be decided again.
 */
export interface Decision {
  readonly _tag: "Fresh" | "Refresh" | "Wait"
  readonly holdsFor: number
}

/** How long a token lives, whatever is left of it. */
export const lifetimeOf = ({ expiresAt, issuedAt }: AccessToken): number => expiresAt.epochMillis - issuedAt.epochMillis

/** The life of a token that lives so long. `draw` is from 0 to 1. */
export const life = (lifetime: number, began: Hands, draw: number, policy: Policy): Life => {
  const usableFor = lifetime - Math.min(policy.expiryMargin, lifetime / 10)
  const dueAt = lifetime * (policy.refreshAt + policy.jitter * (2 * draw - 1))
  return { began, usableFor, dueAt: Math.min(Math.max(dueAt, 0), usableFor) }
}

/** What a `get` at this moment must do; no refresh is due before `notBefore`, on the monotonic hand (S6). */
export const decide = (life: Life, notBefore: number, now: Hands): Decision => {
  const age = since(life.began, now)
  const left = life.usableFor - age
  if (left <= 0) return { _tag: "Wait", holdsFor: Number.POSITIVE_INFINITY }
  const untilDue = Math.max(life.dueAt - age, notBefore - now.monotonic)
  return untilDue > 0
    ? { _tag: "Fresh", holdsFor: Math.min(untilDue, left) }
    : { _tag: "Refresh", holdsFor: left }
}
