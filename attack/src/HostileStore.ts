/*
 * A token store that fails in the ways that a store can: each command draws whether it throws, dies, hangs, is slow,
 * lies or does what it is told. A caller must not notice (T2, T6).
 */
import { AccessToken } from "@effect-tilia/core/AccessToken"
import * as TokenStore from "@effect-tilia/core/TokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Draw } from "./Draw.js"
import { tokenMark } from "./Judge.js"

/** A token of the store that the server has never granted, and that has expired. */
const stale = Schema.decodeUnknownSync(AccessToken)({
  value: `${tokenMark}.stale`,
  tokenType: "Bearer",
  scopes: "user_info",
  issuedAt: "2020-01-01T00:00:00.000Z",
  expiresAt: "2020-01-01T01:00:00.000Z"
})

export const make = (draw: Draw): Effect.Effect<TokenStore.TokenStore> =>
  Effect.map(TokenStore.makeMemory, (memory) => {
    const failing = <A>(command: Effect.Effect<A, TokenStore.StoreError>): Effect.Effect<A, TokenStore.StoreError> => {
      if (draw.chance(0.6)) return command
      return draw.pick<() => Effect.Effect<A, TokenStore.StoreError>>(
        () => {
          throw new Error("the store throws")
        },
        () => Effect.dieMessage("the store dies"),
        () => Effect.interrupt,
        () => new TokenStore.StoreError({ reason: "Unavailable" }),
        () => Effect.never,
        () => Effect.uninterruptible(Effect.delay(command, "2 seconds")),
        () => Effect.delay(command, "200 millis"),
        () => Effect.delay(command, "400 millis")
      )()
    }
    const hostile = <A>(command: Effect.Effect<A, TokenStore.StoreError>) => Effect.suspend(() => failing(command))
    return {
      read: (scopes) =>
        failing(
          Effect.suspend(() =>
            draw.chance(0.8) ? memory.read(scopes) : draw.pick<Effect.Effect<Option.Option<TokenStore.Stored>>>(
              Effect.succeedNone,
              Effect.sync(() => JSON.parse("{ \"_tag\": \"Some\", \"value\": { \"token\": 1 } }")),
              Effect.sync(() => Option.some({ token: stale, generation: 10 ** 12 }))
            )
          )
        ),
      lock: (scopes) =>
        failing(
          draw.chance(0.1) ? Effect.succeedNone : Effect.map(
            memory.lock(scopes),
            Option.map((lock): TokenStore.Lock => ({
              generation: lock.generation,
              write: (token) => failing(lock.write(token)),
              renew: hostile(lock.renew),
              release: hostile(lock.release)
            }))
          )
        ),
      changes: (scopes) => {
        const storm = Stream.fromIterable(Array.from({ length: draw.between(1, 2_000) }, () => "Written" as const))
        return draw.pick<() => Stream.Stream<TokenStore.Change>>(
          () => Stream.forever(Stream.concat(storm, Stream.drain(Stream.fromEffect(Effect.sleep("50 millis"))))),
          () => Stream.forever(Stream.fromEffect(Effect.delay(Effect.succeed("Cleared" as const), "150 millis"))),
          () => Stream.dieMessage("the changes die"),
          () => Stream.empty,
          () => memory.changes(scopes)
        )()
      }
    }
  })
