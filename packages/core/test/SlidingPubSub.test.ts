import { SlidingPubSub } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { settle } from "./support/onTestClock.js"

/** All that a subscriber gets until the end. */
const subscribed = <A>({ subscribe }: SlidingPubSub.SlidingPubSub<A>) =>
  Effect.tap(Effect.fork(Effect.map(Stream.runCollect(subscribe), Chunk.toReadonlyArray)), () => settle)

/** A subscriber that takes a second for each event. `read` grows. */
const readingSlowly = <A>({ subscribe }: SlidingPubSub.SlidingPubSub<A>) =>
  Effect.gen(function*() {
    const read: Array<A> = []
    const fiber = yield* Effect.fork(
      Stream.runForEach(subscribe, (event) => Effect.delay(Effect.sync(() => read.push(event)), "1 second"))
    )
    yield* settle
    return { fiber, read }
  })

const make = Effect.gen(function*() {
  const scope = yield* Scope.make()
  const pubSub = yield* Scope.extend(SlidingPubSub.make<number>(4), scope)
  return { ...pubSub, close: Scope.close(scope, Exit.void) }
})

describe("SlidingPubSub (S13)", () => {
  it.effect("each subscriber gets what is published from then on, and its stream ends with the scope (S13)", () =>
    Effect.gen(function*() {
      const pubSub = yield* make
      expect(yield* pubSub.publish(1)).toBeUndefined()
      const early = yield* subscribed(pubSub)
      yield* pubSub.publish(2)
      const late = yield* subscribed(pubSub)
      yield* pubSub.publish(3)
      yield* settle
      yield* pubSub.close
      expect(yield* Fiber.join(early)).toStrictEqual([2, 3])
      expect(yield* Fiber.join(late)).toStrictEqual([3])
    }))

  it.effect("a subscriber that comes after the end gets no event and does not wait (S13)", () =>
    Effect.gen(function*() {
      const pubSub = yield* make
      yield* pubSub.close
      yield* pubSub.publish(1)
      expect(yield* Stream.runCollect(pubSub.subscribe)).toHaveLength(0)
    }))

  it.effect("a slow subscriber gets the last events (S13)", () =>
    Effect.gen(function*() {
      const pubSub = yield* make
      const { fiber, read } = yield* readingSlowly(pubSub)
      yield* pubSub.publish(0)
      yield* settle
      yield* Effect.forEach(Arr.range(1, 9), pubSub.publish)
      yield* TestClock.adjust("9 seconds")
      expect(read).toStrictEqual([0, 6, 7, 8, 9])
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("a subscriber gets what was published before the end, then its stream ends (S13)", () =>
    Effect.gen(function*() {
      const pubSub = yield* make
      const { fiber, read } = yield* readingSlowly(pubSub)
      yield* Effect.forEach([1, 2, 3], pubSub.publish)
      yield* pubSub.close
      yield* pubSub.publish(4)
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(fiber)
      expect(read).toStrictEqual([1, 2, 3])
    }))
})
