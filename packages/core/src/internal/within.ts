/*
 * A time limit, for what is done often: `Effect.timeoutFail` costs as much as half of a whole request (P3).
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * Runs an effect for so long at most; then interrupts it, awaits its end, and fails. The sleeper is a fiber of its own that
 * nobody awaits.
 */
export const within = <A, E, R, E2>(
  self: Effect.Effect<A, E, R>,
  { duration, onTimeout }: { readonly duration: Duration.Duration; readonly onTimeout: () => E2 }
): Effect.Effect<A, E | E2, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime((parent) =>
      Effect.flatMap(Effect.forkDaemon(restore(self)), (fiber) => {
        let late = false
        const end = Effect.sync(() => {
          late = true
          fiber.unsafeInterruptAsFork(parent.id())
        })
        return Effect.flatMap(
          Effect.forkDaemon(Effect.interruptible(Effect.flatMap(Clock.sleep(duration), () => end))),
          (sleeper) =>
            Effect.flatMap(
              Effect.onInterrupt(restore(Fiber.await(fiber)), () => {
                sleeper.unsafeInterruptAsFork(parent.id())
                return Fiber.interrupt(fiber)
              }),
              (exit): Effect.Effect<A, E | E2> => {
                sleeper.unsafeInterruptAsFork(parent.id())
                return late && exit._tag === "Failure" ? Effect.fail(onTimeout()) : exit
              }
            )
        )
      })
    )
  )
