/*
 * Whether Redis is there, for the log: one line when it is away, and one when it is back. A connection that ends is not
 * worth a line, since servers and networks close idle ones: Redis is away once a connection cannot be opened.
 */
import * as Effect from "effect/Effect"

/** What a connection reports. */
export interface Part {
  readonly up: Effect.Effect<void>
  readonly down: Effect.Effect<void>
  readonly failed: (reason: string) => Effect.Effect<void>
}

export interface Status {
  readonly part: Part
  /** Ends when all connections are up for the first time. */
  readonly allUp: Effect.Effect<void>
}

/** The status of a Redis to which there are so many connections. */
export const make = (connections: number): Effect.Effect<Status> =>
  Effect.map(Effect.makeLatch(), (latch) => {
    let up = 0
    let isAway = false
    return {
      part: {
        up: Effect.suspend(() => {
          up++
          if (up < connections) return Effect.void
          const wasAway = isAway
          isAway = false
          return Effect.zipRight(
            latch.open,
            wasAway ? Effect.logInfo("Redis is back: tokens are shared again.") : Effect.void
          )
        }),
        down: Effect.sync(() => {
          up--
        }),
        failed: (reason) =>
          Effect.suspend(() => {
            if (isAway) return Effect.void
            isAway = true
            return Effect.logWarning(
              `Redis is away (${reason}): until it is back, each process requests tokens for itself.`
            )
          })
      },
      allUp: latch.await
    }
  })
