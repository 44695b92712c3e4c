/*
 * One token for all tabs: real tabs of one profile, with the whole `BrowserTilia` (T1–T3, M4).
 */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { layer as ShopLive, type Mediator, type Opened, Shop } from "./Shop.js"

const tabs = Effect.fnUntraced(function*(n: number) {
  const shop = yield* Shop
  const profile = yield* shop.profile
  return yield* Effect.all(Array.from({ length: n }, () => shop.tab(profile)), { concurrency: "unbounded" })
})

const two = Effect.flatMap(
  tabs(2),
  ([first, second]) => Effect.all([Effect.fromNullable(first), Effect.fromNullable(second)])
)

const all = <A>(tabs: ReadonlyArray<Opened>, use: (tab: Opened) => Effect.Effect<A>) =>
  Effect.all(tabs.map(use), { concurrency: "unbounded" })

const getAll = (tabs: ReadonlyArray<Opened>) => all(tabs, ({ press }) => press("get"))

/** Waits until the mediator has received this many requests. */
const untilRequested = ({ requests }: Mediator, times: number) =>
  Effect.sleep("20 millis").pipe(Effect.repeat({ until: () => requests() >= times }), Effect.timeout("2 minutes"))

/**
 * Stops a tab as a browser freezes one: its timers stop, its messages wait, and it keeps its locks. An alert does it,
 * because Chromium freezes no visible page, and all headless pages are visible. The debugger does not: Chromium throws
 * away what a page receives while it is paused. Yields the effect that wakes the tab.
 */
const freeze = ({ page }: Opened) =>
  Effect.promise(async () => {
    const [alert] = await Promise.all([
      page.waitForEvent("dialog"),
      page.evaluate(() => void setTimeout(() => globalThis.alert("asleep")))
    ])
    return Effect.promise(() => alert.accept())
  })

layer(ShopLive, { excludeTestServices: true, timeout: "60 seconds" })("the tabs of a browser", (it) => {
  it.scoped("ten cold tabs cause one request, and a late tab causes none (T1)", () =>
    Effect.gen(function*() {
      const { mediator, tab } = yield* Shop
      const shared = mediator({ lifetime: "1 hour", delays: ["500 millis"] })
      const ten = yield* tabs(10)
      yield* all(ten, ({ logIn }) => logIn(shared, "alice"))
      expect(yield* getAll(ten)).toStrictEqual(Array(10).fill(expect.stringMatching(/-0$/)))
      expect(shared.requests()).toBe(1)
      const [first] = ten
      if (first === undefined) return expect.fail()
      const late = yield* tab(first.page.context())
      yield* late.logIn(shared, "alice")
      expect(yield* late.press("get")).toMatch(/-0$/)
      expect(shared.requests()).toBe(1)
      expect((yield* all(ten, ({ skipped }) => skipped)).flat()).toStrictEqual([])
    }))

  it.scoped("ten tabs cause one request when their token is due, and all take the new one (T1)", () =>
    Effect.gen(function*() {
      const { mediator } = yield* Shop
      const shared = mediator({ lifetime: "10 seconds", laterLifetime: "1 hour" })
      const ten = yield* tabs(10)
      yield* all(ten, ({ logIn }) => logIn(shared, "alice"))
      yield* getAll(ten)
      yield* untilRequested(shared, 2)
      const texts = yield* getAll(ten).pipe(
        Effect.delay("100 millis"),
        Effect.repeat({ until: (texts) => texts.every((text) => !text?.endsWith("-0")) }),
        Effect.timeout("2 minutes")
      )
      // A tab whose messages a busy machine delays asks for itself, and says so (T2).
      const skips = (yield* all(ten, ({ skipped }) => skipped)).flat()
      if (skips.length === 0) expect(texts).toStrictEqual(Array(10).fill(expect.stringMatching(/-1$/)))
      expect(shared.requests()).toBeLessThanOrEqual(2 + skips.length)
    }))

  it.scoped("ten tabs whose token an API rejects cause one new token request (T1, T6, row 105)", () =>
    Effect.gen(function*() {
      const { real } = yield* Shop
      const ten = yield* tabs(10)
      yield* all(ten, ({ logIn }) => logIn(real, "alice"))
      const [before] = yield* getAll(ten)
      const requests = real.requests()
      const after = yield* all(ten, ({ press }) => press("refused"))
      expect(new Set(after).size).toBe(1)
      expect(after).not.toContain(before)
      expect(real.requests()).toBe(requests + 1)
    }))

  it.scoped.each<[string, (tab: Opened) => Promise<unknown>]>([
    ["a tab is closed", ({ page }) => page.close()],
    ["a tab's runtime is disposed of", ({ page }) => page.evaluate(() => window.tab.leave())]
  ])(
    "another tab takes over at once when %s during its token request (T3, row 104)",
    ([, end]) =>
      Effect.gen(function*() {
        const { mediator } = yield* Shop
        const shared = mediator({ lifetime: "1 hour", delays: ["20 seconds", "50 millis"] })
        const [first, second] = yield* two
        yield* all([first, second], ({ logIn }) => logIn(shared, "alice"))
        const lost = yield* Effect.fork(Effect.ignore(Effect.sandbox(first.press("get"))))
        yield* untilRequested(shared, 1)
        const got = yield* Effect.fork(second.press("get"))
        yield* Effect.sleep("300 millis")
        expect(shared.requests()).toBe(1)
        yield* Effect.promise(() => end(first))
        expect(yield* Effect.timeout(Fiber.join(got), "2 seconds")).toMatch(/-1$/)
        expect(shared.requests()).toBe(2)
        yield* Fiber.join(lost)
      })
  )

  it.scoped("tabs go on after the lease of a frozen tab, and its late token does not replace theirs (T3)", () =>
    Effect.gen(function*() {
      const { mediator, tab } = yield* Shop
      const shared = mediator({ lifetime: "1 hour", delays: ["3 seconds", "50 millis"] })
      const [frozen, second] = yield* two
      yield* all([frozen, second], ({ logIn }) => logIn(shared, "alice"))
      const late = yield* Effect.fork(frozen.press("get"))
      yield* untilRequested(shared, 1)
      const wake = yield* freeze(frozen)
      const began = Date.now()
      expect(yield* Effect.timeout(second.press("get"), "6 seconds")).toMatch(/-1$/)
      expect(Date.now() - began).toBeGreaterThan(2000)
      yield* wake
      yield* Fiber.join(late) // a caller in the frozen tab gets a token as well (T2)
      yield* Effect.sleep("300 millis")
      const third = yield* tab(second.page.context())
      yield* third.logIn(shared, "alice")
      expect(yield* getAll([second, third])).toStrictEqual(Array(2).fill(expect.stringMatching(/-1$/)))
      expect(shared.requests()).toBe(2)
    }))

  it.scoped("a tab that slept until its token expired wakes to the token of the other tab (T1)", () =>
    Effect.gen(function*() {
      const { mediator } = yield* Shop
      const shared = mediator({ lifetime: "6 seconds", laterLifetime: "1 hour" })
      const [asleep, awake] = yield* two
      yield* all([asleep, awake], ({ logIn }) => logIn(shared, "alice"))
      expect(new Set(yield* getAll([asleep, awake])).size).toBe(1)
      const wake = yield* freeze(asleep)
      yield* Effect.sleep("6 seconds")
      const token = yield* awake.press("get")
      expect(token).toMatch(/-1$/)
      yield* wake
      expect(yield* asleep.press("get")).toBe(token)
      expect(shared.requests()).toBe(2)
    }))

  it.scoped("a tab gets a token although the only other tab is asleep (T2)", () =>
    Effect.gen(function*() {
      const { mediator } = yield* Shop
      const shared = mediator({ lifetime: "1 hour" })
      const [asleep, awake] = yield* two
      yield* all([asleep, awake], ({ logIn }) => logIn(shared, "alice"))
      yield* freeze(asleep)
      expect(yield* Effect.timeout(awake.press("get"), "2 seconds")).toMatch(/-0$/)
      expect(yield* awake.skipped).toStrictEqual([])
    }))

  it.scoped("each tab requests its own token in a browser without Web Locks (row 104)", () =>
    Effect.gen(function*() {
      const { mediator, profile, tab } = yield* Shop
      const shared = mediator({ lifetime: "1 hour" })
      const old = yield* profile
      yield* Effect.promise(() =>
        old.addInitScript(() => Object.defineProperty(navigator, "locks", { value: undefined }))
      )
      const both = yield* Effect.all([tab(old), tab(old)])
      yield* all(both, ({ logIn }) => logIn(shared, "alice"))
      expect(new Set(yield* getAll(both)).size).toBe(2)
      expect(shared.requests()).toBe(2)
      yield* both[0].press("clear")
      expect(yield* both[0].press("peek")).toBe(null)
    }))

  it.scoped("a user who logs in in the next tab never sees the token of the first user (M4, row 106)", () =>
    Effect.gen(function*() {
      const { mediator } = yield* Shop
      const shared = mediator({ lifetime: "1 hour" })
      const [first, second] = yield* two
      yield* first.logIn(shared, "alice")
      yield* first.press("get")
      yield* second.logIn(shared, "bob")
      const [alices, bobs] = yield* getAll([first, second])
      expect(alices).not.toBe(bobs)
      expect(shared.requests()).toBe(2)
      // Neither does the tab in which the first user was logged in.
      yield* first.press("clear")
      yield* first.logIn(shared, "bob")
      expect(yield* first.press("get")).toBe(bobs)
    }))

  it.scoped("`clear` in one tab removes the token from all tabs (M4)", () =>
    Effect.gen(function*() {
      const { mediator } = yield* Shop
      const shared = mediator({ lifetime: "1 hour" })
      const three = yield* tabs(3)
      yield* all(three, ({ logIn }) => logIn(shared, "alice"))
      const [before] = yield* getAll(three)
      const [first] = three
      if (first === undefined) return expect.fail()
      yield* first.press("clear")
      yield* Effect.sleep("100 millis")
      expect(yield* all(three, ({ press }) => press("peek"))).toStrictEqual([null, null, null])
      const after = yield* getAll(three)
      expect(new Set(after).size).toBe(1)
      expect(after).not.toContain(before)
    }))

  it.scoped("the page keeps the token in no storage of the browser (M4)", () =>
    Effect.gen(function*() {
      const { mediator } = yield* Shop
      const shared = mediator({ lifetime: "1 hour" })
      const both = yield* two
      yield* all(both, ({ logIn }) => logIn(shared, "alice"))
      yield* getAll(both)
      for (const { page, stored } of both) {
        expect(yield* stored).toBe(JSON.stringify([{}, {}, [], [], "", page.url()]))
      }
    }))
})
