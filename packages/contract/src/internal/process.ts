/*
 * A process whose clocks are ahead, for `storeContract` (T7).
 */
import { AccessToken } from "@effect-tilia/core/AccessToken"
import {
  Acquired,
  type Acquisition,
  type Entry,
  Granted,
  type Lock,
  type TokenStore
} from "@effect-tilia/core/TokenStore"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** The clocks of another machine: both show more than ours, by as many milliseconds. */
const clockAhead = (clock: Clock.Clock, millis: number): Clock.Clock => {
  const unsafeCurrentTimeMillis = () => clock.unsafeCurrentTimeMillis() + millis
  const unsafeCurrentTimeNanos = () => clock.unsafeCurrentTimeNanos() + BigInt(millis) * 1_000_000n
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
    sleep: (duration) => clock.sleep(duration)
  }
}

const shifted = (token: AccessToken, millis: number): AccessToken => {
  const shift = ({ epochMillis }: DateTime.Utc) => DateTime.unsafeMake(epochMillis + millis)
  return new AccessToken(
    { ...token, issuedAt: shift(token.issuedAt), expiresAt: shift(token.expiresAt) },
    { disableValidation: true } // only its times change
  )
}

const shiftedEntry = (entry: Entry, millis: number): Entry => ({
  ...entry,
  token: Option.map(entry.token, ({ generation, token }) => ({ generation, token: shifted(token, millis) }))
})

/**
 * The store in a process whose clocks are this far ahead. The process runs every command on its own clocks. What goes
 * in and out has the times of our clocks, so that a test compares times of one clock only.
 */
export const ahead = <E, R>(
  store: Effect.Effect<TokenStore, E, R>,
  millis: number
): Effect.Effect<TokenStore, E, R> => {
  if (millis === 0) return store
  return Effect.clockWith((clock) => {
    const there = clockAhead(clock, millis)
    const lockThere = (lock: Lock): Lock => ({
      generation: lock.generation,
      renew: Effect.withClock(lock.renew, there),
      settle: (outcome) =>
        Effect.withClock(
          lock.settle(outcome._tag === "Granted" ? Granted({ token: shifted(outcome.token, millis) }) : outcome),
          there
        )
    })
    const acquiredThere = (result: Acquisition): Acquisition =>
      result._tag === "Held"
        ? result
        : Acquired({ lock: lockThere(result.lock), entry: shiftedEntry(result.entry, -millis) })
    return Effect.withClock(
      Effect.map(store, ({ changes, lock, read }): TokenStore => ({
        read: (scopes) => Effect.map(Effect.withClock(read(scopes), there), (entry) => shiftedEntry(entry, -millis)),
        lock: (scopes) => Effect.map(Effect.withClock(lock(scopes), there), acquiredThere),
        changes: (scopes) => Stream.unwrapScoped(Effect.as(Effect.withClockScoped(there), changes(scopes)))
      })),
      there
    )
  })
}
