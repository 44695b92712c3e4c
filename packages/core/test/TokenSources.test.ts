import { TokenEndpoint, TokenError, TokenSources } from "@effect-tilia/core"
import { TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import type * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"

const { after, fail, hang, succeed } = TestTokenEndpoint
const { text } = TestAccessToken

/** Sources over a scripted endpoint, as the Layer makes them. */
const setUp = Effect.fnUntraced(function*(
  options?: TokenSources.Options,
  script: TestTokenEndpoint.Script = [succeed()]
) {
  const endpoint = yield* TestTokenEndpoint.make(...script)
  const context = yield* Layer.build(TokenSources.layer(options)).pipe(
    Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint)
  )
  const sources = yield* Effect.provide(TokenSources.TokenSources, context)
  return { sources, ...endpoint }
})

describe.concurrent("One source for a set of scopes", () => {
  it.scoped("the same scopes lead to one source in any order and with duplicates", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp()
      const one = yield* sources.source(["a", "b"])
      expect(yield* sources.source(["b", "a"])).toBe(one)
      expect(yield* sources.source(["a", "b", "a"])).toBe(one)
      expect(text(yield* sources.get(["b", "a", "b"]))).toBe("token-0")
      expect(text(yield* one.get)).toBe("token-0")
      expect(calls.length).toBe(1)
    }))

  it.scoped("50 concurrent callers with the same scopes cause one request", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp({}, [after("1 second", succeed())])
      const fiber = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 50 }, (_, n) => n),
          (n) => sources.get(n % 2 === 0 ? ["a", "b"] : ["b", "a"]),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("1 second")
      expect(new Set((yield* Fiber.join(fiber)).map(text))).toStrictEqual(new Set(["token-0"]))
      expect(calls.length).toBe(1)
    }))

  it.scoped("a source uses the endpoint of its Layer, not the endpoint of its caller", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp()
      const others = yield* TestTokenEndpoint.make(succeed({ text: "another-tenants" }))
      const token = yield* Effect.provideService(sources.get(["a"]), TokenEndpoint.TokenEndpoint, others)
      expect(text(token)).toBe("token-0")
      expect([calls.length, others.calls.length]).toStrictEqual([1, 0])
    }))

  it.scoped("TokenSources.get yields a token with the scopes that the caller names", () =>
    Effect.gen(function*() {
      const { sources } = yield* setUp()
      expect((yield* sources.get(["b", "a"])).scopes).toStrictEqual(["a", "b"])
      expect((yield* sources.get(["c"])).scopes).toStrictEqual(["c"])
    }))

  it.scoped("a subset, a superset or another case of the scopes leads to another source", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp()
      const sets = [["a", "b"], ["a"], ["a", "b", "c"], ["A", "b"], ["ab"]]
      const made = yield* Effect.forEach(sets, (scopes) => sources.source(scopes))
      expect(new Set(made).size).toBe(sets.length)
      const tokens = yield* Effect.forEach(sets, (scopes) => sources.get(scopes))
      expect(new Set(tokens.map(text)).size).toBe(sets.length)
      expect(calls.length).toBe(sets.length)
    }))
})

describe.concurrent("Creation of a source", () => {
  it.scoped("a source sends no request before its first get", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp()
      const source = yield* sources.source(["a"])
      yield* TestClock.adjust("1 day")
      expect(calls.length).toBe(0)
      yield* source.get
      expect(calls.length).toBe(1)
    }))

  it.scoped("a source with start \"eager\" sends its request when a caller first uses it", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp({ start: "eager" })
      yield* TestClock.adjust("1 minute")
      expect(calls.length).toBe(0)
      yield* sources.source(["a"])
      yield* TestClock.adjust("1 millis")
      expect(calls.length).toBe(1)
    }))
})

describe.concurrent("Release of unused sources", () => {
  it.scoped("an unused source is released some time after its token has expired, with its timers (S17)", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp({ idleAfter: "1 second" }, [succeed({ lifetime: "50 minutes" })])
      const source = yield* Effect.scoped(Effect.tap(sources.source(["a"]), ({ get }) => get))
      yield* TestClock.adjust("40 minutes")
      expect(Option.isSome(source.peek())).toBe(true)
      yield* TestClock.adjust("1 day")
      expect(Exit.isInterrupted(yield* Effect.exit(source.get))).toBe(true)
      expect(yield* TestClock.sleeps()).toHaveLength(0)
      expect(calls.length).toBe(1)
    }))

  it.scoped("a job every 11 minutes makes one request for each lifetime (S17)", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp()
      for (let n = 0; n < 10; n++) {
        yield* sources.get(["a"])
        yield* TestClock.adjust("11 minutes")
      }
      expect(calls.length).toBe(3) // two renewals in 110 minutes
    }))

  it.scoped("a source without a token is kept for 10 minutes, since it knows of a failure (S7, S17)", () =>
    Effect.gen(function*() {
      const down = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })
      const { calls, sources } = yield* setUp({ coolDown: { base: "1 hour", max: "1 hour" } }, [fail(down)])
      yield* Effect.flip(sources.get(["a"]))
      yield* TestClock.adjust("599 seconds")
      yield* Effect.flip(Effect.scoped(sources.source(["a"])).pipe(Effect.flatMap(({ get }) => get)))
      expect(calls.length).toBe(1)
      yield* TestClock.adjust("600 seconds")
      yield* Effect.flip(sources.get(["a"]))
      expect(calls.length).toBe(2)
    }))

  it.scoped("an unused source is released after releaseAfter, which each get restarts", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp({ releaseAfter: "1 minute" })
      for (let n = 0; n < 5; n++) {
        yield* sources.get(["a"])
        yield* TestClock.adjust("59 seconds")
      }
      expect(calls.length).toBe(1)
      yield* TestClock.adjust("1 second")
      yield* sources.get(["a"])
      expect(calls.length).toBe(2)
    }))

  it.scoped("a source is not released while a scope holds it", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp({ releaseAfter: "1 minute" })
      const source = yield* sources.source(["a"])
      yield* source.get
      yield* TestClock.adjust("10 minutes")
      expect(Option.isSome(source.peek())).toBe(true)
      yield* sources.get(["a"])
      expect(calls.length).toBe(1)
    }))

  it.scoped("a source that takes longer to make than releaseAfter is kept for its user, and the next one gets one", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      let now = 0n
      // Each look at this clock takes a second.
      const slow: Clock.Clock = Object.setPrototypeOf({ unsafeCurrentTimeNanos: () => now += 1_000_000_000n }, clock)
      const { calls, sources } = yield* Effect.withClock(setUp({ releaseAfter: "1 millis" }), slow)
      expect(yield* Effect.scoped(Effect.map(sources.source(["a"]), ({ peek }) => peek()))).toStrictEqual(Option.none())
      for (const scope of ["a", "a", "b"]) {
        expect(yield* Effect.exit(sources.get([scope]))).toMatchObject({ _tag: "Success" })
      }
      expect(calls.length).toBeGreaterThan(0)
    }))

  it.effect("the end of the Layer releases a source and interrupts its flight", () =>
    Effect.gen(function*() {
      const { flights, source } = yield* Effect.scoped(Effect.gen(function*() {
        const { flights, sources } = yield* setUp({}, [hang])
        const source = yield* Effect.scoped(sources.source(["a"]))
        yield* Effect.fork(source.get)
        yield* TestClock.adjust("1 millis")
        expect(flights.open).toBe(1)
        return { flights, source }
      }))
      expect(flights).toMatchObject({ open: 0, interrupted: 1 })
      expect(yield* Effect.exit(source.get)).toMatchObject({ _tag: "Failure", cause: { _tag: "Interrupt" } })
    }))
})

describe.concurrent("The capacity (S17)", () => {
  it.scoped("one source more than the capacity releases the least recently used one (S17)", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp({ capacity: 2 })
      yield* Effect.forEach(["a", "b", "a", "c"], (scope) => sources.get([scope]))
      expect(calls.length).toBe(3)
      yield* sources.get(["a"])
      expect(calls.length).toBe(3)
      yield* sources.get(["b"])
      expect(calls.length).toBe(4)
    }))

  it.scoped("a source that is held is not released, and neither waits nor fails who comes (S17)", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp({ capacity: 1 })
      const held = yield* sources.source(["a"])
      yield* held.get
      yield* Effect.forEach(["b", "c", "b"], (scope) => sources.get([scope]))
      expect(calls.length).toBe(4)
      expect(Option.isSome(held.peek())).toBe(true)
      yield* sources.get(["a"])
      expect(calls.length).toBe(4)
    }))

  it.scoped("100 sources are kept, and all subsets of nine scopes leave no more than that (S17, row 146)", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp()
      const subsets = Array.from({ length: 511 }, (_, n) => [..."abcdefghi"].filter((_, bit) => ((n + 1) >> bit) & 1))
      const made = yield* Effect.forEach(subsets, (scopes) => Effect.scoped(sources.source(scopes)))
      expect(calls.length).toBe(0)
      const open = yield* Effect.filter(made, ({ get }) => Effect.map(Effect.exit(get), Exit.isSuccess))
      expect(open).toStrictEqual(made.slice(-100))
    }))

  it.effect("after the end of the Layer a caller is interrupted", () =>
    Effect.gen(function*() {
      const { sources } = yield* Effect.scoped(setUp())
      expect(Exit.isInterrupted(yield* Effect.exit(sources.get(["a"])))).toBe(true)
    }))
})

describe.concurrent("Sources with different scopes", () => {
  it.scoped("sources with different scopes never wait for each other", () =>
    Effect.gen(function*() {
      const { calls, flights, sources } = yield* setUp({}, [hang, succeed()])
      const hanging = yield* Effect.fork(sources.get(["a"]))
      yield* TestClock.adjust("1 millis")
      expect(text(yield* sources.get(["b"]))).toBe("token-1")
      expect(hanging.unsafePoll()).toBe(null)
      expect(flights).toMatchObject({ open: 1, most: 2 })
      expect(calls.length).toBe(2)
    }))

  it.scoped("sources with different scopes share no failure and no cool-down", () =>
    Effect.gen(function*() {
      const refused = new TokenError.InvalidScopeError({ status: 400, attempts: 1 })
      const { calls, sources } = yield* setUp({}, [fail(refused), succeed()])
      expect(yield* Effect.flip(sources.get(["a"]))).toMatchObject({ _tag: "InvalidScopeError" })
      expect(text(yield* sources.get(["b"]))).toBe("token-1")
      expect(yield* Effect.flip(sources.get(["a"]))).toMatchObject({ _tag: "InvalidScopeError" }) // S7
      expect(calls.length).toBe(2)
    }))

  it.scoped("sources with different scopes share no invalidation", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp()
      const a = yield* sources.source(["a"])
      const b = yield* sources.source(["b"])
      const token = yield* a.get
      yield* b.get
      yield* b.invalidate(token)
      yield* a.invalidate(token)
      expect([a, b].map(({ peek }) => Option.isSome(peek()))).toStrictEqual([false, true])
      expect(calls.length).toBe(2)
    }))
})

describe.concurrent("Refused inputs (E2)", () => {
  it.effect.each<[string, ReadonlyArray<string>]>([
    ["no scope", []],
    ["an empty scope", [""]],
    ["a space", ["a b"]],
    ["a comma", ["a,b"]]
  ])("TokenSources refuses a set of scopes with %s (E2)", ([, scopes]) =>
    Effect.gen(function*() {
      const { calls, sources } = yield* setUp()
      const expected = { _tag: "InvalidInputError", setting: "scopes" }
      expect(yield* Effect.flip(sources.source(scopes))).toMatchObject(expected)
      expect(yield* Effect.flip(sources.get(scopes))).toMatchObject(expected)
      expect(calls.length).toBe(0)
    }).pipe(Effect.scoped))

  it.effect.each<[string, TokenSources.Options]>([
    ["releaseAfter", { releaseAfter: 0 }],
    ["releaseAfter", { releaseAfter: -1 }],
    ["releaseAfter", { releaseAfter: Duration.infinity }],
    ["capacity", { capacity: 0 }],
    ["capacity", { capacity: 1.5 }],
    ["refreshAt", { refreshAt: 1 }],
    ["jitter", { jitter: 1 }],
    ["expiryMargin", { expiryMargin: Number.NaN }],
    ["coolDown.base", { coolDown: { base: 0 } }],
    ["checkEvery", { checkEvery: 0 }]
  ])("TokenSources.layer refuses a bad %s (E2)", ([setting, options]) =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(setUp(options))).toMatchObject({ _tag: "InvalidInputError", setting })
    }).pipe(Effect.scoped))
})

describe.concurrent("TokenSources.layerConfig", () => {
  const configured = Effect.fnUntraced(function*(refreshAt: string) {
    const endpoint = yield* TestTokenEndpoint.make(succeed())
    const layer = TokenSources.layerConfig({
      refreshAt: Config.number("REFRESH_AT"),
      background: Config.succeed("onDemand")
    })
    const context = yield* Layer.build(layer).pipe(
      Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["REFRESH_AT", refreshAt]])))
    )
    return { calls: endpoint.calls, sources: yield* Effect.provide(TokenSources.TokenSources, context) }
  })

  it.scoped("the options of all sources come from the configuration", () =>
    Effect.gen(function*() {
      const { calls, sources } = yield* configured("0.1")
      yield* sources.get(["a"])
      yield* TestClock.adjust("500 seconds")
      yield* sources.get(["a"]) // it is due after 10 % of its lifetime, and renewed in the background
      yield* TestClock.adjust(0)
      expect(calls.length).toBe(2)
    }))

  it.scoped("an option of the configuration that is out of range is a ConfigError that names its setting (F4)", () =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(configured("7"))).toMatchObject({ _op: "InvalidData", path: ["REFRESH_AT"] })
    }))
})
