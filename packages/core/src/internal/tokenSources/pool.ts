/*
 * Values that are made when they are first used, shared while they are used, and released some time after that (S17).
 * Not an `RcMap`, which makes a value with the FiberRefs of its first user (S3), and fails when it is full.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import * as Instant from "../../Instant.js"
import * as Completion from "../completion.js"
import * as Fibers from "../fibers.js"

interface Options<A> {
  readonly create: (key: string) => Effect.Effect<A, never, Scope.Scope>
  /** How many values are kept. One that is used is never released, so there may be more of them. */
  readonly capacity: number
  /** How long a value is kept that is not used, in milliseconds. */
  readonly keepFor: (value: A) => number
}

/** The value of a key, which is used while the scope is open. Interrupted once the pool is closed. */
export type Pool<A> = (key: string) => Effect.Effect<A, never, Scope.Scope>

interface Entry<A> {
  readonly key: string
  readonly value: Completion.Completion<A, never>
  users: number
  /** When it was last used, in milliseconds of the monotonic clock. */
  usedAt: number
  /** The fiber in whose scope the value lives. */
  fiber: Fiber.RuntimeFiber<void> | undefined
}

/** When the scope closes, all values are released. */
export const make = Effect.fnUntraced(function*<A>({ capacity, create, keepFor }: Options<A>) {
  const clock = yield* Effect.clock
  const now = () => Instant.unsafeNow(clock).monotonic
  const run = yield* Fibers.make
  /** The one that was least recently taken comes first. */
  const entries = new Map<string, Entry<A>>()
  let isClosed = false

  yield* Effect.addFinalizer(() => Effect.sync(() => void (isClosed = true)))

  /** Ends when the value has not been used for long enough. */
  const keep = (entry: Entry<A>, value: A): Effect.Effect<void> =>
    Effect.suspend(() => {
      const left = entry.users > 0 ? keepFor(value) : entry.usedAt + keepFor(value) - now()
      if (left > 0) return Effect.zipRight(clock.sleep(Duration.millis(Math.ceil(left))), keep(entry, value))
      if (entries.get(entry.key) === entry) entries.delete(entry.key)
      return Effect.void
    })

  const live = (entry: Entry<A>): Effect.Effect<void> =>
    create(entry.key).pipe(
      Effect.onExit((exit) => Effect.sync(() => entry.value.complete(exit))),
      Effect.flatMap((value) => keep(entry, value)),
      Effect.scoped
    )

  const makeRoom = (): void => {
    for (const entry of entries.values()) {
      if (entries.size < capacity) return
      if (entry.users > 0) continue
      entries.delete(entry.key)
      entry.fiber?.unsafeInterruptAsFork(FiberId.none)
    }
  }

  const newEntry = (key: string): Entry<A> => {
    makeRoom()
    return { key, value: Completion.make(), users: 0, usedAt: now(), fiber: undefined }
  }

  const take = (key: string): Effect.Effect<Entry<A>> =>
    Effect.suspend(() => {
      if (isClosed) return Effect.interrupt
      const entry = entries.get(key) ?? newEntry(key)
      entries.delete(key)
      entries.set(key, entry)
      entry.users++
      // Only now, since it ends at once if nobody uses the value and making it has taken longer than it is kept.
      entry.fiber ??= run(live(entry))
      return Effect.succeed(entry)
    })

  const give = (entry: Entry<A>) =>
    Effect.sync(() => {
      entry.users--
      entry.usedAt = now()
    })

  const pool: Pool<A> = (key) => Effect.flatMap(Effect.acquireRelease(take(key), give), ({ value }) => value.wait)
  return pool
})
