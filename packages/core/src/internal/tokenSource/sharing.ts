/*
 * One token for many sources: a flight looks into the store before it asks the server, and asks under the store's lock
 * (T1–T3, T6). A store that fails is skipped.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { AccessToken } from "../../AccessToken.js"
import type { Scopes } from "../../Scopes.js"
import { lease, type Lock, type Stored, StoreError, type TokenStore } from "../../TokenStore.js"
import type { Obtained } from "./state.js"

/** Which stored tokens a flight may use; `undefined` if it must ask the server (T1). */
export type Usable = ((stored: Stored) => boolean) | undefined

/** How long one command of a store may take (T2). */
const commandTimeout = Duration.millis(250)

/** How long a flight waits before it looks again at a store whose lock another source holds. */
const pollInterval = Duration.millis(50)

const bounded = <A>(command: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
  command.pipe(
    Effect.catchAllDefect(() => new StoreError({ reason: "Unavailable" })),
    Effect.disconnect, // a command that cannot be interrupted delays no caller
    Effect.timeoutFail({ duration: commandTimeout, onTimeout: () => new StoreError({ reason: "Slow" }) })
  )

/** A finalizer cannot be interrupted, so no time limit holds in it: the command gets a fiber of its own. */
const inFinalizer = (command: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(Effect.forkDaemon(Effect.interruptible(command)), Fiber.join)

export interface Sharing {
  /** The token in the store, if there is one that the source may use. */
  readonly read: (isUsable: (stored: Stored) => boolean) => Effect.Effect<Option.Option<Stored>>
  /** A token that the store holds already, or else the result of `request`, under the store's lock if it can be had. */
  readonly obtain: <E>(request: Effect.Effect<AccessToken, E>, isUsable: Usable) => Effect.Effect<Obtained, E>
}

const requested = (generation: number | undefined) => (token: AccessToken): Obtained => ({
  token,
  generation,
  isRequested: true
})

/** Sharing without a store: each source for itself. */
export const alone: Sharing = {
  read: () => Effect.succeedNone,
  obtain: (request) => Effect.map(request, requested(undefined))
}

export const make = (
  store: TokenStore,
  scopes: Scopes,
  onSkipped: (error: StoreError) => Effect.Effect<void>
): Sharing => {
  const tolerated = (command: Effect.Effect<void, StoreError>) => Effect.catchAll(bounded(command), onSkipped)

  const read = (isUsable: (stored: Stored) => boolean): Effect.Effect<Option.Option<Stored>, StoreError> =>
    bounded(store.read(scopes)).pipe(
      Effect.catchIf(
        ({ reason }) => reason === "Unreadable", // the next write replaces it
        (error) => Effect.as(onSkipped(error), Option.none<Stored>())
      ),
      Effect.map(Option.filter(isUsable))
    )

  /** The token that another source has requested, or the lock, which is the right to request one (T1). */
  const tokenOrLock = (isUsable: Usable): Effect.Effect<Stored | Lock, StoreError> =>
    Effect.gen(function*() {
      const look = isUsable === undefined ? Effect.succeedNone : read(isUsable)
      while (true) {
        const before = yield* look
        if (Option.isSome(before)) return before.value
        const lock = yield* bounded(store.lock(scopes))
        if (Option.isNone(lock)) {
          yield* Effect.sleep(pollInterval)
          continue
        }
        const meanwhile = yield* look
        if (Option.isNone(meanwhile)) return lock.value
        yield* tolerated(lock.value.release)
        return meanwhile.value
      }
    })

  /** The lock is renewed as long as the request lasts (T2). A process that dies in it loses it with its lease (T3). */
  const underLock = <E>(lock: Lock, request: Effect.Effect<AccessToken, E>): Effect.Effect<Obtained, E> =>
    Effect.scoped(Effect.zipRight(
      Effect.forkScoped(
        Effect.schedule(tolerated(lock.renew), Schedule.spaced(Duration.times(Duration.decode(lease), 1 / 3)))
      ),
      Effect.tap(request, (token) => tolerated(lock.write(token)))
    )).pipe(
      Effect.ensuring(inFinalizer(tolerated(lock.release))),
      Effect.map(requested(lock.generation))
    )

  return {
    read: (isUsable) => Effect.catchAll(read(isUsable), (error) => Effect.as(onSkipped(error), Option.none())),
    obtain: (request, isUsable) =>
      Effect.matchEffect(tokenOrLock(isUsable), {
        onFailure: (error) => Effect.zipRight(onSkipped(error), alone.obtain(request, isUsable)),
        onSuccess: (found) =>
          "token" in found ? Effect.succeed({ ...found, isRequested: false }) : underLock(found, request)
      })
  }
}
