import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Fibers from "../../../src/internal/fibers.js"
import * as Coalesced from "../../../src/internal/tokenSource/coalesced.js"

describe("Work that is asked for too often (T9)", () => {
  const working = (takes: Duration.DurationInput = 0) =>
    Effect.gen(function*() {
      const done: Array<number> = []
      const work = Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sync(() => void done.push(now)))
      const ask = Coalesced.make(Effect.delay(work, takes), Duration.millis(50), yield* Fibers.make)
      return { ask, done }
    })

  it.scoped("it is done at once, and at most once in 50 ms however often it is asked for (T9)", () =>
    Effect.gen(function*() {
      const { ask, done } = yield* working()
      for (let n = 0; n < 100; n++) {
        yield* ask
        yield* ask
        yield* TestClock.adjust(1)
      }
      expect(done).toStrictEqual([0, 50, 100])
    }))

  it.scoped("what is asked for while it is done is done once more (T9)", () =>
    Effect.gen(function*() {
      const { ask, done } = yield* working("10 millis")
      yield* ask
      yield* TestClock.adjust("5 millis")
      yield* ask
      yield* TestClock.adjust("1 minute")
      expect(done).toStrictEqual([10, 70])
    }))

  it.scoped("after a pause it is done at once again (T9)", () =>
    Effect.gen(function*() {
      const { ask, done } = yield* working()
      yield* ask
      yield* TestClock.adjust("1 second")
      yield* ask
      yield* TestClock.adjust("1 second")
      expect(done).toStrictEqual([0, 1000])
    }))
})
