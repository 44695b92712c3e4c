/*
 * A time limit for work that is done often, with one sleeper for all that is under way. A sleeper for each costs a
 * fifth of a whole request, and `Effect.timeoutFail` half of one (P3).
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import * as Instant from "../../Instant.js"
import * as Fibers from "../fibers.js"

/**
 * Runs an effect in a fiber that can be interrupted, even if its caller cannot. After `duration` it is interrupted, and
 * the result is the error of `onTimeout`. If the process was frozen meanwhile, the connection may be dead: it is
 * interrupted, and run again if it `isRepeatable` (S16). The end of what is interrupted is not awaited, because work
 * that cannot be interrupted, or whose finalizers hang, must hold up neither a caller nor the closing (E6, S3).
 */
export type TimeLimit = <A, E, R, E2>(
  self: Effect.Effect<A, E, R>,
  options: Options<E2>
) => Effect.Effect<A, E | E2, R>

interface Options<E2> {
  readonly duration: Duration.Duration
  readonly onTimeout: () => E2
  readonly isRepeatable: boolean
}

/** How often the clocks are compared, in milliseconds. */
const checkEvery = 1_000

/** How much further than the monotonic clock the wall clock has gone after a freeze, in milliseconds. */
const freeze = 5_000

interface UnderWay {
  readonly startedAt: Instant.Instant
  /** In milliseconds of the monotonic clock. */
  readonly deadline: number
  readonly isRepeatable: boolean
  /** Interrupts it and tells the caller why, who does not wait for its end. */
  readonly leave: (why: Why) => void
}

type Why = "late" | "frozen" | "closed"

const whyLeave = ({ deadline, isRepeatable, startedAt }: UnderWay, now: Instant.Instant): Why | undefined => {
  if (deadline <= now.monotonic) return "late"
  const ahead = now.wall - startedAt.wall - (now.monotonic - startedAt.monotonic)
  return isRepeatable && ahead >= freeze ? "frozen" : undefined
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
      const why = whyLeave(each, now)
      if (why === undefined) wakesAt = Math.min(wakesAt, each.deadline, now.monotonic + checkEvery)
      else each.leave(why)
    }
    return wakesAt === Infinity
      ? Effect.void
      : Effect.zipRight(Effect.sleep(Duration.millis(Math.ceil(wakesAt - now.monotonic))), watch)
  })

  const watchUntil = (deadline: number): void => {
    if (deadline >= wakesAt) return
    interrupt(sleeper)
    sleeper = run(watch)
  }

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      for (const { leave } of underWay) leave("closed")
    })
  )

  /** What is run again after a freeze has the deadline of what ran before it. */
  const limit = <A, E, R, E2>(
    self: Effect.Effect<A, E, R>,
    options: Options<E2>,
    givenDeadline?: number
  ): Effect.Effect<A, E | E2, R> =>
    Effect.uninterruptibleMask((restore) =>
      // The fiber succeeds with the exit, since Effect logs a fiber that fails as an unhandled error (S14).
      Effect.flatMap(Effect.forkDaemon(Effect.exit(Effect.interruptible(self))), (fiber) => {
        const startedAt = Instant.unsafeNow(clock)
        const deadline = givenDeadline ?? startedAt.monotonic + Duration.toMillis(options.duration)
        const result = {
          late: Effect.suspend(() => Effect.fail(options.onTimeout())),
          frozen: Effect.suspend(() => limit(self, options, deadline)),
          closed: Effect.interrupt
        }
        const wait = Effect.async<A, E | E2, R>((resume) => {
          const mine: UnderWay = {
            startedAt,
            deadline,
            isRepeatable: options.isRepeatable,
            leave: (why) => {
              underWay.delete(mine)
              interrupt(fiber)
              resume(result[why])
            }
          }
          underWay.add(mine)
          fiber.addObserver((exit) => {
            underWay.delete(mine)
            resume(Effect.flatten(exit))
          })
          if (isClosed) mine.leave("closed")
          else watchUntil(deadline)
          return Effect.sync(() => underWay.delete(mine))
        })
        // It gets its turn, in which it closes its socket, and no more.
        return Effect.onInterrupt(restore(wait), () =>
          Effect.suspend(() => {
            interrupt(fiber)
            return Effect.yieldNow()
          }))
      })
    )

  return (self, options) => limit(self, options)
})
