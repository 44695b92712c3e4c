/*
 * What a caller leaves behind, and what it does not pass on to the work that serves all callers (S3, rows 120-123).
 */
import { Telemetry, TokenEndpoint, TokenSource, TokenSources, TokenStore } from "@effect-tilia/core"
import { TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { settle } from "./support/onTestClock.js"
import { scripted } from "./support/scripted.js"
import { recordingSpans } from "./support/spans.js"

const { hang, succeed } = TestTokenEndpoint
const { text } = TestAccessToken

describe("A source that is made in an uninterruptible region (S3, row 120)", () => {
  it.effect.each(
    [
      ["without a store", Layer.empty],
      ["with a store", TokenStore.layerMemory]
    ] as const
  )("it yields a token and closes while a request hangs, %s (S3, row 120)", ([, store]) =>
    Effect.gen(function*() {
      const { calls, flights, source } = yield* scripted(succeed(), hang)
      const scope = yield* Scope.make()
      const { get, refresh } = yield* source().pipe(Scope.extend(scope), Effect.uninterruptible)
      expect(text(yield* get)).toBe("token-0")
      const caller = yield* Effect.fork(refresh)
      yield* settle
      expect(calls).toHaveLength(2)
      const closing = yield* Effect.fork(Effect.uninterruptible(Scope.close(scope, Exit.void)))
      yield* settle
      expect(Option.isSome(yield* Fiber.poll(closing))).toBe(true)
      expect(flights).toMatchObject({ open: 0, interrupted: 1 })
      expect(Exit.isInterrupted(yield* Fiber.await(caller))).toBe(true)
    }).pipe(Effect.provide(store)))
})

describe("Callers that give up (S3, row 121)", () => {
  setFlagsFromString("--expose-gc")
  const collectGarbage: () => void = runInNewContext("gc")

  /** How many of the callers are still in memory. */
  const retained = (callers: ReadonlyArray<WeakRef<object>>) =>
    Effect.promise(async () => {
      for (let n = 0; n < 5; n++) {
        await new Promise((resolve) => setImmediate(resolve))
        collectGarbage()
      }
      return callers.filter((caller) => caller.deref() !== undefined).length
    })

  it.scoped("nothing is retained of callers that gave up on a request that hangs (S3, row 121)", () =>
    Effect.gen(function*() {
      const { source } = yield* scripted(hang)
      const { get } = yield* source()
      const call = Effect.gen(function*() {
        const caller = yield* Effect.fork(get)
        yield* settle
        yield* Fiber.interrupt(caller)
        return new WeakRef(caller)
      })
      const callers = yield* Effect.replicateEffect(call, 100)
      expect(yield* retained(callers)).toBeLessThan(5) // the last ones may still be on the stack
    }))

  it.scoped("the span of a request has 128 links at most, however many callers wait (S14, row 121)", () =>
    Effect.gen(function*() {
      const { spans, withTracer } = yield* recordingSpans
      const { source } = yield* scripted(hang)
      const { get } = yield* withTracer(source())
      const call = Effect.fork(get.pipe(Effect.withSpan("caller"), withTracer))
      yield* Effect.replicateEffect(call, 100)
      yield* settle
      yield* Effect.replicateEffect(call, 100)
      yield* settle
      expect(spans.find(({ name }) => name === Telemetry.refreshSpan)?.links).toHaveLength(128)
    }))
})

describe("The fiber that happens to use a source first (S3, row 122)", () => {
  /** The annotations of all that is logged. */
  const logs = Effect.sync(() => {
    const annotations: Array<Record<string, unknown>> = []
    const logger = Logger.make(({ annotations: each }) =>
      void annotations.push(Object.fromEntries(HashMap.toEntries(each)))
    )
    return { annotations, layer: Logger.replace(Logger.defaultLogger, logger) }
  })

  const ofTheLayer = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(Effect.annotateLogs("by", "the Layer"), Logger.withMinimumLogLevel(LogLevel.Debug))

  const ofTheCaller = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(Effect.annotateLogs("user", "alice"), Logger.withMinimumLogLevel(LogLevel.None))

  it.scoped("a source logs as its Layer does, not as its caller does (S3, row 122)", () =>
    Effect.gen(function*() {
      const { annotations, layer } = yield* logs
      yield* Effect.gen(function*() {
        const { source } = yield* scripted(succeed())
        const { get } = yield* ofTheLayer(source())
        yield* ofTheCaller(get)
      }).pipe(Effect.provide(layer))
      expect(annotations).toStrictEqual([{ by: "the Layer", scopes: "user_info" }])
    }))

  it.scoped("a source of TokenSources logs as their Layer does, not as who uses it first (S3, row 122)", () =>
    Effect.gen(function*() {
      const { annotations, layer } = yield* logs
      yield* Effect.gen(function*() {
        const endpoint = yield* TestTokenEndpoint.make(succeed())
        const { get } = yield* ofTheLayer(TokenSources.make()).pipe(
          Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint)
        )
        yield* ofTheCaller(get(["user_info"]))
      }).pipe(Effect.provide(layer))
      expect(annotations).toStrictEqual([{ by: "the Layer", scopes: "user_info" }])
    }))
})

describe("Endpoints that die (S6, row 123)", () => {
  const dying = Effect.fnUntraced(function*(dies: (call: number) => boolean) {
    let calls = 0
    const token = yield* TestAccessToken.make({ lifetime: "20 seconds" })
    const source = yield* TokenSource.make({ scopes: ["user_info"], refreshAt: 0.849, jitter: 0.001 }).pipe(
      Effect.provideService(TokenEndpoint.TokenEndpoint, {
        requestToken: () => Effect.delay(dies(calls++) ? Effect.die("a defect") : Effect.succeed(token), "2 seconds")
      })
    )
    return { ...source, calls: () => calls }
  })

  it.scoped("an endpoint that dies in the background is asked again after a back-off, not in a loop (S6, row 123)", () =>
    Effect.gen(function*() {
      const { calls, get } = yield* dying((call) => call > 0)
      const first = yield* Effect.fork(get)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(first)
      yield* TestClock.setTime(17_999)
      expect(calls()).toBe(2)
      yield* TestClock.adjust("1 hour")
      expect(calls()).toBe(2)
    }))

  it.scoped("who joined a background request that dies gets the token of another one (S6, row 123)", () =>
    Effect.gen(function*() {
      const { calls, get } = yield* dying((call) => call === 1)
      const first = yield* Effect.fork(get)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(first)
      yield* TestClock.setTime(18_200) // expired at 18, and asked for since 17
      expect(calls()).toBe(2)
      const joined = yield* Effect.fork(get)
      yield* TestClock.adjust("1 second")
      expect(calls()).toBe(3)
      yield* TestClock.adjust("2 seconds")
      expect(Exit.isSuccess(yield* Fiber.await(joined))).toBe(true)
    }))

  it.scoped("an endpoint that dies fails its callers once, and then rests (S7, row 123)", () =>
    Effect.gen(function*() {
      const { calls, get } = yield* dying(() => true)
      const callers = yield* Effect.replicateEffect(Effect.fork(get), 10)
      yield* TestClock.adjust("2 seconds")
      for (const caller of callers) expect(Exit.isFailure(yield* Fiber.await(caller))).toBe(true)
      expect(Exit.isFailure(yield* Effect.exit(get))).toBe(true)
      expect(calls()).toBe(1)
    }))
})
