/*
 * The suite for stores that break the contract, each in one way. `storeContract.test.ts` runs this file and reads which
 * tests have failed. It is not a test by itself.
 */
import { storeContract } from "@effect-tilia/contract/storeContract"
import { AccessToken } from "@effect-tilia/core/AccessToken"
import * as Scopes from "@effect-tilia/core/Scopes"
import { ServiceUnavailableError, type TokenError } from "@effect-tilia/core/TokenError"
import {
  Abandoned,
  type Acquisition,
  type Change,
  type Entry,
  type Failure,
  Held,
  lease,
  type Lock,
  makeMemory,
  type Outcome,
  type StoredFailure,
  type StoreError,
  TokenStore
} from "@effect-tilia/core/TokenStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { onServer } from "../support/onServer.js"

/** A store that changes what it returns to whoever gets the lock. */
const withAcquired = (
  store: TokenStore,
  change: (lock: Lock, scopes: Scopes.Scopes, entry: Entry) => { readonly lock?: Lock; readonly entry?: Entry }
): TokenStore => ({
  ...store,
  lock: (scopes) =>
    Effect.map(
      store.lock(scopes),
      (result) => result._tag === "Held" ? result : { ...result, ...change(result.lock, scopes, result.entry) }
    )
})

/** A store that changes its locks. `last` returns the lock that was taken last, by whichever holder. */
const withLocks = (store: TokenStore, change: (own: Lock, last: () => Lock) => Lock): TokenStore => {
  const last = new Map<string, Lock>()
  return withAcquired(store, (lock, scopes) => {
    last.set(scopes.join(), lock)
    return { lock: change(lock, () => last.get(scopes.join()) ?? lock) }
  })
}

/** A store that changes every entry that it returns. */
const withEntries = (store: TokenStore, change: (entry: Entry, scopes: Scopes.Scopes) => Entry): TokenStore => ({
  ...withAcquired(store, (_, scopes, entry) => ({ entry: change(entry, scopes) })),
  read: (scopes) => Effect.map(store.read(scopes), (entry) => change(entry, scopes))
})

/** A token as a column of 255 characters keeps it. */
const cutOff = ({ expiresAt, issuedAt, scopes, tokenType, value }: AccessToken) =>
  new AccessToken({
    expiresAt,
    issuedAt,
    scopes,
    tokenType,
    value: Redacted.make(Redacted.value(value).slice(0, 255))
  })

const asUnavailable = (error: TokenError): TokenError =>
  error._tag === "ServiceUnavailableError" ? error : new ServiceUnavailableError({ status: 503, attempts: 1 })

/** A store that waits before each command. */
const slow = (store: TokenStore): TokenStore => {
  const late = Effect.delay("300 millis")
  return {
    ...withLocks(store, (own) => ({
      ...own,
      renew: late(own.renew),
      settle: (outcome) => late(own.settle(outcome))
    })),
    read: (scopes) => late(store.read(scopes))
  }
}

const slowest = (store: TokenStore): TokenStore => ({
  ...slow(store),
  lock: (scopes) => Effect.delay(slow(store).lock(scopes), "300 millis")
})

/** A store whose generation is always the same. */
const frozen = (store: TokenStore): TokenStore =>
  withLocks(
    withEntries(store, (entry) => ({
      token: Option.map(entry.token, (token) => ({ ...token, generation: 1 })),
      failure: Option.map(entry.failure, (failure) => ({ ...failure, generation: 1 }))
    })),
    (own) => ({ ...own, generation: 1 })
  )

/** A store that keeps a lock that was renewed, although its outcome is stored. */
const keepsRenewed = (store: TokenStore): TokenStore => {
  const keep = (scopes: Scopes.Scopes) => Effect.asVoid(store.lock(scopes))
  return withAcquired(store, (lock, scopes) => {
    let isRenewed = false
    return {
      lock: {
        ...lock,
        renew: Effect.tap(lock.renew, () => Effect.sync(() => isRenewed = true)),
        settle: (outcome) =>
          Effect.zipLeft(lock.settle(outcome), Effect.suspend(() => isRenewed ? keep(scopes) : Effect.void))
      }
    }
  })
}

/** A process that keeps for 800 ms what it has read. */
const cached = (store: TokenStore): TokenStore => {
  const cache = new Map<string, { readonly entry: Entry; readonly until: number }>()
  return {
    ...store,
    read: (scopes) =>
      Effect.suspend(() => {
        const known = cache.get(Scopes.key(scopes))
        return known !== undefined && performance.now() < known.until
          ? Effect.succeed(known.entry)
          : Effect.tap(store.read(scopes), (entry) =>
            Effect.sync(() => cache.set(Scopes.key(scopes), { entry, until: performance.now() + 800 })))
      })
  }
}

/** A store whose reads come from a replica, 800 ms behind. */
const lagging = (store: TokenStore): TokenStore => {
  const versions = new Map<string, Array<{ readonly at: number; readonly entry: Entry }>>()
  const nothing: Entry = { token: Option.none(), failure: Option.none() }
  return {
    ...withAcquired(store, (lock, scopes) => ({
      lock: {
        ...lock,
        settle: (outcome) =>
          Effect.zipRight(lock.settle(outcome), store.read(scopes)).pipe(
            Effect.map((entry) => {
              const key = Scopes.key(scopes)
              versions.set(key, [...versions.get(key) ?? [], { at: performance.now(), entry }])
            })
          )
      }
    })),
    read: (scopes) =>
      Effect.sync(() =>
        versions.get(Scopes.key(scopes))?.filter(({ at }) => at < performance.now() - 800).at(-1)?.entry ?? nothing
      )
  }
}

/** A store whose key is the scopes, joined. */
const mixed = (store: TokenStore): TokenStore => {
  const key = (scopes: Scopes.Scopes) => Schema.decodeSync(Scopes.Scopes)([...scopes].sort().join(""))
  return {
    read: (scopes) => store.read(key(scopes)),
    lock: (scopes) => store.lock(key(scopes)),
    changes: (scopes) => store.changes(key(scopes))
  }
}

/** A process that stores the outcome of its first lock only. */
const forgetful = (store: TokenStore): TokenStore => {
  const locked = new Set<string>()
  return withAcquired(store, (lock, scopes) => {
    const isFirst = !locked.has(Scopes.key(scopes))
    locked.add(Scopes.key(scopes))
    return { lock: { ...lock, settle: (outcome) => lock.settle(isFirst ? outcome : Abandoned()) } }
  })
}

/** A store whose lock is given once. */
const neverFree = (store: TokenStore): TokenStore => {
  const locked = new Set<string>()
  return {
    ...store,
    lock: (scopes): Effect.Effect<Acquisition, StoreError> =>
      Effect.suspend(() => {
        if (locked.has(Scopes.key(scopes))) return Effect.succeed(Held({ remaining: Duration.seconds(3) }))
        locked.add(Scopes.key(scopes))
        return store.lock(scopes)
      })
  }
}

/** A store that calls a function with each failure that it stores. */
const withFailures = (store: TokenStore, note: (failure: Failure, generation: number, scopes: Scopes.Scopes) => void) =>
  withAcquired(store, (lock, scopes) => ({
    lock: {
      ...lock,
      settle: (outcome) => {
        if (outcome._tag === "Failed") note(outcome.failure, lock.generation, scopes)
        return lock.settle(outcome)
      }
    }
  }))

/** A store that remembers its last failure, whatever comes after it. */
const resentful = (store: TokenStore): TokenStore => {
  const failures = new Map<string, StoredFailure>()
  return withEntries(
    withFailures(store, (failure, generation, scopes) => failures.set(Scopes.key(scopes), { ...failure, generation })),
    (entry, scopes) => ({
      ...entry,
      failure: Option.orElse(entry.failure, () => Option.fromNullable(failures.get(Scopes.key(scopes))))
    })
  )
}

/** A store that returns the wait of a failure as it was. */
const standing = (store: TokenStore): TokenStore => {
  const waits = new Map<string, Duration.Duration>()
  return withEntries(
    withFailures(store, ({ remaining }, _, scopes) => waits.set(Scopes.key(scopes), remaining)),
    (entry, scopes) => ({
      ...entry,
      failure: Option.map(entry.failure, (failure) => ({
        ...failure,
        remaining: waits.get(Scopes.key(scopes)) ?? failure.remaining
      }))
    })
  )
}

/** A store that changes what its locks do when they are settled. */
const withSettle = (
  store: TokenStore,
  settle: (lock: Lock, outcome: Outcome, scopes: Scopes.Scopes) => Effect.Effect<unknown, StoreError>
): TokenStore =>
  withAcquired(store, (lock, scopes) => ({
    lock: { ...lock, settle: (outcome) => Effect.asVoid(settle(lock, outcome, scopes)) }
  }))

/** A store whose generation is the number of tokens that were stored, and one more. */
const countsTokens = (store: TokenStore): TokenStore => {
  const tokens = new Map<string, number>()
  /** The generations that locks have got here, by their key and their generation in the store. */
  const given = new Map<string, number>()
  const count = (scopes: Scopes.Scopes) => tokens.get(Scopes.key(scopes)) ?? 0
  const counting = withSettle(store, (lock, outcome, scopes) => {
    if (outcome._tag === "Granted") tokens.set(Scopes.key(scopes), count(scopes) + 1)
    return lock.settle(outcome)
  })
  const toGiven = <A extends { readonly generation: number }>(stored: Option.Option<A>, scopes: Scopes.Scopes) =>
    Option.map(stored, (stored) => ({
      ...stored,
      generation: given.get(`${Scopes.key(scopes)} ${stored.generation}`) ?? 0
    }))
  return withEntries(
    withAcquired(counting, (lock, scopes) => {
      const generation = count(scopes) + 1
      given.set(`${Scopes.key(scopes)} ${lock.generation}`, generation)
      return { lock: { ...lock, generation } }
    }),
    ({ failure, token }, scopes) => ({ token: toGiven(token, scopes), failure: toGiven(failure, scopes) })
  )
}

/** A store that takes no outcome of a lock whose lease is over. */
const punctual = (store: TokenStore): TokenStore =>
  withLocks(store, (own) => {
    let since = performance.now()
    const isOver = () => performance.now() > since + Duration.toMillis(lease)
    return {
      ...own,
      renew: Effect.tap(own.renew, () => Effect.sync(() => since = performance.now())),
      settle: (outcome) => Effect.suspend(() => isOver() ? Effect.void : own.settle(outcome))
    }
  })

/** A store that compares times instead of generations: a holder can settle any lock until its own lease is over. */
const timed = (store: TokenStore): TokenStore =>
  withLocks(store, (own, last) => {
    const until = performance.now() + Duration.toMillis(lease)
    return {
      ...own,
      settle: (outcome) => Effect.suspend(() => (performance.now() < until ? last() : own).settle(outcome))
    }
  })

/** A store that tells of an outcome before it writes it. */
const hasty = (store: TokenStore): TokenStore => {
  const told = Effect.runSync(PubSub.unbounded<string>())
  return {
    ...withSettle(
      store,
      (lock, outcome, scopes) =>
        Effect.zipRight(PubSub.publish(told, Scopes.key(scopes)), Effect.delay(lock.settle(outcome), "20 millis"))
    ),
    changes: (scopes) =>
      Stream.fromPubSub(told).pipe(Stream.filter((key) => key === Scopes.key(scopes)), Stream.as("Settled"))
  }
}

/** A process in which all who listen take their changes from the same queue. */
const competing = (store: TokenStore): TokenStore => {
  const queues = new Map<string, Queue.Queue<Change>>()
  return {
    ...store,
    changes: (scopes) =>
      Stream.unwrap(Effect.suspend(() => {
        const known = queues.get(Scopes.key(scopes))
        if (known !== undefined) return Effect.succeed(Stream.fromQueue(known))
        const queue = Effect.runSync(Queue.unbounded<Change>())
        queues.set(Scopes.key(scopes), queue)
        const filling = Stream.runForEach(store.changes(scopes), (change) => Queue.offer(queue, change))
        return Effect.as(Effect.forkDaemon(filling), Stream.fromQueue(queue))
      }))
  }
}

/** Faults of the store that all processes share. */
const shared: Readonly<Record<string, (store: TokenStore) => TokenStore>> = {
  "loses the lock's owner": (store) =>
    withLocks(store, (own, last) => ({
      ...own,
      renew: Effect.suspend(() => last().renew),
      settle: (outcome) => outcome._tag === "Abandoned" ? last().settle(outcome) : own.settle(outcome)
    })),
  "lets a late writer win": (store) =>
    withLocks(store, (own, last) => ({
      ...own,
      settle: (outcome) => outcome._tag === "Abandoned" ? own.settle(outcome) : last().settle(outcome)
    })),
  "takes longer than 250 ms for every command": slowest,
  "freezes its generation": frozen,
  "ends changes after one event": (store) => ({ ...store, changes: (scopes) => Stream.take(store.changes(scopes), 1) }),
  "does not release a renewed lock": keepsRenewed,
  "reads from a replica that is 800 ms behind": lagging,
  "mixes a,bc and ab,c": mixed,
  "never frees a lock": neverFree,
  "cuts a token off at 255 characters": (store) =>
    withEntries(store, (entry) => ({
      ...entry,
      token: Option.map(entry.token, (stored) => ({ ...stored, token: cutOff(stored.token) }))
    })),
  "reads each error as a 503": (store) =>
    withEntries(store, (entry) => ({
      ...entry,
      failure: Option.map(entry.failure, (stored) => ({ ...stored, error: asUnavailable(stored.error) }))
    })),
  "loses a failure": (store) =>
    withLocks(store, (own) => ({
      ...own,
      settle: (outcome) => own.settle(outcome._tag === "Failed" ? Abandoned() : outcome)
    })),
  "keeps a failure after a token": resentful,
  "does not count the wait of a failure down": standing,
  "frees a lock before it writes its outcome": (store) =>
    withSettle(
      store,
      (lock, outcome) => Effect.zipRight(lock.settle(Abandoned()), Effect.delay(lock.settle(outcome), "20 millis"))
    ),
  "gives a larger generation only after a token": countsTokens,
  "drops an outcome that comes after the lease": punctual,
  "lets a holder settle the next lock until its own lease is over": timed,
  "tells of an outcome before it writes it": hasty
}

/** Faults of a process that uses the store. */
const perProcess: Readonly<Record<string, (store: TokenStore) => TokenStore>> = {
  "reads what it has read 800 ms before": cached,
  "drops the second outcome of a holder": forgetful,
  "tells one of those who listen of each change": competing
}

for (const [fault, plant] of Object.entries(shared)) {
  storeContract(fault, Layer.succeed(TokenStore, plant(Effect.runSync(makeMemory))))
}

for (const [fault, plant] of Object.entries(perProcess)) {
  const store = Effect.runSync(makeMemory)
  storeContract(fault, Layer.sync(TokenStore, () => plant(store)))
}

storeContract(
  "keeps the times of the writer's wall clock",
  Layer.succeed(TokenStore, onServer(Effect.runSync(makeMemory), { keepsTimes: true })),
  { skew: "1 hour" }
)
