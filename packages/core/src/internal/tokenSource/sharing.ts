/*
 * One token for many sources: what the store is asked before the server is, and what becomes of its failures (T1–T3, T6).
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { AccessToken } from "../../AccessToken.js"
import type { Scopes } from "../../Scopes.js"
import { lease, type Lock, type Stored, StoreError, type TokenStore } from "../../TokenStore.js"

/** T6: the newest token that a source has ever held: by the store's count or, where it came past the store, by its birth. */
export interface Seen {
  readonly generation: number
  /** In milliseconds since 1970. */
  readonly issuedAt: number
}

export const nothingSeen: Seen = { generation: Number.NEGATIVE_INFINITY, issuedAt: Number.NEGATIVE_INFINITY }

/** A token, the store's count of it where it has one, and whether the server was asked for it. */
export interface Shared {
  readonly token: AccessToken
  readonly generation: number | undefined
  readonly isRequested: boolean
}

export const see = (seen: Seen, { generation, token }: Shared): Seen =>
  generation === undefined
    ? { ...seen, issuedAt: Math.max(seen.issuedAt, token.issuedAt.epochMillis) }
    : { ...seen, generation: Math.max(seen.generation, generation) }

/** T6: neither the current token, nor one that was dropped. */
export const isNewer = ({ generation, token }: Stored, seen: Seen): boolean =>
  generation > seen.generation && token.issuedAt.epochMillis > seen.issuedAt

/** What a flight may do with the store: `undefined` where it must not read, since a new token is asked for (T1). */
export type Usable = ((stored: Stored) => boolean) | undefined

/** T2: so long one command may take. */
const slow = Duration.millis(250)

/** Between two looks at a store whose lock somebody else has. */
const pause = Duration.millis(50)

const bounded = <A>(command: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
  command.pipe(
    Effect.catchAllDefect(() => new StoreError({ reason: "Unavailable" })),
    Effect.disconnect, // a command that can't be interrupted holds nobody up
    Effect.timeoutFail({ duration: slow, onTimeout: () => new StoreError({ reason: "Slow" }) })
  )

/** In a finalizer nothing can be interrupted, so no time limit would hold: the command gets a fiber of its own. */
const atTheEnd = (command: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(Effect.forkDaemon(Effect.interruptible(command)), Fiber.join)

/** Reads the store for others' sake: whether there is a token to use. */
export type Reader = (isUsable: (stored: Stored) => boolean) => Effect.Effect<Option.Option<Stored>>

/** Asks through the store: for a token that is there already, else under the lock, else past the store. */
export type Asker = <E>(request: Effect.Effect<AccessToken, E>, isUsable: Usable) => Effect.Effect<Shared, E>

export interface Sharing {
  readonly read: Reader
  readonly ask: Asker
}

const asked = (generation: number | undefined) => (token: AccessToken): Shared => ({
  token,
  generation,
  isRequested: true
})

/** Without a store. */
export const alone: Sharing = {
  read: () => Effect.succeedNone,
  ask: (request) => Effect.map(request, asked(undefined))
}

export const make = (
  store: TokenStore["Type"],
  scopes: Scopes,
  onSkipped: (error: StoreError) => Effect.Effect<void>
): Sharing => {
  const tolerated = (command: Effect.Effect<void, StoreError>) => Effect.catchAll(bounded(command), onSkipped)

  const read = (isUsable: (stored: Stored) => boolean): Effect.Effect<Option.Option<Stored>, StoreError> =>
    bounded(store.read(scopes)).pipe(
      Effect.catchIf(
        ({ reason }) => reason === "Unreadable", // it is overwritten soon
        (error) => Effect.as(onSkipped(error), Option.none<Stored>())
      ),
      Effect.map(Option.filter(isUsable))
    )

  /** T1: what another one has asked for, or the right to ask. */
  const turn = (isUsable: Usable): Effect.Effect<Stored | Lock, StoreError> =>
    Effect.gen(function*() {
      const look = isUsable === undefined ? Effect.succeedNone : read(isUsable)
      while (true) {
        const before = yield* look
        if (Option.isSome(before)) return before.value
        const lock = yield* bounded(store.lock(scopes))
        if (Option.isNone(lock)) {
          yield* Effect.sleep(pause)
          continue
        }
        const meanwhile = yield* look
        if (Option.isNone(meanwhile)) return lock.value
        yield* tolerated(lock.value.release)
        return meanwhile.value
      }
    })

  /** T2: the lock lasts as long as the request; whoever dies in it loses it with its lease (T3). */
  const under = <E>(lock: Lock, request: Effect.Effect<AccessToken, E>): Effect.Effect<Shared, E> =>
    Effect.scoped(Effect.zipRight(
      Effect.forkScoped(
        Effect.schedule(tolerated(lock.renew), Schedule.spaced(Duration.times(Duration.decode(lease), 1 / 3)))
      ),
      Effect.tap(request, (token) => tolerated(lock.write(token)))
    )).pipe(
      Effect.ensuring(atTheEnd(tolerated(lock.release))),
      Effect.map(asked(lock.generation))
    )

  return {
    read: (isUsable) => Effect.catchAll(read(isUsable), (error) => Effect.as(onSkipped(error), Option.none())),
    ask: (request, isUsable) =>
      Effect.matchEffect(turn(isUsable), {
        onFailure: (error) => Effect.zipRight(onSkipped(error), alone.ask(request, isUsable)),
        onSuccess: (turn) => "token" in turn ? Effect.succeed({ ...turn, isRequested: false }) : under(turn, request)
      })
  }
}
