/*
 * What one tab knows about the token for one set of scopes: its replica of what the tabs share (T1, T3, T7, T8). Pure.
 * All times are in milliseconds.
 */
import { AccessToken } from "@effect-tilia/core/AccessToken"
import * as Instant from "@effect-tilia/core/Instant"
import type { Scopes } from "@effect-tilia/core/Scopes"
import * as TokenStore from "@effect-tilia/core/TokenStore"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"

/** The newest token that the tab has heard of. */
export interface Token {
  /** The generation of the lock under which the token was requested. */
  readonly generation: number
  readonly value: Redacted.Redacted
  readonly scopes: Scopes
  /** From the token's issue to its expiry. */
  readonly lifetime: number
  /** When the token was issued, on this tab's clocks. */
  readonly issuedAt: Instant.Instant
}

/** The last failure that the tab has heard of. */
export interface Failure {
  /** The generation of the lock under which the request was made. */
  readonly generation: number
  /** What the tab left that has made the request. `remaining` is counted from `since` on. */
  readonly failure: TokenStore.Failure
  readonly since: Instant.Instant
}

/** The tab that holds the lock, as far as this tab knows. */
export interface Holder {
  readonly generation: number
  /** When the holder last said that it holds the lock, on the monotonic clock. */
  readonly lastSeen: number
}

export interface Replica {
  readonly token: Token | undefined
  readonly failure: Failure | undefined
  readonly holder: Holder | undefined
  /** When the last holder told that it gives the lock up, on the monotonic clock. */
  readonly freedAt: number
}

export const empty: Replica = {
  token: undefined,
  failure: undefined,
  holder: undefined,
  freedAt: Number.NEGATIVE_INFINITY
}

const lease = Duration.toMillis(TokenStore.lease)

/**
 * How long a tab waits for another one, which may be asleep, and for its echo. A source skips a store that takes 250
 * milliseconds for a command (T2).
 */
export const patience = 100

type Known = { readonly generation: number } | undefined

const generationOf = (known: Known): number => known?.generation ?? 0

/** The generation of the newest token or failure. */
export const newest = ({ failure, token }: { readonly failure?: Known; readonly token?: Known }): number =>
  Math.max(generationOf(failure), generationOf(token))

/** What is known, if it is newer than that. */
const ifNewer = <A extends Known>(known: A, generation: number): A | undefined =>
  generationOf(known) > generation ? known : undefined

/**
 * The replica with this token, if it is newer than the replica's. A late writer does not replace a newer token (T3),
 * and a token that was requested before the store was cleared replaces nothing (M4). It voids older failures (T8).
 */
export const withToken = (replica: Replica, token: Token, cleared: number): Replica => {
  if (token.generation <= Math.max(cleared, generationOf(replica.token))) return replica
  return { ...replica, token, failure: ifNewer(replica.failure, token.generation) }
}

/** The replica with this failure, if there is no newer token or failure, and nothing has made it void (T8). */
export const withFailure = (replica: Replica, failure: Failure, voidUpTo: number): Replica =>
  failure.generation > Math.max(voidUpTo, newest(replica)) ? { ...replica, failure } : replica

/** The replica without what was requested before the store was cleared with this generation (M4). */
export const clearedUpTo = (replica: Replica, generation: number): Replica => ({
  ...replica,
  token: ifNewer(replica.token, generation),
  failure: ifNewer(replica.failure, generation)
})

/** Whether a tab with this generation has lost its lock to one with a newer generation, whatever it still says (T3). */
const isPast = ({ holder }: Replica, generation: number): boolean => generationOf(holder) > generation

/** The replica after the tab with this generation has said that it holds the lock. */
export const heldBy = (replica: Replica, generation: number, saidAt: number): Replica =>
  isPast(replica, generation) ? replica : { ...replica, holder: { generation, lastSeen: saidAt } }

/** The replica after the holder with this generation has told that it gives the lock up. */
export const freedBy = (replica: Replica, generation: number, now: Instant.Instant): Replica =>
  isPast(replica, generation) ? replica : { ...replica, holder: undefined, freedAt: now.monotonic }

/** Whether the tab that gives the lock up may still hold it: it waits for its echo first (T10). */
const isBeingFreed = ({ freedAt, holder }: Replica, now: Instant.Instant): boolean =>
  holder === undefined && now.monotonic - freedAt < patience

/**
 * The replica of a tab that has seen that another one holds the lock. The lease of a holder that it has not heard of is
 * counted from now. So is that of one that has been silent for much longer than a lease: this tab has not waited all
 * the time, and a new holder, of which no message has come yet, may have followed that one (T3). A lock that was given
 * up just now may be held by the tab that told so.
 */
export const seenBusy = (replica: Replica, now: Instant.Instant): Replica => {
  const { holder } = replica
  if (isBeingFreed(replica, now)) return replica
  if (holder !== undefined && now.monotonic - holder.lastSeen < 2 * lease) return replica
  return { ...replica, holder: { generation: generationOf(holder), lastSeen: now.monotonic } }
}

/** What is left of the holder's lease. At zero, its tab is frozen or too busy, and loses the lock (T3). */
export const leaseLeft = (replica: Replica, now: Instant.Instant): number => {
  const { holder } = replica
  if (holder === undefined) return isBeingFreed(replica, now) ? patience : lease
  return Math.max(0, lease - (now.monotonic - holder.lastSeen))
}

/** Whether the holder must tell the others again: half a lease was enough, and costs half of the messages (T10). */
export const isSilentTooLong = (saidAt: number, now: Instant.Instant): boolean => now.monotonic - saidAt >= lease / 2

/**
 * A generation that is larger than every one before. If this tab has missed the largest one, the wall clock, which all
 * tabs share, has passed it (T3).
 */
export const nextGeneration = (largest: number, now: Instant.Instant): number => Math.max(largest + 1, now.wall)

/** How old the token is: the larger of what the two clocks say (T7). */
export const age = ({ issuedAt }: Token, now: Instant.Instant): number => Math.max(0, Instant.elapsed(issuedAt, now))

/** How long the server must still be left alone (T8). */
export const pauseLeft = ({ failure, since }: Failure, now: Instant.Instant): number =>
  Math.max(0, Duration.toMillis(failure.remaining) - Math.max(0, Instant.elapsed(since, now)))

/** The token with the times of this tab's clock (T7). */
const toAccessToken = (token: Token, now: Instant.Instant): AccessToken => {
  const issuedAt = now.wall - age(token, now)
  return new AccessToken(
    {
      value: token.value,
      tokenType: "Bearer",
      scopes: token.scopes,
      issuedAt: DateTime.unsafeMake(issuedAt),
      expiresAt: DateTime.unsafeMake(issuedAt + token.lifetime)
    },
    { disableValidation: true } // the replica was made from a valid token
  )
}

/** What a source reads. */
export const toEntry = ({ failure, token }: Replica, now: Instant.Instant): TokenStore.Entry => ({
  token: Option.map(
    Option.fromNullable(token),
    (token) => ({ token: toAccessToken(token, now), generation: token.generation })
  ),
  failure: Option.map(Option.fromNullable(failure), (known) => ({
    ...known.failure,
    generation: known.generation,
    remaining: Duration.millis(pauseLeft(known, now))
  }))
})

/** The replica of the tab that has requested the token. */
export const fromAccessToken = (
  { expiresAt, issuedAt, scopes, value }: AccessToken,
  generation: number,
  now: Instant.Instant
): Token => ({
  generation,
  value,
  scopes,
  lifetime: expiresAt.epochMillis - issuedAt.epochMillis,
  issuedAt: Instant.before(now, Math.max(0, now.wall - issuedAt.epochMillis))
})
