/*
 * Who has the lock, for how long, and what a holder can do after its lease.
 */
import type * as Scopes from "@effect-tilia/core/Scopes"
import { Abandoned, Failed, Granted, type Lock, type TokenStore } from "@effect-tilia/core/TokenStore"
import * as TestAccessToken from "@effect-tilia/testing/TestAccessToken"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { expect } from "vitest"
import { failure, grant, kinds, leaving, tokenOf } from "./outcomes.js"
import {
  acquire,
  acquireOnceFree,
  expectLeft,
  failureIn,
  holds,
  isLocked,
  lockOf,
  promptly,
  textIn,
  write
} from "./steps.js"
import { type Tests, testsOf } from "./table.js"

/** Longer than a lease. */
const untilLeaseEnds = Effect.sleep("3200 millis")

/** A lock whose lease has ended. */
const lapsed = (store: TokenStore, scopes: Scopes.Scopes): Effect.Effect<Lock, unknown> =>
  Effect.zipLeft(lockOf(store, scopes), untilLeaseEnds)

/** How a lock ends, and what ends it. */
const ends: ReadonlyArray<readonly [how: string, end: (lock: Lock) => Effect.Effect<unknown, unknown>]> = [
  ["left a token", leaving.token],
  ["left a failure", leaving.failure],
  ["was abandoned", ({ settle }) => settle(Abandoned())],
  ["ended with its lease", () => untilLeaseEnds]
]

/** The least of several durations: what the command takes when the machine is not busy with something else. */
const fastest = (durations: ReadonlyArray<Duration.Duration>): Duration.Duration =>
  durations.reduce((one, other) => Duration.min(one, other))

export const lockTests: Tests = {
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
      const paused = yield* lapsed(one, scopes)
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
      const paused = yield* lapsed(one, scopes)
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
        const lock = yield* lapsed(one, scopes)
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
    })
}
