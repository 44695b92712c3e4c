/*
 * Sources that share one token through a store (T1–T3, T6). Each source stands for a process of its own.
 */
import {
  AccessToken,
  Scopes,
  TokenEndpoint,
  TokenError,
  type TokenEvent,
  TokenSource,
  TokenStore
} from "@effect-tilia/core"
import { leakProbe, TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import type * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
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

  it.scoped("sources with different scopes share no token (T1)", () =>
    Effect.gen(function*() {
      const { calls, process } = yield* fleet(succeed())
      yield* all([yield* process(), yield* process({ scopes: ["write_invoices"] })])
      expect(calls.length).toBe(2)
    }))

  it.scoped("a source whose request fails leaves the lock to the next source (T1)", () =>
    Effect.gen(function*() {
      const { calls, processes } = yield* fleet(fail(unavailable), succeed())
      const [first, second] = yield* processes(2)
      if (first === undefined || second === undefined) return expect.fail()
      expect(yield* Effect.flip(first.get)).toStrictEqual(unavailable)
      expect(text(yield* second.get)).toBe("token-1")
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
      "Unreadable",
      "Unreadable"
    ]],
    [
      "refuses to store a token",
      (store) => ({
        ...store,
        lock: (scopes) => Effect.map(store.lock(scopes), Option.map((lock) => ({ ...lock, write: () => out })))
      }),
      ["Unavailable"]
    ],
    [
      "hangs at the release",
      (store) => ({
        ...store,
        lock: (scopes) => Effect.map(store.lock(scopes), Option.map((lock) => ({ ...lock, release: Effect.never })))
      }),
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
    ["throws", thrown, []],
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
      const spoilt: Store = {
        ...store,
        read: (scopes) =>
          Effect.map(store.read(scopes), Option.map((stored) => Object.assign({ ...stored }, spoil(stored))))
      }
      const source = yield* process({}, spoilt)
      const events = yield* told(source, source.get)
      expect(text(yield* source.get)).toBe("token-1")
      expect(calls.length).toBe(2)
      expect(events).toContainEqual(expect.objectContaining({ _tag: "StoreSkipped", reason: "Unreadable" }))
    }))

  it.scoped.each<[string, ReadonlyArray<string>]>([
    ["fewer", ["user_info"]],
    ["more", ["user_info", "read_wallet", "read_invoices"]]
  ])(
    "a stored token with %s scopes than were asked for is used: the server decides what it grants (T2)",
    ([, granted]) =>
      Effect.gen(function*() {
        const { calls, process, store } = yield* fleet(succeed())
        const asked = yield* Scopes.make(["user_info", "read_wallet"])
        const lock = yield* Effect.flatten(store.lock(asked))
        yield* lock.write(yield* TestAccessToken.make({ text: "stored", scopes: granted }))
        yield* lock.release
        const { get } = yield* process({ scopes: asked })
        expect(text(yield* get)).toBe("stored")
        expect(calls.length).toBe(0)
      })
  )

  it.scoped("a source waits 30 seconds for a lock that nobody frees, and then asks without it (T2, row 129)", () =>
    Effect.gen(function*() {
      const { calls, process, store } = yield* fleet(succeed())
      const { get } = yield* process({}, { ...store, lock: () => Effect.succeedNone })
      const fiber = yield* Effect.fork(get)
      yield* TestClock.adjust("29999 millis")
      expect(calls.length).toBe(0)
      yield* TestClock.adjust(1)
      expect(text(yield* Fiber.join(fiber))).toBe("token-0")
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
      expect(Option.isSome(yield* store.lock(scopes))).toBe(true)
    }))

  it.scoped("the source overwrites a stored token that it can't read (T2)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(succeed())
      const source = yield* process({}, {
        ...store,
        read: () => new TokenStore.StoreError({ reason: "Unreadable" })
      })
      yield* source.get
      expect((yield* store.read(scopes)).pipe(Option.map(({ token }) => text(token)))).toStrictEqual(
        Option.some("token-0")
      )
    }))

  it.effect("closing a source ends within 250 ms although its store hangs (T2)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(after("1 minute", succeed()))
      const scope = yield* Scope.make()
      const hanging = Effect.uninterruptible(Effect.never)
      const source = yield* Scope.extend(
        process({}, {
          ...store,
          lock: (scopes) =>
            Effect.map(
              store.lock(scopes),
              Option.map((lock) => ({ ...lock, renew: hanging, release: hanging }))
            )
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
      expect(Option.isSome(yield* store.lock(scopes))).toBe(true) // and is never heard of again
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
      const paused = yield* Effect.flatten(store.lock(scopes))
      yield* TestClock.adjust("3 seconds")
      yield* Effect.flatMap(process(), ({ get }) => get)
      yield* paused.write(yield* TestAccessToken.make({ text: "late" }))
      expect((yield* store.read(scopes)).pipe(Option.map(({ token }) => text(token)))).toStrictEqual(
        Option.some("token-0")
      )
    }))
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
        yield* PubSub.publishAll(hints, Array<TokenStore.Change>(100).fill("Written"))
        yield* TestClock.adjust("10 millis")
      }
      expect(reads - before).toBeGreaterThan(10)
      expect(reads - before).toBeLessThanOrEqual(21)
      yield* Effect.flatMap(process(), ({ refresh }) => refresh)
      yield* PubSub.publish(hints, "Written")
      yield* TestClock.adjust("50 millis")
      expect(Option.map(source.peek(), text)).toStrictEqual(Option.some("token-1"))
    }))

  it.scoped("among many hints none that the store was emptied is lost (T9, M4)", () =>
    Effect.gen(function*() {
      const { process, store } = yield* fleet(succeed())
      const hints = yield* PubSub.unbounded<TokenStore.Change>()
      const source = yield* process({}, {
        ...store,
        read: () => Effect.succeedNone,
        changes: () => Stream.fromPubSub(hints)
      })
      yield* source.get
      yield* settle
      const changes: ReadonlyArray<TokenStore.Change> = ["Written", "Cleared", "Written", "Written"]
      yield* PubSub.publishAll(hints, changes)
      yield* settle
      expect(source.peek()).toStrictEqual(Option.none())
    }))
})

describe("Stored tokens (T6)", () => {
  it.scoped("a process that starts in an outage uses a stored token that is due, and tells of the failure (T6)", () =>
    Effect.gen(function*() {
      const { calls, process } = yield* fleet(succeed(), fail(unavailable))
      yield* Effect.flatMap(process({ background: "onDemand" }), ({ get }) => get)
      yield* TestClock.adjust("50 minutes")
      const source = yield* process({ background: "onDemand" })
      const events = yield* told(source, source.get)
      expect(text(yield* source.get)).toBe("token-0")
      expect(events.map(({ _tag }) => _tag)).toStrictEqual(["RefreshFailed"])
      yield* TestClock.adjust("1 second")
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
      yield* Effect.flatMap(process(), ({ get }) => get)
      yield* settle
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
        changes: () => Stream.fromEffect(Effect.delay(Effect.succeed("Cleared" as const), "1 minute"))
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
