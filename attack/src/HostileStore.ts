/*
 * A token store that fails in the ways that a store can: each command draws whether it throws, dies, hangs, is slow,
 * lies or does what it is told. A caller must not notice (T2, T6).
 */
import { AccessToken } from "@effect-tilia/core/AccessToken"
import { TokenTimeoutError } from "@effect-tilia/core/TokenError"
import * as TokenStore from "@effect-tilia/core/TokenStore"
import * as Duration from "effect/Duration"
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

/** A failure that nobody has left, and that holds for half a second. */
const planted: TokenStore.StoredFailure = {
  error: new TokenTimeoutError({ tokenUrl: "https://auth.example.com/token", attempts: 1 }),
  failures: 1,
  remaining: Duration.millis(500),
  isBinding: true,
  generation: 10 ** 12
}

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
    const hostileLock = ({ generation, renew, settle }: TokenStore.Lock): TokenStore.Lock => ({
      generation,
      settle: (outcome) => failing(settle(outcome)),
      renew: hostile(renew)
    })
    return {
      read: (scopes) =>
        failing(
          Effect.suspend(() =>
            draw.chance(0.8) ? memory.read(scopes) : draw.pick<Effect.Effect<TokenStore.Entry>>(
              Effect.succeed({ token: Option.none(), failure: Option.none() }),
              Effect.sync(() => JSON.parse("{ \"token\": { \"_tag\": \"Some\", \"value\": { \"token\": 1 } } }")),
              Effect.succeed({ token: Option.some({ token: stale, generation: 10 ** 12 }), failure: Option.none() }),
              Effect.succeed({ token: Option.none(), failure: Option.some(planted) })
            )
          )
        ),
      lock: (scopes) =>
        failing(
          draw.chance(0.1)
            ? Effect.succeed(TokenStore.Held({ remaining: draw.pick(Duration.zero, Duration.seconds(2)) }))
            : Effect.map(
              memory.lock(scopes),
              (result) => result._tag === "Acquired" ? { ...result, lock: hostileLock(result.lock) } : result
            )
        ),
      changes: (scopes) => {
        const storm = Stream.fromIterable(Array.from({ length: draw.between(1, 2_000) }, () => "Settled" as const))
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
