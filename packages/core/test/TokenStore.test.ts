import { Scopes, TokenError, TokenStore } from "@effect-tilia/core"
import { SkewClock, TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const { text } = TestAccessToken

const { Abandoned, Failed, Granted } = TokenStore

const down = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })

const failure = (remaining: Duration.DurationInput): TokenStore.Failure => ({
  error: down,
  failures: 3,
  remaining: Duration.decode(remaining),
  isBinding: true
})

/** A store in memory, scopes for it, and short words for what is done with it. */
const setUp = Effect.gen(function*() {
  const store = yield* TokenStore.makeMemory
  const scopes = yield* Scopes.make(["b", "a"])
  const acquire = Effect.flatMap(
    store.lock(scopes),
    (result) => result._tag === "Acquired" ? Effect.succeed(result) : Effect.dieMessage("the lock is held")
  )
  const lock = Effect.map(acquire, ({ lock }) => lock)
  const isLocked = Effect.map(store.lock(scopes), ({ _tag }) => _tag === "Held")
  const stored = Effect.map(
    store.read(scopes),
    ({ token }) => Option.map(token, ({ generation, token }) => [text(token), generation] as const)
  )
  const failed = Effect.map(
    store.read(scopes),
    ({ failure }) =>
      Option.map(failure, ({ error, generation, remaining }) => [error._tag, generation, Duration.toMillis(remaining)])
  )
  const grant = (lock: TokenStore.Lock, text: string) =>
    Effect.flatMap(TestAccessToken.make({ text }), (token) => lock.settle(Granted({ token })))
  return { store, scopes, acquire, lock, isLocked, stored, failed, grant }
})

describe("The lock of a store in memory", () => {
  it.effect("only one source holds the lock, until it settles it (T1)", () =>
    Effect.gen(function*() {
      const { isLocked, lock } = yield* setUp
      const { settle } = yield* lock
      expect(yield* isLocked).toBe(true)
      yield* settle(Abandoned())
      expect(yield* isLocked).toBe(false)
    }))

  it.effect("each lock has a larger generation than the one before, and the first has the generation 1 (T3)", () =>
    Effect.gen(function*() {
      const { lock } = yield* setUp
      const generations: Array<number> = []
      for (let n = 0; n < 3; n++) {
        const { generation, settle } = yield* lock
        generations.push(generation)
        yield* settle(Abandoned())
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

  it.effect("who does not get the lock is told how long it is held for (T11)", () =>
    Effect.gen(function*() {
      const { lock, scopes, store } = yield* setUp
      const { renew } = yield* lock
      yield* TestClock.adjust("2 seconds")
      expect(yield* store.lock(scopes)).toStrictEqual(TokenStore.Held({ remaining: Duration.seconds(1) }))
      yield* renew
      expect(yield* store.lock(scopes)).toStrictEqual(TokenStore.Held({ remaining: Duration.seconds(3) }))
    }))

  it.effect("who gets the lock is told what is stored (T11)", () =>
    Effect.gen(function*() {
      const { acquire, grant, lock } = yield* setUp
      yield* grant(yield* lock, "one")
      const failing = yield* acquire
      expect(Option.map(failing.entry.token, ({ token }) => text(token))).toStrictEqual(Option.some("one"))
      yield* failing.lock.settle(Failed({ failure: failure("5 seconds") }))
      yield* TestClock.adjust("2 seconds")
      const { entry } = yield* acquire
      expect(Option.map(entry.token, ({ token }) => text(token))).toStrictEqual(Option.some("one"))
      expect(entry.failure).toStrictEqual(Option.some({ ...failure("3 seconds"), generation: 2 }))
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

  it.effect("a holder that has lost its lock neither renews nor settles that of the next holder (T3)", () =>
    Effect.gen(function*() {
      const { isLocked, lock } = yield* setUp
      const lost = yield* lock
      yield* TestClock.adjust("3 seconds")
      yield* lock
      yield* lost.settle(Abandoned())
      expect(yield* isLocked).toBe(true)
      yield* TestClock.adjust("2 seconds")
      yield* lost.renew
      yield* TestClock.adjust("1 second")
      expect(yield* isLocked).toBe(false)
    }))

  it.effect("a renewal that comes after the lock was settled takes it for nobody (T3)", () =>
    Effect.gen(function*() {
      const { isLocked, lock } = yield* setUp
      const { renew, settle } = yield* lock
      yield* settle(Abandoned())
      yield* renew
      expect(yield* isLocked).toBe(false)
    }))

  it.effect("other scopes have a lock of their own, and the same scopes in another order have the same lock (T5)", () =>
    Effect.gen(function*() {
      const { lock, store } = yield* setUp
      yield* lock
      expect((yield* store.lock(yield* Scopes.make(["a", "b"])))._tag).toBe("Held")
      expect((yield* store.lock(yield* Scopes.make(["a"])))._tag).toBe("Acquired")
    }))
})

describe("What a store in memory holds", () => {
  it.effect("a store holds nothing at first, and a lock alone stores nothing (T1)", () =>
    Effect.gen(function*() {
      const { lock, scopes, store } = yield* setUp
      const nothing = { token: Option.none(), failure: Option.none() }
      expect(yield* store.read(scopes)).toStrictEqual(nothing)
      yield* (yield* lock).settle(Abandoned())
      expect(yield* store.read(scopes)).toStrictEqual(nothing)
    }))

  it.effect("a token has the generation of its lock, and stays after later locks (T1, T3)", () =>
    Effect.gen(function*() {
      const { grant, lock, stored } = yield* setUp
      yield* grant(yield* lock, "one")
      expect(yield* stored).toStrictEqual(Option.some(["one", 1]))
      const second = yield* lock
      expect(yield* stored).toStrictEqual(Option.some(["one", 1]))
      yield* grant(second, "two")
      expect(yield* stored).toStrictEqual(Option.some(["two", 2]))
    }))

  it.effect("a failure has the generation of its lock, is counted down to zero, and leaves the token (T8)", () =>
    Effect.gen(function*() {
      const { failed, grant, lock, stored } = yield* setUp
      yield* grant(yield* lock, "one")
      yield* (yield* lock).settle(Failed({ failure: failure("5 seconds") }))
      yield* TestClock.adjust("3 seconds")
      expect(yield* failed).toStrictEqual(Option.some(["ServiceUnavailableError", 2, 2000]))
      yield* TestClock.adjust("3 seconds")
      expect(yield* failed).toStrictEqual(Option.some(["ServiceUnavailableError", 2, 0]))
      expect(yield* stored).toStrictEqual(Option.some(["one", 1]))
    }))

  it.effect("a token ends the failure before it, and an abandoned lock does not (T8)", () =>
    Effect.gen(function*() {
      const { failed, grant, lock } = yield* setUp
      yield* (yield* lock).settle(Failed({ failure: failure("5 seconds") }))
      yield* (yield* lock).settle(Abandoned())
      expect(Option.isSome(yield* failed)).toBe(true)
      yield* grant(yield* lock, "one")
      expect(yield* failed).toStrictEqual(Option.none())
    }))

  it.effect("who has lost its lock stores nothing (T3)", () =>
    Effect.gen(function*() {
      const { failed, grant, lock, stored } = yield* setUp
      const late = yield* lock
      yield* TestClock.adjust("3 seconds")
      const next = yield* lock
      yield* grant(late, "late")
      yield* late.settle(Failed({ failure: failure("5 seconds") }))
      expect(yield* stored).toStrictEqual(Option.none())
      expect(yield* failed).toStrictEqual(Option.none())
      yield* grant(next, "newer")
      yield* grant(late, "late")
      expect(yield* stored).toStrictEqual(Option.some(["newer", 2]))
    }))

  it.effect("who is late stores its token if nobody has taken the lock (T3)", () =>
    Effect.gen(function*() {
      const { grant, lock, stored } = yield* setUp
      const late = yield* lock
      yield* TestClock.adjust("1 minute")
      yield* grant(late, "late")
      expect(yield* stored).toStrictEqual(Option.some(["late", 1]))
    }))

  it.effect.each([["back", -60, 40], ["forward", 15, 55]] as const)(
    "a token is as old as the clock shows that has gone further, if the wall clock is set %s (T7, S10)",
    ([_, minutes, age]) =>
      Effect.gen(function*() {
        const { clock, step } = yield* SkewClock.make
        const { grant, lock, scopes, store } = yield* setUp
        yield* Effect.withClock(Effect.flatMap(lock, (lock) => grant(lock, "one")), clock)
        yield* TestClock.adjust("40 minutes")
        yield* step(minutes * 60_000)
        const { token } = Option.getOrThrow((yield* Effect.withClock(store.read(scopes), clock)).token)
        const now = clock.unsafeCurrentTimeMillis()
        expect((now - token.issuedAt.epochMillis) / 60_000).toBe(age)
        expect((token.expiresAt.epochMillis - now) / 60_000).toBe(60 - age)
        expect(text(token)).toBe("one")
      })
  )

  it.effect("tokens are read by their scopes, in any order (T5)", () =>
    Effect.gen(function*() {
      const { grant, lock, store } = yield* setUp
      yield* grant(yield* lock, "one")
      const isStored = (names: readonly [string, ...Array<string>]) =>
        Effect.flatMap(Scopes.make(names), (scopes) =>
          Effect.map(store.read(scopes), ({ token }) => Option.isSome(token)))
      expect(yield* isStored(["a", "b"])).toBe(true)
      expect(yield* isStored(["a"])).toBe(false)
    }))
})

describe("The changes of a store in memory (T6, T11)", () => {
  it.effect("the stream tells of each outcome for its scopes, and of nothing else (T6, T11)", () =>
    Effect.gen(function*() {
      const { grant, lock, store } = yield* setUp
      const reversed = yield* Scopes.make(["a", "b"])
      const heard: Array<TokenStore.Change> = []
      const reader = yield* Effect.fork(
        Stream.runForEach(store.changes(reversed), (change) => Effect.sync(() => heard.push(change)))
      )
      yield* TestClock.adjust(0)
      const other = yield* store.lock(yield* Scopes.make(["c"]))
      if (other._tag === "Held") return expect.fail()
      yield* grant(other.lock, "other")
      const first = yield* lock
      yield* TestClock.adjust(0)
      expect(heard).toStrictEqual([])
      yield* grant(first, "one")
      yield* (yield* lock).settle(Failed({ failure: failure("1 second") }))
      yield* (yield* lock).settle(Abandoned())
      yield* TestClock.adjust(0)
      expect(heard).toStrictEqual(["Settled", "Settled", "Settled"])
      const lost = yield* lock
      yield* TestClock.adjust("3 seconds")
      yield* lock
      yield* lost.settle(Abandoned())
      yield* TestClock.adjust(0)
      expect(heard.length).toBe(3)
      yield* Fiber.interrupt(reader)
    }))

  it.effect("a slow reader gets the last 256 changes, and delays no writer (T6)", () =>
    Effect.gen(function*() {
      const { grant, lock, scopes, store } = yield* setUp
      const gate = yield* Effect.makeLatch()
      const reader = yield* Effect.fork(
        Stream.runCollect(Stream.take(Stream.tap(store.changes(scopes), () => gate.await), 200))
      )
      yield* TestClock.adjust(0)
      for (let n = 0; n < 300; n++) yield* grant(yield* lock, `token-${n}`)
      yield* gate.open
      expect(Chunk.size(yield* Fiber.join(reader))).toBe(200)
    }))
})

describe("TokenStore.layerMemory", () => {
  it.effect("all sources of one Layer share the store", () =>
    Effect.gen(function*() {
      const context = yield* Effect.scoped(Layer.build(TokenStore.layerMemory))
      const store = Context.get(context, TokenStore.TokenStore)
      const scopes = yield* Scopes.make(["a"])
      const held = yield* store.lock(scopes)
      if (held._tag === "Held") return expect.fail()
      yield* held.lock.settle(Granted({ token: yield* TestAccessToken.make({ text: "one" }) }))
      expect(Option.map((yield* store.read(scopes)).token, ({ token }) => text(token))).toStrictEqual(
        Option.some("one")
      )
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
