/*
 * Who wants to know of changes, and the fiber that finds them out, which runs only as long as anyone does.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface Subscribers {
  /** A subscriber that has not taken the last announcement yet needs no other one (T9). */
  readonly changes: (name: string) => Stream.Stream<void>
  readonly names: () => ReadonlyArray<string>
  /** Tells those whose name passes the test. */
  readonly announce: (concerns: (name: string) => boolean) => void
  /** Runs this while there are subscribers, until the scope closes. */
  readonly whileAny: (watching: Effect.Effect<never>) => Effect.Effect<void, never, Scope.Scope>
}

export const make: Effect.Effect<Subscribers> = Effect.gen(function*() {
  const subscribers = new Set<{ readonly name: string; readonly queue: Queue.Queue<undefined> }>()
  const some = yield* Effect.makeLatch()
  const none = yield* Effect.makeLatch(true)

  const subscribe = Effect.fnUntraced(function*(name: string) {
    const subscriber = { name, queue: yield* Queue.sliding<undefined>(1) }
    subscribers.add(subscriber)
    yield* none.close
    yield* some.open
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        subscribers.delete(subscriber)
        return subscribers.size > 0 ? Effect.void : Effect.zipRight(some.close, none.open)
      })
    )
    return Stream.fromQueue(subscriber.queue)
  })

  return {
    changes: (name) => Stream.unwrapScoped(subscribe(name)),
    names: () => [...new Set([...subscribers].map(({ name }) => name))],
    announce: (concerns) => {
      for (const { name, queue } of subscribers) if (concerns(name)) queue.unsafeOffer(undefined)
    },
    whileAny: (watching) =>
      Effect.forkScoped(Effect.interruptible(
        Effect.forever(Effect.zipRight(some.await, Effect.raceFirst(none.await, watching)))
      ))
  }
})
