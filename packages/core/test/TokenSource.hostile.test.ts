/*
 * A source over endpoints, stores, tracers and clocks of the user's own that do what their types do not say (S1, S3,
 * S7, S13, S14).
 */
import { type AccessToken, TokenEndpoint, TokenError, TokenSource, TokenStore } from "@effect-tilia/core"
import { TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import type * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { atOnce, settle } from "./support/onTestClock.js"
import { scripted } from "./support/scripted.js"
import { placesToThrow, throwing } from "./support/spans.js"

const { fail, succeed } = TestTokenEndpoint
const { text } = TestAccessToken

type Ask = TokenEndpoint.TokenEndpoint["requestToken"]

/** A source over an endpoint of one's own. */
const over = (requestToken: Ask, options: Partial<TokenSource.Options> = {}) =>
  Effect.provideService(TokenSource.make({ scopes: ["user_info"], ...options }), TokenEndpoint.TokenEndpoint, {
    requestToken
  })

/** What a program in JavaScript may return, which no type stops. */
const untyped = (value: unknown): { readonly token: AccessToken.AccessToken; readonly error: TokenError.TokenError } =>
  JSON.parse(JSON.stringify({ token: value, error: value }))

const hasEnded = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) => Effect.map(Fiber.poll(fiber), Option.isSome)

/** Closes a source while it waits for what hangs. */
const closesAtOnce = (source: Effect.Effect<TokenSource.TokenSource, TokenError.InvalidInputError, Scope.Scope>) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const { get } = yield* Scope.extend(source, scope)
    const caller = yield* Effect.fork(get)
    yield* settle
    const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
    yield* settle
    expect(yield* hasEnded(closing)).toBe(true)
    expect(yield* hasEnded(caller)).toBe(true)
  })

describe("What holds up no closing (S3, row 162)", () => {
  it.effect.each(
    [
      ["subscribes", Stream.acquireRelease(Effect.never, () => Effect.void)],
      ["unsubscribes", Stream.acquireRelease(Effect.void, () => Effect.never)]
    ] as const
  )("a source closes at once although its store hangs as it %s (S3, row 162)", ([, changes]) =>
    Effect.gen(function*() {
      const { source } = yield* scripted(succeed())
      const memory = yield* TokenStore.makeMemory
      yield* closesAtOnce(
        Effect.provideService(source(), TokenStore.TokenStore, {
          ...memory,
          changes: () => Stream.zipRight(changes, Stream.never)
        })
      )
    }))

  it.effect("a source that is closed while it gives the lock back shows nothing of a defect in a log (E8, O5)", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStore.makeMemory
      const store: TokenStore.TokenStore = {
        ...memory,
        lock: (scopes) =>
          Effect.map(memory.lock(scopes), (result) =>
            result._tag === "Acquired"
              ? {
                ...result,
                lock: { ...result.lock, settle: (outcome) => Effect.delay(result.lock.settle(outcome), "100 millis") }
              }
              : result)
      }
      const source = Effect.provideService(
        over(() => Effect.die(new Error("client_secret=swordfish"))),
        TokenStore.TokenStore,
        store
      )
      const lines: Array<string> = []
      const logger = Logger.make((entry) => void lines.push(Logger.logfmtLogger.log(entry)))
      yield* Effect.gen(function*() {
        const scope = yield* Scope.make()
        const { get } = yield* Scope.extend(source, scope)
        yield* Effect.fork(Effect.exit(get))
        yield* settle
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(closing)
      }).pipe(Effect.provide([
        Logger.replace(Logger.defaultLogger, logger),
        Logger.minimumLogLevel(LogLevel.All)
      ]))
      expect(lines.join("\n")).not.toContain("swordfish")
    }))

  it.effect("a source closes at once although its endpoint cannot be interrupted (S3, row 162)", () =>
    closesAtOnce(over(() => Effect.uninterruptible(Effect.never))))

  it.effect("a source that is made in a closed scope does not subscribe to its store (S3, row 162)", () =>
    Effect.gen(function*() {
      const { source } = yield* scripted(succeed())
      const memory = yield* TokenStore.makeMemory
      let subscribed = 0
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      const { get } = yield* source().pipe(
        Effect.provideService(TokenStore.TokenStore, {
          ...memory,
          changes: () =>
            Stream.ensuring(
              Stream.fromEffect(Effect.suspend(() => {
                subscribed++
                return Effect.never
              })),
              Effect.sync(() => subscribed--)
            )
        }),
        Scope.extend(scope)
      )
      yield* settle
      expect(subscribed).toBe(0)
      expect(Exit.isInterrupted(yield* Effect.exit(get))).toBe(true)
    }))
})

describe("Endpoints that do what their type does not say (S7, row 164)", () => {
  const cases: ReadonlyArray<readonly [does: string, ask: Ask, said: string]> = [
    ["returns nothing", () => Effect.succeed(untyped(null).token), "something else than a token"],
    ["returns an empty object", () => Effect.succeed(untyped({}).token), "something else than a token"],
    ["fails with a text", () => Effect.fail(untyped("vault down").error), "something else than a TokenError"],
    ["fails with null", () => Effect.fail(untyped(null).error), "something else than a TokenError"],
    ["throws", () => {
      throw new Error("thrown")
    }, "thrown"],
    ["interrupts itself", () => Effect.interrupt, "interrupted itself"]
  ]

  it.scoped.each(cases)(
    "an endpoint that %s fails its callers with a defect, and is asked again after the cool-down (S7, row 164)",
    ([, ask, said]) =>
      Effect.gen(function*() {
        let calls = 0
        const { get } = yield* over((...args) => {
          calls++
          return ask(...args)
        })
        const callers = yield* Effect.replicateEffect(Effect.fork(get), 3)
        yield* settle
        for (const caller of callers) {
          expect(yield* hasEnded(caller)).toBe(true)
          const exit = yield* Fiber.await(caller)
          expect(Exit.isFailure(exit) && Cause.isDie(exit.cause) && Cause.pretty(exit.cause)).toContain(said)
        }
        yield* Effect.exit(get)
        expect(calls).toBe(1)
        yield* TestClock.adjust("2 minutes")
        const later = yield* Effect.fork(get)
        yield* settle
        expect(yield* hasEnded(later)).toBe(true)
        expect(calls).toBe(2)
      })
  )

  it.scoped("a source whose Random dies fails its callers with that defect (S7, row 164)", () =>
    Effect.gen(function*() {
      const random: Random.Random = { ...(yield* Effect.random), next: Effect.die(new Error("no chance")) }
      const { source } = yield* scripted(succeed())
      const { get } = yield* Effect.withRandom(source(), random)
      const caller = yield* Effect.fork(get)
      yield* settle
      expect(yield* hasEnded(caller)).toBe(true)
      expect(Exit.isFailure(yield* Fiber.await(caller))).toBe(true)
    }))

  it.scoped.each(placesToThrow)(
    "a tracer that throws at `%s` loses no token (O2, row 164)",
    (place) =>
      Effect.gen(function*() {
        const tracer = yield* throwing(place)
        const { calls, source } = yield* scripted(succeed())
        const { get } = yield* Effect.withTracer(source(), tracer)
        expect(text(yield* get)).toBe("token-0")
        expect(text(yield* atOnce(get))).toBe("token-0")
        expect(calls).toHaveLength(1)
      })
  )

  it.scoped("a logger that throws loses no token, and keeps the source from no refresh (O5)", () =>
    Effect.gen(function*() {
      const logger = Logger.make(() => {
        throw new Error("The logger is broken.")
      })
      const { calls, source } = yield* scripted(
        succeed(),
        fail(new TokenError.ServiceUnavailableError({ status: 503, attempts: 4 })),
        succeed()
      )
      yield* Effect.gen(function*() {
        const { get } = yield* source()
        expect(text(yield* get)).toBe("token-0")
        yield* TestClock.adjust("50 minutes")
        yield* TestClock.adjust("5 minutes")
        expect(text(yield* get)).toBe("token-2")
        expect(calls).toHaveLength(3)
      }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)), Logger.withMinimumLogLevel(LogLevel.All))
    }))
})

describe("A request that dies is told (S13, S14, row 165)", () => {
  it.scoped("one that dies again and again is one Error in the log, an event each time, and no secret (S14, row 165)", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const events: Array<unknown> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel.label} ${String(message)}`))
      const token = yield* TestAccessToken.make({ lifetime: "1 hour" })
      let calls = 0
      const { changes, get } = yield* over(() =>
        calls++ === 0 ? Effect.succeed(token) : Effect.die(new TypeError("the swordfish is undefined"))
      ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      yield* Effect.forkScoped(Stream.runForEach(changes, (event) => Effect.sync(() => events.push(event))))
      yield* settle
      yield* get
      yield* TestClock.adjust("55 minutes")
      expect(calls).toBeGreaterThan(4)
      expect(lines).toHaveLength(1)
      expect(lines[0]).toMatch(
        /^ERROR No new access token\. The request died, which is a bug: TypeError at .+\.ts:\d+:\d+/
      )
      expect(events.slice(1)).toHaveLength(calls - 1)
      expect(events[1]).toMatchObject({ _tag: "RefreshDied", defect: expect.stringMatching(/^TypeError at /) })
      expect(JSON.stringify([lines, events])).not.toContain("swordfish")
    }).pipe(Logger.withMinimumLogLevel(LogLevel.Info)))
})

describe("Callers with clocks of their own (S1, row 166)", () => {
  /** A source that is a minute old, and a clock that differs from its own by so many milliseconds. */
  const odd = Effect.fnUntraced(function*(ahead: number, ...script: TestTokenEndpoint.Script) {
    yield* TestClock.setTime(1_800_000_000_000)
    const made = yield* scripted(...script)
    const source = yield* made.source()
    yield* source.get
    yield* TestClock.adjust("1 minute")
    const own = yield* Effect.clock
    const clock = {
      ...own,
      unsafeCurrentTimeMillis: () => own.unsafeCurrentTimeMillis() + ahead,
      unsafeCurrentTimeNanos: () => own.unsafeCurrentTimeNanos() + BigInt(ahead) * 1_000_000n
    }
    return { ...made, source, oddly: Effect.withClock(clock) }
  })

  const hours = 2 * 3_600_000
  const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })

  it.scoped.each([hours, -hours])(
    "the valid token stays after a failed refresh by a caller whose clock is %i ms ahead (S1, row 166)",
    (ahead) =>
      Effect.gen(function*() {
        const { oddly, source } = yield* odd(ahead, succeed(), fail(unavailable))
        expect(yield* Effect.flip(oddly(source.refresh))).toMatchObject({ _tag: "ServiceUnavailableError" })
        expect(Option.map(source.peek(), text)).toStrictEqual(Option.some("token-0"))
        expect(text(yield* oddly(source.get))).toBe("token-0")
      })
  )

  it.scoped.each([hours, -hours])(
    "the throttle goes by the source's clock if the caller's is %i ms ahead (S1, S9, row 166)",
    (ahead) =>
      Effect.gen(function*() {
        const { calls, oddly, source } = yield* odd(ahead, succeed())
        yield* oddly(source.invalidate(yield* source.get))
        expect(text(yield* source.get)).toBe("token-1")
        yield* TestClock.adjust("10 minutes")
        yield* source.invalidate(yield* source.get)
        expect(text(yield* source.get)).toBe("token-2")
        expect(calls).toHaveLength(3)
      })
  )

  it.scoped("a caller whose clock is behind does not make the source idle (S1, S11, row 166)", () =>
    Effect.gen(function*() {
      const { calls, oddly, source } = yield* odd(-1_700_000_000_000, succeed())
      for (let n = 0; n < 46; n++) {
        yield* TestClock.adjust("1 minute")
        yield* source.get
      }
      yield* oddly(source.get)
      yield* TestClock.adjust("8 minutes")
      expect(calls).toHaveLength(2)
    }))
})
