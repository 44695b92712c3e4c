/**
 * Where sources leave their token, or why they have none, for others: for the processes of a fleet, or for the tabs of
 * a browser. A back end implements `TokenStore`; a `TokenSource` uses the one in its context.
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
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AccessToken } from "./AccessToken.js"
import * as Instant from "./Instant.js"
import { issuedAgo } from "./internal/accessToken.js"
import * as Slot from "./internal/slot.js"
import * as Scopes from "./Scopes.js"
import type { TokenError } from "./TokenError.js"

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
 * Why a request under the store's lock brought no token: left for the other sources, so that they do not make the same
 * request in vain.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failure {
  /** The error of the request. It holds no secret. */
  readonly error: TokenError
  /** How many requests have failed in a row, this one included. It makes the cool-down double. */
  readonly failures: number
  /** How long the server is left alone; zero once that is over. The store counts it down by its own clock. */
  readonly remaining: Duration.Duration
  /**
   * Whether a source that has no valid token fails with this error meanwhile. A renewal that failed although the token
   * was still valid holds up other renewals only.
   */
  readonly isBinding: boolean
}

/**
 * A failure as a reader gets it from the store. A token with the same generation or a larger one makes it void.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredFailure extends Failure {
  /** The generation of the lock under which the request was made. */
  readonly generation: number
}

/**
 * What the store holds for one set of scopes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  /** The newest token, if there is one. It may have expired. */
  readonly token: Option.Option<Stored>
  /** The last failure, if no token was written after it. */
  readonly failure: Option.Option<StoredFailure>
}

/**
 * How a request under the lock ended.
 *
 * - `Granted`: the server granted this token. It replaces the stored token and a stored failure.
 * - `Failed`: the request failed. The stored token stays.
 * - `Abandoned`: there is nothing to tell, because no request was made or its source was closed.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = Data.TaggedEnum<{
  Granted: { readonly token: AccessToken }
  Failed: { readonly failure: Failure }
  Abandoned: Record<never, never>
}>

/**
 * The outcomes, for those who settle a lock by themselves, as in a test of a store.
 *
 * @since 0.1.0
 * @category constructors
 */
export const { Abandoned, Failed, Granted } = Data.taggedEnum<Outcome>()

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
  /**
   * Stores the outcome with this generation, gives the lock up and tells the other sources, in one command. Does
   * nothing if another source has taken the lock.
   */
  readonly settle: (outcome: Outcome) => Effect.Effect<void, StoreError>
  /** Starts the lease anew. Does nothing if the lock was given up, or if another source has taken it. */
  readonly renew: Effect.Effect<void, StoreError>
}

/**
 * What a source gets that asks for the lock.
 *
 * - `Acquired`: the lock, and what the store holds at this moment.
 * - `Held`: another source holds the lock, for `remaining` at most unless it renews it.
 *
 * @since 0.1.0
 * @category models
 */
export type Acquisition = Data.TaggedEnum<{
  Acquired: { readonly lock: Lock; readonly entry: Entry }
  Held: { readonly remaining: Duration.Duration }
}>

/**
 * The two results of `lock`, for those who write a store.
 *
 * @since 0.1.0
 * @category constructors
 */
export const { Acquired, Held } = Data.taggedEnum<Acquisition>()

/**
 * A hint that the store should be read.
 *
 * - `Settled`: another source has settled a lock.
 * - `Cleared`: everything was removed, as at a logout. A source drops its token too.
 * - `Resumed`: this process was cut off from the network or was frozen, and is back. What has failed may succeed now:
 *   a source ends its cool-down.
 *
 * @since 0.1.0
 * @category models
 */
export type Change = "Settled" | "Cleared" | "Resumed"

/**
 * A store did not do what it was told. No caller of a `TokenSource` gets this error: the source skips the store, and
 * tells so by a `StoreSkipped` event.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreError extends Schema.TaggedError<StoreError>("@effect-tilia/core/StoreError")("StoreError", {
  /**
   * `"Unavailable"`: the store cannot be reached, or is broken. `"Slow"`: a command took longer than 250 milliseconds.
   * `"Unreadable"`: the store holds something that is neither a token nor a failure.
   */
  reason: Schema.Literal("Unavailable", "Slow", "Unreadable"),
  /** Whether the store itself has logged why, so that the source does not log a second Warning. Absent is `false`. */
  isLogged: Schema.optional(Schema.Boolean)
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
  /** What the store holds for these scopes. Fails with `"Unreadable"` if that is neither a token nor a failure. */
  readonly read: (scopes: Scopes.Scopes) => Effect.Effect<Entry, StoreError>
  /**
   * The lock for these scopes, if no other source holds it. Does not wait. An entry that is unreadable is left out, so
   * that the holder of the lock replaces it.
   */
  readonly lock: (scopes: Scopes.Scopes) => Effect.Effect<Acquisition, StoreError>
  /** What others do from now on, as far as the store learns of it. */
  readonly changes: (scopes: Scopes.Scopes) => Stream.Stream<Change>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const TokenStore: Context.Tag<TokenStore, TokenStore> = Context.GenericTag("@effect-tilia/core/TokenStore")

/** A token, and when it was issued on both clocks: the wall clock may be set while it is stored (T7). */
interface KeptToken extends Stored {
  readonly issuedAt: Instant.Instant
}

/** A failure, and when its wait ends, in milliseconds of the monotonic clock. */
interface KeptFailure extends StoredFailure {
  readonly until: number
}

const entryOf = ({ failure, token }: Slot.Slot<KeptToken, KeptFailure>, now: Instant.Instant): Entry => ({
  token: Option.map(token, ({ generation, issuedAt, token }) => ({
    token: issuedAgo(token, Instant.elapsed(issuedAt, now), now),
    generation
  })),
  failure: Option.map(failure, ({ until, ...failure }) => ({
    ...failure,
    remaining: Duration.millis(Math.max(0, until - now.monotonic))
  }))
})

const keptToken = (token: AccessToken, generation: number, now: Instant.Instant): KeptToken => ({
  token,
  generation,
  issuedAt: Instant.before(now, Math.max(0, now.wall - token.issuedAt.epochMillis))
})

const keptFailure = (failure: Failure, generation: number, { monotonic }: Instant.Instant): KeptFailure => ({
  ...failure,
  generation,
  until: monotonic + Duration.toMillis(failure.remaining)
})

/**
 * A store in the memory of one process, for several sources in it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<TokenStore> = Effect.gen(function*() {
  const slots = new Map<string, Slot.Slot<KeptToken, KeptFailure>>()
  const changed = yield* PubSub.sliding<string>(256)
  const leaseMillis = Duration.toMillis(lease)
  const slotOf = (key: string): Slot.Slot<KeptToken, KeptFailure> => slots.get(key) ?? Slot.empty

  const makeLock = (key: string, generation: number): Lock => ({
    generation,
    settle: (outcome) =>
      Effect.flatMap(Instant.now, (now) => {
        const slot = slotOf(key)
        if (slot.generation !== generation) return Effect.void
        const token = outcome._tag === "Granted" ? keptToken(outcome.token, generation, now) : undefined
        const failure = outcome._tag === "Failed" ? keptFailure(outcome.failure, generation, now) : undefined
        slots.set(key, Slot.settled(slot, { token, failure }))
        return PubSub.publish(changed, key)
      }),
    renew: Effect.map(Instant.monotonic, (now) => {
      const slot = slotOf(key)
      if (slot.generation === generation) slots.set(key, Slot.renewed(slot, now + leaseMillis))
    })
  })

  return {
    read: (scopes) => Effect.map(Instant.now, (now) => entryOf(slotOf(Scopes.key(scopes)), now)),
    lock: (scopes) =>
      Effect.map(Instant.now, (now) => {
        const key = Scopes.key(scopes)
        const slot = slotOf(key)
        const remaining = Slot.remaining(slot, now.monotonic, leaseMillis)
        if (remaining > 0) return Held({ remaining: Duration.millis(remaining) })
        const generation = slot.generation + 1
        slots.set(key, Slot.locked(slot, generation, now.monotonic + leaseMillis))
        return Acquired({ lock: makeLock(key, generation), entry: entryOf(slot, now) })
      }),
    changes: (scopes) =>
      Stream.fromPubSub(changed).pipe(
        Stream.filter((key) => key === Scopes.key(scopes)),
        Stream.as("Settled")
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
