/*
 * The store in one real page. Two stores stand for two tabs, because channels and locks work between them as between
 * tabs. The tests with several pages are in pages/BrowserTokenStore.test.ts.
 */
import { BrowserTokenStore } from "@effect-tilia/browser"
import { storeContract } from "@effect-tilia/contract/storeContract"
import { TokenStore } from "@effect-tilia/core"
import * as Scopes from "@effect-tilia/core/Scopes"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

const scopes = Schema.decodeSync(Scopes.Scopes)("user_info")

const optionsOf = (principal: string) => ({ mediatorUrl: "/tilia/token", principal })

/** The options of a user who is logged in in no other test. */
const newUser = Effect.sync(() => optionsOf(crypto.randomUUID()))

const write = Effect.fnUntraced(function*(store: TokenStore.TokenStore, text: string) {
  const lock = yield* Effect.flatten(store.lock(scopes))
  yield* lock.write(yield* TestAccessToken.make({ text }))
  yield* lock.release
})

const textIn = (store: TokenStore.TokenStore) =>
  Effect.map(store.read(scopes), Option.map(({ token }) => TestAccessToken.text(token)))

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
      const options = yield* newUser
      const one = yield* BrowserTokenStore.make(options)
      expect(yield* millisOf(one.read(scopes))).toBeLessThan(90)
      yield* write(one, "first")
      const late = yield* BrowserTokenStore.make(options)
      expect(yield* textIn(late)).toStrictEqual(Option.some("first"))
    }))

  it.scopedLive("a sleeping tab delays a reader by 100 milliseconds, not by the 250 that a store may take (T2)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const one = yield* BrowserTokenStore.make(options)
      const name = `@effect-tilia ${JSON.stringify([new URL("/tilia/token", location.href).href, options.principal])} x`
      void navigator.locks.request(name, () => new Promise((resolve) => setTimeout(resolve, 500)))
      yield* Effect.sleep("20 millis")
      const took = yield* millisOf(one.read(scopes))
      expect(took).toBeGreaterThan(90)
      expect(took).toBeLessThan(200)
      expect(yield* millisOf(one.read(scopes))).toBeLessThan(50) // it asks at most once a second
    }))

  it.scopedLive("the store ignores messages on its channel that are not valid", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const one = yield* BrowserTokenStore.make(options)
      const name = `@effect-tilia ${JSON.stringify([new URL("/tilia/token", location.href).href, options.principal])}`
      const channel = yield* Effect.acquireRelease(
        Effect.sync(() => new BroadcastChannel(name)),
        (channel) => Effect.sync(() => channel.close())
      )
      const token = { generation: 1, value: "a b", scopes: "user_info", lifetime: 1000, age: 0, sentAt: Date.now() }
      const messages = [
        undefined,
        "Cleared",
        new Map(),
        { _tag: "Written", key: "user_info" },
        { _tag: "Written", key: "user_info", token },
        { _tag: "Written", key: "user_info", token: { ...token, value: "ab", lifetime: Number.NaN } },
        { _tag: "Cleared", generation: Number.POSITIVE_INFINITY }
      ]
      for (const message of messages) channel.postMessage(message)
      yield* Effect.sleep("50 millis")
      expect(yield* textIn(one)).toStrictEqual(Option.none())
      yield* write(one, "first")
      expect(yield* textIn(one)).toStrictEqual(Option.some("first"))
    }))

  it.scopedLive("`clear` empties the store of every tab and announces that (M4)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const [one, other] = yield* Effect.all([BrowserTokenStore.make(options), BrowserTokenStore.make(options)])
      yield* write(one, "first")
      yield* Effect.sleep("20 millis")
      const received = yield* Effect.forkAll([one, other].map(({ changes }) => Stream.runHead(changes(scopes))))
      yield* Effect.sleep("20 millis")
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
      const lock = yield* Effect.flatten(one.lock(scopes))
      yield* Effect.sleep("5 millis")
      yield* other.clear
      yield* lock.write(yield* TestAccessToken.make({ text: "late" }))
      yield* Effect.sleep("20 millis")
      const late = yield* BrowserTokenStore.make(options)
      expect(yield* Effect.all([one, other, late].map(textIn))).toStrictEqual(Array(3).fill(Option.none()))
    }))

  it.scopedLive("only one of eight waiting tabs gets a lock whose lease has ended (T3)", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const holder = yield* BrowserTokenStore.make(options)
      const others = yield* Effect.replicateEffect(BrowserTokenStore.make(options), 8)
      yield* Effect.flatten(holder.lock(scopes))
      yield* Effect.sleep("3050 millis")
      const locks = yield* Effect.all(others.map((store) => store.lock(scopes)), { concurrency: "unbounded" })
      expect(locks.filter(Option.isSome).length).toBe(1)
    }))

  it.scopedLive("a closed store holds no lock, and the other tabs no longer count it", () =>
    Effect.gen(function*() {
      const options = yield* newUser
      const scope = yield* Scope.make()
      const closed = yield* Scope.extend(BrowserTokenStore.make(options), scope)
      const lock = yield* Effect.flatten(closed.lock(scopes))
      yield* Scope.close(scope, Exit.void)
      yield* Effect.sleep("20 millis")
      const { held = [] } = yield* Effect.promise(() => navigator.locks.query())
      expect(held.filter(({ name }) => name?.includes(options.principal))).toStrictEqual([])
      yield* lock.renew
      yield* lock.write(yield* TestAccessToken.make())
      yield* lock.release
      const next = yield* BrowserTokenStore.make(options)
      expect(Option.isSome(yield* next.lock(scopes))).toBe(true)
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
      yield* Effect.sleep("20 millis")
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
