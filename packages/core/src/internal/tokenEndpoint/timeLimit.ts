/*
 * A time limit for work that is done often, with one sleeper for all that is under way. A sleeper for each costs a
 * fifth of a whole request, and `Effect.timeoutFail` half of one (P3).
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import * as Instant from "../../Instant.js"
import * as Fibers from "../fibers.js"

/**
 * Runs an effect. After `duration` it is interrupted, and when it has ended, the result is the error of `onTimeout`. If
 * the process was frozen meanwhile, the connection may be dead: it is interrupted, and run again (S16).
 */
export type TimeLimit = <A, E, R, E2>(
  self: Effect.Effect<A, E, R>,
  options: Options<E2>
) => Effect.Effect<A, E | E2, R>

interface Options<E2> {
  readonly duration: Duration.Duration
  readonly onTimeout: () => E2
}

/** How often the clocks are compared, in milliseconds. */
const checkEvery = 1_000

/** How much further than the monotonic clock the wall clock has gone after a freeze, in milliseconds. */
const freeze = 5_000

/** `Fiber.join` without a way to stop waiting: the fiber that stops waiting interrupts the other one anyway (P3). */
const resultOf = <A>(fiber: Fiber.RuntimeFiber<A>): Effect.Effect<A> =>
  Effect.async((resume) => fiber.addObserver(resume))

interface UnderWay {
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  readonly startedAt: Instant.Instant
  /** In milliseconds of the monotonic clock. */
  readonly deadline: number
  /** Why it was interrupted, if it was. */
  end: "late" | "frozen" | undefined
}

const endOf = ({ deadline, startedAt }: UnderWay, now: Instant.Instant): UnderWay["end"] => {
  if (deadline <= now.monotonic) return "late"
  const isFrozen = now.wall - startedAt.wall - (now.monotonic - startedAt.monotonic) >= freeze
  return isFrozen ? "frozen" : undefined
}

const interrupt = (fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined): void =>
  fiber?.unsafeInterruptAsFork(FiberId.none)

/**
 * A limit by the clock of the fiber that makes it. When the scope closes, all that is under way is interrupted, and
 * what comes later is interrupted at once.
 */
export const make: Effect.Effect<TimeLimit, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const run = yield* Fibers.make
  const underWay = new Set<UnderWay>()
  let sleeper: Fiber.RuntimeFiber<void> | undefined
  let wakesAt = Infinity
  let isClosed = false

  /** Looks at the clocks while anything is under way: at each deadline, and at least each second. */
  const watch: Effect.Effect<void> = Effect.suspend(() => {
    const now = Instant.unsafeNow(clock)
    wakesAt = Infinity
    for (const each of underWay) {
      each.end ??= endOf(each, now)
      if (each.end === undefined) wakesAt = Math.min(wakesAt, each.deadline, now.monotonic + checkEvery)
      else interrupt(each.fiber)
    }
    return wakesAt === Infinity
      ? Effect.void
      : Effect.zipRight(Effect.sleep(Duration.millis(Math.ceil(wakesAt - now.monotonic))), watch)
  })

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      for (const { fiber } of underWay) interrupt(fiber)
    })
  )

  /** What is run again after a freeze has the deadline of what ran before it. */
  const limit = <A, E, R, E2>(
    self: Effect.Effect<A, E, R>,
    options: Options<E2>,
    before?: UnderWay
  ): Effect.Effect<A, E | E2, R> =>
    Effect.uninterruptibleMask((restore) =>
      // The fiber succeeds with the exit, since Effect logs a fiber that fails as an unhandled error (S14).
      Effect.flatMap(Effect.forkDaemon(Effect.exit(restore(self))), (fiber) => {
        const startedAt = Instant.unsafeNow(clock)
        const deadline = before?.deadline ?? startedAt.monotonic + Duration.toMillis(options.duration)
        const mine: UnderWay = { fiber, startedAt, deadline, end: undefined }
        underWay.add(mine)
        if (isClosed) interrupt(fiber)
        else if (deadline < wakesAt) {
          interrupt(sleeper)
          sleeper = run(watch)
        }
        return Effect.flatMap(
          Effect.onInterrupt(restore(resultOf(fiber)), () => {
            underWay.delete(mine)
            return Fiber.interrupt(fiber)
          }),
          (exit): Effect.Effect<A, E | E2, R> => {
            underWay.delete(mine)
            if (mine.end === undefined || exit._tag === "Success") return exit
            return mine.end === "late" ? Effect.fail(options.onTimeout()) : restore(limit(self, options, mine))
          }
        )
      })
    )

  return (self, options) => limit(self, options)
})
