/*
 * The fibers that serve all callers of a service. They run in the context of the fiber that made the service, and not
 * in that of the caller that happened to start them (S3). This is not a `FiberSet`, which costs a page 0.5 kB (P7).
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"

/** Starts a fiber. With `immediate: false` it takes its first step after the current one. */
export type Run = <A>(
  effect: Effect.Effect<A>,
  options?: { readonly immediate: boolean }
) => Fiber.RuntimeFiber<A>

/**
 * None of the fibers logs how it ends: Effect would log a failure as an unhandled error, with all that it says (E8,
 * S14). When the scope closes, all fibers are interrupted, also those of a service that was made in an uninterruptible
 * region. A fiber that is started later, as by a service that is made in a closed scope, is interrupted at once.
 */
export const make: Effect.Effect<Run, never, Scope.Scope> = Effect.gen(function*() {
  const fork = Runtime.runFork(yield* Effect.withUnhandledErrorLogLevel(Effect.runtime<never>(), Option.none()))
  const fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  let isClosed = false
  yield* Effect.addFinalizer(() => {
    isClosed = true
    return Fiber.interruptAll(fibers)
  })
  return (effect, options) => {
    const fiber = fork(isClosed ? Effect.interrupt : Effect.interruptible(effect), options)
    fibers.add(fiber)
    fiber.addObserver(() => fibers.delete(fiber))
    return fiber
  }
})
