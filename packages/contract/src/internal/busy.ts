/*
 * Tests in real time on a machine that is busy with something else.
 */
import * as Instant from "@effect-tilia/core/Instant"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"

/** How often this process looks at the clock. */
const tick = 25

/** How late a timer must be to tell that this process did not run: less than every margin of a test. */
const tooLate = 200

/** Never ends. Calls the function with how late each timer is, in milliseconds. */
export const watch = (note: (late: number) => void): Effect.Effect<never> =>
  Effect.gen(function*() {
    const before = yield* Instant.monotonic
    yield* Effect.sleep(tick)
    note((yield* Instant.monotonic) - before - tick)
  }).pipe(Effect.forever)

/**
 * Makes a test again, at most twice, if it failed while this process did not run for a while: then its failure does not
 * tell whether what it tests is too late, or the test itself.
 */
export const retryIfBusy = <A, E, R>(test: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    let latest = 0
    const watching = watch((late) => {
      latest = Math.max(latest, late)
    })
    const exit = yield* Effect.raceFirst(Effect.exit(test), watching)
    const isTelling = Exit.isSuccess(exit) || Exit.isInterrupted(exit) || latest < tooLate
    return isTelling ? Option.some(exit) : Option.none()
  }).pipe(
    Effect.repeat({ times: 1, until: Option.isSome }),
    Effect.flatMap(Option.match({ onNone: () => test, onSome: (exit) => exit }))
  )
