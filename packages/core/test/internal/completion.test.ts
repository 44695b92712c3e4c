import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Completion from "../../src/internal/completion.js"

describe("Completion of a flight (S2)", () => {
  it.effect("a completion wakes all waiting callers, and a later caller does not wait (S2)", () =>
    Effect.gen(function*() {
      const { complete, wait } = Completion.make<number, string>()
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(wait))
      yield* TestClock.adjust(0)
      expect(fibers.map((fiber) => fiber.unsafePoll())).toStrictEqual([null, null, null])
      complete(Exit.succeed(7))
      expect(yield* Effect.forEach(fibers, Fiber.join)).toStrictEqual([7, 7, 7])
      expect(yield* wait).toBe(7)
    }))

  it.effect("the first result of a completion stays, and a later result changes nothing (S2)", () =>
    Effect.gen(function*() {
      const { complete, wait } = Completion.make<number, string>()
      complete(Exit.fail("lost"))
      complete(Exit.succeed(7))
      expect(yield* Effect.flip(wait)).toBe("lost")
    }))

  it.effect("a completion reaches the caller that stays after another caller was interrupted (S2, S3)", () =>
    Effect.gen(function*() {
      const { complete, wait } = Completion.make<number, string>()
      const [gone, stayed] = yield* Effect.all([Effect.fork(wait), Effect.fork(wait)])
      yield* Fiber.interrupt(gone)
      complete(Exit.succeed(7))
      expect(yield* Fiber.join(stayed)).toBe(7)
    }))
})
