/*
 * A store on a server of its own: every command runs on the clocks of the server, and a token crosses the wire as its
 * age (T7).
 */
import { AccessToken } from "@effect-tilia/core/AccessToken"
import * as Instant from "@effect-tilia/core/Instant"
import { Acquired, type Entry, Granted, type Lock, type TokenStore } from "@effect-tilia/core/TokenStore"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const clock = Clock.make()

const withTimes = (token: AccessToken, millis: number): AccessToken => {
  const shift = ({ epochMillis }: DateTime.Utc) => DateTime.unsafeMake(epochMillis + millis)
  return new AccessToken({ ...token, issuedAt: shift(token.issuedAt), expiresAt: shift(token.expiresAt) })
}

/** With `keepsTimes`, a token crosses the wire with the times of its writer's clock. */
export const onServer = (store: TokenStore, { keepsTimes = false } = {}): TokenStore => {
  const there = Effect.withClock(clock)
  /** How far the clock of the server is ahead of the caller's. */
  const difference = Effect.map(Instant.now, ({ wall }) => keepsTimes ? 0 : Instant.unsafeNow(clock).wall - wall)
  const toCaller = (entry: Entry) =>
    Effect.map(difference, (ahead): Entry => ({
      ...entry,
      token: Option.map(entry.token, ({ generation, token }) => ({ generation, token: withTimes(token, -ahead) }))
    }))
  const remote = (lock: Lock): Lock => ({
    ...lock,
    renew: there(lock.renew),
    settle: (outcome) =>
      Effect.flatMap(
        difference,
        (ahead) =>
          there(lock.settle(outcome._tag === "Granted" ? Granted({ token: withTimes(outcome.token, ahead) }) : outcome))
      )
  })
  return {
    ...store,
    read: (scopes) => Effect.flatMap(there(store.read(scopes)), toCaller),
    lock: Effect.fnUntraced(function*(scopes) {
      const result = yield* there(store.lock(scopes))
      return result._tag === "Held"
        ? result
        : Acquired({ lock: remote(result.lock), entry: yield* toCaller(result.entry) })
    })
  }
}
