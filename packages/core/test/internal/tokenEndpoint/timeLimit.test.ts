import { SkewClock } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as TimeLimit from "../../../src/internal/tokenEndpoint/timeLimit.js"

/** In so many seconds, or not at all. */
const inTime = (seconds: number) => ({
  duration: Duration.seconds(seconds),
  onTimeout: () => "late" as const,
  isRepeatable: true
})

describe("Time limit (E6)", () => {
  it.scoped("an effect that ends in time keeps its success, failure or defect (E6)", () =>
    Effect.gen(function*() {
      const within = yield* TimeLimit.make
      expect(yield* within(Effect.succeed(1), inTime(1))).toBe(1)
      expect(yield* Effect.flip(within(Effect.fail("no"), inTime(1)))).toBe("no")
      expect(yield* Effect.exit(within(Effect.die("oh"), inTime(1)))).toStrictEqual(Exit.die("oh"))
    }))

  it.scoped("each effect that is late is interrupted at its own time (E6)", () =>
    Effect.gen(function*() {
      const within = yield* TimeLimit.make
      const cleaned: Array<number> = []
      const slow = (seconds: number) =>
        within(
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => cleaned.push(seconds))),
          inTime(seconds)
        ).pipe(Effect.flip, Effect.fork)
      const fibers = yield* Effect.all([slow(10), slow(3), slow(7)])
      for (const [at, expected] of [[2, []], [3, [3]], [6, [3]], [7, [3, 7]], [10, [3, 7, 10]]] as const) {
        yield* TestClock.setTime(at * 1000)
        expect(cleaned).toStrictEqual(expected)
      }
      expect(yield* Effect.forEach(fibers, Fiber.join)).toStrictEqual(["late", "late", "late"])
    }))

  it.scoped("one sleeper watches all time limits and ends when no effect runs (E6)", () =>
    Effect.gen(function*() {
      const within = yield* TimeLimit.make
      for (let n = 0; n < 100; n++) yield* within(Effect.void, inTime(10))
      expect(Chunk.size(yield* TestClock.sleeps())).toBe(1)
      yield* TestClock.adjust("10 seconds")
      expect(Chunk.size(yield* TestClock.sleeps())).toBe(0)
    }))

  it.scoped.each([[4999, "late", 1], [5000, "again", 2]] as const)(
    "an effect whose wall clock is %i ms ahead of the monotonic one ends %s (S16)",
    ([ahead, end, runs]) =>
      Effect.gen(function*() {
        const clocks = yield* SkewClock.make
        const within = yield* Effect.withClock(TimeLimit.make, clocks.clock)
        const started: Array<number> = []
        const interrupted: Array<number> = []
        const effect = Effect.suspend(() => {
          const run = started.push(clocks.clock.unsafeCurrentTimeMillis())
          return run === 1
            ? Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted.push(run)))
            : Effect.succeed("again" as const)
        })
        const fiber = yield* Effect.fork(Effect.merge(within(effect, inTime(10))))
        yield* TestClock.adjust("1500 millis")
        yield* clocks.step(ahead)
        yield* TestClock.adjust("8500 millis")
        expect(yield* Fiber.join(fiber)).toBe(end)
        expect([started.length, interrupted]).toStrictEqual([runs, [1]])
      })
  )

  it.scoped("an effect that is run again after a freeze has what was left of its time (S16, E6)", () =>
    Effect.gen(function*() {
      const clocks = yield* SkewClock.make
      const within = yield* Effect.withClock(TimeLimit.make, clocks.clock)
      const fiber = yield* Effect.fork(Effect.flip(within(Effect.never, inTime(10))))
      yield* TestClock.adjust("8 seconds")
      yield* clocks.step(60_000)
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.poll(fiber)).toStrictEqual(Option.none())
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toBe("late")
    }))

  it.scoped("a caller can leave an effect that is run again after a freeze (S16, S3)", () =>
    Effect.gen(function*() {
      const clocks = yield* SkewClock.make
      const within = yield* Effect.withClock(TimeLimit.make, clocks.clock)
      const fiber = yield* Effect.fork(within(Effect.never, inTime(10)))
      yield* TestClock.adjust("1 second")
      yield* clocks.step(60_000)
      yield* TestClock.adjust("1 second")
      yield* Fiber.interruptFork(fiber)
      yield* TestClock.adjust(0)
      expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
    }))

  it.effect("a limit that is made in an uninterruptible region leaves no timer when its scope closes (S3)", () =>
    Effect.gen(function*() {
      let timers = 0
      const clock: Clock.Clock = {
        ...(yield* Effect.clock),
        unsafeCurrentTimeMillis: () => 0,
        unsafeCurrentTimeNanos: () => 0n,
        sleep: () =>
          Effect.acquireUseRelease(Effect.sync(() => ++timers), () => Effect.never, () => Effect.sync(() => --timers))
      }
      const scope = yield* Scope.make()
      const make = Effect.withClock(Scope.extend(TimeLimit.make, scope), clock)
      const within = yield* Effect.uninterruptible(make)
      yield* within(Effect.void, inTime(10))
      yield* Effect.yieldNow()
      expect(timers).toBe(1)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.yieldNow()
      expect(timers).toBe(0)
    }))

  it.scoped("a time limit holds again after the sleeper has ended (E6)", () =>
    Effect.gen(function*() {
      const within = yield* TimeLimit.make
      yield* within(Effect.void, inTime(1))
      yield* TestClock.adjust("1 minute")
      const fiber = yield* Effect.fork(Effect.flip(within(Effect.never, inTime(1))))
      yield* TestClock.adjust("1 seconds")
      expect(yield* Fiber.join(fiber)).toBe("late")
    }))

  it.scoped("the interruption of a caller interrupts its effect without a time-out (E6)", () =>
    Effect.gen(function*() {
      const within = yield* TimeLimit.make
      let interrupted = false
      const fiber = yield* Effect.fork(
        within(Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted = true)), inTime(1))
      )
      yield* TestClock.adjust(0)
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      expect(interrupted).toBe(true)
    }))

  it.effect("the end of the scope interrupts running effects and later effects (E6)", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const within = yield* Scope.extend(TimeLimit.make, scope)
      const fiber = yield* Effect.fork(within(Effect.never, inTime(1)))
      yield* TestClock.adjust(0)
      yield* Scope.close(scope, Exit.void)
      expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
      expect(Exit.isInterrupted(yield* Effect.exit(within(Effect.never, inTime(1))))).toBe(true)
    }))

  it.scoped("a time limit holds for a caller that cannot be interrupted (E6, row 160)", () =>
    Effect.gen(function*() {
      const within = yield* TimeLimit.make
      let interrupted = false
      const effect = Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted = true))
      const fiber = yield* Effect.fork(Effect.uninterruptible(Effect.flip(within(effect, inTime(1)))))
      yield* TestClock.adjust("1 second")
      expect(Option.isSome(yield* Fiber.poll(fiber))).toBe(true)
      expect(yield* Fiber.join(fiber)).toBe("late")
      expect(interrupted).toBe(true)
    }))

  const stubborn = [
    ["cannot be interrupted", Effect.uninterruptible(Effect.never)],
    ["never finishes its finalizer", Effect.onInterrupt(Effect.never, () => Effect.never)],
    ["never acquires its resource", Effect.scoped(Effect.acquireRelease(Effect.never, () => Effect.void))]
  ] as const

  it.scoped.each(stubborn)("a time limit holds for work that %s (E6, row 161)", ([, work]) =>
    Effect.gen(function*() {
      const within = yield* TimeLimit.make
      const fiber = yield* Effect.fork(Effect.flip(within(work, inTime(1))))
      yield* TestClock.adjust("1 second")
      expect(Option.isSome(yield* Fiber.poll(fiber))).toBe(true)
      expect(yield* Fiber.join(fiber)).toBe("late")
      expect(Chunk.size(yield* TestClock.sleeps())).toBe(0)
    }))

  it.scoped.each(stubborn)("a caller can leave work that %s (S3, row 161)", ([, work]) =>
    Effect.gen(function*() {
      const within = yield* TimeLimit.make
      const fiber = yield* Effect.fork(within(work, inTime(1)))
      yield* TestClock.adjust(0)
      yield* Fiber.interruptFork(fiber)
      yield* TestClock.adjust(0)
      expect(Option.isSome(yield* Fiber.poll(fiber))).toBe(true)
    }))

  it.effect.each(stubborn)(
    "the end of the scope is not held up by work that %s (S3, row 161)",
    ([, work]) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const within = yield* Scope.extend(TimeLimit.make, scope)
        const fiber = yield* Effect.fork(within(work, inTime(1)))
        yield* TestClock.adjust(0)
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(0)
        expect(Option.isSome(yield* Fiber.poll(closing))).toBe(true)
        expect(Option.map(yield* Fiber.poll(fiber), Exit.isInterrupted)).toStrictEqual(Option.some(true))
      })
  )

  it.scoped("an effect that is not repeatable goes on after a freeze (S16, E7)", () =>
    Effect.gen(function*() {
      const clocks = yield* SkewClock.make
      const within = yield* Effect.withClock(TimeLimit.make, clocks.clock)
      let runs = 0
      const effect = Effect.suspend(() => {
        runs++
        return Effect.never
      })
      const fiber = yield* Effect.fork(Effect.flip(within(effect, { ...inTime(10), isRepeatable: false })))
      yield* TestClock.adjust("1 second")
      yield* clocks.step(60_000)
      yield* TestClock.adjust("9 seconds")
      expect(yield* Fiber.join(fiber)).toBe("late")
      expect(runs).toBe(1)
    }))
})
