/*
 * Many real tabs in one browser: how many requests they make, how many messages they receive, and how long their
 * callers wait (T10, P11, row 140).
 */
import { expect, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { env } from "node:process"
import { type Got, layer as ShopLive, type Mediator, type Opened, Shop } from "./Shop.js"

class Tabs extends Context.Tag("Tabs")<Tabs, ReadonlyArray<Opened>>() {}

const open = (n: number) =>
  Layer.scoped(
    Tabs,
    Effect.gen(function*() {
      const { profile, tab } = yield* Shop
      const context = yield* profile
      return yield* Effect.replicateEffect(tab(context), n, { concurrency: 5 })
    })
  )

const all = <A, E>(tabs: ReadonlyArray<Opened>, use: (tab: Opened) => Effect.Effect<A, E>) =>
  Effect.all(tabs.map(use), { concurrency: "unbounded" })

let users = 0

/** Logs a new user in in all tabs. */
const logIn = Effect.fnUntraced(function*(tabs: ReadonlyArray<Opened>, mediator: Mediator, budget?: number) {
  const user = `user-${users++}`
  yield* all(tabs, ({ deliveries }) => deliveries)
  yield* all(tabs, ({ logIn }) => logIn(mediator, user, { budget }))
  yield* all(tabs, ({ press }) => press("peek")) // builds the Layer
})

const median = (got: ReadonlyArray<Got>) => got.map(({ millis }) => millis).sort((a, b) => a - b)[got.length >> 1] ?? 0

/** One request for each token, nobody failed, and few messages. */
const check = Effect.fnUntraced(function*(
  title: string,
  tabs: ReadonlyArray<Opened>,
  requests: number,
  results: ReadonlyArray<string>,
  tokens: number
) {
  const received = (yield* all(tabs, ({ deliveries }) => deliveries)).reduce((sum, n) => sum + n, 0)
  const each = received / tabs.length / tokens
  if (env["REPORT"] !== undefined) {
    yield* Effect.log(`${title}: ${requests} requests, ${each.toFixed(1)} deliveries per tab and token`)
  }
  expect(results.filter((result) => !result.startsWith("token-"))).toStrictEqual([])
  expect((yield* all(tabs, ({ skipped }) => skipped)).flat()).toStrictEqual([])
  expect(requests).toBe(tokens)
  expect(each).toBeLessThanOrEqual(10)
})

const untilRequested = ({ requests }: Mediator, times: number) =>
  Effect.sleep("20 millis").pipe(Effect.repeat({ until: () => requests() >= times }), Effect.timeout("2 minutes"))

layer(ShopLive, { excludeTestServices: true, timeout: "60 seconds" })("many tabs of a browser", (it) => {
  // Those between tell nothing new, and CI has little time.
  for (const n of env["CI"] === undefined ? [5, 20, 50] : [50]) {
    it.layer(open(n), { timeout: "7 minutes" })(`${n} tabs`, (it) => {
      it.effect(`${n} cold tabs make one request (T10, row 140)`, () =>
        Effect.gen(function*() {
          const tabs = yield* Tabs
          const mediator = (yield* Shop).mediator({ lifetime: "1 hour", delays: ["300 millis"] })
          yield* logIn(tabs, mediator)
          const got = yield* all(tabs, ({ got }) => got)
          if (env["REPORT"] !== undefined) yield* Effect.log(`${n} cold tabs: p50 ${median(got).toFixed(0)} ms`)
          yield* check(`${n} cold tabs`, tabs, mediator.requests(), got.map(({ result }) => result), 1)
        }))

      it.effect(`${n} tabs in use make one request per lifetime (T10, row 140)`, () =>
        Effect.gen(function*() {
          const tabs = yield* Tabs
          const lifetime = Duration.seconds(8)
          const mediator = (yield* Shop).mediator({ lifetime })
          yield* logIn(tabs, mediator)
          const results = (yield* all(tabs, ({ use }) => use("17 seconds"))).flat()
          const times = mediator.times()
          const gaps = times.slice(1).map((time, n) => time - (times[n] ?? 0))
          yield* check(`${n} tabs in use`, tabs, times.length, results, times.length)
          expect(gaps.length).toBeGreaterThanOrEqual(2)
          expect(new Set(results).size).toBeGreaterThanOrEqual(times.length - 1) // the last one may be on its way
          expect(Math.min(...gaps)).toBeGreaterThan(0.7 * Duration.toMillis(lifetime))
        }))

      it.effect(`${n} tabs make one request although it takes five seconds (T10, row 140)`, () =>
        Effect.gen(function*() {
          const tabs = yield* Tabs
          const mediator = (yield* Shop).mediator({ lifetime: "1 hour", delays: ["5 seconds"] })
          yield* logIn(tabs, mediator)
          const got = yield* all(tabs, ({ got }) => got)
          yield* check(`${n} tabs, 5 seconds`, tabs, mediator.requests(), got.map(({ result }) => result), 1)
        }))

      it.effect(`${n} tabs make one request after their token was revoked (T10, row 140)`, () =>
        Effect.gen(function*() {
          const tabs = yield* Tabs
          const mediator = (yield* Shop).mediator({ lifetime: "1 hour", delays: ["300 millis"] })
          yield* logIn(tabs, mediator)
          const [before = { result: "" }] = yield* all(tabs, ({ got }) => got)
          const after = yield* all(
            tabs,
            ({ page }) => Effect.promise(() => page.evaluate((text) => window.tab.afterRefusal(text), before.result))
          )
          expect(after).not.toContain(before.result)
          expect(new Set(after).size).toBe(1)
          yield* check(`${n} tabs, revoked`, tabs, mediator.requests(), after, 2)
        }))

      it.effect(`${n} tabs that are opened one by one make one request (T10, row 140)`, () =>
        Effect.gen(function*() {
          const tabs = yield* Tabs
          const mediator = (yield* Shop).mediator({ lifetime: "1 hour" })
          const user = `user-${users++}`
          yield* all(tabs, ({ logIn }) => logIn(mediator)) // without a principal: nobody is left of the last test
          yield* all(tabs, ({ deliveries }) => deliveries)
          const results = yield* Effect.forEach(tabs, ({ got, logIn }) => Effect.zipRight(logIn(mediator, user), got))
          yield* check(`${n} tabs, one by one`, tabs, mediator.requests(), results.map(({ result }) => result), 1)
        }))

      it.effect(`${n} tabs make one more request if the one that asks is killed (T10, row 140)`, () =>
        Effect.gen(function*() {
          const [first, ...others] = yield* Tabs
          const { mediator: make, tab } = yield* Shop
          if (first === undefined) return expect.fail()
          const mediator = make({ lifetime: "1 hour", delays: ["20 seconds", "300 millis"] })
          const victim = yield* tab(first.page.context())
          yield* logIn([victim, first, ...others], mediator)
          const lost = yield* Effect.fork(Effect.exit(victim.got))
          yield* untilRequested(mediator, 1)
          const got = yield* Effect.fork(all([first, ...others], ({ got }) => got))
          yield* Effect.sleep("1 second")
          const debug = yield* Effect.promise(() => victim.page.context().newCDPSession(victim.page))
          yield* Effect.promise(() =>
            Promise.race([debug.send("Page.crash").catch(() => {}), victim.page.waitForEvent("crash")])
          )
          const results = (yield* Fiber.join(got)).map(({ result }) => result)
          yield* check(`${n} tabs, one killed`, [first, ...others], mediator.requests(), results, 2)
          yield* Effect.promise(() => victim.page.close())
          yield* Fiber.interrupt(lost)
        }))
    })
  }

  it.scoped("five tabs fail in the time of one while the mediator is down, with the requests of one (T8, row 130)", () =>
    Effect.gen(function*() {
      const shop = yield* Shop
      const context = yield* shop.profile
      const tabs = yield* Effect.replicateEffect(shop.tab(context), 5)
      const mediator = shop.mediator({ lifetime: "1 hour", isDown: true })
      yield* logIn(tabs, mediator, 3000)
      const got = yield* all(tabs, ({ got }) => got)
      if (env["REPORT"] !== undefined) {
        yield* Effect.log(
          `5 tabs, down: ${mediator.requests()} requests, ${got.map(({ millis }) => millis.toFixed(0))}`
        )
      }
      expect(got.map(({ result }) => result)).toStrictEqual(Array(5).fill("ServiceUnavailableError"))
      for (const { millis } of got) expect(millis).toBeLessThan(4500)
      expect(mediator.requests()).toBeLessThanOrEqual(6)
      const before = mediator.requests()
      yield* all(tabs, ({ got }) => got)
      expect(mediator.requests()).toBe(before)
    }))
})
