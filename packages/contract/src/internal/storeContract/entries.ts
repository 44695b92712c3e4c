/*
 * What a process reads of what another one has stored.
 */
import * as Scopes from "@effect-tilia/core/Scopes"
import * as TokenError from "@effect-tilia/core/TokenError"
import { Abandoned, Failed, Granted } from "@effect-tilia/core/TokenStore"
import * as TestAccessToken from "@effect-tilia/testing/TestAccessToken"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { expect } from "vitest"
import { failure, leaving, tokenOf, tokenUrl } from "./outcomes.js"
import { acquire, expectLeft, expectPromptly, failureIn, isLocked, lockOf, promptly, textIn, write } from "./steps.js"
import type { Tests } from "./table.js"

/** A token of 8 kB, which is as long as a header may be, with each character that a token may have. */
const longText = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/".repeat(120)

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

/** Whether it took no longer than a prompt store needs. */
const isPrompt = <E>(self: Effect.Effect<void, E>): Effect.Effect<boolean, E> =>
  Effect.map(Effect.timed(self), ([took]) => Duration.lessThanOrEqualTo(took, promptly))

export const entryTests: Tests = {
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

  "the store returns no token after its lifetime, or an expired one (T7)": (one, other, scopes) =>
    Effect.gen(function*() {
      const lock = yield* lockOf(one, scopes)
      yield* lock.settle(Granted({ token: yield* tokenOf("short", "1 second") }))
      yield* Effect.sleep("1100 millis")
      const now = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
      const left = Option.map((yield* other.read(scopes)).token, ({ token }) => token.expiresAt.epochMillis - now)
      expect(Option.getOrElse(left, () => 0)).toBeLessThanOrEqual(0)
    })
}
