/*
 * What one tab knows about the state that the tabs share: its replica of the token, and which tab holds the lock (T1,
 * T3, T7). Pure. All times are in milliseconds.
 */
import { AccessToken } from "@effect-tilia/core/AccessToken"
import * as Instant from "@effect-tilia/core/Instant"
import type { Scopes } from "@effect-tilia/core/Scopes"
import { lease } from "@effect-tilia/core/TokenStore"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"

/** A tab's replica of the shared token for one set of scopes. */
export interface TabReplica {
  /** The generation of the lock under which the token was written. */
  readonly generation: number
  readonly value: Redacted.Redacted
  readonly scopes: Scopes
  /** From the token's issue to its expiry. */
  readonly lifetime: number
  /** When the token was issued, on this tab's clocks. */
  readonly issuedAt: Instant.Instant
}

/** The tab that holds the lock, as far as this tab knows. */
export interface Holder {
  /** The generation of the lock. */
  readonly generation: number
  /** When the holder last announced that it holds the lock, on the monotonic clock. */
  readonly lastSeen: number
}

/** A holder that announced its lock before this tab existed. Its lease is counted from now. */
export const unknownHolder = (now: Instant.Instant): Holder => ({ generation: 0, lastSeen: now.monotonic })

/** How old the token is: the larger of what the two clocks say (T7). */
export const age = ({ issuedAt }: TabReplica, now: Instant.Instant): number =>
  Math.max(0, Instant.elapsed(issuedAt, now))

export const isExpired = (replica: TabReplica, now: Instant.Instant): boolean => age(replica, now) >= replica.lifetime

/**
 * Whether a token of this generation replaces the replica. A late writer does not replace a newer token (T3). A token
 * that was requested before the store was cleared replaces nothing (M4).
 */
export const isReplacedBy = (
  replica: TabReplica | undefined,
  generation: number,
  clearedGeneration: number
): boolean => generation > clearedGeneration && (replica === undefined || generation > replica.generation)

/**
 * A generation that is larger than every one before. If this tab has missed the largest one, the wall clock, which all
 * tabs share, has passed it (T3).
 */
export const nextGeneration = (largestKnown: number, now: Instant.Instant): number =>
  Math.max(largestKnown + 1, now.wall)

/** Whether the holder has been silent for a whole lease. Its tab is frozen or too busy, and loses the lock (T3). */
export const isLeaseOver = ({ lastSeen }: Holder, now: Instant.Instant): boolean =>
  now.monotonic - lastSeen >= Duration.toMillis(lease)

/**
 * The holder after a tab has announced a lock of this generation. A tab with an older generation has lost its lock,
 * whatever it still announces (T3).
 */
export const afterAnnouncement = (holder: Holder | undefined, generation: number, now: Instant.Instant): Holder =>
  holder !== undefined && holder.generation > generation ? holder : { generation, lastSeen: now.monotonic }

/** The least time between two questions to the other tabs about the same token. */
const questionInterval = 1_000

/**
 * Whether the other tabs may know of a newer token. A tab receives every token, except while it sleeps and before it is
 * opened. So it asks if it has no token, or one that is so old that most sources have replaced it (T1).
 */
export const isQuestionDue = (replica: TabReplica | undefined, askedAt: number, now: Instant.Instant): boolean =>
  now.monotonic - askedAt >= questionInterval &&
  (replica === undefined || age(replica, now) >= replica.lifetime * 0.75)

/** The token with the times of this tab's clock (T7). */
export const toAccessToken = (replica: TabReplica, now: Instant.Instant): AccessToken => {
  const issuedAt = now.wall - age(replica, now)
  return new AccessToken(
    {
      value: replica.value,
      tokenType: "Bearer",
      scopes: replica.scopes,
      issuedAt: DateTime.unsafeMake(issuedAt),
      expiresAt: DateTime.unsafeMake(issuedAt + replica.lifetime)
    },
    { disableValidation: true } // the replica was made from a valid token
  )
}

/** The replica of the tab that has requested the token. */
export const fromAccessToken = (
  { expiresAt, issuedAt, scopes, value }: AccessToken,
  generation: number,
  now: Instant.Instant
): TabReplica => ({
  generation,
  value,
  scopes,
  lifetime: expiresAt.epochMillis - issuedAt.epochMillis,
  issuedAt: Instant.before(now, Math.max(0, now.wall - issuedAt.epochMillis))
})
