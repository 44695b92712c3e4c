import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Listeners from "../../src/internal/listeners.js"

/** Until every listener has had its turn with all that it was told. */
const settled = Effect.repeatN(Effect.yieldNow(), 2000)

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

describe("listeners", () => {
  it.effect("each listener hears every event from its start until the scope ends", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { heard, tell } = yield* Scope.extend(Listeners.make<number>(), scope)
      tell(0)
      const fibers = yield* Effect.forEach([1, 2], () => Effect.fork(Stream.runCollect(heard)))
      yield* settled
      upTo(3).forEach(tell)
      yield* settled
      yield* Scope.close(scope, Exit.void)
      for (const all of yield* Fiber.joinAll(fibers)) expect(Chunk.toReadonlyArray(all)).toStrictEqual([0, 1, 2])
    }))

  it.effect("a slow listener still hears the last 256 events", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { heard, tell } = yield* Scope.extend(Listeners.make<number>(), scope)
      const latch = yield* Effect.makeLatch()
      const seen: Array<number> = []
      const fiber = yield* Effect.fork(Stream.runForEach(heard, (event) =>
        Effect.andThen(latch.await, () => {
          seen.push(event)
        })))
      yield* settled
      tell(-1)
      yield* settled
      upTo(1000).forEach(tell)
      yield* latch.open
      yield* settled
      yield* Fiber.interrupt(fiber)
      expect(seen.slice(-256)).toStrictEqual(upTo(1000).slice(-256))
    }))
})
