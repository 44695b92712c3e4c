/*
 * A source whose server is well. When requests fail or tokens are refused: TokenSource.failures.test.ts. Its options
 * and what can be observed of it: TokenSource.surface.test.ts.
 */
import { TokenError, type TokenSource } from "@effect-tilia/core"
import { SkewClock, TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Supervisor from "effect/Supervisor"
import * as TestClock from "effect/TestClock"
import { atOnce, centred, drawing, settle } from "./support/onTestClock.js"
import { type Scripted, scripted, textAtOnce } from "./support/scripted.js"

const { after, fail, hang, succeed } = TestTokenEndpoint
const { text } = TestAccessToken

const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 4 })

const idleNever = { idleAfter: "24 days" } as const

describe.concurrent("TokenSource.get with a valid token (S1)", () => {
  it.scoped("get yields a valid token synchronously and sends no request (S1)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed())
      const made = yield* source()
      yield* made.get
      const tokens = yield* Effect.replicateEffect(atOnce(made.get), 1000)
      expect(new Set(tokens).size).toBe(1)
      expect(calls).toHaveLength(1)
    }))

  it.scoped("get of a valid token starts no fiber and yields the same exit each time (S1)", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.track
      const { source } = yield* scripted(succeed())
      const made = yield* Effect.supervised(source(), supervisor)
      yield* made.get
      yield* settle
      const before = (yield* supervisor.value).length
      const exits = yield* Effect.replicateEffect(Effect.exit(made.get), 3)
      expect(yield* supervisor.value).toHaveLength(before)
      expect(new Set(exits.map(Exit.getOrElse(() => undefined))).size).toBe(1)
    }))

  it.scoped("get reads the caller's clock, and peek reads the source's clock (S1)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed())
      const made = yield* source({ background: "onDemand" })
      yield* made.get
      const later = yield* SkewClock.make
      yield* later.step(7_200_000)
      expect(Option.map(made.peek(), text)).toStrictEqual(Option.some("token-0"))
      expect(text(yield* Effect.withClock(made.get, later.clock))).toBe("token-1")
      expect(calls).toHaveLength(2)
    }))
})

describe.concurrent("Single flight (S2)", () => {
  it.scoped("10,000 concurrent callers cause one request, and all of them get the token (S2, row 70)", () =>
    Effect.gen(function*() {
      const { calls, flights, source } = yield* scripted(after("300 millis", succeed()))
      const { get } = yield* source()
      const callers = yield* Effect.replicateEffect(Effect.fork(get), 10_000)
      yield* TestClock.adjust("300 millis")
      const tokens = yield* Fiber.join(Fiber.all(callers))
      expect(new Set(tokens.map(text))).toStrictEqual(new Set(["token-0"]))
      expect(calls).toMatchObject([{ at: 0, isSingleAttempt: false }])
      expect(flights.most).toBe(1)
    }))

  it.scoped("get, refresh and ready share one flight (S2)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(after("1 second", succeed()))
      const { get, ready, refresh } = yield* source()
      const callers = yield* Effect.forEach([get, refresh, ready], Effect.fork)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(Fiber.all(callers))
      expect(calls).toHaveLength(1)
    }))

  it.scoped("refresh joins the flight of a background refresh (S2)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed(), after("5 seconds", succeed()))
      const { get, refresh } = yield* centred(source())
      yield* get
      yield* TestClock.adjust("2880 seconds")
      const caller = yield* Effect.fork(refresh)
      yield* TestClock.adjust("5 seconds")
      expect(text(yield* Fiber.join(caller))).toBe("token-1")
      expect(calls).toHaveLength(2)
    }))
})

describe.concurrent("Interruption of callers (S3)", () => {
  it.scoped.each([["the first caller", 1], ["half of the callers", 5], ["all callers", 10]] as const)(
    "the flight goes on after the interruption of %s (S3, row 72)",
    ([, interrupted]) =>
      Effect.gen(function*() {
        const { calls, flights, source } = yield* scripted(after("1 second", succeed()))
        const { get } = yield* source()
        const callers = yield* Effect.replicateEffect(Effect.fork(get), 10)
        yield* settle
        yield* Fiber.interruptAll(callers.slice(0, interrupted))
        yield* TestClock.adjust("1 second")
        const others = yield* Fiber.join(Fiber.all(callers.slice(interrupted)))
        expect(others.filter((token) => text(token) === "token-0")).toHaveLength(10 - interrupted)
        expect(text(yield* atOnce(get))).toBe("token-0")
        expect(calls).toHaveLength(1)
        expect(flights.interrupted).toBe(0)
      })
  )

  it.scoped("a caller's time-out does not end the flight for another caller (S3, row 72)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(after("3 seconds", succeed()))
      const { get } = yield* source()
      const hasty = yield* Effect.fork(Effect.timeoutOption(get, "1 second"))
      const patient = yield* Effect.fork(get)
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(hasty)).toStrictEqual(Option.none())
      expect(text(yield* Fiber.join(patient))).toBe("token-0")
      expect(calls).toHaveLength(1)
    }))

  it.scoped("a flight reads the source's clock, not its first caller's (S3)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed())
      const { get } = yield* source()
      const elsewhere = yield* SkewClock.make
      yield* Effect.withClock(get, elsewhere.clock)
      expect(calls[0]?.at).toBe(0) // by the source's clock
    }))
})

describe.concurrent("Closing the scope of a source (S3)", () => {
  /** A source in a scope of its own, all of whose fibers are known. */
  const closable = (
    { source }: Scripted,
    options: Partial<TokenSource.Options> = {}
  ) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const supervisor = yield* Supervisor.track
      const made = yield* source(options).pipe(Scope.extend(scope), Effect.supervised(supervisor), centred)
      return {
        ...made,
        fibers: Effect.map(supervisor.value, (fibers) => fibers.length),
        close: Scope.close(scope, Exit.void)
      }
    })

  /** Nothing is left, and nothing begins again. */
  const isOver = (
    { fibers, get, invalidate, peek, ready, refresh }: Effect.Effect.Success<ReturnType<typeof closable>>,
    { calls, flights }: Scripted
  ) =>
    Effect.gen(function*() {
      const sent = calls.length
      expect(yield* fibers).toBe(0)
      expect(flights.open).toBe(0)
      for (const effect of [get, refresh, ready]) {
        expect(Exit.isInterrupted(yield* Effect.exit(effect))).toBe(true)
      }
      expect(peek()).toStrictEqual(Option.none())
      yield* invalidate(yield* TestAccessToken.make())
      yield* TestClock.adjust("3 hours")
      expect(yield* TestClock.sleeps()).toHaveLength(0)
      expect(calls).toHaveLength(sent)
      expect(yield* fibers).toBe(0)
    })

  it.effect("closing the scope interrupts the flight and every waiting caller (S3, row 73)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(hang)
      const made = yield* closable(endpoint)
      const callers = yield* Effect.replicateEffect(Effect.fork(made.get), 100)
      yield* settle
      expect(endpoint.flights.open).toBe(1)
      yield* made.close
      const exits = yield* Effect.forEach(callers, (caller) => Fiber.await(caller))
      expect(exits.filter(Exit.isInterrupted)).toHaveLength(100)
      expect(endpoint.flights.interrupted).toBe(1)
      yield* isOver(made, endpoint)
    }))

  it.effect("closing the scope interrupts a flight before its first step (S3, row 73)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(hang)
      const made = yield* closable(endpoint)
      const caller = yield* Effect.fork(made.get)
      yield* Effect.yieldNow()
      expect(endpoint.calls).toHaveLength(0)
      yield* made.close
      yield* settle
      expect(Option.map(yield* Fiber.poll(caller), Exit.isInterrupted)).toStrictEqual(Option.some(true))
      yield* isOver(made, endpoint)
    }))

  it.effect("closing the scope interrupts a background refresh and a caller that waits for it (S3, row 73)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed(), hang)
      const made = yield* closable(endpoint)
      yield* made.get
      yield* TestClock.adjust("1 hour")
      const caller = yield* Effect.fork(made.get)
      yield* settle
      yield* made.close
      expect(Exit.isInterrupted(yield* Fiber.await(caller))).toBe(true)
      expect(endpoint.flights.interrupted).toBe(1)
      yield* isOver(made, endpoint)
    }))

  it.effect("closing the scope ends the back-off of a background refresh (S3, row 73)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed(), fail(unavailable))
      const made = yield* closable(endpoint)
      yield* made.get
      yield* TestClock.adjust("2890 seconds")
      expect(endpoint.calls.length).toBeGreaterThan(2)
      yield* made.close
      yield* isOver(made, endpoint)
    }))

  it.effect("closing the scope in a cool-down leaves no fiber and no timer behind (S3, row 73)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(fail(unavailable))
      const made = yield* closable(endpoint)
      yield* Effect.flip(made.get)
      yield* made.close
      yield* isOver(made, endpoint)
    }))

  it.effect("closing the scope ends the fiber that sleeps until the next refresh (S3, row 73)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed())
      const made = yield* closable(endpoint)
      yield* made.get
      yield* settle
      expect(yield* made.fibers).toBe(1)
      yield* made.close
      yield* isOver(made, endpoint)
    }))
})

describe.concurrent("Background refresh (S4)", () => {
  it.scoped.each([[0, 2808], [0.5, 2880], [0.999_999_999, 2952]] as const)(
    "with the random draw %d the source renews a token of an hour after %d seconds (S4)",
    ([draw, due]) =>
      Effect.gen(function*() {
        const { calls, source } = yield* scripted(succeed())
        const { get } = yield* drawing(draw)(source())
        yield* get
        yield* TestClock.adjust(`${due - 1} seconds`)
        expect(calls).toHaveLength(1)
        yield* TestClock.adjust("1 second")
        expect(calls).toHaveLength(2)
        expect(calls[1]).toMatchObject({ at: due * 1000, isSingleAttempt: true })
      })
  )

  it.scoped("the source draws a new time of refresh for each token (S4)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed({ lifetime: "100 seconds" }))
      const { get } = yield* source({ ...idleNever, checkEvery: "1 hour" })
      yield* get
      yield* TestClock.adjust("1 hour")
      const lives = calls.slice(1).map(({ at }, n) => at - (calls[n]?.at ?? 0))
      expect(lives.length).toBeGreaterThan(40)
      expect(Math.min(...lives)).toBeGreaterThanOrEqual(78_000)
      expect(Math.max(...lives)).toBeLessThanOrEqual(82_000)
      expect(new Set(lives).size).toBeGreaterThan(30)
    }))

  it.scoped("no caller waits for a background refresh (S4)", () =>
    Effect.gen(function*() {
      const { calls, flights, source } = yield* scripted(succeed(), after("20 seconds", succeed()))
      const made = yield* centred(source())
      yield* made.get
      yield* TestClock.adjust("2880 seconds")
      expect(flights.open).toBe(1)
      expect(yield* textAtOnce(made)).toBe("token-0")
      yield* TestClock.adjust("19 seconds")
      expect(yield* textAtOnce(made)).toBe("token-0")
      yield* TestClock.adjust("1 second")
      expect(yield* textAtOnce(made)).toBe("token-1")
      expect(calls).toHaveLength(2)
    }))

  it.scoped.each<[string, number]>([
    ["1 second", 1],
    ["5 seconds", 5],
    ["60 seconds", 60],
    ["1 hour", 3600],
    ["400 days", 34_560_000]
  ])(
    "in ten lifetimes of %s the source sends 13 requests, and get always yields a valid token (S4, row 76)",
    ([, life]) =>
      Effect.gen(function*() {
        const { calls, source } = yield* scripted(succeed({ lifetime: Duration.seconds(life) }))
        const made = yield* centred(source({ ...idleNever, checkEvery: "20 days" }))
        yield* made.get
        for (let n = 0; n < 100; n++) {
          yield* TestClock.adjust(life * 100)
          const { expiresAt } = yield* atOnce(made.get)
          expect(expiresAt.epochMillis).toBeGreaterThan(yield* TestClock.currentTimeMillis)
        }
        expect(calls).toHaveLength(13)
        expect(new Set(calls.slice(1).map(({ at }, n) => at - (calls[n]?.at ?? 0)))).toStrictEqual(
          new Set([life * 800])
        )
      })
  )
})

describe.concurrent("Expiry of a token (S5)", () => {
  it.scoped.each<[string, number, Partial<TokenSource.Options>, number]>([
    ["10 seconds early", 3600, {}, 3590],
    ["a tenth of its lifetime early if that is less than 10 seconds", 50, {}, 45],
    ["as early as expiryMargin says", 3600, { expiryMargin: "1 minute" }, 3540],
    ["at most a tenth of its lifetime early, whatever expiryMargin says", 3600, { expiryMargin: "1 day" }, 3240]
  ])("a token expires %s, counted from before its request (S5)", ([, life, options, end]) =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(after("4 seconds", succeed({ lifetime: Duration.seconds(life) })))
      const { get, peek } = yield* source({ background: "onDemand", ...options })
      yield* Effect.fork(get)
      yield* TestClock.adjust(end * 1000 - 1)
      expect(Option.map(peek(), text)).toStrictEqual(Option.some("token-0"))
      yield* TestClock.adjust(1)
      expect(peek()).toStrictEqual(Option.none())
      expect(calls).toHaveLength(1)
      yield* Effect.fork(get)
      yield* settle
      expect(calls[1]).toMatchObject({ at: end * 1000, isSingleAttempt: false })
    }))
})

describe.concurrent("Clocks whose hands move apart (S10)", () => {
  const hour = 3_600_000
  /** A source that lives by such a clock, and its callers. */
  const apart = (life: number, options: Partial<TokenSource.Options> = {}) =>
    Effect.gen(function*() {
      const hands = yield* SkewClock.make
      const { calls, source } = yield* scripted(succeed({ lifetime: Duration.seconds(life) }))
      const made = yield* source(options).pipe(centred, Effect.withClock(hands.clock))
      return { calls, hands, peek: made.peek, get: Effect.map(Effect.withClock(made.get, hands.clock), text) }
    })

  it.scoped("a wall clock that jumps an hour forward ends a token of an hour (S10, row 75)", () =>
    Effect.gen(function*() {
      const { calls, get, hands, peek } = yield* apart(3600)
      yield* get
      yield* hands.step(hour)
      expect(peek()).toStrictEqual(Option.none())
      expect(yield* get).toBe("token-1")
      yield* TestClock.adjust("40 minutes")
      expect(calls).toHaveLength(2)
    }))

  it.scoped.each(["timer", "onDemand"] as const)(
    "with background %s, a wall clock that goes back an hour lengthens no lifetime (S10, row 75)",
    (background) =>
      Effect.gen(function*() {
        const { calls, get, hands, peek } = yield* apart(3600, { background })
        yield* get
        expect(yield* get).toBe("token-0")
        yield* hands.step(-hour)
        yield* TestClock.adjust("2879 seconds")
        expect(yield* get).toBe("token-0")
        expect(calls).toHaveLength(1)
        yield* TestClock.adjust("1 second")
        yield* get
        yield* settle
        expect(calls).toHaveLength(2)
        expect(Option.map(peek(), text)).toStrictEqual(Option.some("token-1"))
      })
  )

  it.scoped("a wall clock that stands still lengthens a lifetime by a minute at most (S10, row 75)", () =>
    Effect.gen(function*() {
      const { get, hands } = yield* apart(600)
      yield* get
      for (let n = 0; n < 11 * 4; n++) {
        yield* TestClock.adjust("15 seconds")
        yield* hands.step(-15_000)
        yield* Effect.fork(get)
      }
      yield* settle
      expect(yield* get).not.toBe("token-0")
    }))

  it.scoped("the source drops a token that expired while the machine slept (S10, row 75)", () =>
    Effect.gen(function*() {
      const { calls, get, hands, peek } = yield* apart(3600)
      yield* get
      yield* hands.step(2 * hour)
      expect(peek()).toStrictEqual(Option.none())
      yield* TestClock.adjust("1 minute")
      expect(calls).toHaveLength(1) // nobody asked
      expect(yield* get).toBe("token-1")
    }))

  it.scoped("a background refresh that is overdue after a suspend starts within checkEvery (S10, row 75)", () =>
    Effect.gen(function*() {
      const { calls, get, hands } = yield* apart(36_000)
      yield* get
      yield* hands.step(9 * hour) // due an hour ago
      yield* TestClock.adjust("59 seconds")
      expect(calls).toHaveLength(1)
      yield* TestClock.adjust("1 second")
      expect(calls).toHaveLength(2)
    }))

  it.scoped("a wall clock that jumps to and fro for a day causes no storm of requests (S10, row 75)", () =>
    Effect.gen(function*() {
      const { calls, get, hands } = yield* apart(3600, { checkEvery: "10 minutes" })
      const jumps = 48
      for (const n of Arr.range(1, jumps)) {
        yield* hands.step(n % 2 === 0 ? hour : -hour)
        yield* get
        yield* TestClock.adjust("15 minutes")
        yield* get
        yield* TestClock.adjust("15 minutes")
      }
      expect(calls.length).toBeLessThanOrEqual(jumps + 24 / 0.8)
    }))
})

describe.concurrent("Idle sources (S11)", () => {
  it.scoped("background refreshes stop after one lifetime without a get, and the next get restarts them (S11)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed())
      const made = yield* centred(source())
      yield* made.get
      yield* TestClock.adjust("6000 seconds")
      const at = () => calls.map(({ at }) => at / 1000)
      expect(at()).toStrictEqual([0, 2880]) // due again at 5760, but idle since 3600
      expect(yield* textAtOnce(made)).toBe("token-1") // which lives until 6470
      yield* settle
      expect(at()).toStrictEqual([0, 2880, 6000])
      yield* TestClock.adjust("1 day")
      expect(at()).toStrictEqual([0, 2880, 6000, 8880])
      expect(made.peek()).toStrictEqual(Option.none())
      expect(yield* TestClock.sleeps()).toHaveLength(0)
      yield* made.get
      yield* TestClock.adjust("2880 seconds")
      expect(at()).toStrictEqual([0, 2880, 6000, 8880, 6000 + 86_400, 6000 + 86_400 + 2880])
    }))

  it.scoped("idleAfter sets the time until a source is idle, and peek does not count as use (S11)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed())
      const { get, peek } = yield* centred(source({ idleAfter: "3 hours" }))
      yield* get
      for (let n = 0; n < 24; n++) {
        yield* TestClock.adjust("1 hour")
        peek()
      }
      expect(calls.map(({ at }) => at / 2_880_000)).toStrictEqual([0, 1, 2, 3])
    }))

  it.scoped("a wall clock that is set back does not make the last get seem later (S11)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed({ lifetime: "1 minute" }))
      const { clock, step } = yield* SkewClock.make
      const { get } = yield* Effect.withClock(centred(source()), clock)
      yield* Effect.withClock(get, clock)
      yield* step(-3_600_000)
      yield* TestClock.adjust("30 minutes")
      // At 48 and 96 seconds the source still counts as used, since the look at 48 is the first that sees the step.
      expect(calls).toHaveLength(3)
    }))

  it.scoped("background refreshes go on while callers call get (S11)", () =>
    Effect.gen(function*() {
      const { calls, source } = yield* scripted(succeed())
      const { get } = yield* centred(source({ checkEvery: "1 hour" }))
      yield* get
      for (let n = 0; n < 48; n++) {
        yield* TestClock.adjust("30 minutes")
        yield* atOnce(get)
      }
      expect(calls).toHaveLength(31) // a day of 86,400 s, at each 2880 s
    }))
})
