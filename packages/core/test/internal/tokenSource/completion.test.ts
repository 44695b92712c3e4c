import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Completion from "../../../src/internal/tokenSource/completion.js"

describe("S2: a completion", () => {
  it.effect("wakes all who wait, and who comes later at once", () =>
    Effect.gen(function*() {
      const { complete, wait } = Completion.make<number, string>()
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(wait))
      yield* TestClock.adjust(0)
      expect(fibers.map((fiber) => fiber.unsafePoll())).toStrictEqual([null, null, null])
      complete(Exit.succeed(7))
      expect(yield* Effect.forEach(fibers, Fiber.join)).toStrictEqual([7, 7, 7])
      expect(yield* wait).toBe(7)
    }))

  it.effect("is one: what is said of it later changes nothing", () =>
    Effect.gen(function*() {
      const { complete, wait } = Completion.make<number, string>()
      complete(Exit.fail("lost"))
      complete(Exit.succeed(7))
      expect(yield* Effect.flip(wait)).toBe("lost")
    }))

  it.effect("S3: concerns nobody who has gone", () =>
    Effect.gen(function*() {
      const { complete, wait } = Completion.make<number, string>()
      const [gone, stayed] = yield* Effect.all([Effect.fork(wait), Effect.fork(wait)])
      yield* Fiber.interrupt(gone)
      complete(Exit.succeed(7))
      expect(yield* Fiber.join(stayed)).toBe(7)
    }))
})
