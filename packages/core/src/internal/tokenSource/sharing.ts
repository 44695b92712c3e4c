/*
 * One token for many sources: a flight looks into the store before it asks the server, and asks under the store's lock
 * (T1–T3, T6). A store that fails is skipped.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AccessToken } from "../../AccessToken.js"
import * as Scopes from "../../Scopes.js"
import type { TokenError } from "../../TokenError.js"
import { lease, type Lock, type Stored, StoreError, type TokenStore } from "../../TokenStore.js"
import { longestLifetime } from "../longestLifetime.js"
import type { Obtained } from "./state.js"

/** Which stored tokens a flight may use (T6). */
export interface Usable {
  /** In place of a new one. */
  readonly isFresh: (stored: Stored) => boolean
  /** If a new one cannot be had. */
  readonly isValid: (stored: Stored) => boolean
}

/** A command that takes longer than five of these is slow (T2). */
const patience = { tick: Duration.millis(50), ticks: 5 }

const renewInterval = Duration.times(Duration.decode(lease), 1 / 3)

/** How long a flight waits before it looks again at a store whose lock another source holds. */
const pollInterval = Duration.millis(50)

/** How long a flight waits for a lock: as long as a whole request may take, with its retries. */
const longestWait = Duration.seconds(30)

const isDecodable = Schema.is(Schema.Struct({ token: AccessToken, generation: Schema.NonNegativeInt }))

/** A generation is the time, or one more than the last one, whichever is larger (T3). */
const farAhead = Duration.toMillis("1 day")

/** Whether the store holds what a source can have written: its store may be shared with anyone (T2). */
const isPlausible = (stored: Stored, requested: Scopes.Scopes, now: number): boolean => {
  if (!isDecodable(stored) || stored.generation > now + farAhead) return false
  const { expiresAt, issuedAt, scopes } = stored.token
  const life = expiresAt.epochMillis - issuedAt.epochMillis
  return life > 0 && life <= longestLifetime * 1000 &&
    (Scopes.missing(requested, scopes).length === 0 || Scopes.missing(scopes, requested).length === 0)
}

const orSlow = <A>(command: Effect.Effect<A, StoreError>, wait: Effect.Effect<void>): Effect.Effect<A, StoreError> =>
  Effect.raceFirst(command, Effect.zipRight(wait, new StoreError({ reason: "Slow" })))

/** A time of waiting in which this process itself did not run is not the store's (T2): a late tick counts as one. */
const patiently = <A>(command: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
  orSlow(
    Effect.disconnect(command), // a command that cannot be interrupted delays no caller
    Effect.repeatN(Effect.sleep(patience.tick), patience.ticks - 1)
  )

/** A command that dies, or that interrupts itself as one over a closed connection may, has failed (T2). */
const commanded = <A>(command: () => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
  Effect.catchAllCause(
    Effect.suspend(command),
    (cause) => Option.getOrElse(Cause.failureOption(cause), () => new StoreError({ reason: "Unavailable" }))
  )

const bounded = <A>(command: () => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
  patiently(commanded(command))

/** A finalizer cannot be interrupted, so no time limit holds in it: the command gets a fiber of its own. */
const inFinalizer = (command: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(Effect.forkDaemon(Effect.interruptible(command)), Fiber.join)

/** Who asks for a lock and then leaves gives it back when it comes (T11). */
const boundedLock = (
  command: () => Effect.Effect<Option.Option<Lock>, StoreError>
): Effect.Effect<Option.Option<Lock>, StoreError> =>
  Effect.flatMap(Effect.forkDaemon(Effect.interruptible(commanded(command))), (fiber) =>
    Effect.onError(
      patiently(Fiber.join(fiber)),
      () =>
        Effect.flatten(Fiber.join(fiber)).pipe(
          Effect.flatMap(({ release }) => release),
          Effect.raceFirst(Effect.sleep(lease)), // the lock is free by then
          Effect.ensuring(Fiber.interruptFork(fiber)),
          Effect.interruptible,
          Effect.forkDaemon
        )
    ))

export interface Sharing {
  /** The token in the store, if there is one that the source may use. */
  readonly read: (isUsable: (stored: Stored) => boolean) => Effect.Effect<Option.Option<Stored>>
  /**
   * A token that the store holds already, or else the result of `request`, under the store's lock if it can be had. If
   * the request fails, a stored token that is only due is used. Without `usable` the server must be asked (T1).
   */
  readonly obtain: (
    request: Effect.Effect<AccessToken, TokenError>,
    usable: Usable | undefined
  ) => Effect.Effect<Obtained, TokenError>
}

/** What a source is told of its store. */
interface Observer {
  readonly skipped: (error: StoreError) => Effect.Effect<void>
}

const requested = (generation: number | undefined) => (token: AccessToken): Obtained => ({
  token,
  generation,
  isRequested: true,
  failure: undefined
})

/** Sharing without a store: each source for itself. */
export const alone: Sharing = {
  read: () => Effect.succeedNone,
  obtain: (request) => Effect.map(request, requested(undefined))
}

export const make = (store: TokenStore, scopes: Scopes.Scopes, { skipped }: Observer): Sharing => {
  const tolerated = (command: () => Effect.Effect<void, StoreError>) => Effect.catchAll(bounded(command), skipped)

  const readPlausible = Effect.flatMap(
    Effect.zip(bounded(() => store.read(scopes)), Clock.currentTimeMillis),
    ([stored, now]) =>
      Option.isNone(stored) || isPlausible(stored.value, scopes, now)
        ? Effect.succeed(stored)
        : new StoreError({ reason: "Unreadable" })
  )

  const read = (isUsable: (stored: Stored) => boolean): Effect.Effect<Option.Option<Stored>, StoreError> =>
    readPlausible.pipe(
      Effect.catchIf(
        ({ reason }) => reason === "Unreadable", // the next write replaces it
        (error) => Effect.as(skipped(error), Option.none<Stored>())
      ),
      Effect.map(Option.filter(isUsable))
    )

  const readOrSkip = (isUsable: (stored: Stored) => boolean) =>
    Effect.catchAll(read(isUsable), (error) => Effect.as(skipped(error), Option.none<Stored>()))

  const search = Effect.fnUntraced(function*(usable: Usable | undefined) {
    const look = usable === undefined ? Effect.succeedNone : read(usable.isFresh)
    while (true) {
      const before = yield* look
      if (Option.isSome(before)) return before.value
      const lock = yield* boundedLock(() => store.lock(scopes))
      if (Option.isNone(lock)) {
        yield* Effect.sleep(pollInterval)
        continue
      }
      const meanwhile = yield* look
      if (Option.isNone(meanwhile)) return lock.value
      yield* tolerated(() => lock.value.release)
      return meanwhile.value
    }
  })

  /**
   * The token that another source has requested, or the lock, which is the right to request one (T1). The holder of the
   * lock may never free it.
   */
  const tokenOrLock = (usable: Usable | undefined): Effect.Effect<Stored | Lock, StoreError> =>
    orSlow(search(usable), Effect.sleep(longestWait))

  /** The lock is renewed as long as the request lasts (T2). A process that dies in it loses it with its lease (T3). */
  const underLock = (
    lock: Lock,
    request: Effect.Effect<AccessToken, TokenError>
  ): Effect.Effect<Obtained, TokenError> =>
    Effect.scoped(Effect.zipRight(
      Effect.forkScoped(
        Effect.forever(Effect.zipRight(Effect.sleep(renewInterval), tolerated(() => lock.renew)))
      ),
      Effect.tap(request, (token) => tolerated(() => lock.write(token)))
    )).pipe(
      Effect.ensuring(inFinalizer(tolerated(() => lock.release))),
      Effect.map(requested(lock.generation))
    )

  const adopted = (stored: Stored, failure?: TokenError): Obtained => ({ ...stored, isRequested: false, failure })

  const obtain = (request: Effect.Effect<AccessToken, TokenError>, usable: Usable | undefined) =>
    Effect.matchEffect(tokenOrLock(usable), {
      onFailure: (error) => Effect.zipRight(skipped(error), alone.obtain(request, usable)),
      onSuccess: (found) => "token" in found ? Effect.succeed(adopted(found)) : underLock(found, request)
    })

  return {
    read: readOrSkip,
    obtain: (request, usable) =>
      usable === undefined
        ? obtain(request, usable)
        : Effect.catchAll(obtain(request, usable), (error) =>
          Effect.flatMap(
            readOrSkip(usable.isValid),
            Option.match({
              onNone: () => Effect.fail(error),
              onSome: (stored) => Effect.succeed(adopted(stored, error))
            })
          ))
  }
}
