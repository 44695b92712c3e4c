import { Scopes, TokenStore } from "@effect-tilia/core"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const { text } = TestAccessToken

/** A store in memory, scopes for it, and short words for what is done with it. */
const setUp = Effect.gen(function*() {
  const store = yield* TokenStore.makeMemory
  const scopes = yield* Scopes.make(["b", "a"])
  const lock = Effect.flatten(store.lock(scopes))
  const isLocked = Effect.map(store.lock(scopes), Option.isNone)
  const stored = Effect.map(
    store.read(scopes),
    Option.map(({ generation, token }) => [text(token), generation] as const)
  )
  const write = (lock: TokenStore.Lock, text: string) => Effect.flatMap(TestAccessToken.make({ text }), lock.write)
  return { store, scopes, lock, isLocked, stored, write }
})

describe("The lock of a store in memory", () => {
  it.effect("only one source holds the lock, until it is released (T1)", () =>
    Effect.gen(function*() {
      const { isLocked, lock } = yield* setUp
      const { release } = yield* lock
      expect(yield* isLocked).toBe(true)
      yield* release
      expect(yield* isLocked).toBe(false)
    }))

  it.effect("each lock has a larger generation than the one before, and the first has the generation 1 (T3)", () =>
    Effect.gen(function*() {
      const { lock } = yield* setUp
      const generations: Array<number> = []
      for (let n = 0; n < 3; n++) {
        const { generation, release } = yield* lock
        generations.push(generation)
        yield* release
      }
      expect(generations).toStrictEqual([1, 2, 3])
    }))

  it.effect("a lock ends 3 seconds after it was taken, and not sooner (T3)", () =>
    Effect.gen(function*() {
      const { isLocked, lock } = yield* setUp
      yield* lock
      yield* TestClock.adjust("2999 millis")
      expect(yield* isLocked).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* isLocked).toBe(false)
    }))

  it.effect("a lock ends 3 seconds after it was renewed (T2)", () =>
    Effect.gen(function*() {
      const { isLocked, lock } = yield* setUp
      const { renew } = yield* lock
      yield* TestClock.adjust("2 seconds")
      yield* renew
      yield* TestClock.adjust("2999 millis")
      expect(yield* isLocked).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* isLocked).toBe(false)
    }))

  it.effect("a holder that has lost its lock neither renews nor releases that of the next holder (T3)", () =>
    Effect.gen(function*() {
      const { isLocked, lock } = yield* setUp
      const lost = yield* lock
      yield* TestClock.adjust("3 seconds")
      yield* lock
      yield* lost.release
      expect(yield* isLocked).toBe(true)
      yield* TestClock.adjust("2 seconds")
      yield* lost.renew
      yield* TestClock.adjust("1 second")
      expect(yield* isLocked).toBe(false)
    }))

  it.effect("other scopes have a lock of their own, and the same scopes in another order have the same lock (T5)", () =>
    Effect.gen(function*() {
      const { lock, store } = yield* setUp
      yield* lock
      expect(Option.isNone(yield* store.lock(yield* Scopes.make(["a", "b"])))).toBe(true)
      expect(Option.isSome(yield* store.lock(yield* Scopes.make(["a"])))).toBe(true)
    }))
})

describe("The token in a store in memory", () => {
  it.effect("a store holds no token at first, and a lock alone stores none (T1)", () =>
    Effect.gen(function*() {
      const { lock, stored } = yield* setUp
      expect(yield* stored).toStrictEqual(Option.none())
      yield* lock
      expect(yield* stored).toStrictEqual(Option.none())
    }))

  it.effect("a written token has the generation of its lock, and stays after later locks (T1, T3)", () =>
    Effect.gen(function*() {
      const { lock, stored, write } = yield* setUp
      const first = yield* lock
      yield* write(first, "one")
      expect(yield* stored).toStrictEqual(Option.some(["one", 1]))
      yield* first.release
      const second = yield* lock
      expect(yield* stored).toStrictEqual(Option.some(["one", 1]))
      yield* write(second, "two")
      expect(yield* stored).toStrictEqual(Option.some(["two", 2]))
      yield* write(second, "two again")
      expect(yield* stored).toStrictEqual(Option.some(["two again", 2]))
    }))

  it.effect("a write and a release keep each other's work (T1)", () =>
    Effect.gen(function*() {
      const { isLocked, lock, stored, write } = yield* setUp
      const held = yield* lock
      yield* write(held, "one")
      expect(yield* isLocked).toBe(true)
      yield* held.renew
      yield* held.release
      expect(yield* stored).toStrictEqual(Option.some(["one", 1]))
    }))

  it.effect("a late writer does not replace a newer token (T3)", () =>
    Effect.gen(function*() {
      const { lock, stored, write } = yield* setUp
      const late = yield* lock
      yield* TestClock.adjust("3 seconds")
      yield* write(yield* lock, "newer")
      yield* write(late, "late")
      expect(yield* stored).toStrictEqual(Option.some(["newer", 2]))
    }))

  it.effect("a late writer stores its token if there is no newer one (T3)", () =>
    Effect.gen(function*() {
      const { lock, stored, write } = yield* setUp
      const late = yield* lock
      yield* TestClock.adjust("3 seconds")
      yield* lock
      yield* write(late, "late")
      expect(yield* stored).toStrictEqual(Option.some(["late", 1]))
    }))

  it.effect("tokens are read by their scopes, in any order (T5)", () =>
    Effect.gen(function*() {
      const { lock, store, write } = yield* setUp
      yield* write(yield* lock, "one")
      expect(Option.isSome(yield* store.read(yield* Scopes.make(["a", "b"])))).toBe(true)
      expect(Option.isNone(yield* store.read(yield* Scopes.make(["a"])))).toBe(true)
    }))
})

describe("The changes of a store in memory (T6)", () => {
  it.effect("the stream tells of each write for its scopes, and of no other (T6)", () =>
    Effect.gen(function*() {
      const { lock, store, write } = yield* setUp
      const reversed = yield* Scopes.make(["a", "b"])
      const heard: Array<TokenStore.Change> = []
      const reader = yield* Effect.fork(
        Stream.runForEach(store.changes(reversed), (change) => Effect.sync(() => heard.push(change)))
      )
      yield* TestClock.adjust(0)
      const other = yield* Effect.flatten(store.lock(yield* Scopes.make(["c"])))
      yield* write(other, "other")
      yield* TestClock.adjust(0)
      expect(heard).toStrictEqual([])
      yield* write(yield* lock, "one")
      yield* TestClock.adjust(0)
      expect(heard).toStrictEqual(["Written"])
      yield* Fiber.interrupt(reader)
    }))

  it.effect("a slow reader gets the last 256 changes, and delays no writer (T6)", () =>
    Effect.gen(function*() {
      const { lock, scopes, store, write } = yield* setUp
      const gate = yield* Effect.makeLatch()
      const reader = yield* Effect.fork(
        Stream.runCollect(Stream.take(Stream.tap(store.changes(scopes), () => gate.await), 200))
      )
      yield* TestClock.adjust(0)
      const held = yield* lock
      for (let n = 0; n < 300; n++) yield* write(held, `token-${n}`)
      yield* gate.open
      expect(Chunk.size(yield* Fiber.join(reader))).toBe(200)
    }))
})

describe("TokenStore.layerMemory", () => {
  it.effect("all sources of one Layer share the store", () =>
    Effect.gen(function*() {
      const store = yield* Effect.scoped(Layer.build(TokenStore.layerMemory))
      const { lock, read } = Context.get(store, TokenStore.TokenStore)
      const scopes = yield* Scopes.make(["a"])
      const held = yield* Effect.flatten(lock(scopes))
      yield* held.write(yield* TestAccessToken.make({ text: "one" }))
      expect(Option.map(yield* read(scopes), ({ token }) => text(token))).toStrictEqual(Option.some("one"))
    }))
})

it.each(["Unavailable", "Slow", "Unreadable"] as const)(
  "a StoreError with the reason %s has its tag and says why the store is skipped (T2)",
  (reason) => {
    const error = new TokenStore.StoreError({ reason })
    expect(error).toMatchObject({ _tag: "StoreError", reason, message: `The token store is skipped (${reason}).` })
    expect(Schema.encodeSync(TokenStore.StoreError)(error)).toStrictEqual({ _tag: "StoreError", reason })
  }
)
