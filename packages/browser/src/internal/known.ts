/*
 * What a tab knows of a token that the tabs share, and what it makes of what it hears (T1, T3, T7). Pure. All times are
 * in milliseconds.
 */
import { AccessToken } from "@effect-tilia/core/AccessToken"
import type { Scopes } from "@effect-tilia/core/Scopes"
import { lease } from "@effect-tilia/core/TokenStore"
import type * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"

/**
 * A moment by the wall clock, which all tabs share and someone may set, and by the tab's own monotonic clock, which may
 * stand still in a suspend (S10).
 */
export interface Moment {
  readonly wall: number
  readonly monotonic: number
}

export const now = (clock: Clock.Clock): Moment => ({
  wall: clock.unsafeCurrentTimeMillis(),
  monotonic: Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
})

/** A token that was written under the lock with that generation. `began` is when its life did. */
export interface Kept {
  readonly generation: number
  readonly value: Redacted.Redacted
  readonly scopes: Scopes
  readonly lifetime: number
  readonly began: Moment
}

/** Who has the lock, as far as the tab has heard, and when it last did, by the monotonic clock. */
export interface Holder {
  readonly generation: number
  readonly heard: number
}

/** A lock that somebody has who was never heard of: a tab that was there before this one. */
export const stranger = (now: Moment): Holder => ({ generation: 0, heard: now.monotonic })

/** T7: the larger of what the two clocks say. */
export const age = ({ began }: Kept, now: Moment): number =>
  Math.max(0, now.wall - began.wall, now.monotonic - began.monotonic)

/** When that began which is so old. */
export const begun = (age: number, now: Moment): Moment => ({ wall: now.wall - age, monotonic: now.monotonic - age })

export const isOver = (kept: Kept, now: Moment): boolean => age(kept, now) >= kept.lifetime

/** T3: a late writer replaces nothing, nor does one that began before the store was emptied (M4). */
export const isNews = (kept: Kept | undefined, generation: number, cleared: number): boolean =>
  generation > cleared && (kept === undefined || generation > kept.generation)

/** Larger than whatever any tab had before: what this one hasn't heard of, the clock that they share has passed. */
export const next = (known: number, now: Moment): number => Math.max(known + 1, now.wall)

/** T3: whoever wasn't heard for a lease has lost the lock: its tab is frozen, or busy beyond hope. */
export const isLost = ({ heard }: Holder, now: Moment): boolean => now.monotonic - heard >= Duration.toMillis(lease)

/** T3: whoever was overtaken holds nothing, whatever it still says. */
export const heardOf = (holder: Holder | undefined, generation: number, now: Moment): Holder =>
  holder !== undefined && holder.generation > generation ? holder : { generation, heard: now.monotonic }

/** Between two times that the others are asked for the same token. */
const pause = 1_000

/**
 * Whether the other tabs may know of a newer token. A tab hears of each one, unless it wasn't there yet or slept: so it
 * asks when it has none, or one so old that most sources have replaced it.
 */
export const isDoubtful = (kept: Kept | undefined, asked: number, now: Moment): boolean =>
  now.monotonic - asked >= pause && (kept === undefined || age(kept, now) >= kept.lifetime * 0.75)

/** As its reader's clock has it (T7). */
export const tokenOf = (kept: Kept, now: Moment): AccessToken => {
  const issuedAt = now.wall - age(kept, now)
  return new AccessToken(
    {
      value: kept.value,
      tokenType: "Bearer",
      scopes: kept.scopes,
      issuedAt: DateTime.unsafeMake(issuedAt),
      expiresAt: DateTime.unsafeMake(issuedAt + kept.lifetime)
    },
    { disableValidation: true } // it was a token before
  )
}

/** As its writer has it. */
export const keptOf = ({ expiresAt, issuedAt, scopes, value }: AccessToken, generation: number, now: Moment): Kept => ({
  generation,
  value,
  scopes,
  lifetime: expiresAt.epochMillis - issuedAt.epochMillis,
  began: begun(Math.max(0, now.wall - issuedAt.epochMillis), now)
})
