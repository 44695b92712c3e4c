/**
 * Where sources leave their token for others: processes of a fleet, tabs of a browser (T1–T7). A back end implements it; a
 * `TokenSource` uses the one in its context.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AccessToken } from "./AccessToken.js"
import * as Hands from "./Instant.js"
import * as Scopes from "./Scopes.js"

/**
 * A token as the store has it. Its times are the reader's: what is left of its life is the store's to know, whatever the
 * clock of whoever wrote it says (T7). Of two tokens for the same scopes the one with the larger `generation` is newer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stored {
  readonly token: AccessToken
  readonly generation: number
}

/**
 * The right to ask the server, for a `lease` from when it was had or last renewed.
 *
 * - `generation`: larger than that of every token stored and every lock had before, even where the store has since lost
 *   everything.
 * - `write`: leaves a token there, with this generation; nothing happens where there is a newer one (T3).
 * - `renew`: begins the lease anew; nothing happens where somebody else has the lock by now.
 * - `release`: gives the lock up, and leaves alone one that somebody else has by now.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lock {
  readonly generation: number
  readonly write: (token: AccessToken) => Effect.Effect<void, StoreError>
  readonly renew: Effect.Effect<void, StoreError>
  readonly release: Effect.Effect<void, StoreError>
}

/**
 * A hint that the store should be read: somebody wrote a token, or emptied it.
 *
 * @since 0.1.0
 * @category models
 */
export type Change = "Written" | "Cleared"

/**
 * A store that did not do what it was told: it couldn't be reached (`Unavailable`), took longer than 250 milliseconds
 * (`Slow`), or holds what is no token (`Unreadable`). No caller of a `TokenSource` sees one: they get their tokens without
 * the store (T2).
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreError extends Schema.TaggedError<StoreError>("@effect-tilia/core/StoreError")("StoreError", {
  reason: Schema.Literal("Unavailable", "Slow", "Unreadable")
}) {
  override readonly message: string = `The token store is skipped (${this.reason}).`
}

/**
 * So long a lock lasts that nobody renews: 3 seconds (T3).
 *
 * @since 0.1.0
 * @category constants
 */
export const lease: Duration.DurationInput = "3 seconds"

/**
 * What a back end implements: each method is one command, without timers or retries of its own. The store is one client's
 * in one environment (T5); scopes name its entries, in whatever order.
 *
 * @since 0.1.0
 * @category tags
 */
export class TokenStore extends Context.Tag("@effect-tilia/core/TokenStore")<TokenStore, {
  /** The token for these scopes, if there is one. */
  readonly read: (scopes: Scopes.Scopes) => Effect.Effect<Option.Option<Stored>, StoreError>
  /** The lock for these scopes, or nothing while somebody else has it. Doesn't wait. */
  readonly lock: (scopes: Scopes.Scopes) => Effect.Effect<Option.Option<Lock>, StoreError>
  /** What others do from now on, as far as the store hears of it. */
  readonly changes: (scopes: Scopes.Scopes) => Stream.Stream<Change>
}>() {}

interface Entry {
  readonly generation: number
  readonly stored: Option.Option<Stored>
  /** On the monotonic hand, in milliseconds: nobody has the lock from then on. */
  readonly lockedUntil: number
}

const nothing: Entry = { generation: 0, stored: Option.none(), lockedUntil: Number.NEGATIVE_INFINITY }

const nextLease = Effect.map(Hands.monotonic, (now) => now + Duration.toMillis(lease))

/**
 * A store in the memory of one process, for several sources in it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<TokenStore["Type"]> = Effect.gen(function*() {
  const entries = new Map<string, Entry>()
  const written = yield* PubSub.sliding<string>(256)

  const lockOf = (key: string, generation: number): Lock => {
    const update = (change: (entry: Entry) => Entry) =>
      Effect.sync(() => void entries.set(key, change(entries.get(key) ?? nothing)))
    /** Since every lock has a larger generation than the last, the largest one has it. */
    const lockedUntil = (until: number) =>
      update((entry) => entry.generation === generation ? { ...entry, lockedUntil: until } : entry)
    return {
      generation,
      write: (token) =>
        Effect.zipRight(
          update((entry) =>
            Option.exists(entry.stored, (stored) => stored.generation > generation) // T3
              ? entry
              : { ...entry, stored: Option.some({ token, generation }) }
          ),
          PubSub.publish(written, key)
        ),
      renew: Effect.flatMap(nextLease, lockedUntil),
      release: lockedUntil(Number.NEGATIVE_INFINITY)
    }
  }

  return TokenStore.of({
    read: (scopes) => Effect.sync(() => (entries.get(Scopes.key(scopes)) ?? nothing).stored),
    lock: (scopes) =>
      Effect.zipWith(Hands.monotonic, nextLease, (now, lockedUntil) => {
        const key = Scopes.key(scopes)
        const entry = entries.get(key) ?? nothing
        if (now < entry.lockedUntil) return Option.none()
        const generation = entry.generation + 1
        entries.set(key, { ...entry, generation, lockedUntil })
        return Option.some(lockOf(key, generation))
      }),
    changes: (scopes) =>
      Stream.fromPubSub(written).pipe(
        Stream.filter((key) => key === Scopes.key(scopes)),
        Stream.as("Written")
      )
  })
})

/**
 * The same as a Layer: whoever it is provided to once shares it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<TokenStore> = Layer.effect(TokenStore, makeMemory)
