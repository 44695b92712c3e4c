/*
 * One token for many sources: a flight looks into the store before it asks the server, asks under the store's lock, and
 * leaves its outcome there, a failure too (T1–T3, T6, T8). A store that fails is skipped.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { AccessToken } from "../../AccessToken.js"
import * as Scopes from "../../Scopes.js"
import { isTokenError, type TokenError } from "../../TokenError.js"
import {
  Abandoned,
  type Acquisition,
  type Entry,
  Failed,
  type Failure,
  Granted,
  lease,
  type Lock,
  type Outcome,
  type Stored,
  type StoredFailure,
  StoreError,
  type TokenStore
} from "../../TokenStore.js"
import * as Completion from "../completion.js"
import { detached } from "../detached.js"
import { longestLifetime } from "../longestLifetime.js"
import type { Obtained, View } from "./state.js"

/** What a flight wants of the store and of the server. */
export interface Wanted {
  /** Whether it must ask the server, whatever the store holds (T1). */
  readonly mustAsk: boolean
  /** What it makes of what the store holds. */
  readonly view: (entry: Entry) => View
  /** Asks the server. The store may tell of failed requests of others before. */
  readonly request: (before: StoredFailure | undefined) => Effect.Effect<AccessToken, TokenError>
  /** What others shall know if the request fails, if anything. */
  readonly failureToShare: (error: TokenError) => Failure | undefined
}

/** Nothing was sent, because another source's request has failed a short time ago (T8). */
export interface Deferred {
  readonly heldBackBy: StoredFailure
}

/** A command that takes longer than five of these is slow (T2). */
const patience = { tick: Duration.millis(50), ticks: 5 }

const renewInterval = Duration.times(Duration.decode(lease), 1 / 3)

/** How long a flight waits for a lock: as long as a whole request may take, and a lease, in which it is settled. */
const longestWait = Duration.sum(Duration.seconds(30), lease)

/** The longest and the least time that a flight waits for a lock before it looks again. */
const look = { minimum: Duration.millis(50), maximum: Duration.decode(lease) }

/** A generation is the time, or one more than the last one, whichever is larger: never much ahead (T3). */
const isGeneration = (generation: number, now: number): boolean =>
  Number.isSafeInteger(generation) && generation >= 0 && generation <= now + Duration.toMillis("1 day")

/** Whether a source can have written this token: its store may be shared with anyone (T2). */
const isPlausible = ({ generation, token }: Stored, requested: Scopes.Scopes, now: number): boolean => {
  if (!(token instanceof AccessToken) || !isGeneration(generation, now)) return false
  const life = token.expiresAt.epochMillis - token.issuedAt.epochMillis
  return life > 0 && life <= longestLifetime * 1000 && Scopes.missing(requested, token.scopes).length < requested.length
}

const isPlausibleFailure = ({ error, failures, generation, isBinding, remaining }: StoredFailure, now: number) =>
  isTokenError(error) && Number.isSafeInteger(failures) && failures > 0 && Duration.isDuration(remaining) &&
  typeof isBinding === "boolean" && isGeneration(generation, now)

/** The lock's functions are commands, which may fail in any way. */
const isAcquisition = (result: Acquisition, now: number): boolean =>
  result._tag === "Acquired" ? isGeneration(result.lock.generation, now) : Duration.isDuration(result.remaining)

const orSlow = <A>(command: Effect.Effect<A, StoreError>, wait: Effect.Effect<void>): Effect.Effect<A, StoreError> =>
  Effect.raceFirst(command, Effect.zipRight(wait, new StoreError({ reason: "Slow" })))

/** A time of waiting in which this process itself did not run is not the store's (T2): a late tick counts as one. */
const patiently = <A>(command: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
  orSlow(
    detached(command),
    Effect.repeatN(Effect.sleep(patience.tick), patience.ticks - 1)
  )

/**
 * A command that dies, or that interrupts itself as one over a closed connection may, has failed (T2). So has one that
 * fails with something else than a `StoreError`, or that yields something else than it is declared to yield.
 */
const commanded = <A>(command: () => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
  Effect.catchAllCause(
    Effect.suspend(command),
    (cause) =>
      Option.getOrElse(
        Option.filter(Cause.failureOption(cause), (error) => error instanceof StoreError),
        () => new StoreError({ reason: "Unavailable" })
      )
  )

const bounded = <A>(command: () => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
  patiently(commanded(command))

/** A finalizer cannot be interrupted, so no time limit holds in it: the command gets a fiber of its own. */
const inFinalizer = (command: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(Effect.forkDaemon(Effect.interruptible(command)), Fiber.join)

/** Who asks for a lock and then leaves gives it back when it comes (T11). */
const boundedLock = (command: () => Effect.Effect<Acquisition, StoreError>): Effect.Effect<Acquisition, StoreError> =>
  Effect.flatMap(Effect.forkDaemon(Effect.interruptible(commanded(command))), (fiber) =>
    Effect.onError(
      patiently(Fiber.join(fiber)),
      () =>
        Fiber.join(fiber).pipe(
          Effect.flatMap((late) => late._tag === "Acquired" ? late.lock.settle(Abandoned()) : Effect.void),
          Effect.raceFirst(Effect.sleep(lease)), // the lock is free by then
          Effect.ensuring(Fiber.interruptFork(fiber)),
          Effect.interruptible,
          Effect.forkDaemon
        )
    ))

export interface Sharing {
  /** What the store holds; nothing if the store is skipped. */
  readonly read: Effect.Effect<Entry>
  /**
   * A token that the store holds already, or else the result of a request, under the store's lock if it can be had. If
   * there is no new token, a stored one that is only due is used.
   */
  readonly obtain: (wanted: Wanted) => Effect.Effect<Obtained | Deferred, TokenError>
  /** Wakes the flights that wait for a lock: another source has settled it (T11). */
  readonly wake: () => void
}

/** What a source is told of its store. */
interface Observer {
  readonly skipped: (error: StoreError) => Effect.Effect<void>
  readonly shared: Effect.Effect<void>
}

const requested = (generation: number | undefined) => (token: AccessToken): Obtained => ({
  token,
  generation,
  isRequested: true,
  failure: undefined
})

const adopted = (stored: Stored, failure?: TokenError): Obtained => ({ ...stored, isRequested: false, failure })

const empty: Entry = { token: Option.none(), failure: Option.none() }

/** Sharing without a store: each source for itself. */
export const alone: Sharing = {
  read: Effect.succeed(empty),
  obtain: ({ request }) => Effect.map(request(undefined), requested(undefined)),
  wake: () => {}
}

const generationIn = ({ failure, token }: Entry): number =>
  Math.max(0, ...[...Option.toArray(failure), ...Option.toArray(token)].map(({ generation }) => generation))

/** What of an entry has a larger generation than this one. */
const after = (since: number, { failure, token }: Entry): Entry => {
  const isLater = ({ generation }: { readonly generation: number }) => generation > since
  return { token: Option.filter(token, isLater), failure: Option.filter(failure, isLater) }
}

/** The result of a flight, if the store holds one. A failure is that of a flight that must ask if it has joined it. */
const resultIn = (
  { failure, fresh, isHeldBack, valid }: View,
  { mustAsk }: Wanted
): Obtained | Deferred | undefined => {
  if (fresh !== undefined) return adopted(fresh)
  if (failure === undefined || !(isHeldBack || mustAsk)) return undefined
  return valid === undefined ? { heldBackBy: failure } : adopted(valid, failure.error)
}

export const make = (store: TokenStore, scopes: Scopes.Scopes, observer: Observer): Sharing => {
  let skips = 0
  const skipped = (error: StoreError) =>
    Effect.suspend(() => {
      skips++
      return observer.skipped(error)
    })

  let settled = Completion.make<undefined, never>()

  const wake = () => {
    const waiting = settled
    settled = Completion.make()
    waiting.complete(Exit.succeed(undefined))
  }

  const tolerated = (command: () => Effect.Effect<void, StoreError>) => Effect.catchAll(bounded(command), skipped)

  /** What is not plausible is as if it were not there: the next outcome replaces it. What is no entry is a defect. */
  const plausible = Effect.fnUntraced(function*(entry: Entry) {
    const now = yield* Clock.currentTimeMillis
    const token = Option.filter(entry.token, (stored) => isPlausible(stored, scopes, now))
    const failure = Option.filter(entry.failure, (failure) => isPlausibleFailure(failure, now))
    if (
      Option.isSome(entry.token) !== Option.isSome(token) || Option.isSome(entry.failure) !== Option.isSome(failure)
    ) {
      yield* skipped(new StoreError({ reason: "Unreadable" }))
    }
    return { token, failure }
  })

  const read = bounded(() => store.read(scopes)).pipe(
    Effect.flatMap(plausible),
    Effect.catchIf(({ reason }) => reason === "Unreadable", (error) => Effect.as(skipped(error), empty))
  )

  const readOrSkip = Effect.catchAll(commanded(() => read), (error) => Effect.as(skipped(error), empty))

  const lock = boundedLock(() => store.lock(scopes)).pipe(
    Effect.zip(Clock.currentTimeMillis),
    Effect.filterOrFail(
      ([result, now]) => isAcquisition(result, now),
      () => new StoreError({ reason: "Unreadable" })
    ),
    Effect.map(([result]) => result)
  )

  /**
   * The result in the store, or the lock, which is the right to request one (T1, T8). A flight that must ask shares the
   * result of another one that it finds under way, as within a source (S2).
   */
  const resultOrLock = Effect.fnUntraced(function*(wanted: Wanted) {
    const { mustAsk, view } = wanted
    // What is later than this concerns the flight: everything or, while it must ask by itself, nothing.
    let since = mustAsk ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
    const see = (entry: Entry) => view(after(since, entry))
    while (true) {
      const before = since === Number.POSITIVE_INFINITY ? undefined : resultIn(see(yield* read), wanted)
      if (before !== undefined) return before
      const next = settled // before the lock is asked for: what is settled after that is not missed
      const acquired = yield* lock
      if (acquired._tag === "Acquired") {
        const seen = see(yield* plausible(acquired.entry))
        const meanwhile = resultIn(seen, wanted)
        if (meanwhile === undefined) return { lock: acquired.lock, before: seen.failure }
        yield* tolerated(() => acquired.lock.settle(Abandoned()))
        return meanwhile
      }
      if (since === Number.POSITIVE_INFINITY) since = generationIn(yield* read)
      yield* Effect.raceFirst(next.wait, Effect.sleep(Duration.clamp(acquired.remaining, look)))
    }
  })

  /**
   * The lock is renewed as long as the request lasts (T2). A process that dies in it loses it with its lease (T3). What
   * comes of the request is left under it (T8).
   */
  const underLock = (
    lock: Lock,
    before: StoredFailure | undefined,
    { failureToShare, request }: Wanted
  ): Effect.Effect<Obtained, TokenError> => {
    const outcomeOf = (exit: Exit.Exit<AccessToken, TokenError>): Outcome => {
      if (Exit.isSuccess(exit)) return Granted({ token: exit.value })
      const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
      const failure = error && failureToShare(error)
      return failure === undefined ? Abandoned() : Failed({ failure })
    }
    const renewals = Effect.forever(Effect.zipRight(Effect.sleep(renewInterval), tolerated(() => lock.renew)))
    return Effect.scoped(Effect.zipRight(Effect.forkScoped(renewals), request(before))).pipe(
      Effect.onExit((exit) => inFinalizer(tolerated(() => lock.settle(outcomeOf(exit))))),
      Effect.map(requested(lock.generation))
    )
  }

  const obtainOnce = (wanted: Wanted): Effect.Effect<Obtained | Deferred, TokenError> =>
    Effect.matchEffect(orSlow(commanded(() => resultOrLock(wanted)), Effect.sleep(longestWait)), { // T2
      onFailure: (error) => Effect.zipRight(skipped(error), alone.obtain(wanted)),
      onSuccess: (found) =>
        "lock" in found ? underLock(found.lock, found.before, wanted) : Effect.succeed<Obtained | Deferred>(found)
    })

  const obtainOrStored = (wanted: Wanted): Effect.Effect<Obtained | Deferred, TokenError> => {
    const { mustAsk, view } = wanted
    if (mustAsk) return obtainOnce(wanted)
    return Effect.catchAll(obtainOnce(wanted), (error) =>
      Effect.flatMap(readOrSkip, (entry) => {
        const { valid } = view(entry)
        return valid === undefined
          ? Effect.fail(error)
          : Effect.succeed({ ...valid, isRequested: true, failure: error })
      }))
  }

  /** Reading alone does not show that a store works: it may refuse what is written. */
  const obtain = (wanted: Wanted): Effect.Effect<Obtained | Deferred, TokenError> =>
    Effect.suspend(() => {
      const before = skips
      return Effect.ensuring(
        obtainOrStored(wanted),
        Effect.suspend(() => skips === before ? observer.shared : Effect.void)
      )
    })

  return { read: readOrSkip, obtain, wake }
}
