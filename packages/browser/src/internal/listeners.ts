/*
 * What happens, for whoever listens. Not a PubSub, which costs a page 3 kB (P7).
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface Listeners<A> {
  readonly tell: (event: A) => void
  /** From now on, until the scope ends; a slow listener misses all but the last 256. */
  readonly heard: Stream.Stream<A>
}

export const make = <A>(): Effect.Effect<Listeners<A>, never, Scope.Scope> => {
  const queues = new Set<Queue.Queue<A>>()
  const listen = Effect.acquireRelease(
    Effect.tap(Queue.sliding<A>(256), (queue) => Effect.sync(() => queues.add(queue))),
    (queue) => Effect.zipRight(Effect.sync(() => queues.delete(queue)), Queue.shutdown(queue))
  )
  return Effect.acquireRelease(
    Effect.succeed<Listeners<A>>({
      // A sliding queue takes an offer at once; its `unsafeOffer` would drop the newest.
      tell: (event) => queues.forEach((queue) => Effect.runSync(Queue.offer(queue, event))),
      heard: Stream.unwrapScoped(Effect.map(listen, (queue) => Stream.fromQueue(queue)))
    }),
    () => {
      const all = [...queues]
      queues.clear()
      return Effect.forEach(all, Queue.shutdown, { discard: true })
    }
  )
}
