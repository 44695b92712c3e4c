/*
 * Events for whoever listens, each listener with a buffer of its own. Not a PubSub, which costs a page 3 kB (P7).
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface Hub<A> {
  readonly publish: (event: A) => Effect.Effect<void>
  /** What is published from now on; ends with the hub. A slow reader misses all but the last `size` events. */
  readonly events: Stream.Stream<A>
}

export const make = <A>(size: number): Effect.Effect<Hub<A>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const listeners = new Set<Queue.Queue<A>>()
    let isClosed = false

    const listener = Effect.acquireRelease(
      Effect.tap(Queue.sliding<A>(size), (queue) =>
        Effect.suspend(() => {
          if (isClosed) return Queue.shutdown(queue)
          listeners.add(queue)
          return Effect.void
        })),
      (queue) => {
        listeners.delete(queue)
        return Queue.shutdown(queue)
      }
    )

    yield* Effect.addFinalizer(() => {
      isClosed = true
      return Effect.forEach(listeners, Queue.shutdown, { discard: true })
    })

    return {
      publish: (event) =>
        Effect.suspend(() => Effect.forEach(listeners, (queue) => Queue.offer(queue, event), { discard: true })),
      events: Stream.unwrapScoped(Effect.map(listener, (queue) => Stream.fromQueue(queue)))
    }
  })
