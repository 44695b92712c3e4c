/*
 * Sources that share one token through a store, or why there is none (T1–T3, T6, T8, T9, T11). Each source stands for a
 * process of its own.
 */
import {
  AccessToken,
  Scopes,
  Telemetry,
  TokenEndpoint,
  TokenError,
  type TokenEvent,
  TokenSource,
  TokenStore
} from "@effect-tilia/core"
import { leakProbe, TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { centred, settle } from "./support/onTestClock.js"
import { scripted } from "./support/scripted.js"

const { after, fail, succeed } = TestTokenEndpoint
const { text } = TestAccessToken

type Store = TokenStore.TokenStore

const scopes = Schema.decodeSync(Scopes.Scopes)("user_info")
const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 4 })
const out = new TokenStore.StoreError({ reason: "Unavailable" })

/** A store in memory, and what makes sources upon it, or upon one that is put before it. */
const fleet = Effect.fnUntraced(function*(...script: TestTokenEndpoint.Script) {
  const endpoint = yield* scripted(...script)
  const store = yield* TokenStore.makeMemory
  const process = (options: Partial<TokenSource.Options> = {}, mine: Store = store) =>
    Effect.provideService(endpoint.source(options), TokenStore.TokenStore, mine)
  return { ...endpoint, store, process, processes: (n: number) => Effect.replicateEffect(process(), n) }
})

/** The `lock` of a store, with other locks. */
const withLock = (store: Store, change: (lock: TokenStore.Lock) => TokenStore.Lock): Store["lock"] => (scopes) =>
  Effect.map(
    store.lock(scopes),
    (result) => result._tag === "Acquired" ? { ...result, lock: change(result.lock) } : result
  )

/** A store that seems to hold something else. */
const withEntries = (store: Store, change: (entry: TokenStore.Entry) => TokenStore.Entry): Store => ({
  ...store,
  read: (scopes) => Effect.map(store.read(scopes), change),
  lock: (scopes) =>
    Effect.map(
      store.lock(scopes),
      (result) => result._tag === "Acquired" ? { ...result, entry: change(result.entry) } : result
    )
})

const isFree = (store: Store) => Effect.map(store.lock(scopes), ({ _tag }) => _tag === "Acquired")

/** The store holds this token, whoever has written it. */
const leave = (store: Store, scopes: Scopes.Scopes, token: AccessToken.AccessToken) =>
  Effect.flatMap(
    store.lock(scopes),
    (result) =>
      result._tag === "Acquired" ? result.lock.settle(TokenStore.Granted({ token })) : Effect.dieMessage("locked")
  )

const textIn = (store: Store) =>
  Effect.map(store.read(scopes), ({ token }) => Option.map(token, (it) => text(it.token)))

/** A token with other fields, whatever they are. */
const changed = (token: AccessToken.AccessToken, fields: object) =>
  new AccessToken.AccessToken({ ...token, ...fields }, { disableValidation: true })

const all = (sources: ReadonlyArray<TokenSource.TokenSource>) =>
  Effect.map(Effect.all(sources.map(({ get }) => get), { concurrency: "unbounded" }), (tokens) => tokens.map(text))

/** The same, with the time that one who waits for another's lock needs to look again. */
const allSoon = (sources: ReadonlyArray<TokenSource.TokenSource>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(all(sources))
    yield* TestClock.adjust("50 millis")
    return yield* Fiber.join(fiber)
  })

/** Everything that a source says while an effect runs. */
const told = <A, E>(source: TokenSource.TokenSource, effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const events: Array<TokenEvent.TokenEvent> = []
    const fiber = yield* Effect.fork(
      Stream.runForEach(source.changes, (event) => Effect.sync(() => events.push(event)))
    )
    yield* settle
    yield* effect
    yield* settle
    yield* Fiber.interrupt(fiber)
    return events
  })

describe("One request for all sources (T1)", () => {
  it.scoped("eight sources without a stored token cause one request (T1)", () =>
    Effect.gen(function*() {
      const { calls, processes } = yield* fleet(after("2 seconds", succeed()))
      const fiber = yield* Effect.fork(Effect.flatMap(processes(8), all))
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(fiber)).toStrictEqual(Array(8).fill("token-0"))
      expect(calls.length).toBe(1)
    }))

  it.scoped("eight sources cause one request at their refresh, and no caller waits (T1)", () =>
    Effect.gen(function*() {
      const { calls, processes } = yield* fleet(after("2 seconds", succeed()))
      const sources = yield* processes(8)
      const first = yield* Effect.fork(all(sources))
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(first)
      yield* TestClock.adjust("2950 seconds") // 82 %: each source has drawn its own moment by then
      expect(calls.length).toBe(2)
      expect(yield* all(sources)).toStrictEqual(Array(8).fill("token-1"))
    }))

  it.scoped("a source that starts later takes the stored token and sends no request (T1)", () =>
    Effect.gen(function*() {
      const { calls, process } = yield* fleet(succeed())
      yield* Effect.flatMap(process(), ({ get }) => get)
      yield* TestClock.adjust("10 minutes")
      const late = yield* process()
      const token = yield* late.get
      expect(text(token)).toBe("token-0")
      expect(token.expiresAt.epochMillis).toBe(3_600_000)
      expect(calls.length).toBe(1)
    }))

  it.scoped("a source keeps its lock during a request that takes longer than the lease (T1)", () =>
    Effect.gen(function*() {
      const { calls, processes } = yield* fleet(after("9 seconds", succeed()))
      const fiber = yield* Effect.fork(Effect.flatMap(processes(3), all))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(fiber)).toStrictEqual(Array(3).fill("token-0"))
      expect(calls.length).toBe(1)
    }))

  it.scoped("refresh ignores the stored token, and the other sources take the new one at once (T1)", () =>
    Effect.gen(function*() {
      const { calls, processes } = yield* fleet(succeed())
      const [first, second] = yield* processes(2)
      if (first === undefined || second === undefined) return expect.fail()
      yield* allSoon([first, second])
      yield* TestClock.adjust("1 minute")
      expect(text(yield* first.refresh)).toBe("token-1")
      yield* settle
      expect(second.peek().pipe(Option.map(text))).toStrictEqual(Option.some("token-1"))
      expect(calls.length).toBe(2)
    }))

  it.scoped("refresh sends a request although another source has stored a newer token (T1)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(succeed())
      const deaf = yield* process({}, { ...store, changes: () => Stream.empty })
      yield* deaf.get
      yield* TestClock.adjust("1 minute")
      expect(text(yield* Effect.flatMap(process(), ({ refresh }) => refresh))).toBe("token-1")
      expect(text(yield* deaf.refresh)).toBe("token-2")
    }))

  it.scoped("five sources that refresh at once send one request (T1)", () =>
    Effect.gen(function*() {
      const { calls, processes } = yield* fleet(succeed(), after("2 seconds", succeed()))
      const sources = yield* processes(5)
      yield* allSoon(sources)
      yield* TestClock.adjust("1 minute")
      const fiber = yield* Effect.fork(Effect.forEach(sources, ({ refresh }) => refresh, { concurrency: "unbounded" }))
      yield* TestClock.adjust("2 seconds")
      expect((yield* Fiber.join(fiber)).map(text)).toStrictEqual(Array(5).fill("token-1"))
      expect(calls.length).toBe(2)
    }))

  it.scoped("five sources that refresh at once in an outage send one request, and keep their token (T1, T8, S9)", () =>
    Effect.gen(function*() {
      const { calls, processes } = yield* fleet(succeed(), after("2 seconds", fail(unavailable)), succeed())
      const sources = yield* processes(5)
      yield* allSoon(sources)
      yield* TestClock.adjust("1 minute")
      const refreshAll = Effect.forEach(sources, ({ refresh }) => Effect.flip(refresh), { concurrency: "unbounded" })
      const failing = yield* Effect.fork(refreshAll)
      yield* TestClock.adjust("2 seconds")
      const errors = yield* Fiber.join(failing)
      expect(errors.map(({ _tag }) => _tag)).toStrictEqual(Array(5).fill("ServiceUnavailableError"))
      expect(yield* all(sources)).toStrictEqual(Array(5).fill("token-0"))
      yield* refreshAll // within the interval
      expect(calls.length).toBe(2)
      yield* TestClock.adjust("1 second")
      expect(text(yield* sources[0]?.refresh ?? Effect.die("no source"))).toBe("token-2")
    }))

  it.scoped("a forced refresh that joins another source's request never gets the token that was rejected (T1, A2)", () =>
    Effect.gen(function*() {
      const { calls, processes, store } = yield* fleet(
        succeed(),
        after("2 seconds", succeed({ text: "token-0" })),
        succeed()
      )
      const [first, second] = yield* processes(2)
      if (first === undefined || second === undefined) return expect.fail()
      const [old] = yield* Effect.zip(second.get, first.get)
      expect(text(old)).toBe("token-0")
      expect(yield* textIn(store)).toStrictEqual(Option.some("token-0"))
      yield* TestClock.adjust("1 minute")
      const asking = yield* Effect.fork(first.refresh)
      yield* settle
      yield* second.invalidate(old)
      const joining = yield* Effect.fork(second.refresh)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(asking)
      expect(text(yield* Fiber.join(joining))).toBe("token-2")
      expect(calls.length).toBe(3)
    }))

  it.scoped("sources with different scopes share no token (T1)", () =>
    Effect.gen(function*() {
      const { calls, process } = yield* fleet(succeed())
      yield* all([yield* process(), yield* process({ scopes: ["write_invoices"] })])
      expect(calls.length).toBe(2)
    }))

  it.effect("a source that is closed in mid flight releases its lock (T1)", () =>
    Effect.gen(function*() {
      const { calls, process } = yield* fleet(after("2 seconds", succeed()))
      const scope = yield* Scope.make()
      const first = yield* Scope.extend(process(), scope)
      const lost = yield* Effect.fork(first.get)
      yield* TestClock.adjust("1 second")
      yield* Scope.close(scope, Exit.void)
      expect(Exit.isInterrupted(yield* Fiber.await(lost))).toBe(true)
      const fiber = yield* Effect.fork(Effect.scoped(Effect.flatMap(process(), ({ get }) => get)))
      yield* TestClock.adjust("2 seconds")
      expect(text(yield* Fiber.join(fiber))).toBe("token-1")
      expect(calls.map(({ at }) => at)).toStrictEqual([0, 1000])
    }))

  it.scoped("two sources without a store send a request each (T1)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed())
      yield* all([yield* source(), yield* source()])
      expect(calls.length).toBe(2)
    }))

  it.effect("TokenSource.layer takes the store from its context (T1)", () =>
    Effect.gen(function*() {
      const endpoint = yield* TestTokenEndpoint.make(succeed())
      const shared = Layer.mergeAll(
        Layer.succeed(TokenEndpoint.TokenEndpoint, endpoint),
        Layer.succeed(TokenStore.TokenStore, yield* TokenStore.makeMemory)
      )
      const once = Effect.provide(
        Effect.flatMap(TokenSource.TokenSource, ({ get }) => get),
        Layer.provide(Layer.fresh(TokenSource.layer({ scopes: ["user_info"] })), shared)
      )
      yield* Effect.repeatN(once, 4)
      expect(endpoint.calls.length).toBe(1)
    }))
})

describe("Stores that fail (T2)", () => {
  const thrown = () => {
    throw new Error("no")
  }
  const ways: ReadonlyArray<readonly [string, (store: Store) => Store, ReadonlyArray<string>]> = [
    ["can't be reached", (store) => ({ ...store, read: () => out, lock: () => out }), ["Unavailable"]],
    ["dies with a defect", (store) => ({ ...store, read: () => Effect.die("no") }), ["Unavailable"]],
    ["interrupts itself as it reads", (store) => ({ ...store, read: () => Effect.interrupt }), ["Unavailable"]],
    ["interrupts itself as it locks", (store) => ({ ...store, lock: () => Effect.interrupt }), ["Unavailable"]],
    ["throws as it reads", (store) => ({ ...store, read: thrown }), ["Unavailable"]],
    ["throws as it locks", (store) => ({ ...store, lock: thrown }), ["Unavailable"]],
    ["hangs", (store) => ({ ...store, read: () => Effect.never }), ["Slow"]],
    ["hangs uninterruptibly", (store) => ({ ...store, read: () => Effect.uninterruptible(Effect.never) }), [
      "Slow"
    ]],
    ["hangs at the lock", (store) => ({ ...store, lock: () => Effect.never }), ["Slow"]],
    ["holds rubbish", (store) => ({ ...store, read: () => new TokenStore.StoreError({ reason: "Unreadable" }) }), [
      "Unreadable"
    ]],
    [
      "refuses to store a token",
      (store) => ({
        ...store,
        lock: withLock(store, (lock) => ({ ...lock, settle: () => out }))
      }),
      ["Unavailable"]
    ],
    [
      "hangs at the end of a request",
      (store) => ({ ...store, lock: withLock(store, (lock) => ({ ...lock, settle: () => Effect.never })) }),
      ["Slow"]
    ]
  ]

  it.scoped.each(ways)(
    "the source skips a store that %s and emits StoreSkipped (T2)",
    ([, broken, reasons]) =>
      Effect.gen(function*() {
        const { calls, process, store } = yield* fleet(succeed())
        const source = yield* process({}, broken(store))
        const events = yield* told(
          source,
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(source.get)
            yield* TestClock.adjust("250 millis")
            expect(text(yield* Fiber.join(fiber))).toBe("token-0")
          })
        )
        expect(calls.length).toBe(1)
        expect(events.flatMap((event) => event._tag === "StoreSkipped" ? [event.reason] : [])).toStrictEqual(reasons)
      })
  )

  it.scoped.each<[string, () => Stream.Stream<TokenStore.Change>, ReadonlyArray<string>]>([
    ["throws", thrown, ["StoreSkipped"]],
    ["dies", () => Stream.fromEffect(Effect.delay(Effect.die("no"), "1 second")), ["StoreSkipped"]],
    ["interrupts itself", () => Stream.fromEffect(Effect.delay(Effect.interrupt, "1 second")), ["StoreSkipped"]],
    ["ends", () => Stream.empty, []]
  ])(
    "a source works although the announcement of changes %s (T2, row 129)",
    ([, changes, events]) =>
      Effect.gen(function*() {
        const { process, store } = yield* fleet(succeed())
        const source = yield* process({}, { ...store, changes })
        expect((yield* told(source, TestClock.adjust("1 second"))).map(({ _tag }) => _tag)).toStrictEqual(events)
        expect(text(yield* source.get)).toBe("token-0")
      })
  )

  /** What plain JavaScript may return, whatever the types say. */
  const rubbish: ReadonlyArray<readonly [string, unknown]> = [
    ["null", null],
    ["an empty object", {}],
    ["a number", 5],
    ["a text", "Acquired"],
    ["a lock that is none", { _tag: "Acquired", lock: null, entry: {} }],
    ["a lock without a generation", { _tag: "Acquired", lock: {}, entry: {} }],
    ["a lock of the far future", { _tag: "Acquired", lock: { generation: Number.MAX_SAFE_INTEGER }, entry: {} }],
    ["a lock that cannot be settled", { _tag: "Acquired", lock: { generation: 1 }, entry: {} }],
    ["a wait that is none", { _tag: "Held", remaining: "1 second" }],
    ["what throws when it is looked at", new Proxy({}, { get: thrown })]
  ]

  it.scoped.each(rubbish)(
    "the source skips a store whose commands yield %s (T2, row 129)",
    ([_, result]) =>
      Effect.gen(function*() {
        const { calls, process } = yield* fleet(succeed())
        const yielding = () => Effect.map(Effect.void, () => Object(result))
        const source = yield* process({}, { read: yielding, lock: yielding, changes: () => Stream.empty })
        const events = yield* told(source, source.get)
        expect(text(yield* source.get)).toBe("token-0")
        expect(calls.length).toBe(1)
        expect(events).toContainEqual(expect.objectContaining({ _tag: "StoreSkipped" }))
      })
  )

  it.scoped("the source skips a store whose commands fail with what is no StoreError (T2, row 129)", () =>
    Effect.gen(function*() {
      const { calls, process, store } = yield* fleet(succeed())
      const failing = Effect.map(Effect.void, () => JSON.parse("[\"boom\"]")).pipe(Effect.flatMap(Effect.fail))
      for (
        const broken of [
          { read: () => failing },
          { lock: () => failing },
          { lock: withLock(store, (lock) => ({ ...lock, settle: () => failing })) }
        ]
      ) {
        const source = yield* process({ scopes: ["read_wallet"] }, { ...store, ...broken })
        const events = yield* told(source, source.refresh)
        expect(events.map(({ _tag }) => _tag)).toContain("Refreshed")
        yield* TestClock.adjust("5 seconds")
      }
      expect(calls.length).toBe(3)
    }))

  const days = (days: number) => Duration.toMillis(Duration.days(days))
  const times = (issuedAt: number, expiresAt: number) => ({
    issuedAt: DateTime.unsafeMake(issuedAt),
    expiresAt: DateTime.unsafeMake(expiresAt)
  })

  it.scoped.each<[string, (stored: TokenStore.Stored) => object]>([
    ["nothing", () => ({ token: undefined, generation: undefined })],
    ["no token", () => ({ token: undefined })],
    ["a token that is a text", ({ token }) => ({ token: text(token) })],
    ["a token that is no AccessToken", ({ token }) => ({ token: { ...token } })],
    ["wrong scopes", ({ token }) => ({ token: changed(token, { scopes: ["read_wallet"] }) })],
    ["an end before the beginning", ({ token }) => ({ token: changed(token, times(10, 5)) })],
    ["a lifetime of eleven years", ({ token }) => ({ token: changed(token, times(0, days(4015))) })],
    ["no generation", () => ({ generation: undefined })],
    ["a generation that is no number", () => ({ generation: Number.NaN })],
    ["an infinite generation", () => ({ generation: Number.POSITIVE_INFINITY })],
    ["a generation of tomorrow", () => ({ generation: days(1) + 1 })]
  ])("the source skips a store that holds %s (T2, T3, row 129)", ([, spoil]) =>
    Effect.gen(function*() {
      const { calls, process, store } = yield* fleet(succeed())
      yield* Effect.flatMap(process(), ({ get }) => get)
      const spoilt = withEntries(store, (entry) => ({
        ...entry,
        token: Option.map(entry.token, (stored) => Object.assign({ ...stored }, spoil(stored)))
      }))
      const source = yield* process({}, spoilt)
      const events = yield* told(source, source.get)
      expect(text(yield* source.get)).toBe("token-1")
      expect(calls.length).toBe(2)
      expect(events).toContainEqual(expect.objectContaining({ _tag: "StoreSkipped", reason: "Unreadable" }))
    }))

  it.scoped.each<[string, ReadonlyArray<string>]>([
    ["fewer", ["user_info"]],
    ["more", ["user_info", "read_wallet", "read_invoices"]],
    ["other", ["user_info", "read_invoices"]]
  ])(
    "a stored token with %s scopes than were asked for is used: the server decides what it grants (T2)",
    ([, granted]) =>
      Effect.gen(function*() {
        const { calls, process, store } = yield* fleet(succeed())
        const asked = yield* Scopes.make(["user_info", "read_wallet"])
        yield* leave(store, asked, yield* TestAccessToken.make({ text: "stored", scopes: granted }))
        const { get } = yield* process({ scopes: asked })
        expect(text(yield* get)).toBe("stored")
        expect(calls.length).toBe(0)
      })
  )

  it.scoped("a source waits 33 seconds for a lock that nobody frees, and then asks without it (T2, row 129)", () =>
    Effect.gen(function*() {
      const { calls, process, store } = yield* fleet(succeed())
      const { get } = yield* process({}, {
        ...store,
        lock: () => Effect.succeed(TokenStore.Held({ remaining: Duration.seconds(1) }))
      })
      const fiber = yield* Effect.fork(get)
      yield* TestClock.adjust("32999 millis")
      expect(calls.length).toBe(0)
      yield* TestClock.adjust(1)
      expect(text(yield* Fiber.join(fiber))).toBe("token-0")
    }))

  it.scoped("sources share the failure of a request that has taken its whole budget of 30 seconds (T8, row 130)", () =>
    Effect.gen(function*() {
      const { calls, process } = yield* fleet(
        after(
          "30 seconds",
          fail(new TokenError.TokenTimeoutError({ tokenUrl: "https://auth.example/token", attempts: 3 }))
        )
      )
      const sources = yield* Effect.replicateEffect(process(), 8)
      const fibers = yield* Effect.forEach(sources, ({ get }) => Effect.fork(Effect.flip(get)))
      yield* TestClock.adjust("31 seconds")
      for (const fiber of fibers) expect(Option.isSome(yield* Fiber.poll(fiber))).toBe(true)
      expect(calls.length).toBe(1)
    }))

  it.scoped("time in which the process itself did not run is not the store's (T2)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(succeed())
      const clock = yield* Effect.clock
      // The first timers fire two seconds late, since the process was busy, and the store's answer is there soon after.
      const sleep = (time: Duration.Duration) =>
        clock.sleep(clock.unsafeCurrentTimeMillis() < 2000 ? Duration.max(time, Duration.seconds(2)) : time)
      const busy: Clock.Clock = Object.assign(Object.create(Object.getPrototypeOf(clock)), clock, { sleep })
      const answersAt = Duration.millis(2001)
      const read = (scopes: Scopes.Scopes) =>
        Effect.zipRight(
          clock.unsafeCurrentTimeMillis() === 0 ? clock.sleep(answersAt) : Effect.void,
          store.read(scopes)
        )
      const source = yield* Effect.withClock(process({}, { ...store, read }), busy)
      const events = yield* told(
        source,
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(source.get)
          yield* TestClock.adjust("5 seconds")
          yield* Fiber.join(fiber)
        })
      )
      expect(events.map(({ _tag }) => _tag)).toStrictEqual(["Refreshed"])
    }))

  it.scoped("a lock that comes after the source gave it up is given back (T11)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(after("1 minute", succeed()))
      const { get } = yield* process({}, {
        ...store,
        lock: (scopes) => Effect.uninterruptible(Effect.delay(store.lock(scopes), "1 second"))
      })
      yield* Effect.fork(get)
      yield* TestClock.adjust("1 second")
      expect(yield* isFree(store)).toBe(true)
    }))

  it.scoped("the source overwrites a stored token that it can't read (T2)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(succeed())
      const source = yield* process({}, {
        ...store,
        read: () => new TokenStore.StoreError({ reason: "Unreadable" })
      })
      yield* source.get
      expect(yield* textIn(store)).toStrictEqual(Option.some("token-0"))
    }))

  it.effect("closing a source ends within 250 ms although its store hangs (T2)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(after("1 minute", succeed()))
      const scope = yield* Scope.make()
      const hanging = Effect.uninterruptible(Effect.never)
      const source = yield* Scope.extend(
        process({}, {
          ...store,
          lock: withLock(store, (lock) => ({ ...lock, renew: hanging, settle: () => hanging }))
        }),
        scope
      )
      yield* Effect.fork(source.get)
      yield* TestClock.adjust("5 seconds")
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("250 millis")
      expect(closing.unsafePoll()).not.toBe(null)
    }))

  it.scoped("a source whose store is down shows no token in logs, spans or metrics (T2)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(succeed())
      const { leaks } = yield* leakProbe(
        Effect.scoped(Effect.flatMap(process({}, { ...store, read: () => out }), ({ refresh }) => refresh)),
        ["token-0"]
      )
      expect(leaks).toStrictEqual([])
    }))
})

describe("Locks whose holder is gone (T3)", () => {
  it.scoped("the source gets the lock of a lost holder when the lease ends (T3)", () =>
    Effect.gen(function*() {
      const { calls, process, store } = yield* fleet(succeed())
      expect(yield* isFree(store)).toBe(true) // it is taken now, and its holder is never heard of again
      const source = yield* process()
      const fiber = yield* Effect.fork(source.get)
      yield* TestClock.adjust("2900 millis")
      expect(calls.length).toBe(0)
      yield* TestClock.adjust("150 millis")
      expect(text(yield* Fiber.join(fiber))).toBe("token-0")
    }))

  it.scoped("a holder that was paused and writes late replaces no newer token (T3, row 103)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(succeed())
      const paused = yield* store.lock(scopes)
      if (paused._tag === "Held") return expect.fail()
      yield* TestClock.adjust("3 seconds")
      yield* Effect.flatMap(process(), ({ get }) => get)
      yield* paused.lock.settle(TokenStore.Granted({ token: yield* TestAccessToken.make({ text: "late" }) }))
      expect(yield* textIn(store)).toStrictEqual(Option.some("token-0"))
    }))
})

describe("Failures that a store shares (T8)", () => {
  /** How often a fleet asks the server in an outage, and when it gets its first token after that. */
  const outage = (processes: number, seconds: number) =>
    Effect.gen(function*() {
      const start = yield* Clock.currentTimeMillis
      const end = start + seconds * 1000
      const { calls, process } = yield* fleet(({ at }) => at < end ? fail(unavailable) : succeed())
      const sources = yield* Effect.replicateEffect(process(), processes)
      let recoveredAt = Number.POSITIVE_INFINITY
      const use = (source: TokenSource.TokenSource) =>
        Effect.match(source.get, {
          onFailure: () => {},
          onSuccess: () => {
            recoveredAt = Math.min(recoveredAt, calls.at(-1)?.at ?? 0)
          }
        }).pipe(Effect.repeat({ schedule: Schedule.spaced("500 millis") }))
      const fiber = yield* Effect.forkAll(sources.map(use))
      yield* TestClock.adjust(Duration.seconds(seconds + 12))
      yield* Fiber.interrupt(fiber)
      return { requests: calls.filter(({ at }) => at < end).length, recoveredAt: (recoveredAt - start) / 1000 }
    }).pipe(Effect.scoped, centred)

  it.effect("five sources fail within one budget, by one source's requests, in an outage (T8, row 130)", () =>
    Effect.gen(function*() {
      const { calls, processes } = yield* fleet(after("3 seconds", fail(unavailable)))
      const failing = Effect.flatMap(
        processes(5),
        (sources) => Effect.all(sources.map(({ get }) => Effect.timed(Effect.flip(get))), { concurrency: "unbounded" })
      )
      const fiber = yield* Effect.fork(Effect.scoped(failing))
      yield* TestClock.adjust("1 minute")
      const failures = yield* Fiber.join(fiber)
      expect(calls.length).toBe(1)
      expect(failures.map(([took]) => Duration.toMillis(took))).toStrictEqual([3000, 3000, 3000, 3000, 3000])
      const [asked, ...others] = failures.map(([, error]) => error)
      expect(asked).toStrictEqual(unavailable)
      for (const error of others) {
        expect(error).toMatchObject({ _tag: "ServiceUnavailableError", status: 503 })
        expect(error.message).toContain("Nothing was sent: the next request may be made in")
      }
    }))

  it.effect("an outage of 20 seconds costs eight sources what it costs one (T8)", () =>
    Effect.gen(function*() {
      const one = yield* outage(1, 20)
      const eight = yield* outage(8, 20)
      expect(one.requests).toBe(5) // at 0, 1, 3, 7 and 15 seconds
      expect(eight.requests).toBe(one.requests)
      expect(eight.recoveredAt).toBeCloseTo(one.recoveredAt, 0)
    }))

  it.scoped("a source that only read of a failure makes a single attempt after it (S7, T8)", () =>
    Effect.gen(function*() {
      const { calls, process } = yield* fleet(fail(unavailable), succeed())
      yield* Effect.flatMap(process(), ({ get }) => Effect.flip(get))
      const source = yield* process()
      const error = yield* Effect.flip(source.get)
      expect(calls.length).toBe(1)
      expect(error).toMatchObject({ _tag: "ServiceUnavailableError", coolDown: Duration.seconds(1) })
      yield* TestClock.adjust("1 second")
      expect(text(yield* source.get)).toBe("token-1")
      expect(calls.map(({ isSingleAttempt }) => isSingleAttempt)).toStrictEqual([false, true])
    }).pipe(centred))

  it.scoped("a source that starts after another one's cool-down makes a single attempt (S7, T8)", () =>
    Effect.gen(function*() {
      const { calls, process } = yield* fleet(fail(unavailable), fail(unavailable), succeed())
      yield* Effect.flatMap(process(), ({ get }) => Effect.flip(get))
      yield* TestClock.adjust("1 second")
      const source = yield* process()
      expect(yield* Effect.flip(source.get)).toStrictEqual(unavailable)
      expect(calls.map(({ isSingleAttempt }) => isSingleAttempt)).toStrictEqual([false, true])
      const late = yield* process()
      expect(yield* Effect.flip(late.get)).toMatchObject({ coolDown: Duration.seconds(2) }) // it has doubled
    }).pipe(centred))

  it.scoped("a source is told of a failure without a request by an event, and counts no request (T8, S14)", () =>
    Effect.gen(function*() {
      const { process } = yield* fleet(fail(unavailable))
      yield* Effect.flatMap(process(), ({ get }) => Effect.flip(get))
      const source = yield* process()
      const counted = Metric.value(Telemetry.refreshes.pipe(
        Metric.tagged("scopes", "user_info"),
        Metric.tagged("outcome", "ServiceUnavailableError"),
        Metric.tagged("origin", "server")
      ))
      const before = yield* counted
      expect(before.count).toBeGreaterThan(0)
      const events = yield* told(source, Effect.flip(source.get))
      expect(events).toMatchObject([{ _tag: "RefreshFailed", error: { _tag: "ServiceUnavailableError" } }])
      expect(yield* counted).toStrictEqual(before)
    }))

  it.scoped("a refresh is not held up by another source's failure, and its token ends it for all (T8)", () =>
    Effect.gen(function*() {
      const { process } = yield* fleet(fail(unavailable), succeed())
      yield* Effect.flatMap(process(), ({ get }) => Effect.flip(get))
      expect(text(yield* Effect.flatMap(process(), ({ refresh }) => refresh))).toBe("token-1")
      expect(text(yield* Effect.flatMap(process(), ({ get }) => get))).toBe("token-1")
    }))

  it.scoped("a failed renewal holds up the renewals of others, and no caller without a token (T8)", () =>
    Effect.gen(function*() {
      const { calls, process, store } = yield* fleet(succeed(), fail(unavailable), succeed())
      const sources = yield* Effect.replicateEffect(process({ background: "onDemand" }), 3)
      yield* allSoon(sources)
      yield* TestClock.adjust("2881 seconds") // past 80 % of the hour
      yield* Effect.forEach(sources, ({ get }) => Effect.zipLeft(get, settle))
      expect(calls.length).toBe(2)
      const entry = yield* store.read(scopes)
      expect(Option.getOrThrow(entry.failure)).toMatchObject({ failures: 1, isBinding: false })
      // Another source with the same scopes, which can use nothing of the store's token, asks although others wait.
      const other = yield* process({}, withEntries(store, (entry) => ({ ...entry, token: Option.none() })))
      expect(text(yield* other.get)).toBe("token-2")
      expect(calls[2]?.isSingleAttempt).toBe(false)
    }).pipe(centred))

  it.scoped("a source that starts while renewals fail uses the token that is due, and makes no request (T6, T8)", () =>
    Effect.gen(function*() {
      const { calls, process } = yield* fleet(succeed(), fail(unavailable))
      const first = yield* process({ background: "onDemand" })
      yield* first.get
      yield* TestClock.adjust("2881 seconds")
      yield* Effect.zipLeft(first.get, settle)
      const late = yield* process({ background: "onDemand" })
      expect(text(yield* late.get)).toBe("token-0")
      expect(calls.length).toBe(2)
    }).pipe(centred))

  it.scoped("a request that dies leaves no failure, and the next source asks at once (T8)", () =>
    Effect.gen(function*() {
      const { endpoint, process, store } = yield* fleet(succeed())
      const dying = TokenSource.make({ scopes }).pipe(
        Effect.provideService(TokenStore.TokenStore, store),
        Effect.provideService(TokenEndpoint.TokenEndpoint, { requestToken: () => Effect.die("no") })
      )
      yield* Effect.exit(Effect.flatMap(dying, ({ get }) => get))
      expect(text(yield* Effect.flatMap(process(), ({ get }) => get))).toBe("token-0")
      expect(endpoint.calls.length).toBe(1)
    }))

  it.scoped("a failure that claims to hold for years holds once, and as long as one's own may (T2, T8)", () =>
    Effect.gen(function*() {
      const { calls, process, store } = yield* fleet(fail(unavailable), succeed())
      yield* Effect.flatMap(process(), ({ get }) => Effect.flip(get))
      const planted = withEntries(store, (entry) => ({
        ...entry,
        failure: Option.map(entry.failure, (failure) => ({ ...failure, remaining: Duration.days(5000) }))
      }))
      const source = yield* process({}, planted)
      expect(yield* Effect.flip(source.get)).toMatchObject({ coolDown: Duration.seconds(12) })
      expect(calls.length).toBe(1)
      // Its store never counts it down: then it is obeyed only once.
      yield* TestClock.adjust("12 seconds")
      expect(text(yield* source.get)).toBe("token-1")
    }))

  it.scoped("a failure shows no secret in logs, spans, metrics or the store (T8)", () =>
    Effect.gen(function*() {
      const { process, processes, store } = yield* fleet(fail(unavailable))
      const { leaks } = yield* leakProbe(
        Effect.gen(function*() {
          const sources = yield* processes(2)
          yield* Effect.forEach(sources, ({ get }) => Effect.flip(get))
          yield* Effect.flip(Effect.flatMap(process(), ({ refresh }) => refresh))
          return yield* store.read(scopes)
        }),
        ["token-0"]
      )
      expect(leaks).toStrictEqual([])
    }))
})

describe("Waiting for a lock (T11)", () => {
  it.scoped("eight sources give 35 commands at most for one request (T11)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(after("2 seconds", succeed()))
      let commands = 0
      const counted = <A, E>(command: Effect.Effect<A, E>) => Effect.zipRight(Effect.sync(() => commands++), command)
      const counting: Store = {
        ...store,
        read: (scopes) => counted(store.read(scopes)),
        lock: (scopes) =>
          counted(
            withLock(store, (lock) => ({
              ...lock,
              renew: counted(lock.renew),
              settle: (outcome) => counted(lock.settle(outcome))
            }))(scopes)
          )
      }
      const fiber = yield* Effect.fork(
        Effect.flatMap(Effect.replicateEffect(process({}, counting), 8), all)
      )
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(fiber)).toStrictEqual(Array(8).fill("token-0"))
      expect(commands).toBeLessThanOrEqual(35)
    }))

  it.scoped("a source whose store tells nothing looks again when the lease ends (T11)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(after("1 second", succeed()))
      const first = yield* Effect.fork(Effect.flatMap(process(), ({ get }) => get))
      yield* settle
      const deaf = yield* Effect.fork(
        Effect.flatMap(process({}, { ...store, changes: () => Stream.empty }), ({ get }) => get)
      )
      yield* TestClock.adjust("2999 millis")
      yield* Fiber.join(first)
      expect(deaf.unsafePoll()).toBe(null)
      yield* TestClock.adjust("1 millis")
      expect(text(yield* Fiber.join(deaf))).toBe("token-0")
    }))

  it.scoped.each([Duration.zero, Duration.millis(Number.NaN), Duration.infinity])(
    "a source looks again every 50 ms to 3 seconds, although its store says %s (T2, T11)",
    (remaining) =>
      Effect.gen(function*() {
        const { process, store } = yield* fleet(succeed())
        let looks = 0
        const { get } = yield* process({}, {
          ...store,
          lock: () => Effect.sync(() => TokenStore.Held({ remaining: (looks++, remaining) }))
        })
        yield* Effect.fork(get)
        yield* TestClock.adjust("12 seconds")
        expect(looks).toBeGreaterThanOrEqual(5)
        expect(looks).toBeLessThanOrEqual(241)
      })
  )
})

describe("A process that is back (B1)", () => {
  const resumedAt = (store: Store, time: Duration.DurationInput): Store => ({
    ...store,
    changes: () => Stream.fromEffect(Effect.delay(Effect.succeed("Resumed" as const), time))
  })

  it.scoped("it ends its cool-down, and asks with all attempts (B1, S7)", () =>
    Effect.gen(function*() {
      const { calls, process, store } = yield* fleet(fail(unavailable), fail(unavailable), succeed())
      const forgetful = withEntries(store, (entry) => ({ ...entry, failure: Option.none() }))
      const source = yield* process({ coolDown: { base: "10 seconds" } }, resumedAt(forgetful, "2 seconds"))
      yield* Effect.flip(source.get)
      yield* TestClock.adjust("1999 millis")
      expect(yield* Effect.flip(source.get)).toHaveProperty("coolDown")
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(source.get)).toStrictEqual(unavailable)
      expect(calls.map(({ isSingleAttempt }) => isSingleAttempt)).toStrictEqual([false, false])
    }))

  it.scoped("it renews a token that is due at once, although the last renewal has failed (B1, S6)", () =>
    Effect.gen(function*() {
      const { calls, process, store } = yield* fleet(succeed(), fail(unavailable), succeed())
      const forgetful = withEntries(store, (entry) => ({ ...entry, failure: Option.none() }))
      const source = yield* process({}, resumedAt(forgetful, "2881 seconds"))
      yield* source.get
      yield* TestClock.adjust("2880 seconds")
      expect(calls.length).toBe(2)
      yield* TestClock.adjust("1 second")
      expect(Option.map(source.peek(), text)).toStrictEqual(Option.some("token-2"))
    }).pipe(centred))
})

describe("Hints of a store (T9)", () => {
  it.scoped("10,000 hints in a second cause 21 reads at most, and the last one is not lost (T9, row 129)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(succeed())
      let reads = 0
      const hints = yield* PubSub.unbounded<TokenStore.Change>()
      const source = yield* process({}, {
        ...store,
        read: (scopes) => Effect.zipRight(Effect.sync(() => reads++), store.read(scopes)),
        changes: () => Stream.fromPubSub(hints)
      })
      yield* source.get
      yield* settle
      const before = reads
      for (let n = 0; n < 100; n++) {
        yield* PubSub.publishAll(hints, Array<TokenStore.Change>(100).fill("Settled"))
        yield* TestClock.adjust("10 millis")
      }
      expect(reads - before).toBeGreaterThan(10)
      expect(reads - before).toBeLessThanOrEqual(21)
      yield* Effect.flatMap(process(), ({ refresh }) => refresh)
      yield* PubSub.publish(hints, "Settled")
      yield* TestClock.adjust("50 millis")
      expect(Option.map(source.peek(), text)).toStrictEqual(Option.some("token-1"))
    }))

  it.scoped("among many hints none that the store was emptied is lost (T9, M4)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(succeed())
      const hints = yield* PubSub.unbounded<TokenStore.Change>()
      const source = yield* process({}, {
        ...store,
        read: () => Effect.succeed({ token: Option.none(), failure: Option.none() }),
        changes: () => Stream.fromPubSub(hints)
      })
      yield* source.get
      yield* settle
      const changes: ReadonlyArray<TokenStore.Change> = ["Settled", "Cleared", "Settled", "Settled"]
      yield* PubSub.publishAll(hints, changes)
      yield* settle
      expect(source.peek()).toStrictEqual(Option.none())
    }))
})

describe("Stored tokens (T6)", () => {
  it.scoped("a rejected token is not read back although its store numbers it anew (T6, row 105)", () =>
    Effect.gen(function*() {
      const { calls, process, store } = yield* fleet(succeed())
      let generation = 0
      const renumbering = withEntries(store, (entry) => ({
        ...entry,
        token: Option.map(entry.token, (stored) => ({ ...stored, generation: ++generation }))
      }))
      const source = yield* process({ background: "onDemand" }, renumbering)
      yield* Effect.flatMap(process(), ({ get }) => get)
      const rejected = yield* source.get
      yield* source.invalidate(rejected)
      expect(text(yield* source.get)).toBe("token-1")
      expect(calls.length).toBe(2)
    }))

  it.scoped("a process that starts in an outage uses a stored token that is due, and tells of the failure (T6)", () =>
    Effect.gen(function*() {
      const { calls, process } = yield* fleet(succeed(), fail(unavailable))
      yield* Effect.flatMap(process({ background: "onDemand" }), ({ get }) => get)
      yield* TestClock.adjust("50 minutes")
      const source = yield* process({ background: "onDemand" })
      const events = yield* told(source, source.get)
      expect(text(yield* source.get)).toBe("token-0")
      expect(events.map(({ _tag }) => _tag)).toStrictEqual(["RefreshFailed"])
      yield* TestClock.adjust("2 seconds")
      yield* source.get
      yield* settle
      expect(calls.map(({ isSingleAttempt }) => isSingleAttempt)).toStrictEqual([false, false, true])
      yield* TestClock.adjust("10 minutes")
      expect(yield* Effect.flip(source.get)).toMatchObject({ _tag: "ServiceUnavailableError" })
    }))

  it.scoped("eight sources with the same rejected token cause one new request (T6, row 105)", () =>
    Effect.gen(function*() {
      const { calls, processes } = yield* fleet(succeed())
      const sources = yield* processes(8)
      yield* allSoon(sources)
      yield* TestClock.adjust("1 minute")
      yield* Effect.forEach(sources, (source) => Effect.flatMap(source.get, source.invalidate))
      expect(yield* allSoon(sources)).toStrictEqual(Array(8).fill("token-1"))
      expect(calls.length).toBe(2)
    }))

  it.scoped("the next request names the rejected token even if another source requested it (T6, row 105)", () =>
    Effect.gen(function*() {
      const { endpoint, store } = yield* fleet(succeed())
      const told: Array<string | undefined> = []
      const process = TokenSource.make({ scopes }).pipe(
        Effect.provideService(TokenStore.TokenStore, store),
        Effect.provideService(TokenEndpoint.TokenEndpoint, {
          requestToken: (scopes, options) =>
            Effect.suspend(() => {
              told.push(options?.rejected && text(options.rejected))
              return endpoint.requestToken(scopes, options)
            })
        })
      )
      const [first, second] = yield* Effect.zip(process, process)
      yield* allSoon([first, second])
      yield* Effect.flatMap(second.get, second.invalidate)
      expect(text(yield* second.get)).toBe("token-1")
      expect(told).toStrictEqual([undefined, "token-0"])
      yield* TestClock.adjust("1 minute")
      expect(text(yield* second.refresh)).toBe("token-2")
      expect(told.slice(2)).toStrictEqual(["token-1"])
      // One that is only due is as good as any: who hands it out may not have another yet.
      yield* TestClock.adjust("1 hour")
      yield* second.get
      expect(told.slice(3)).toStrictEqual([undefined])
    }))

  it.scoped.each([[79, 1], [80, 2]] as const)(
    "with a stored token at %i %% of its lifetime two sources send %i request(s) in all (T6)",
    ([percent, requests]) =>
      Effect.gen(function*() {
        const { calls, process } = yield* fleet(succeed())
        const first = yield* process({ background: "onDemand" })
        yield* first.get
        yield* TestClock.adjust(`${percent * 36} seconds`)
        yield* Effect.flatMap(process(), ({ get }) => get)
        expect(calls.length).toBe(requests)
      }).pipe(centred)
  )

  it.scoped("a source that got a newer token without the store ignores the older one in it (T6)", () =>
    Effect.gen(function*() {
      const { calls, process, store } = yield* fleet(succeed())
      const state = { isOut: false }
      const source = yield* process({ background: "onDemand" }, {
        ...store,
        read: (scopes) => state.isOut ? out : store.read(scopes)
      })
      const other = yield* process({ background: "onDemand" })
      yield* other.get // token-0, in the store
      yield* TestClock.adjust("1 minute")
      state.isOut = true
      yield* source.get // token-1, past it
      state.isOut = false
      yield* TestClock.adjust("1 minute")
      yield* Effect.flatMap(source.get, source.invalidate)
      expect(text(yield* source.get)).toBe("token-2")
      expect(calls.length).toBe(3)
    }))

  it.scoped("a source that is not in use does not take the tokens of other sources (T6)", () =>
    Effect.gen(function*() {
      const { process } = yield* fleet(succeed())
      const idle = yield* process()
      yield* Effect.flatMap(process(), ({ get }) => get)
      yield* settle
      expect(idle.peek()).toStrictEqual(Option.none())
    }))

  it.scoped("a token that another source stores ends the cool-down (T6)", () =>
    Effect.gen(function*() {
      const { process } = yield* fleet(fail(unavailable), succeed())
      const source = yield* process()
      yield* Effect.flip(source.get)
      yield* Effect.flatMap(process(), ({ refresh }) => refresh)
      yield* TestClock.adjust("50 millis")
      expect(text(yield* source.get)).toBe("token-1")
    }))

  it.scoped("a source drops its token when the store is emptied (M4, T6)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(succeed())
      const source = yield* process({}, {
        ...store,
        changes: () => Stream.fromEffect(Effect.delay(Effect.succeed("Cleared" as const), "1 minute"))
      })
      yield* source.get
      yield* TestClock.adjust("59 seconds")
      expect(Option.isSome(source.peek())).toBe(true)
      yield* TestClock.adjust("1 second")
      expect(source.peek()).toStrictEqual(Option.none())
    }))

  it.scoped("eight sources of two sets of scopes drop their tokens when the store is emptied (M4, T6)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(succeed())
      const cleared: Store = {
        ...store,
        changes: (scopes) =>
          Stream.merge(
            store.changes(scopes),
            Stream.fromEffect(Effect.delay(Effect.succeed("Cleared" as const), "1 minute"))
          )
      }
      const sources = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, n) => n % 2 === 0 ? ["user_info"] : ["read_wallet"]),
        (scopes) => process({ scopes, background: "onDemand" }, cleared)
      )
      yield* allSoon(sources)
      const having = () => sources.filter(({ peek }) => Option.isSome(peek())).length
      expect(having()).toBe(8)
      yield* TestClock.adjust("1 minute")
      expect(having()).toBe(0)
    }))

  it.scoped("a token requested before the store was emptied reaches its caller and is not kept (M4, T6)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(after("10 seconds", succeed()))
      const source = yield* process({}, {
        ...store,
        changes: () => Stream.fromEffect(Effect.delay(Effect.succeed("Cleared" as const), "5 seconds"))
      })
      const waiting = yield* Effect.fork(source.get)
      yield* TestClock.adjust("10 seconds")
      expect(text(yield* Fiber.join(waiting))).toBe("token-0")
      expect(source.peek()).toStrictEqual(Option.none())
    }))

  it.scoped("a source that takes a token from the store emits one Refreshed event (S13, S14, T6)", () =>
    Effect.gen(function*() {
      const { process } = yield* fleet(succeed({ scopes: ["user_info"] }))
      yield* Effect.flatMap(process(), ({ get }) => get)
      const source = yield* process()
      const events = yield* told(source, source.get)
      expect(Chunk.toReadonlyArray(Chunk.fromIterable(events)).map(({ _tag }) => _tag)).toStrictEqual(["Refreshed"])
    }))
})
