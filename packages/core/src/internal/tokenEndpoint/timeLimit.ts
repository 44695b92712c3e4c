/*
 * A time limit for work that is done often, with one sleeper for all that is under way. A sleeper for each costs a
 * fifth of a whole request, and `Effect.timeoutFail` half of one (P3).
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import * as Instant from "../../Instant.js"
import * as Fibers from "../fibers.js"

/**
 * Runs an effect. After `duration` it is interrupted, and when it has ended, the result is the error of `onTimeout`.
 */
export type TimeLimit = <A, E, R, E2>(
  self: Effect.Effect<A, E, R>,
  options: Options<E2>
) => Effect.Effect<A, E | E2, R>

interface Options<E2> {
  readonly duration: Duration.Duration
  readonly onTimeout: () => E2
}

/** `Fiber.await` without a way to stop waiting: the fiber that stops waiting interrupts the other one anyway (P3). */
const exitOf = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.async((resume) => fiber.addObserver((exit) => resume(Effect.succeed(exit))))

interface UnderWay {
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  /** In milliseconds of the monotonic clock. */
  readonly deadline: number
  isLate: boolean
}

const interrupt = (fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined): void =>
  fiber?.unsafeInterruptAsFork(FiberId.none)

/**
 * A limit by the clock of the fiber that makes it. When the scope closes, all that is under way is interrupted, and
 * what comes later is interrupted at once.
 */
export const make: Effect.Effect<TimeLimit, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const now = () => Instant.unsafeNow(clock).monotonic
  const run = yield* Fibers.make
  const underWay = new Set<UnderWay>()
  let sleeper: Fiber.RuntimeFiber<void> | undefined
  let wakesAt = Infinity
  let isClosed = false

  /** Sleeps until the next deadline while anything is under way. */
  const watch: Effect.Effect<void> = Effect.suspend(() => {
    const time = now()
    wakesAt = Infinity
    for (const each of underWay) {
      if (each.deadline <= time) {
        each.isLate = true
        interrupt(each.fiber)
      } else wakesAt = Math.min(wakesAt, each.deadline)
    }
    return wakesAt === Infinity
      ? Effect.void
      : Effect.zipRight(Effect.sleep(Duration.millis(Math.ceil(wakesAt - time))), watch)
  })

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      for (const { fiber } of underWay) interrupt(fiber)
    })
  )

  return <A, E, R, E2>(self: Effect.Effect<A, E, R>, { duration, onTimeout }: Options<E2>) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.forkDaemon(restore(self)), (fiber) => {
        const mine: UnderWay = { fiber, deadline: now() + Duration.toMillis(duration), isLate: false }
        underWay.add(mine)
        if (isClosed) interrupt(fiber)
        else if (mine.deadline < wakesAt) {
          interrupt(sleeper)
          sleeper = run(watch)
        }
        return Effect.flatMap(
          Effect.onInterrupt(restore(exitOf(fiber)), () => {
            underWay.delete(mine)
            return Fiber.interrupt(fiber)
          }),
          (exit): Effect.Effect<A, E | E2> => {
            underWay.delete(mine)
            return mine.isLate && exit._tag === "Failure" ? Effect.fail(onTimeout()) : exit
          }
        )
      })
    )
})
