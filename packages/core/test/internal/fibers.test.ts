import { describe, expect, it, vi } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Fibers from "../../src/internal/fibers.js"

class Maker extends Context.Tag("test/Maker")<Maker, string>() {}

const maker = Effect.map(Effect.serviceOption(Maker), Option.getOrUndefined)

describe("The fibers of a source (S3)", () => {
  it.scoped("a fiber runs in the context of the fiber that made the source (S3)", () =>
    Effect.gen(function*() {
      const run = yield* Effect.provideService(Fibers.make, Maker, "made here")
      const fiber = yield* Effect.provideService(Effect.sync(() => run(maker)), Maker, "started there")
      expect(yield* Fiber.join(fiber)).toBe("made here")
    }))

  it.scoped("a fiber takes its first step at once, or after the current step where that is said (S3)", () =>
    Effect.gen(function*() {
      const run = yield* Fibers.make
      const steps: Array<string> = []
      const note = (step: string) => Effect.sync(() => steps.push(step))
      const later = run(Effect.asVoid(note("later")), { immediate: false })
      run(Effect.asVoid(note("at once")))
      steps.push("after both")
      yield* Fiber.join(later)
      expect(steps).toStrictEqual(["at once", "after both", "later"])
    }))

  it.effect("closing the scope interrupts all fibers, and waits until they have ended (S3)", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const run = yield* Scope.extend(Fibers.make, scope)
      let cleaned = 0
      const cleaning = Effect.onInterrupt(
        Effect.never,
        () => Effect.zipRight(Effect.yieldNow(), Effect.sync(() => cleaned++))
      )
      const fibers = [run(cleaning), run(cleaning), run(Effect.never, { immediate: false })]
      yield* TestClock.adjust(0)
      yield* Scope.close(scope, Exit.void)
      expect(cleaned).toBe(2)
      for (const fiber of fibers) expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
    }))

  it.effect("a fiber that has ended is no longer kept, so closing the scope leaves it alone (S3)", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const run = yield* Scope.extend(Fibers.make, scope)
      const ended = run(Effect.void)
      const running = run(Effect.never)
      yield* Fiber.await(ended)
      const touched = [ended, running].map((fiber) => vi.spyOn(fiber, "unsafeInterruptAsFork"))
      yield* Scope.close(scope, Exit.void)
      expect(touched.map(({ mock }) => mock.calls.length)).toStrictEqual([0, 1])
    }))

  it.effect("the fibers of a source that was made in an uninterruptible region are interrupted, too (S3)", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const run = yield* Effect.uninterruptible(Scope.extend(Fibers.make, scope))
      const fiber = run(Effect.never)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(0)
      expect(Option.isSome(yield* Fiber.poll(closing))).toBe(true)
      expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
    }))

  it.effect("a fiber that is started after the closing is interrupted before its first step (S3)", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      const run = yield* Scope.extend(Fibers.make, scope)
      let isStarted = false
      const fiber = run(Effect.zipRight(Effect.sync(() => isStarted = true), Effect.never))
      expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
      expect(isStarted).toBe(false)
    }))
})
