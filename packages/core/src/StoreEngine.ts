/**
 * The back end of a store for a fleet: a database that many processes reach. An engine knows neither credentials nor
 * tokens. It keeps texts under names, and one lock for each name. `SealedTokenStore` makes a `TokenStore` of it, which
 * seals what it writes.
 *
 * @example
 * import { StoreEngine, Tilia } from "@effect-tilia/core"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 *
 * declare const options: Tilia.Options
 *
 * // Every source of these services shares its token with all others that use the same engine and the same client.
 * const TiliaLive = Tilia.layer(options).pipe(
 *   Layer.provide([FetchHttpClient.layer, StoreEngine.layerMemory])
 * )
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import * as Instant from "./Instant.js"
import * as Slot from "./internal/slot.js"
import { lease, type StoreError } from "./TokenStore.js"

/**
 * The length of the longest text that `SealedTokenStore` opens: 524,288 characters. No token that it writes is longer.
 * Anyone who can write to the back end may have planted a longer one. An engine should not fetch it: it is unreadable.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestText = 524_288

/**
 * A text as `SealedTokenStore` wrote it, with the generation of its lock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sealed {
  /**
   * What was written, whole: letters, digits, `-` and `_`. Mostly a few kilobytes, but as long as the server's token
   * needs, up to `longestText`.
   */
  readonly text: string
  /** The generation of the lock under which it was written. */
  readonly generation: number
}

/**
 * What the engine keeps under one name.
 *
 * @since 0.1.0
 * @category models
 */
export interface Row {
  /** The time of the engine's own clock, in milliseconds since 1970, when it read the rest. */
  readonly now: number
  /** The last token that was written, if there is one. */
  readonly token: Option.Option<Sealed>
  /** The last failure that was written, if no token was written after it. */
  readonly failure: Option.Option<Sealed>
}

/**
 * What a holder leaves when it gives the lock up.
 *
 * - `Granted`: this token. It replaces the token and the failure of the row.
 * - `Failed`: this failure. The token stays.
 * - `Abandoned`: nothing. The row stays as it is.
 *
 * After `keepFor` nobody needs the text: the engine may delete the row then, and should.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = Data.TaggedEnum<{
  Granted: { readonly text: string; readonly keepFor: Duration.Duration }
  Failed: { readonly text: string; readonly keepFor: Duration.Duration }
  Abandoned: Record<never, never>
}>

/**
 * The outcomes, for those who use an engine by itself, as in a test.
 *
 * @since 0.1.0
 * @category constructors
 */
export const { Abandoned, Failed, Granted } = Data.taggedEnum<Outcome>()

/**
 * What a process gets that asks for the lock of a name.
 *
 * - `Acquired`: the lock, which has this generation, and what the engine keeps under this name.
 * - `Held`: another process holds the lock, for `remaining` at most unless it renews it.
 *
 * @since 0.1.0
 * @category models
 */
export type Acquisition = Data.TaggedEnum<{
  Acquired: { readonly generation: number; readonly row: Row }
  Held: { readonly remaining: Duration.Duration }
}>

/**
 * The two results of `lock`, for those who write an engine.
 *
 * @since 0.1.0
 * @category constructors
 */
export const { Acquired, Held } = Data.taggedEnum<Acquisition>()

/**
 * What a back end implements. Each method is one command, which takes effect as a whole or not at all; it has no
 * retries of its own. All times are by the engine's clock, so that the clocks of the processes do not matter. A command
 * that fails costs one token request, and no caller an error.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoreEngine {
  /** What the engine keeps under this name. */
  readonly read: (name: string) => Effect.Effect<Row, StoreError>
  /**
   * Takes the lock of this name for one `TokenStore.lease`, if nobody holds it. It does not wait. Its generation is the
   * time in milliseconds, or one more than the last generation, whichever is larger. So it is larger than every one
   * before, even if the engine has lost everything meanwhile (unless its clock was set back as well).
   */
  readonly lock: (name: string) => Effect.Effect<Acquisition, StoreError>
  /**
   * Writes the outcome with this generation, gives the lock up, and tells all processes. Does nothing if another lock
   * was given after that of this generation.
   */
  readonly settle: (name: string, generation: number, outcome: Outcome) => Effect.Effect<void, StoreError>
  /** Starts the lease anew. Does nothing if the lock was given up, or if another one was given after it. */
  readonly renew: (name: string, generation: number) => Effect.Effect<void, StoreError>
  /**
   * Emits whenever another process may have settled a lock of this name: when the engine is told so, and when it is
   * connected again and may have missed it. Too often is harmless, and too seldom costs waiting processes at most one
   * lease. Never fails and never ends.
   */
  readonly changes: (name: string) => Stream.Stream<void>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const StoreEngine: Context.Tag<StoreEngine, StoreEngine> = Context.GenericTag("@effect-tilia/core/StoreEngine")

const rowOf = ({ failure, token }: Slot.Slot<Sealed, Sealed>, now: number): Row => ({ now, token, failure })

/**
 * An engine in the memory of one process: for tests, and as a model for others. Its clock is that of the fiber that
 * made it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<StoreEngine> = Effect.gen(function*() {
  const slots = new Map<string, Slot.Slot<Sealed, Sealed>>()
  const changed = yield* PubSub.sliding<string>(256)
  const clock = yield* Effect.clock // its own, as that of a server: not those of its users
  let last = Instant.unsafeNow(clock)
  /** The wall clock, but it never goes back: that would make a token look younger. */
  const time = Effect.sync(() => {
    const now = Instant.unsafeNow(clock)
    last = { wall: Math.max(now.wall, last.wall + (now.monotonic - last.monotonic)), monotonic: now.monotonic }
    return last.wall
  })
  const leaseMillis = Duration.toMillis(lease)
  const slotOf = (name: string): Slot.Slot<Sealed, Sealed> => slots.get(name) ?? Slot.empty

  return {
    read: (name) => Effect.map(time, (now) => rowOf(slotOf(name), now)),
    lock: (name) =>
      Effect.map(time, (now) => {
        const slot = slotOf(name)
        const remaining = Slot.remaining(slot, now, leaseMillis)
        if (remaining > 0) return Held({ remaining: Duration.millis(remaining) })
        const generation = Math.max(slot.generation + 1, now)
        slots.set(name, Slot.locked(slot, generation, now + leaseMillis))
        return Acquired({ generation, row: rowOf(slot, now) })
      }),
    settle: (name, generation, outcome) =>
      Effect.suspend(() => {
        const slot = slotOf(name)
        if (slot.generation !== generation) return Effect.void
        slots.set(
          name,
          Slot.settled(slot, {
            token: outcome._tag === "Granted" ? { text: outcome.text, generation } : undefined,
            failure: outcome._tag === "Failed" ? { text: outcome.text, generation } : undefined
          })
        )
        return PubSub.publish(changed, name)
      }),
    renew: (name, generation) =>
      Effect.map(time, (now) => {
        const slot = slotOf(name)
        if (slot.generation === generation) slots.set(name, Slot.renewed(slot, now + leaseMillis))
      }),
    changes: (name) =>
      Stream.fromPubSub(changed).pipe(
        Stream.filter((changed) => changed === name),
        Stream.as(undefined)
      )
  }
})

/**
 * The engine in memory as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<StoreEngine> = Layer.effect(StoreEngine, makeMemory)
