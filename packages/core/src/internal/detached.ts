/*
 * Work of the user's own that nobody may have to wait for, since it may not be interruptible: that of an endpoint, of
 * credentials or of a store (S3).
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * Runs it in a fiber of its own. Who waits for it and is interrupted leaves at once, and the work ends in the
 * background when it can. That fiber does not log how it ends (S14, E8).
 */
export const detached = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withUnhandledErrorLogLevel(Effect.disconnect(work), Option.none())
