/**
 * Where sources leave their token for others: for the processes of a fleet, or for the tabs of a browser. A back end
 * implements `TokenStore`; a `TokenSource` uses the one in its context.
 *
 * @example
 * import { TokenSource, TokenStore } from "@effect-tilia/core"
 * import { Layer } from "effect"
 *
 * // Every source that this Layer is provided to shares one token.
 * const Source = TokenSource.layer({ scopes: ["user_info"] }).pipe(Layer.provide(TokenStore.layerMemory))
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
import * as Instant from "./Instant.js"
import * as Scopes from "./Scopes.js"

/**
 * A token as a reader gets it from the store.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stored {
  /**
   * The token. Its times are those of the reader's clock: the store keeps what is left of the lifetime, so the clock of
   * the process that wrote the token does not matter.
   */
  readonly token: AccessToken
  /** Of two tokens for the same scopes, the one with the larger generation is newer. */
  readonly generation: number
}

/**
 * The right to ask the server, for one `lease` from when it was taken or last renewed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lock {
  /**
   * A number larger than the generation of every token and every lock before it, even if the store has lost everything
   * meanwhile.
   */
  readonly generation: number
  /** Stores a token with this generation. Does nothing if the store holds a newer one. */
  readonly write: (token: AccessToken) => Effect.Effect<void, StoreError>
  /** Starts the lease anew. Does nothing if another source has taken the lock. */
  readonly renew: Effect.Effect<void, StoreError>
  /** Gives the lock up. Does nothing if another source has taken it. */
  readonly release: Effect.Effect<void, StoreError>
}

/**
 * A hint that the store should be read: a token was written, or all tokens were removed.
 *
 * @since 0.1.0
 * @category models
 */
export type Change = "Written" | "Cleared"

/**
 * A store did not do what it was told. No caller of a `TokenSource` gets this error: the source skips the store, and
 * tells so by a `StoreSkipped` event.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreError extends Schema.TaggedError<StoreError>("@effect-tilia/core/StoreError")("StoreError", {
  /**
   * `"Unavailable"`: the store cannot be reached. `"Slow"`: a command took longer than 250 milliseconds.
   * `"Unreadable"`: the store holds something that is not a token.
   */
  reason: Schema.Literal("Unavailable", "Slow", "Unreadable")
}) {
  override readonly message: string = `The token store is skipped (${this.reason}).`
}

/**
 * How long a lock is held unless its holder renews it: 3 seconds. If the holder crashes, others wait at most this long.
 *
 * @since 0.1.0
 * @category constants
 */
export const lease: Duration.DurationInput = "3 seconds"

/**
 * What a back end implements. Each method is one command, without timers or retries of its own. A store belongs to one
 * client in one environment; scopes name its entries, in any order.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenStore {
  /** The token for these scopes, if there is one. */
  readonly read: (scopes: Scopes.Scopes) => Effect.Effect<Option.Option<Stored>, StoreError>
  /** The lock for these scopes; `None` while another source holds it. Does not wait. */
  readonly lock: (scopes: Scopes.Scopes) => Effect.Effect<Option.Option<Lock>, StoreError>
  /** What others do from now on, as far as the store learns of it. */
  readonly changes: (scopes: Scopes.Scopes) => Stream.Stream<Change>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const TokenStore: Context.Tag<TokenStore, TokenStore> = Context.GenericTag("@effect-tilia/core/TokenStore")

interface Entry {
  readonly generation: number
  readonly stored: Option.Option<Stored>
  /** When the lease ends, in milliseconds of the monotonic clock. */
  readonly lockedUntil: number
}

const noEntry: Entry = { generation: 0, stored: Option.none(), lockedUntil: Number.NEGATIVE_INFINITY }

const endOfLease = Effect.map(Instant.monotonic, (now) => now + Duration.toMillis(lease))

/**
 * A store in the memory of one process, for several sources in it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<TokenStore> = Effect.gen(function*() {
  const entries = new Map<string, Entry>()
  const written = yield* PubSub.sliding<string>(256)
  const entryOf = (key: string): Entry => entries.get(key) ?? noEntry

  const makeLock = (key: string, generation: number): Lock => {
    const update = (change: (entry: Entry) => Entry) => Effect.sync(() => void entries.set(key, change(entryOf(key))))
    /** Each lock has a larger generation than the one before, so the lock of the entry's generation is held. */
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
      renew: Effect.flatMap(endOfLease, lockedUntil),
      release: lockedUntil(Number.NEGATIVE_INFINITY)
    }
  }

  return {
    read: (scopes) => Effect.sync(() => entryOf(Scopes.key(scopes)).stored),
    lock: (scopes) =>
      Effect.zipWith(Instant.monotonic, endOfLease, (now, lockedUntil) => {
        const key = Scopes.key(scopes)
        const entry = entryOf(key)
        if (now < entry.lockedUntil) return Option.none()
        const generation = entry.generation + 1
        entries.set(key, { ...entry, generation, lockedUntil })
        return Option.some(makeLock(key, generation))
      }),
    changes: (scopes) =>
      Stream.fromPubSub(written).pipe(
        Stream.filter((key) => key === Scopes.key(scopes)),
        Stream.as("Written")
      )
  }
})

/**
 * The store in memory as a Layer. All sources that the same Layer is provided to share it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<TokenStore> = Layer.effect(TokenStore, makeMemory)
