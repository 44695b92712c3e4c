/*
 * The token source as its users have it, with fibers and timers, against any history of callers, servers and clocks.
 * What the source decides is tested by internal/tokenSource/state.model.test.ts, in many more histories. The world
 * below keeps its own, true clock and notes every request; what holds in every history is said by `complaints`, and
 * beside each rule the bug that it was seen to find.
 */
import { type AccessToken, TokenError } from "@effect-tilia/core"
import { SkewClock, TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Match from "effect/Match"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { scripted } from "./support/scripted.js"

const { text } = TestAccessToken

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** Times are in milliseconds, a token's life is in seconds. */
type Command =
  | { readonly do: "get" | "refresh" }
  | { readonly do: "invalidate"; readonly which: "current" | "old" }
  | { readonly do: "interrupt"; readonly who: number | "all" }
  | { readonly do: "advance" | "step" | "suspend"; readonly by: number }
  | { readonly do: "serve"; readonly answer: Reply }

interface Reply {
  readonly after: number
  readonly life: number
  readonly fail?: TokenError.TokenError
}

interface Setting {
  /** How often, beside everything else, the hands of the clock are moved. */
  readonly moves: number
  readonly background: "timer" | "onDemand"
  readonly checkEvery: number
  /** What chance draws, in turn. */
  readonly draws: [number, ...Array<number>]
}

const unavailable = (retryAfter?: number) =>
  new TokenError.ServiceUnavailableError({
    status: 503,
    attempts: 1,
    ...(retryAfter === undefined ? {} : { retryAfter: Duration.millis(retryAfter) })
  })
const refused = new TokenError.InvalidClientError({ status: 401, attempts: 1 })

const { constant, constantFrom, integer, record } = FastCheck

const weighed = <A>(...arbitraries: Array<readonly [weight: number, arbitrary: FastCheck.Arbitrary<A>]>) =>
  FastCheck.oneof(...arbitraries.map(([weight, arbitrary]) => ({ weight, arbitrary })))

const after = constantFrom(0, 50, 3 * second)
const life = constantFrom(1, 5, 60, 3600)

const reply = weighed<Reply>(
  [5, record({ after, life })],
  [1, record({ after: constant(10 * second), life })], // as good as a hang, but it ends
  [3, record({ after, life, fail: constant(unavailable()) })],
  [
    1,
    constantFrom(5 * second, 20 * second).chain((retryAfter) =>
      record({ after, life, fail: constant(unavailable(retryAfter)) })
    )
  ],
  [1, record({ after, life, fail: constant(refused) })]
)

/** Each look at the clock costs real time, so the longest advance is some looks long. */
const command = ({ checkEvery, moves }: Setting) =>
  weighed<Command>(
    [8, record({ do: constant("get" as const) })],
    [2, record({ do: constant("refresh" as const) })],
    [2, record({ do: constant("invalidate" as const), which: constantFrom("current" as const, "old" as const) })],
    [
      2,
      record({
        do: constant("interrupt" as const),
        who: weighed<number | "all">([2, integer({ min: 0, max: 9 })], [1, constant("all")])
      })
    ],
    [
      8,
      record({
        do: constant("advance" as const),
        by: weighed([2, integer({ min: 1, max: 900 })], [3, integer({ min: 900, max: 60 * second })], [
          2,
          integer({ min: minute, max: 8 * checkEvery })
        ])
      })
    ],
    [
      moves,
      record({
        do: constant("step" as const),
        by: constantFrom(-hour, -5 * minute, -30 * second, -second, second, 30 * second, 5 * minute, hour)
      })
    ],
    [moves, record({ do: constant("suspend" as const), by: constantFrom(second, 30 * second, 5 * minute, hour) })],
    [4, record({ do: constant("serve" as const), answer: reply })]
  )

const setting: FastCheck.Arbitrary<Setting> = record({
  moves: constantFrom(1, 6),
  background: constantFrom("timer", "timer", "onDemand"),
  checkEvery: constantFrom(minute, 10 * minute),
  draws: FastCheck.tuple(
    constantFrom(0.25, 0.5, 0.999),
    constantFrom(0.25, 0.5, 0.999),
    constantFrom(0.25, 0.5, 0.999)
  )
})

const history = setting.chain((setting) =>
  FastCheck.tuple(constant(setting), FastCheck.array(command(setting), { maxLength: 30, size: "max" }))
)

/** One request, by the true clock. */
interface Ask {
  readonly bornAt: number
  readonly isBackground: boolean
  readonly answer: Reply
  /** Whether no token came of it, or none that was still alive. */
  readonly failed: boolean
}

interface Counts {
  callers: number
  serves: number
}

/**
 * How many requests there may be.
 *
 * - No caller causes more than one request that callers wait for.
 * - No token is renewed more than twice after its last use (S11): once more while it still counts as used, and once
 *   since the next one is due before a whole life without use has passed; a change of the server's life may make it one
 *   more, and so may a step back, which makes the last use seem later than now. A caller that waits for a flight that
 *   fails uses the source once more.
 */
const storms = (asks: ReadonlyArray<Ask>, counts: Counts, stepsBack: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  const expectAtMost = (what: string, actual: number, most: number) => {
    if (actual > most) found.push(`${actual} ${what}, at most ${most} may be`)
  }
  // Planted: the flight asks twice.
  expectAtMost("requests that callers wait for", asks.filter((ask) => !ask.isBackground).length, counts.callers)
  // Planted: `isIdle` always false.
  expectAtMost(
    "renewals",
    asks.filter((ask) => ask.isBackground && !ask.failed).length,
    2 * (2 * counts.callers + stepsBack) + counts.serves
  )
  return found
}

const world = Effect.fnUntraced(function*({ background, checkEvery }: Setting) {
  const timers = yield* TestClock.testClock()
  const hands = yield* SkewClock.make
  /** The time that has truly gone by, whatever the hands say. */
  const elapsed = () => timers.unsafeCurrentTimeMillis() + asleep
  let asleep = 0
  const found: Array<string> = []
  const asks: Array<Omit<Ask, "failed">> = []
  const callers: Array<
    { readonly fiber: Fiber.RuntimeFiber<AccessToken.AccessToken, TokenError.TokenError>; isInterrupted: boolean }
  > = []
  const handedOut: Array<AccessToken.AccessToken> = []
  const counts: Counts = { callers: 0, serves: 0 }
  let reply: Reply = { after: 50, life: 3600 }
  let moved: { readonly kind: "step" | "suspend"; readonly at: number } | undefined
  /** By the true clock: when the hands were last moved apart, and whenever the wall clock went back. */
  let disturbedAt = Number.NEGATIVE_INFINITY
  const backAt: Array<number> = []

  const endpoint = yield* scripted(({ isSingleAttempt }) => {
    asks.push({ bornAt: elapsed(), isBackground: isSingleAttempt, answer: reply })
    const { after, fail, life } = reply
    return TestTokenEndpoint.after(
      after,
      fail === undefined
        ? TestTokenEndpoint.succeed({ lifetime: Duration.seconds(life) })
        : TestTokenEndpoint.fail(fail)
    )
  })
  const source = yield* Effect.withClock(endpoint.source({ background, checkEvery }), hands.clock)

  /** Planted: `expiredAfter` a minute longer than the life; `Instant.elapsed` by one clock; a window without an end. */
  const check = (token: AccessToken.AccessToken, how: string) => {
    const ask = asks[Number(text(token).split("-")[1])]
    if (ask === undefined) return void found.push(`${text(token)} is nobody's`)
    const end = ask.bornAt + ask.answer.life * second
    // S10. Without a sleeper (`onDemand`) each call looks at both clocks.
    const allowed = background === "timer" && disturbedAt >= ask.bornAt ? checkEvery : 0
    const late = elapsed() - end
    if (late > allowed) found.push(`${how} yields ${text(token)} ${late} ms after its end, ${allowed} are allowed`)
  }

  const call = (how: "get" | "refresh") =>
    source[how].pipe(
      Effect.tap((token) =>
        Effect.sync(() => {
          check(token, how)
          if (token !== handedOut.at(-1)) handedOut.push(token)
        })
      ),
      Effect.withClock(hands.clock),
      Effect.fork,
      Effect.map((fiber) => {
        counts.callers++
        const caller = { fiber, isInterrupted: false }
        callers.push(caller)
        return caller
      })
    )

  const advance = (by: number) => timers.adjust(by)

  /**
   * Moves the hands apart. Between a step and a suspend the source must have looked, since no two hands can tell them
   * from nothing where they cancel out: a check apart, and without a sleeper (`onDemand`) never both.
   */
  const move = (kind: "step" | "suspend", by: number) =>
    Effect.gen(function*() {
      const isOther = moved !== undefined && moved.kind !== kind
      if (isOther && background === "onDemand") return
      const sinceMove = timers.unsafeCurrentTimeMillis() - (moved?.at ?? 0)
      yield* advance(isOther ? Math.max(0, checkEvery + 1 - sinceMove) : 0)
      moved = { kind, at: timers.unsafeCurrentTimeMillis() }
      disturbedAt = elapsed()
      yield* hands.step(by)
      if (kind === "suspend") asleep += by
      if (by < 0) backAt.push(disturbedAt)
    })

  const obey: (command: Command) => Effect.Effect<unknown> = Match.type<Command>().pipe(
    Match.discriminatorsExhaustive("do")({
      get: () => call("get"),
      refresh: () => call("refresh"),
      invalidate: ({ which }) => {
        const token = handedOut.at(which === "current" ? -1 : -2)
        return token === undefined ? Effect.void : Effect.withClock(source.invalidate(token), hands.clock)
      },
      interrupt: ({ who }) => {
        const waiting = callers.filter(({ fiber }) => fiber.unsafePoll() === null)
        const chosen = who === "all" ? waiting : waiting.slice(who, who + 1)
        return Effect.forEach(chosen, (caller) => {
          caller.isInterrupted = true
          return Fiber.interruptFork(caller.fiber)
        })
      },
      advance: ({ by }) => advance(by),
      step: ({ by }) => move("step", by),
      suspend: ({ by }) => move("suspend", by),
      serve: ({ answer }) =>
        Effect.sync(() => {
          counts.serves++
          reply = answer
        })
    })
  )

  const peek = Effect.sync(() => Option.map(source.peek(), (token) => check(token, "peek")))

  /** After the last command the server works, and time enough passes for the longest wait of all. */
  const end = Effect.gen(function*() {
    reply = { after: 0, life: 3600 }
    yield* advance(2 * minute)
    for (const [n, { fiber, isInterrupted }] of callers.entries()) {
      const exit = fiber.unsafePoll()
      // Planted: `completion` is not completed when the flight failed.
      if (exit === null) found.push(`caller ${n} still waits`)
      // Planted: an interrupted caller completes `completion` with its interruption.
      else if (!isInterrupted && Exit.isInterrupted(exit)) found.push(`caller ${n} was interrupted by another one`)
      else if (Exit.isFailure(exit) && exit.cause._tag === "Die") found.push(`caller ${n} died`)
    }
    const { fiber } = yield* call("get")
    yield* advance(1)
    const last = fiber.unsafePoll()
    // Planted: a cool-down that never ends.
    if (last === null || !Exit.isSuccess(last)) {
      found.push(
        `there is no token in the end: ${last !== null && Exit.isFailure(last) ? Cause.pretty(last.cause) : last}`
      )
    }
    // Planted: `get`, then `refresh`, without looking for a flight.
    if (endpoint.flights.most > 1) found.push(`${endpoint.flights.most} flights at once`)
    if (endpoint.flights.interrupted > 0) found.push("a flight was interrupted")
  })

  return {
    obey,
    peek,
    end,
    complaints: () => {
      const granted = new Set(endpoint.tokens.map(text))
      const ended = asks.map((ask, n) => ({ ...ask, failed: !granted.has(`token-${n}`) }))
      return [...found, ...storms(ended, counts, backAt.length)]
    }
  }
})

const quiet = Layer.merge(TestContext.TestContext, Logger.remove(Logger.defaultLogger))

const complaints = ([setting, commands]: readonly [Setting, ReadonlyArray<Command>]) =>
  Effect.gen(function*() {
    const { complaints, end, obey, peek } = yield* world(setting)
    for (const command of commands) {
      yield* obey(command)
      yield* Effect.yieldNow()
      yield* peek
    }
    yield* end
    return complaints()
  }).pipe(Effect.scoped, Effect.withRandom(Random.fixed(setting.draws)), Effect.provide(quiet))

/** What a run waits for is TestClock's own timers: several at a time wait together. */
const lanes = 16
const runs = process.env["CI"] === undefined ? 100 : 300
/** Each run plays others. The title shows which. */
const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000)

describe("TokenSource in random histories", () => {
  it(
    `the source keeps its rules in ${runs} random histories (SEED=${seed}, rows 70-78)`,
    { timeout: 480_000 },
    () =>
      Promise.all(Arr.makeBy(lanes, (lane) =>
        FastCheck.assert(
          FastCheck.asyncProperty(history, async (history) => {
            const found = await Effect.runPromise(complaints(history))
            expect(found, found.join("; ")).toStrictEqual([])
          }),
          { numRuns: Math.ceil(runs / lanes), seed: seed + lane }
        )))
  )
})
