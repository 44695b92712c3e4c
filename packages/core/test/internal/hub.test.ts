import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Hub from "../../src/internal/hub.js"
import { settle } from "../support/onTestClock.js"

/** All that a listener gets until the hub is closed. */
const listening = <A>({ events }: Hub.Hub<A>) =>
  Effect.tap(Effect.fork(Effect.map(Stream.runCollect(events), Chunk.toReadonlyArray)), () => settle)

const make = Effect.gen(function*() {
  const scope = yield* Scope.make()
  const hub = yield* Scope.extend(Hub.make<number>(4), scope)
  return { ...hub, close: Scope.close(scope, Exit.void) }
})

describe("Event hub (S13)", () => {
  it.effect("the hub tells each listener what is published from then on and ends with its scope (S13)", () =>
    Effect.gen(function*() {
      const hub = yield* make
      expect(yield* hub.publish(1)).toBeUndefined()
      const early = yield* listening(hub)
      yield* hub.publish(2)
      const late = yield* listening(hub)
      yield* hub.publish(3)
      yield* settle
      yield* hub.close
      expect(yield* Fiber.join(early)).toStrictEqual([2, 3])
      expect(yield* Fiber.join(late)).toStrictEqual([3])
    }))

  it.effect("a listener that comes after the end of the hub gets no event and does not wait (S13)", () =>
    Effect.gen(function*() {
      const hub = yield* make
      yield* hub.close
      yield* hub.publish(1)
      expect(yield* Stream.runCollect(hub.events)).toHaveLength(0)
    }))

  it.effect("the hub keeps the last events for a slow reader (S13)", () =>
    Effect.gen(function*() {
      const hub = yield* make
      const read: Array<number> = []
      const slow = yield* Effect.fork(
        Stream.runForEach(hub.events, (event) => Effect.delay(Effect.sync(() => read.push(event)), "1 second"))
      )
      yield* settle
      yield* hub.publish(0)
      yield* settle
      yield* Effect.forEach(Arr.range(1, 9), hub.publish)
      yield* TestClock.adjust("9 seconds")
      expect(read).toStrictEqual([0, 6, 7, 8, 9])
      yield* Fiber.interrupt(slow)
    }))
})
