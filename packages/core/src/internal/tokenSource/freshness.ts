/*
 * The refresh decision: is a token fresh, stale or expired at this instant? Pure. All times are in milliseconds.
 */
import * as Instant from "../../Instant.js"

/** When a token is renewed and when it is no longer used, for tokens of any lifetime. */
export interface Policy {
  /** The part of the lifetime after which a token is stale, and how far that is drawn to either side (S4). */
  readonly refreshAt: number
  readonly jitter: number
  /** How long before its end a token counts as expired (S5). */
  readonly expiryMargin: number
}

/** One token's time: fixed when the token arrives. */
export interface Validity {
  /** The instant before the token was requested (S5). */
  readonly begin: Instant.Instant
  /** The age at which the token is stale. */
  readonly staleAfter: number
  /** The age at which the token counts as expired. */
  readonly expiredAfter: number
}

/**
 * - `Fresh`: callers use the token; there is nothing else to do.
 * - `Stale`: callers use the token, and a new one should be requested in the background.
 * - `Expired`: callers must not use the token.
 */
export interface Decision {
  readonly _tag: "Fresh" | "Stale" | "Expired"
  /** How long the decision stays the same. */
  readonly holdsFor: number
}

/** The least time for a renewal before the end: that of one attempt, or a twentieth of a short lifetime (S4). */
const timeToRenew = (lifetime: number): number => Math.min(10_000, lifetime / 20)

/** The validity of a token with this lifetime. `draw` is a random number from 0 to 1. */
export const validity = (lifetime: number, begin: Instant.Instant, draw: number, policy: Policy): Validity => {
  const expiredAfter = lifetime - Math.min(policy.expiryMargin, lifetime / 10)
  const staleAfter = lifetime * (policy.refreshAt + policy.jitter * (2 * draw - 1))
  return { begin, expiredAfter, staleAfter: Math.min(Math.max(staleAfter, 0), expiredAfter - timeToRenew(lifetime)) }
}

/** The decision at an instant. A token is not stale before `notBefore`, a time of the monotonic clock (S6). */
export const decide = (validity: Validity, notBefore: number, now: Instant.Instant): Decision => {
  const age = Instant.elapsed(validity.begin, now)
  const left = validity.expiredAfter - age
  if (left <= 0) return { _tag: "Expired", holdsFor: Number.POSITIVE_INFINITY }
  const untilStale = Math.max(validity.staleAfter - age, notBefore - now.monotonic)
  return untilStale > 0
    ? { _tag: "Fresh", holdsFor: Math.min(untilStale, left) }
    : { _tag: "Stale", holdsFor: left }
}
