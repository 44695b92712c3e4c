/**
 * A vitest suite that tests whether `TokenSource` may share its token through a `TokenStore`. It takes seven seconds,
 * and leaves nothing in the store except entries under scopes of its own.
 *
 * @example
 * import { storeContract } from "@effect-tilia/contract/storeContract"
 * import { TokenStore } from "@effect-tilia/core"
 * import { Effect, Layer } from "effect"
 *
 * const shared = Effect.runSync(TokenStore.makeMemory)
 *
 * storeContract("memory", Layer.succeed(TokenStore.TokenStore, shared))
 *
 * @since 0.1.0
 */
import * as Scopes from "@effect-tilia/core/Scopes"
import { type Lock, type Stored, TokenStore } from "@effect-tilia/core/TokenStore"
import * as TestAccessToken from "@effect-tilia/testing/TestAccessToken"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"

/** What two processes do with the same store. */
type Body = (
  one: TokenStore,
  other: TokenStore,
  scopes: Scopes.Scopes
) => Effect.Effect<unknown, unknown, Scope.Scope>

/** Scopes that no other test uses, and that no earlier run has left in the store. */
const newScopes = Effect.sync(() => crypto.randomUUID()).pipe(
  Effect.flatMap((id) => Schema.decode(Scopes.Scopes)(`a-${id},b-${id}`))
)

const lockOf = (store: TokenStore, scopes: Scopes.Scopes): Effect.Effect<Lock, unknown> =>
  Effect.flatten(store.lock(scopes))

const isLocked = (store: TokenStore, scopes: Scopes.Scopes) => Effect.map(store.lock(scopes), Option.isNone)

const tokenOf = (text: string, lifetime: Duration.DurationInput = "1 hour") => TestAccessToken.make({ text, lifetime })

const textIn = (store: TokenStore, scopes: Scopes.Scopes) =>
  Effect.map(store.read(scopes), Option.map(({ token }: Stored) => TestAccessToken.text(token)))

const write = (store: TokenStore, scopes: Scopes.Scopes, text: string) =>
  Effect.gen(function*() {
    const lock = yield* lockOf(store, scopes)
    yield* lock.write(yield* tokenOf(text))
    yield* lock.release
    return lock
  })

/** Longer than a lease. */
const untilLeaseEnds = Effect.sleep("3200 millis")

/** The tests, by their titles. */
const tests: Readonly<Record<string, Body>> = {
  "a process reads the token that another wrote, with its scopes and remaining lifetime (T1)": (one, other, scopes) =>
    Effect.gen(function*() {
      expect(yield* one.read(scopes)).toStrictEqual(Option.none())
      const lock = yield* lockOf(one, scopes)
      const token = yield* TestAccessToken.make({ scopes: ["a", "b"], lifetime: "1 hour" })
      yield* lock.write(token)
      const read = yield* Effect.flatten(other.read(scopes))
      expect(read.generation).toBe(lock.generation)
      expect(TestAccessToken.text(read.token)).toBe(TestAccessToken.text(token))
      expect(read.token.scopes).toStrictEqual(token.scopes)
      expect(Math.abs(read.token.expiresAt.epochMillis - token.expiresAt.epochMillis)).toBeLessThan(1000)
      expect(Math.abs(read.token.issuedAt.epochMillis - token.issuedAt.epochMillis)).toBeLessThan(1000)
    }),

  "only one of 16 callers gets the lock (T1)": (one, other, scopes) =>
    Effect.gen(function*() {
      const locks = yield* Effect.all(
        Array.from({ length: 16 }, (_, n) => (n % 2 === 0 ? one : other).lock(scopes)),
        { concurrency: "unbounded" }
      )
      expect(locks.filter(Option.isSome).length).toBe(1)
    }),

  "another process gets the lock as soon as its holder releases it (T1)": (one, other, scopes) =>
    Effect.gen(function*() {
      const lock = yield* lockOf(one, scopes)
      expect(yield* isLocked(other, scopes)).toBe(true)
      yield* lock.release
      expect(yield* isLocked(other, scopes)).toBe(false)
    }),

  "the store ignores the order of scopes, and other scopes share neither token nor lock (T5)": (one, other, scopes) =>
    Effect.gen(function*() {
      yield* write(one, scopes, "here")
      yield* lockOf(one, scopes)
      const [first, second] = scopes
      const reversed = yield* Scopes.make([second ?? first, first])
      expect(yield* textIn(other, reversed)).toStrictEqual(Option.some("here"))
      expect(yield* isLocked(other, reversed)).toBe(true)
      const fewer = yield* Scopes.make([first])
      expect(yield* textIn(other, fewer)).toStrictEqual(Option.none())
      expect(yield* isLocked(other, fewer)).toBe(false)
    }),

  "each lock has a larger generation than every lock before it (T6)": (one, other, scopes) =>
    Effect.gen(function*() {
      const generations: Array<number> = []
      for (const store of [one, other, one, other]) generations.push((yield* write(store, scopes, "x")).generation)
      expect(generations).toStrictEqual([...new Set(generations)].sort((a, b) => a - b))
    }),

  "a lock that its holder does not renew ends with its lease (T3)": (one, other, scopes) =>
    Effect.gen(function*() {
      yield* lockOf(one, scopes)
      yield* Effect.sleep("2 seconds")
      expect(yield* isLocked(other, scopes)).toBe(true)
      yield* Effect.sleep("1200 millis")
      expect(yield* isLocked(other, scopes)).toBe(false)
    }),

  "a lock that its holder renews lasts longer than one lease (T2)": (one, other, scopes) =>
    Effect.gen(function*() {
      const lock = yield* lockOf(one, scopes)
      for (let n = 0; n < 4; n++) {
        yield* Effect.sleep("1 second")
        yield* lock.renew
        expect(yield* isLocked(other, scopes)).toBe(true)
      }
    }),

  "a holder that paused beyond its lease cannot release or renew the lock of the next holder (T3, row 103)": (
    one,
    other,
    scopes
  ) =>
    Effect.gen(function*() {
      const paused = yield* lockOf(one, scopes)
      yield* untilLeaseEnds
      yield* lockOf(other, scopes)
      yield* paused.release
      expect(yield* isLocked(one, scopes)).toBe(true)
      yield* Effect.sleep("2 seconds")
      yield* paused.renew
      yield* Effect.sleep("1200 millis")
      expect(yield* isLocked(one, scopes)).toBe(false)
    }),

  "a holder that writes after its lease does not replace a newer token (T3, row 103)": (one, other, scopes) =>
    Effect.gen(function*() {
      const paused = yield* lockOf(one, scopes)
      yield* untilLeaseEnds
      yield* write(other, scopes, "newer")
      yield* paused.write(yield* tokenOf("late"))
      expect(yield* textIn(one, scopes)).toStrictEqual(Option.some("newer"))
      expect(yield* textIn(other, scopes)).toStrictEqual(Option.some("newer"))
    }),

  "the store returns no token after its lifetime, or an expired one (T7)": (one, other, scopes) =>
    Effect.gen(function*() {
      const lock = yield* lockOf(one, scopes)
      yield* lock.write(yield* tokenOf("short", "1 second"))
      yield* Effect.sleep("1100 millis")
      const now = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
      const left = Option.map(yield* other.read(scopes), ({ token }) => token.expiresAt.epochMillis - now)
      expect(Option.getOrElse(left, () => 0)).toBeLessThanOrEqual(0)
    }),

  "another process is told of a token that was written (T6)": (one, other, scopes) =>
    Effect.gen(function*() {
      const change = yield* Effect.fork(Stream.runHead(other.changes(scopes)))
      yield* Effect.sleep("200 millis")
      yield* write(one, scopes, "x")
      expect(yield* Effect.timeout(Fiber.join(change), "2 seconds")).toStrictEqual(Option.some("Written"))
    })
}

/**
 * Declares the suite under this name. For each test the Layer is built twice, as two processes that share the store
 * would build it. Call it where a vitest file declares its tests.
 *
 * @since 0.1.0
 * @category constructors
 */
export const storeContract = (name: string, store: Layer.Layer<TokenStore, unknown>): void => {
  const newStore = Effect.map(Layer.build(Layer.fresh(store)), Context.get(TokenStore))
  describe.concurrent(name, () => {
    for (const [title, body] of Object.entries(tests)) {
      it(title, () =>
        Effect.all([newStore, newStore, newScopes]).pipe(
          Effect.flatMap(([one, other, scopes]) => body(one, other, scopes)),
          Effect.scoped,
          Effect.runPromise
        ), 20_000)
    }
  })
}
