/*
 * The store in one real page. Two stores stand for two tabs, because channels and locks work between them as between
 * tabs. The tests with several pages are in pages/BrowserTokenStore.test.ts.
 */
import { BrowserTokenStore } from "@effect-tilia/browser"
import { storeContract } from "@effect-tilia/contract/storeContract"
import { TokenStore } from "@effect-tilia/core"
import * as Scopes from "@effect-tilia/core/Scopes"
import { TokenTransportError } from "@effect-tilia/core/TokenError"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** A message of this page to itself. */
const roundTrip = Effect.async<undefined>((resume) => {
  const name = crypto.randomUUID()
  const [sender, recipient] = [new BroadcastChannel(name), new BroadcastChannel(name)]
  recipient.onmessage = () => {
    sender.close()
    recipient.close()
    resume(Effect.succeed(undefined))
  }
  sender.postMessage("")
})

/** Messages arrive in their order: after these, those that were posted before have had their effects, however late. */
const arrived = Effect.repeatN(Effect.zipRight(roundTrip, Effect.sleep("10 millis")), 1)

const scopes = Schema.decodeSync(Scopes.Scopes)("user_info")

const optionsOf = (principal: string) => ({ mediatorUrl: "/tilia/token", principal })

/** The options of a user who is logged in in no other test. */
const newUser = Effect.sync(() => optionsOf(crypto.randomUUID()))

/** The lock, which no other tab holds. */
const lockOf = (store: TokenStore.TokenStore) =>
  Effect.flatMap(
    store.lock(scopes),
    (acquired) => acquired._tag === "Acquired" ? Effect.succeed(acquired.lock) : Effect.dieMessage("the lock is held")
  )

const settle = Effect.fnUntraced(function*(lock: TokenStore.Lock, text: string) {
  yield* lock.settle(TokenStore.Granted({ token: yield* TestAccessToken.make({ text }) }))
})

const write = (store: TokenStore.TokenStore, text: string) =>
  Effect.flatMap(lockOf(store), (lock) => settle(lock, text))

const failure = new TokenTransportError({ reason: "Other", tokenUrl: "/tilia/token", attempts: 2 })

const fail = (store: TokenStore.TokenStore) =>
  Effect.flatMap(lockOf(store), (lock) =>
    lock.settle(TokenStore.Failed({
      failure: { error: failure, failures: 3, remaining: Duration.seconds(8), isBinding: true }
    })))

const textIn = (store: TokenStore.TokenStore) =>
  Effect.map(store.read(scopes), ({ token }) => Option.map(token, ({ token }) => TestAccessToken.text(token)))

const failureIn = (store: TokenStore.TokenStore) => Effect.map(store.read(scopes), ({ failure }) => failure)

/** The first change that the store tells of after this effect has run. */
const nextChange = (store: TokenStore.TokenStore) =>
  Effect.tap(Effect.fork(Stream.runHead(store.changes(scopes))), arrived)

/** The name of the channel of all tabs of this principal; other names begin with it. */
const groupOf = ({ mediatorUrl, principal }: { readonly mediatorUrl: string; readonly principal: string }) =>
  Effect.promise(async () => {
    const text = new TextEncoder().encode(JSON.stringify([new URL(mediatorUrl, location.href).href, principal]))
    const hash = Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", text)))
    return `@effect-tilia/browser 1 ${hash.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`
  })

/** A channel on which no store listens by this object. */
const channelOf = (name: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new BroadcastChannel(name)),
    (channel) => Effect.sync(() => channel.close())
  )

const millisOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const before = performance.now()
    yield* effect
    return performance.now() - before
  })

/** Removes a feature of the browser until the scope ends. */
const without = (object: object, name: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const own = Object.getOwnPropertyDescriptor(object, name)
      Object.defineProperty(object, name, { value: undefined, configurable: true })
      return own
    }),
    (own) =>
      Effect.sync(() =>
        own === undefined ? Reflect.deleteProperty(object, name) : Object.defineProperty(object, name, own)
      )
  )

storeContract("browser", BrowserTokenStore.layer(optionsOf("the contract")))
storeContract(
  "browser, a store without a principal",
  Layer.succeedContext(
    await Effect.runPromise(
      Layer.buildWithScope(BrowserTokenStore.layer({ mediatorUrl: "/tilia/token" }), Effect.runSync(Scope.make()))
    )
  )
)

describe("the tabs of one principal", () => {
  it.scopedLive("a new tab asks the other tabs for their token, and a lone tab does not wait (T1)", () =>
    Effect.gen(function*() {
      const alone = Effect.flatMap(newUser, BrowserTokenStore.make)
      const first = Effect.flatMap(alone, (store) => millisOf(store.read(scopes)))
      expect(Math.min(...(yield* Effect.replicateEffect(first, 5)))).toBeLessThan(90)
      const options = yield* newUser
      const one = yield* BrowserTokenStore.make(options)
      yield* write(one, "first")
      const late = yield* BrowserTokenStore.make(options)
      expect(yield* textIn(late)).toStrictEqual(Option.some("first"))
    }))

  it.scopedLive("a keeper that sleeps delays a reader by 100 milliseconds, not by the 250 of a slow store (T2)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const group = yield* groupOf(options)
      void navigator.locks.request(`${group} Keeper `, () => new Promise((resolve) => setTimeout(resolve, 500))).catch(
        () => {}
      )
      yield* arrived
      const one = yield* BrowserTokenStore.make(options)
      const took = yield* millisOf(one.read(scopes))
      expect(took).toBeGreaterThan(80)
      expect(took).toBeLessThan(200)
      expect(yield* millisOf(one.read(scopes))).toBeLessThan(50) // it waits once
      expect(yield* millisOf(lockOf(one))).toBeLessThan(200) // it asks all tabs
    }))

  it.scopedLive("a new tab learns from the others what they know although the keeper sleeps (T10)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const group = yield* groupOf(options)
      const one = yield* BrowserTokenStore.make(options)
      yield* write(one, "first")
      void navigator.locks.request(
        `${group} Keeper `,
        { steal: true },
        () => new Promise((resolve) => setTimeout(resolve, 2000))
      ).catch(() => {})
      yield* arrived
      const late = yield* BrowserTokenStore.make(options)
      expect(yield* textIn(late)).toStrictEqual(Option.none())
      const acquired = yield* late.lock(scopes)
      if (acquired._tag !== "Acquired") return expect.fail()
      expect(Option.map(acquired.entry.token, ({ token }) => TestAccessToken.text(token))).toStrictEqual(
        Option.some("first")
      )
      yield* acquired.lock.settle(TokenStore.Abandoned())
      const later = yield* BrowserTokenStore.make(options) // it asks the tab that took the place of the sleeping keeper
      expect(yield* textIn(later)).toStrictEqual(Option.some("first"))
    }))

  it.scopedLive("the next tab becomes the keeper when the keeper is closed (T10)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const scope = yield* Scope.make()
      const first = yield* Scope.extend(BrowserTokenStore.make(options), scope)
      const second = yield* BrowserTokenStore.make(options)
      yield* write(first, "first")
      yield* arrived
      yield* Scope.close(scope, Exit.void)
      yield* arrived
      const late = yield* BrowserTokenStore.make(options)
      expect(yield* Effect.all([second, late].map(textIn))).toStrictEqual(Array(2).fill(Option.some("first")))
    }))

  it.scopedLive("messages that are not valid are ignored, and the lock and `clear` still work (T10, row 141)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const [one, other] = yield* Effect.all([BrowserTokenStore.make(options), BrowserTokenStore.make(options)])
      const channel = yield* channelOf(yield* groupOf(options))
      const key = "user_info"
      const sentAt = Date.now()
      const token = { generation: 1, value: "ab", scopes: key, lifetime: 60_000, age: 0, sentAt }
      const failed = { generation: 1, error: {}, failures: 1, isBinding: true, remaining: 1000, sentAt }
      const settled = { _tag: "Settled", key, generation: 1 }
      const largest = 2 ** 53 - 1
      const numbers = [undefined, "1", Number.NaN, Number.POSITIVE_INFINITY, -1, largest]
      const messages = [
        undefined,
        "Cleared",
        new Map(),
        { _tag: "Written", key, token }, // of another version
        { ...settled, key: "", token },
        { ...settled, key: "b,a", token },
        { ...settled, token: { ...token, value: "a b" } },
        { ...settled, failure: failed },
        { _tag: "Cleared", generation: largest },
        { _tag: "Cleared", generation: Date.now() + 2 * 86_400_000 },
        { _tag: "Locked", key, generation: largest },
        { _tag: "Answered", era: "x", largest: 0, cleared: largest, news: [] },
        { _tag: "Answered", era: "x", largest, cleared: 0, news: [] },
        {
          _tag: "Answered",
          era: "x",
          largest: 0,
          cleared: 0,
          news: [{ key, token: { ...token, generation: largest } }]
        },
        ...numbers.flatMap((number) => [
          { _tag: "Cleared", generation: number === -1 ? 0.5 : number },
          { ...settled, generation: number === -1 ? 0.5 : number, token },
          { ...settled, token: { ...token, lifetime: number } },
          { ...settled, token: { ...token, age: number } },
          { ...settled, token: { ...token, sentAt: number === -1 ? Number.NaN : number === largest ? "" : number } }
        ])
      ]
      for (const message of messages) channel.postMessage(message)
      yield* arrived
      expect(yield* Effect.all([one, other].map(textIn))).toStrictEqual(Array(2).fill(Option.none()))
      yield* write(one, "first")
      yield* arrived
      expect(yield* Effect.all([one, other].map(textIn))).toStrictEqual(Array(2).fill(Option.some("first")))
      yield* other.clear
      yield* arrived
      expect(yield* Effect.all([one, other].map(textIn))).toStrictEqual(Array(2).fill(Option.none()))
    }))

  it.scopedLive("no name of a channel or a lock shows the principal (T10)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const names: Array<string> = []
      const { BroadcastChannel: Channel } = globalThis
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          globalThis.BroadcastChannel = class extends Channel {
            constructor(name: string) {
              super(name)
              names.push(name)
            }
          }
        }),
        () =>
          Effect.sync(() => {
            globalThis.BroadcastChannel = Channel
          })
      )
      const [one] = yield* Effect.all([BrowserTokenStore.make(options), BrowserTokenStore.make(options)])
      yield* lockOf(one)
      const { held = [], pending = [] } = yield* Effect.promise(() => navigator.locks.query())
      names.push(...[...held, ...pending].map(({ name = "" }) => name))
      const group = yield* groupOf(options)
      expect(names.filter((name) => name.startsWith(group)).length).toBeGreaterThanOrEqual(6)
      expect(names.filter((name) => name.includes(options.principal))).toStrictEqual([])
    }))

  it.scopedLive("`clear` empties the store of every tab and announces that (M4)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const [one, other] = yield* Effect.all([BrowserTokenStore.make(options), BrowserTokenStore.make(options)])
      yield* write(one, "first")
      yield* arrived
      const received = yield* Effect.forkAll([one, other].map(({ changes }) => Stream.runHead(changes(scopes))))
      yield* arrived
      yield* one.clear
      expect(yield* Fiber.join(received)).toStrictEqual([Option.some("Cleared"), Option.some("Cleared")])
      expect(yield* Effect.all([one, other].map(textIn))).toStrictEqual([Option.none(), Option.none()])
      yield* write(other, "second")
      expect(yield* textIn(one).pipe(Effect.delay("20 millis"))).toStrictEqual(Option.some("second"))
    }))

  it.scopedLive("a token that was requested before `clear` is shared with no tab after it (M4)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const [one, other] = yield* Effect.all([BrowserTokenStore.make(options), BrowserTokenStore.make(options)])
      const lock = yield* lockOf(one)
      yield* Effect.sleep("5 millis")
      yield* other.clear
      yield* arrived
      yield* settle(lock, "late")
      yield* arrived
      const late = yield* BrowserTokenStore.make(options)
      expect(yield* Effect.all([one, other, late].map(textIn))).toStrictEqual(Array(3).fill(Option.none()))
    }))

  it.scopedLive("only one of eight waiting tabs gets a lock whose lease has ended (T3)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const holder = yield* BrowserTokenStore.make(options)
      const others = yield* Effect.replicateEffect(BrowserTokenStore.make(options), 8)
      yield* lockOf(holder)
      yield* Effect.sleep("3050 millis")
      const locks = yield* Effect.all(others.map((store) => store.lock(scopes)), { concurrency: "unbounded" })
      expect(locks.filter(({ _tag }) => _tag === "Acquired").length).toBe(1)
    }))

  it.scopedLive("a closed store holds no lock, and the other tabs no longer count it", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const scope = yield* Scope.make()
      const closed = yield* Scope.extend(BrowserTokenStore.make(options), scope)
      const lock = yield* lockOf(closed)
      yield* Scope.close(scope, Exit.void)
      yield* arrived
      const group = yield* groupOf(options)
      const { held = [], pending = [] } = yield* Effect.promise(() => navigator.locks.query())
      expect([...held, ...pending].filter(({ name }) => name?.startsWith(group))).toStrictEqual([])
      yield* lock.renew
      yield* settle(lock, "late")
      const next = yield* BrowserTokenStore.make(options)
      yield* lockOf(next)
    }))
})

describe("a failure that the tabs share", () => {
  it.scopedLive("every tab learns of a failure, also one that comes later, and a token makes it void (T8)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const [one, other] = yield* Effect.all([BrowserTokenStore.make(options), BrowserTokenStore.make(options)])
      yield* fail(one)
      yield* arrived
      const late = yield* BrowserTokenStore.make(options)
      const all = [one, other, late]
      for (const found of yield* Effect.all(all.map(failureIn))) {
        if (Option.isNone(found)) return expect.fail()
        expect(found.value).toMatchObject({ error: failure, failures: 3, isBinding: true })
        expect(found.value.error.message).toBe(failure.message)
        const left = Duration.toMillis(found.value.remaining)
        expect(left).toBeLessThan(7980)
        expect(left).toBeGreaterThan(7000)
      }
      yield* write(other, "first")
      yield* arrived
      expect(yield* Effect.all(all.map(failureIn))).toStrictEqual(Array(3).fill(Option.none()))
      expect(yield* textIn(late)).toStrictEqual(Option.some("first"))
    }))
})

describe("a page that comes back", () => {
  const dispatch = (event: Event) => Effect.sync(() => globalThis.dispatchEvent(event))
  const hide = dispatch(new PageTransitionEvent("pagehide", { persisted: true }))
  const show = dispatch(new PageTransitionEvent("pageshow", { persisted: true }))

  it.scopedLive("a page that is online or visible again forgets a failure, and says so (B1, row 143)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const [one] = yield* Effect.all([BrowserTokenStore.make(options), BrowserTokenStore.make(options)])
      for (const event of ["online", "visibilitychange"]) {
        yield* fail(one)
        expect(Option.isSome(yield* failureIn(one))).toBe(true)
        const change = yield* nextChange(one)
        yield* dispatch(new Event(event))
        expect(yield* Fiber.join(change)).toStrictEqual(Option.some("Resumed"))
        expect(yield* failureIn(one)).toStrictEqual(Option.none())
      }
    }))

  it.scopedLive("a page that comes back to a browser without other tabs has no token (B1, row 143)", () =>
    Effect.gen(function*() {
      const one = yield* BrowserTokenStore.make(yield* newUser)
      yield* write(one, "first")
      yield* hide
      const changes = yield* Effect.fork(Stream.runCollect(Stream.take(one.changes(scopes), 2)))
      yield* arrived
      yield* show
      expect(yield* textIn(one)).toStrictEqual(Option.none())
      expect(Array.from(yield* Fiber.join(changes))).toStrictEqual(["Resumed", "Cleared"])
      yield* write(one, "second")
      expect(yield* textIn(one)).toStrictEqual(Option.some("second"))
    }))

  it.scopedLive("a page frees its lock and its place as the keeper when it is left", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const one = yield* BrowserTokenStore.make(options)
      const lock = yield* lockOf(one)
      yield* hide
      yield* arrived
      const group = yield* groupOf(options)
      const { held = [], pending = [] } = yield* Effect.promise(() => navigator.locks.query())
      expect([...held, ...pending].filter(({ name }) => name?.startsWith(group))).toStrictEqual([])
      yield* settle(lock, "late")
      expect(yield* textIn(one)).toStrictEqual(Option.none())
      yield* show
    }))
})

describe("tabs that share nothing", () => {
  it.scopedLive.each([
    { lacks: "Web Locks", object: navigator, name: "locks" },
    { lacks: "BroadcastChannel", object: globalThis, name: "BroadcastChannel" }
  ])("tabs share no token in a browser without $lacks (row 104)", ({ name, object }) =>
    Effect.gen(function*() {
      const options = yield* newUser
      const [one, other] = yield* Effect.scoped(Effect.zipRight(
        without(object, name),
        Effect.zip(Layer.build(BrowserTokenStore.layer(options)), Layer.build(BrowserTokenStore.layer(options)))
      ))
      const first = Context.get(one, TokenStore.TokenStore)
      yield* write(first, "first")
      expect(yield* textIn(first)).toStrictEqual(Option.some("first"))
      expect(yield* textIn(Context.get(other, TokenStore.TokenStore))).toStrictEqual(Option.none())
      yield* Context.get(one, BrowserTokenStore.BrowserTokenStore).clear
      expect(yield* textIn(first)).toStrictEqual(Option.none())
    }))

  it.scopedLive("tabs share no token if the options have no principal", () =>
    Effect.gen(function*() {
      const mediatorUrl = `/tilia/${crypto.randomUUID()}`
      const [one, other] = yield* Effect.replicateEffect(BrowserTokenStore.make({ mediatorUrl }), 2)
      if (one === undefined || other === undefined) return expect.fail()
      yield* write(one, "first")
      yield* arrived
      expect(yield* textIn(other)).toStrictEqual(Option.none())
    }))
})

describe("the tabs that share a token", () => {
  it.scopedLive("the tabs of another principal or another mediator do not see the token (M4, row 106)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const one = yield* BrowserTokenStore.make(options)
      yield* write(one, "first")
      const others = yield* Effect.all([
        BrowserTokenStore.make({ ...options, principal: `${options.principal} ` }),
        BrowserTokenStore.make({ ...options, mediatorUrl: "/tilia/token/" })
      ])
      expect(yield* Effect.all(others.map(textIn))).toStrictEqual([Option.none(), Option.none()])
    }))

  it.scopedLive("tabs share a token although one gives the mediator's path and the other its whole URL (M4)", () =>
    Effect.gen(function*() {
      const { principal } = yield* newUser
      const one = yield* BrowserTokenStore.make({ mediatorUrl: "/tilia/token", principal })
      yield* write(one, "first")
      const other = yield* BrowserTokenStore.make({ mediatorUrl: new URL("/tilia/token", location.href), principal })
      expect(yield* textIn(other)).toStrictEqual(Option.some("first"))
    }))

  it.scoped("an empty principal is rejected, because all users would share it (M4)", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(BrowserTokenStore.make({ mediatorUrl: "/tilia/token", principal: "" }))
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "principal" })
    }))
})
