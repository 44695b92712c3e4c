/**
 * A vitest suite that tests whether `TokenSource` may share its token through a `TokenStore`. It takes eight seconds,
 * and leaves nothing in the store except entries under scopes of its own. A test that failed while the machine was too
 * busy to tell is made again, at most twice.
 *
 * @example
 * import { storeContract } from "@effect-tilia/contract/storeContract"
 * import { TokenStore } from "@effect-tilia/core"
 * import { Effect, Layer } from "effect"
 *
 * const shared = Effect.runSync(TokenStore.makeMemory)
 *
 * storeContract("memory", Layer.succeed(TokenStore.TokenStore, shared))
 *
 * @since 0.1.0
 */
import * as Scopes from "@effect-tilia/core/Scopes"
import * as TokenError from "@effect-tilia/core/TokenError"
import {
  Abandoned,
  type Change,
  type Entry,
  Failed,
  type Failure,
  Granted,
  type Lock,
  TokenStore
} from "@effect-tilia/core/TokenStore"
import * as TestAccessToken from "@effect-tilia/testing/TestAccessToken"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { retryIfBusy } from "./internal/busy.js"
import * as Process from "./internal/process.js"

/**
 * What the suite knows of the processes that share the store.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How far the clocks of the second process are ahead of those of the first, as on two machines whose wall clocks
   * differ. A store of several machines must pass with an hour. A store of one process, or of the tabs of one browser,
   * need not, because they share their clocks.
   *
   * @default 0
   */
  readonly skew?: Duration.DurationInput | undefined
}

/** What two processes do with the same store. */
type Body = (
  one: TokenStore,
  other: TokenStore,
  scopes: Scopes.Scopes
) => Effect.Effect<unknown, unknown, Scope.Scope>

/** Scopes that no other test uses, and that no earlier run has left in the store. */
const newScopes = Effect.sync(() => crypto.randomUUID()).pipe(
  Effect.flatMap((id) => Scopes.make([`a-${id}`, `b-${id}`]))
)

const acquire = (store: TokenStore, scopes: Scopes.Scopes) =>
  Effect.flatMap(store.lock(scopes), (result) =>
    result._tag === "Acquired"
      ? Effect.succeed(result)
      : Effect.dieMessage(`the lock is held for ${Duration.format(result.remaining)}`))

const lockOf = (store: TokenStore, scopes: Scopes.Scopes): Effect.Effect<Lock, unknown> =>
  Effect.map(acquire(store, scopes), ({ lock }) => lock)

/** How long a test waits for what must come at once, on however busy a machine. */
const patience: Duration.DurationInput = "5 seconds"

/** The lock, as soon as its holder has settled it. */
const acquireOnceFree = (store: TokenStore, scopes: Scopes.Scopes) =>
  Effect.flatMap(
    store.lock(scopes),
    (result) => result._tag === "Acquired" ? Effect.succeed(result) : Effect.fail(result._tag)
  ).pipe(
    Effect.retry(Schedule.spaced("1 millis").pipe(Schedule.upTo(patience)))
  )

const isLocked = (store: TokenStore, scopes: Scopes.Scopes) =>
  Effect.map(store.lock(scopes), ({ _tag }) => _tag === "Held")

const tokenOf = (text: string, lifetime: Duration.DurationInput = "1 hour") => TestAccessToken.make({ text, lifetime })

const textIn = (store: TokenStore, scopes: Scopes.Scopes) =>
  Effect.map(store.read(scopes), ({ token }) => Option.map(token, ({ token }) => TestAccessToken.text(token)))

const failureIn = (store: TokenStore, scopes: Scopes.Scopes) => Effect.map(store.read(scopes), ({ failure }) => failure)

const grant = (lock: Lock, text: string) => Effect.flatMap(tokenOf(text), (token) => lock.settle(Granted({ token })))

const write = (store: TokenStore, scopes: Scopes.Scopes, text: string) =>
  Effect.tap(lockOf(store, scopes), (lock) => grant(lock, text))

/** How long a command may take, and how old a value may be that another process reads (T2). */
const promptly: Duration.DurationInput = "250 millis"

/** Waits until the store holds this token, and no failure, but no longer than a prompt store needs. */
const expectPromptly = (store: TokenStore, scopes: Scopes.Scopes, text: string) =>
  Effect.all([textIn(store, scopes), failureIn(store, scopes)]).pipe(
    Effect.repeat({
      until: ([token, failure]) => Option.contains(token, text) && Option.isNone(failure),
      schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo(promptly), Schedule.passthrough)
    }),
    Effect.map((read) => expect(read).toStrictEqual([Option.some(text), Option.none()]))
  )

/** Whether it took no longer than a prompt store needs. */
const isPrompt = <E>(self: Effect.Effect<void, E>): Effect.Effect<boolean, E> =>
  Effect.map(Effect.timed(self), ([took]) => Duration.lessThanOrEqualTo(took, promptly))

/** The least of several durations: what the command takes when the machine is not busy with something else. */
const fastest = (durations: ReadonlyArray<Duration.Duration>): Duration.Duration =>
  durations.reduce((one, other) => Duration.min(one, other))

/** A token of 8 kB, which is as long as a header may be, with each character that a token may have. */
const longText = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/".repeat(120)

const tokenUrl = "https://auth.example.com/token"

/** As a server's error may be: with every field that an error can have. */
const failure: Failure = {
  error: new TokenError.ServiceUnavailableError({
    tokenUrl,
    status: 503,
    code: "temporarily_unavailable",
    serverMessage: "a \"quoted\" text — 7 €",
    attempts: 4,
    retryAfter: Duration.seconds(7)
  }),
  failures: 3,
  remaining: Duration.seconds(20),
  isBinding: true
}

/** One error of each kind that a request can end with. */
const errors: ReadonlyArray<TokenError.TokenError> = [
  new TokenError.InvalidInputError({ setting: "scopes", expected: "one scope or more" }),
  new TokenError.CredentialsError({ message: "The vault is closed.", retryable: true }),
  new TokenError.InvalidRequestError({ tokenUrl, status: 400, attempts: 1 }),
  new TokenError.InvalidClientError({ tokenUrl, status: 401, attempts: 1, code: "invalid_client" }),
  new TokenError.InvalidScopeError({ tokenUrl, status: 400, attempts: 1, requested: ["a", "b"] }),
  new TokenError.RateLimitedError({ tokenUrl, status: 429, attempts: 2, retryAfter: Duration.seconds(7) }),
  new TokenError.ServiceUnavailableError({ tokenUrl, status: 503, attempts: 4 }),
  new TokenError.UnexpectedResponseError({ tokenUrl, status: 302, attempts: 1, problem: "it redirects" }),
  new TokenError.TokenTransportError({ tokenUrl, attempts: 4, reason: "Reset" }),
  new TokenError.TokenTimeoutError({ tokenUrl, attempts: 4 })
]

/** Longer than a lease. */
const untilLeaseEnds = Effect.sleep("3200 millis")

/** Waits until it is done. The end of its patience only ends a test that must fail. */
const soon = (isDone: () => boolean) =>
  Effect.sleep("20 millis").pipe(Effect.repeat({ until: isDone }), Effect.timeout(patience))

/** Does this at each change that the store tells of, from when this effect has run until the scope closes. */
const atEachChange = <E>(
  store: TokenStore,
  scopes: Scopes.Scopes,
  react: (change: Change) => Effect.Effect<unknown, E>
) => Effect.zipRight(Effect.forkScoped(Stream.runForEach(store.changes(scopes), react)), Effect.sleep("200 millis"))

/** What a holder can leave, and how it does. */
const leaving = {
  token: (lock: Lock) => grant(lock, "left"),
  failure: ({ settle }: Lock) => settle(Failed({ failure }))
} as const

const kinds = ["token", "failure"] as const

/** Whether the entry holds what was left under this lock. */
const holds = (entry: Entry, kind: typeof kinds[number], { generation }: Lock): boolean =>
  Option.contains(
    Option.map<{ readonly generation: number }, number>(entry[kind], (left) => left.generation),
    generation
  )

/** Waits until the store holds what was left under this lock, but no longer than a prompt store needs. */
const expectLeft = (store: TokenStore, scopes: Scopes.Scopes, kind: typeof kinds[number], lock: Lock) =>
  store.read(scopes).pipe(
    Effect.map((entry) => holds(entry, kind, lock)),
    Effect.repeat({
      until: (isLeft) => isLeft,
      schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo(promptly), Schedule.passthrough)
    }),
    Effect.map((isLeft) => expect(isLeft).toBe(true))
  )

/** How a lock ends, and what ends it. */
const ends: ReadonlyArray<readonly [how: string, end: (lock: Lock) => Effect.Effect<unknown, unknown>]> = [
  ["left a token", leaving.token],
  ["left a failure", leaving.failure],
  ["was abandoned", ({ settle }) => settle(Abandoned())],
  ["ended with its lease", () => untilLeaseEnds]
]

/** Tests that are the same for several cases. */
const testsOf = <Case>(cases: ReadonlyArray<Case>, test: (each: Case) => readonly [title: string, body: Body]) =>
  Object.fromEntries(cases.map(test))

/** The tests, by their titles. */
const tests: Readonly<Record<string, Body>> = {
  "a process reads the token that another wrote, with its scopes and remaining lifetime (T1)": (one, other, scopes) =>
    Effect.gen(function*() {
      expect(yield* one.read(scopes)).toStrictEqual({ token: Option.none(), failure: Option.none() })
      const lock = yield* lockOf(one, scopes)
      const token = yield* TestAccessToken.make({ text: longText, scopes: ["a", "b"], lifetime: "1 hour" })
      yield* lock.settle(Granted({ token }))
      const read = yield* Effect.flatten(Effect.map(other.read(scopes), ({ token }) => token))
      expect(read.generation).toBe(lock.generation)
      expect(TestAccessToken.text(read.token)).toBe(TestAccessToken.text(token))
      expect(read.token.scopes).toStrictEqual(token.scopes)
      expect(Math.abs(read.token.expiresAt.epochMillis - token.expiresAt.epochMillis)).toBeLessThan(1000)
      expect(Math.abs(read.token.issuedAt.epochMillis - token.issuedAt.epochMillis)).toBeLessThan(1000)
    }),

  "a process reads the failure that another left, with its error and what is left of its wait (T8)": (
    one,
    other,
    scopes
  ) =>
    Effect.gen(function*() {
      yield* write(one, scopes, "before")
      const lock = yield* lockOf(one, scopes)
      yield* lock.settle(Failed({ failure }))
      yield* Effect.sleep("1 second")
      const { remaining, ...read } = Option.getOrThrow(yield* failureIn(other, scopes))
      expect(read).toStrictEqual({
        error: failure.error,
        failures: 3,
        isBinding: true,
        generation: lock.generation
      })
      expect(Duration.toMillis(remaining)).toBeGreaterThan(17_000)
      expect(Duration.toMillis(remaining)).toBeLessThanOrEqual(19_100)
      expect(yield* textIn(other, scopes)).toStrictEqual(Option.some("before"))
    }),

  "a process reads each kind of error that another left (T8)": (one, other, scopes) =>
    Effect.gen(function*() {
      for (const error of errors) {
        const lock = yield* lockOf(one, scopes)
        yield* lock.settle(Failed({ failure: { ...failure, error } }))
        yield* expectLeft(other, scopes, "failure", lock)
        expect(Option.map(yield* failureIn(other, scopes), ({ error }) => error)).toStrictEqual(Option.some(error))
      }
    }),

  "a token replaces the failure before it, and an abandoned lock replaces nothing (T8)": (one, other, scopes) =>
    Effect.gen(function*() {
      yield* Effect.flatMap(
        lockOf(one, scopes),
        ({ settle }) => settle(Failed({ failure: { ...failure, isBinding: false } }))
      )
      yield* Effect.flatMap(lockOf(other, scopes), ({ settle }) => settle(Abandoned()))
      expect(Option.map(yield* failureIn(other, scopes), ({ isBinding }) => isBinding)).toStrictEqual(
        Option.some(false)
      )
      yield* write(other, scopes, "new")
      expect(yield* failureIn(one, scopes)).toStrictEqual(Option.none())
      expect(yield* textIn(one, scopes)).toStrictEqual(Option.some("new"))
    }),

  "who gets the lock is told what is stored (T11)": (one, other, scopes) =>
    Effect.gen(function*() {
      yield* write(one, scopes, "here")
      const { entry, lock } = yield* acquire(other, scopes)
      expect(Option.map(entry.token, ({ token }) => TestAccessToken.text(token))).toStrictEqual(Option.some("here"))
      expect(entry.failure).toStrictEqual(Option.none())
      yield* lock.settle(Failed({ failure }))
      const after = yield* acquire(one, scopes)
      expect(Option.isSome(after.entry.token)).toBe(true)
      expect(Option.map(after.entry.failure, ({ generation }) => generation)).toStrictEqual(
        Option.some(lock.generation)
      )
    }),

  ...testsOf(kinds, (kind) => [
    `who gets the lock as soon as it is free is told of the ${kind} that its last holder has left (T11)`,
    (one, other, scopes) =>
      Effect.gen(function*() {
        for (let n = 0; n < 5; n++) {
          const left = yield* lockOf(one, scopes)
          const settling = yield* Effect.fork(leaving[kind](left))
          const { entry, lock } = yield* acquireOnceFree(other, scopes)
          expect(holds(entry, kind, left)).toBe(true)
          yield* Fiber.join(settling)
          yield* lock.settle(Abandoned())
        }
      })
  ]),

  "who does not get the lock is told for how long it is held at most (T11)": (one, other, scopes) =>
    Effect.gen(function*() {
      yield* lockOf(one, scopes)
      yield* Effect.sleep("500 millis")
      const result = yield* other.lock(scopes)
      if (result._tag === "Acquired") return expect.fail("two have the lock")
      expect(Duration.toMillis(result.remaining)).toBeGreaterThan(0)
      expect(Duration.toMillis(result.remaining)).toBeLessThanOrEqual(3000)
    }),

  "only one of 16 callers gets the lock (T1)": (one, other, scopes) =>
    Effect.gen(function*() {
      const locks = yield* Effect.all(
        Array.from({ length: 16 }, (_, n) => (n % 2 === 0 ? one : other).lock(scopes)),
        { concurrency: "unbounded" }
      )
      expect(locks.filter(({ _tag }) => _tag === "Acquired").length).toBe(1)
    }),

  "another process gets the lock as soon as its holder settles it (T1)": (one, other, scopes) =>
    Effect.gen(function*() {
      for (const outcome of [Abandoned(), Failed({ failure }), Granted({ token: yield* tokenOf("x") })]) {
        const lock = yield* lockOf(one, scopes)
        expect(yield* isLocked(other, scopes)).toBe(true)
        yield* lock.settle(outcome)
        yield* Effect.flatMap(lockOf(other, scopes), ({ settle }) => settle(Abandoned()))
      }
    }),

  "the store ignores the order of scopes, and other scopes share neither token nor lock (T5)": (one, other, scopes) =>
    Effect.gen(function*() {
      yield* write(one, scopes, "here")
      yield* lockOf(one, scopes)
      const [first, second] = scopes
      const reversed = yield* Scopes.make([second ?? first, first])
      expect(yield* textIn(other, reversed)).toStrictEqual(Option.some("here"))
      expect(yield* isLocked(other, reversed)).toBe(true)
      const fewer = yield* Scopes.make([first])
      expect(yield* textIn(other, fewer)).toStrictEqual(Option.none())
      expect(yield* isLocked(other, fewer)).toBe(false)
    }),

  "scopes that look alike when they are joined share nothing: a,bc and ab,c (T5)": (one, _, [scope]) =>
    Effect.gen(function*() {
      yield* write(one, yield* Scopes.make([scope, "bc"]), "here")
      const alike = [[`${scope}b`, "c"], ...[":", "-", ".", "/", "|", "+"].map((joint) => [`${scope}${joint}bc`])]
      for (const [first = "", ...others] of alike) {
        const scopes = yield* Scopes.make([first, ...others])
        expect(yield* textIn(one, scopes)).toStrictEqual(Option.none())
        const { entry, lock } = yield* acquire(one, scopes)
        expect(entry.token).toStrictEqual(Option.none())
        yield* lock.settle(Abandoned())
      }
    }),

  "a command takes less than 250 milliseconds (T2)": (one, _, scopes) =>
    Effect.gen(function*() {
      const rounds = yield* Effect.replicateEffect(
        Effect.gen(function*() {
          const [reading] = yield* Effect.timed(one.read(scopes))
          const [locking, lock] = yield* Effect.timed(lockOf(one, scopes))
          const [renewing] = yield* Effect.timed(lock.renew)
          const [settling] = yield* Effect.timed(lock.settle(Abandoned()))
          return { reading, locking, renewing, settling }
        }),
        5
      )
      for (const command of ["reading", "locking", "renewing", "settling"] as const) {
        const millis = Duration.toMillis(fastest(rounds.map((round) => round[command])))
        expect(millis, command).toBeLessThan(Duration.toMillis(promptly))
      }
    }),

  "a process that has read before reads within 250 milliseconds what another stores (T1)": (one, other, scopes) =>
    Effect.gen(function*() {
      let prompt = 0
      // On a busy machine a read may come so late that a store which was behind has caught up: it counts for nothing.
      for (let round = 1; prompt < 3 && round <= 30; round++) {
        yield* other.read(scopes)
        yield* write(one, scopes, `round-${round}`)
        if (yield* isPrompt(expectPromptly(other, scopes, `round-${round}`))) prompt++
      }
    }),

  "a process stores the outcome of each of its locks (T1, T8)": (one, other, scopes) =>
    Effect.gen(function*() {
      for (const text of ["first", "second", "third"]) {
        yield* write(one, scopes, text)
        yield* expectPromptly(other, scopes, text)
        const lock = yield* lockOf(one, scopes)
        yield* leaving.failure(lock)
        yield* expectLeft(other, scopes, "failure", lock)
      }
    }),

  "each lock has a larger generation than every lock before it (T6)": (one, other, scopes) =>
    Effect.gen(function*() {
      const generations: Array<number> = []
      for (const store of [one, other, one, other]) generations.push((yield* write(store, scopes, "x")).generation)
      expect(generations).toStrictEqual([...new Set(generations)].sort((a, b) => a - b))
    }),

  ...testsOf(ends, ([how, end]) => [
    `a lock has a larger generation than one before it that ${how} (T3)`,
    (one, other, scopes) =>
      Effect.gen(function*() {
        const lock = yield* lockOf(one, scopes)
        yield* end(lock)
        expect((yield* lockOf(other, scopes)).generation).toBeGreaterThan(lock.generation)
      })
  ]),

  "a lock that its holder does not renew ends with its lease (T3)": (one, other, scopes) =>
    Effect.gen(function*() {
      yield* lockOf(one, scopes)
      yield* Effect.sleep("2 seconds")
      expect(yield* isLocked(other, scopes)).toBe(true)
      yield* Effect.sleep("1200 millis")
      expect(yield* isLocked(other, scopes)).toBe(false)
    }),

  "a lock that its holder renews lasts longer than one lease (T2)": (one, other, scopes) =>
    Effect.gen(function*() {
      const lock = yield* lockOf(one, scopes)
      for (let n = 0; n < 4; n++) {
        yield* Effect.sleep("1 second")
        yield* lock.renew
        expect(yield* isLocked(other, scopes)).toBe(true)
      }
      yield* lock.settle(Abandoned())
      expect(yield* isLocked(other, scopes)).toBe(false)
    }),

  "a renewal that comes after the lock was settled locks nothing (T3)": (one, other, scopes) =>
    Effect.gen(function*() {
      const lock = yield* lockOf(one, scopes)
      yield* lock.settle(Abandoned())
      yield* lock.renew
      expect(yield* isLocked(other, scopes)).toBe(false)
    }),

  "a holder that paused beyond its lease cannot settle or renew the lock of the next holder (T3, row 103)": (
    one,
    other,
    scopes
  ) =>
    Effect.gen(function*() {
      const paused = yield* lockOf(one, scopes)
      yield* untilLeaseEnds
      yield* lockOf(other, scopes)
      yield* paused.settle(Abandoned())
      expect(yield* isLocked(one, scopes)).toBe(true)
      yield* Effect.sleep("2 seconds")
      yield* paused.renew
      yield* Effect.sleep("1200 millis")
      expect(yield* isLocked(one, scopes)).toBe(false)
    }),

  "a holder that settles after its lease replaces neither a newer token nor a newer failure (T3, row 103)": (
    one,
    other,
    scopes
  ) =>
    Effect.gen(function*() {
      const paused = yield* lockOf(one, scopes)
      yield* untilLeaseEnds
      yield* write(other, scopes, "newer")
      yield* grant(paused, "late")
      expect(yield* textIn(one, scopes)).toStrictEqual(Option.some("newer"))
      expect(yield* textIn(other, scopes)).toStrictEqual(Option.some("newer"))
      yield* paused.settle(Failed({ failure }))
      expect(yield* failureIn(one, scopes)).toStrictEqual(Option.none())
      expect(yield* failureIn(other, scopes)).toStrictEqual(Option.none())
    }),

  ...testsOf(kinds, (kind) => [
    `a holder that settles after its lease leaves its ${kind} if nobody has taken the lock (T3)`,
    (one, other, scopes) =>
      Effect.gen(function*() {
        const lock = yield* lockOf(one, scopes)
        yield* untilLeaseEnds
        yield* leaving[kind](lock)
        yield* expectLeft(one, scopes, kind, lock)
        yield* expectLeft(other, scopes, kind, lock)
      })
  ]),

  "a holder that settles its lock again changes nothing once another lock was given (T3)": (one, other, scopes) =>
    Effect.gen(function*() {
      for (const again of [Granted({ token: yield* tokenOf("again") }), Failed({ failure }), Abandoned()]) {
        const first = yield* lockOf(one, scopes)
        yield* first.settle(Abandoned())
        const next = yield* lockOf(other, scopes)
        yield* first.settle(again)
        expect(yield* isLocked(one, scopes)).toBe(true)
        yield* next.settle(Abandoned())
        for (const store of [one, other]) {
          expect(yield* store.read(scopes)).toStrictEqual({ token: Option.none(), failure: Option.none() })
        }
      }
    }),

  "the store returns no token after its lifetime, or an expired one (T7)": (one, other, scopes) =>
    Effect.gen(function*() {
      const lock = yield* lockOf(one, scopes)
      yield* lock.settle(Granted({ token: yield* tokenOf("short", "1 second") }))
      yield* Effect.sleep("1100 millis")
      const now = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
      const left = Option.map((yield* other.read(scopes)).token, ({ token }) => token.expiresAt.epochMillis - now)
      expect(Option.getOrElse(left, () => 0)).toBeLessThanOrEqual(0)
    }),

  "another process is told of each outcome (T6, T11)": (one, other, scopes) =>
    Effect.gen(function*() {
      const changes: Array<Change> = []
      yield* atEachChange(other, scopes, (change) => Effect.sync(() => changes.push(change)))
      for (const outcome of [Granted({ token: yield* tokenOf("x") }), Failed({ failure }), Abandoned()]) {
        const before = changes.length
        yield* Effect.flatMap(lockOf(one, scopes), ({ settle }) => settle(outcome))
        yield* soon(() => changes.length > before)
      }
      expect(new Set(changes)).toStrictEqual(new Set(["Settled"]))
    }),

  "all who listen in one process are told of each outcome (T11)": (one, other, scopes) =>
    Effect.gen(function*() {
      const listeners = [{ told: 0 }, { told: 0 }, { told: 0 }]
      yield* Effect.forEach(
        listeners,
        (listener) => atEachChange(other, scopes, () => Effect.sync(() => listener.told++)),
        { concurrency: "unbounded" }
      )
      for (const outcome of [Granted({ token: yield* tokenOf("x") }), Failed({ failure }), Abandoned()]) {
        const before = listeners.map(({ told }) => told)
        yield* Effect.flatMap(lockOf(one, scopes), ({ settle }) => settle(outcome))
        yield* soon(() => listeners.every(({ told }, n) => told > (before[n] ?? 0)))
      }
    }),

  // A store may tell too often, so what counts is that the outcome is found at any change.
  ...testsOf(kinds, (kind) => [
    `a process that is told of a ${kind} finds it if it reads at once (T11)`,
    (one, other, scopes) =>
      Effect.gen(function*() {
        const found: Array<Entry> = []
        yield* atEachChange(other, scopes, () => Effect.map(other.read(scopes), (entry) => found.push(entry)))
        for (let n = 0; n < 3; n++) {
          const lock = yield* lockOf(one, scopes)
          yield* leaving[kind](lock)
          yield* soon(() => found.some((entry) => holds(entry, kind, lock)))
        }
      })
  ])
}

/**
 * Declares the suite under this name. For each test the Layer is built twice, as two processes that share the store
 * would build it. Call it where a vitest file declares its tests.
 *
 * @since 0.1.0
 * @category constructors
 */
export const storeContract = (
  name: string,
  store: Layer.Layer<TokenStore, unknown>,
  { skew = 0 }: Options = {}
): void => {
  const newStore = Effect.map(Layer.build(Layer.fresh(store)), Context.get(TokenStore))
  const newOther = Process.ahead(newStore, Duration.toMillis(skew))
  describe.concurrent(name, () => {
    for (const [title, body] of Object.entries(tests)) {
      it(title, () =>
        Effect.all([newStore, newOther, newScopes]).pipe(
          Effect.flatMap(([one, other, scopes]) => body(one, other, scopes)),
          Effect.scoped,
          retryIfBusy,
          Effect.runPromise
        ), 60_000)
    }
  })
}
