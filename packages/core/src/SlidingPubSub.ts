/**
 * Publish and subscribe, with a buffer of its own for each subscriber: a slow one loses its oldest events and delays no
 * other. It does what `PubSub.sliding` does and costs a web page 3 kB less.
 *
 * @example
 * import { SlidingPubSub } from "@effect-tilia/core"
 * import { Console, Effect, Stream } from "effect"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const events = yield* SlidingPubSub.make<string>(256)
 *   yield* Effect.forkScoped(Stream.runForEach(events.subscribe, Console.log))
 *   yield* events.publish("something happened")
 * }))
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * Events of type `A` for any number of subscribers.
 *
 * @since 0.1.0
 * @category models
 */
export interface SlidingPubSub<in out A> {
  /** Passes an event to every current subscriber. Never waits, and does nothing without a subscriber. */
  readonly publish: (event: A) => Effect.Effect<void>
  /**
   * The events that are published from now on. The stream ends when the scope of `make` closes. A subscriber that reads
   * too slowly loses its oldest events.
   */
  readonly subscribe: Stream.Stream<A>
}

/**
 * A `SlidingPubSub` that lives as long as the scope. `capacity` is the number of events that are kept for a subscriber
 * until it reads them. When the scope closes, each subscriber still gets the events in its buffer, then its stream
 * ends.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(capacity: number): Effect.Effect<SlidingPubSub<A>, never, Scope.Scope> =>
  Effect.gen(function*() {
    // The end is an element of its own, so that it comes after what was published before it (S13).
    const subscribers = new Set<Queue.Queue<Option.Option<A>>>()
    let isClosed = false

    const offerAll = (element: Option.Option<A>) =>
      Effect.suspend(() => Effect.forEach(subscribers, (queue) => Queue.offer(queue, element), { discard: true }))

    const subscriber = Effect.acquireRelease(
      Effect.tap(Queue.sliding<Option.Option<A>>(capacity), (queue) =>
        Effect.suspend(() => {
          subscribers.add(queue)
          return isClosed ? Queue.offer(queue, Option.none()) : Effect.void
        })),
      (queue) => {
        subscribers.delete(queue)
        return Queue.shutdown(queue)
      }
    )

    yield* Effect.addFinalizer(() => {
      isClosed = true
      return offerAll(Option.none())
    })

    return {
      publish: (event) => Effect.suspend(() => isClosed ? Effect.void : offerAll(Option.some(event))),
      subscribe: Stream.unwrapScoped(
        Effect.map(subscriber, (queue) => Stream.filterMapWhile(Stream.fromQueue(queue), identity))
      )
    }
  })
