/*
 * What a source does when requests fail (S6, S7) or its tokens are refused (S8, S9).
 */
import { TokenEndpoint, TokenError, TokenSource } from "@effect-tilia/core"
import { TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Supervisor from "effect/Supervisor"
import * as TestClock from "effect/TestClock"
import { mocked, token } from "./support/mocked.js"
import { atOnce, centred, drawing, settle } from "./support/onTestClock.js"
import { type Scripted, scripted, textAtOnce } from "./support/scripted.js"

const { after, fail, hang, succeed } = TestTokenEndpoint
const { text } = TestAccessToken

const unavailable = new TokenError.ServiceUnavailableError({ status: 503, attempts: 4 })
const refused = new TokenError.InvalidClientError({ status: 401, attempts: 1 })
const limited = new TokenError.RateLimitedError({ status: 429, attempts: 1, retryAfter: Duration.seconds(90) })

/** When the requests were sent, in seconds. */
const sentAt = ({ calls }: Scripted): ReadonlyArray<number> => calls.map(({ at }) => at / 1000)

/** What an error says that is returned without a request (S7). */
const unsent = (coolDown: Duration.DurationInput) => ({
  ...(({ _tag, attempts, status }) => ({ _tag, attempts, status }))(unavailable),
  coolDown: Duration.decode(coolDown),
  retryAfter: Duration.decode(coolDown)
})

/** A server that can be switched off. */
const switched = Effect.gen(function*() {
  const server = { isOff: false }
  return { server, endpoint: yield* scripted(() => server.isOff ? fail(unavailable) : succeed()) }
})

describe.concurrent("Failed background refresh (S6)", () => {
  it.scoped("callers get the typed error of failed background refreshes only after expiry (S6, row 74)", () =>
    Effect.gen(function*() {
      const { endpoint, server } = yield* switched
      const made = yield* endpoint.source()
      yield* made.get
      server.isOff = true
      for (let n = 0; n < 3580 / 20; n++) {
        yield* TestClock.adjust("20 seconds")
        expect(yield* textAtOnce(made)).toBe("token-0")
      }
      yield* TestClock.adjust("10 seconds")
      expect(made.peek()).toStrictEqual(Option.none())
      const background = endpoint.calls.slice(1)
      expect(background.length).toBeGreaterThan(20)
      expect(background.every(({ isSingleAttempt }) => isSingleAttempt)).toBe(true)
      expect(yield* Effect.flip(made.get)).toMatchObject({ _tag: "ServiceUnavailableError" })
      expect(endpoint.calls.at(-1)).toMatchObject({ at: 3_590_000, isSingleAttempt: false })
      expect(endpoint.flights.most).toBe(1)
    }))

  it.scoped.each(
    [
      [0.5, [0.5, 1, 2, 4, 8, 15, 15, 15]],
      [0.999_999_999, [1, 2, 4, 8, 16, 30, 30, 30]]
    ] as const
  )(
    "the background refresh is tried again after 1 s doubling to 30 s, times the draw %d (S6, row 74)",
    ([draw, pauses]) =>
      Effect.gen(function*() {
        const endpoint = yield* scripted(succeed(), fail(unavailable))
        const { get } = yield* drawing(draw)(endpoint.source())
        yield* get
        yield* TestClock.adjust("3590 seconds")
        const at = sentAt(endpoint).slice(1)
        expect(at.slice(1, 9).map((time, n) => time - (at[n] ?? 0))).toStrictEqual(
          pauses.map((pause) => expect.closeTo(pause, 2))
        )
      })
  )

  it.scoped("random pauses spread the tries of the background refresh at most 30 s apart (S6, row 74)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed({ lifetime: "10000 seconds" }), fail(unavailable))
      const { get } = yield* endpoint.source({ idleAfter: "20 days" })
      yield* get
      yield* TestClock.adjust("9990 seconds")
      const at = sentAt(endpoint).slice(8)
      const pauses = at.slice(1).map((time, n) => time - (at[n] ?? 0))
      expect(Math.max(...pauses)).toBeLessThanOrEqual(30)
      expect(Math.max(...pauses)).toBeGreaterThan(27)
      expect(Math.min(...pauses)).toBeLessThan(3)
    }))

  it.scoped("the background refresh waits as long as Retry-After says (S6)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed(), fail(limited))
      const { get } = yield* centred(endpoint.source())
      yield* get
      yield* TestClock.adjust("3200 seconds")
      expect(sentAt(endpoint)).toStrictEqual([0, 2880, 2970, 3060, 3150])
    }))

  it.scoped("get does not shorten the back-off of a source without timers (S6)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed(), fail(limited))
      const { get } = yield* centred(endpoint.source({ background: "onDemand" }))
      yield* get
      yield* TestClock.adjust("2880 seconds")
      for (let n = 0; n < 30; n++) {
        yield* atOnce(get)
        yield* TestClock.adjust("10 seconds")
      }
      expect(sentAt(endpoint)).toStrictEqual([0, 2880, 2970, 3060, 3150])
    }))

  it.scoped("the first get after the back-off starts the next try of a source without timers (S6)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed(), fail(unavailable), succeed())
      const made = yield* centred(endpoint.source({ background: "onDemand" }))
      yield* made.get
      yield* TestClock.adjust("2880 seconds")
      yield* made.get
      yield* TestClock.adjust("500 millis")
      expect(yield* textAtOnce(made)).toBe("token-0")
      yield* settle
      expect(yield* textAtOnce(made)).toBe("token-2")
      expect(sentAt(endpoint)).toStrictEqual([0, 2880, 2880.5])
    }))

  it.scoped("the source gets a new token within one back-off step of the server's return (S6, row 74)", () =>
    Effect.gen(function*() {
      const { endpoint, server } = yield* switched
      const made = yield* endpoint.source()
      yield* made.get
      server.isOff = true
      yield* TestClock.adjust("3300 seconds")
      yield* atOnce(made.get)
      server.isOff = false
      const failures = endpoint.calls.length
      yield* TestClock.adjust("30 seconds")
      expect(endpoint.calls).toHaveLength(failures + 1)
      expect(yield* textAtOnce(made)).toBe(`token-${failures}`)
    }))

  it.scoped("the first get after expiry sends a request at once, in spite of the back-off (S6, row 74)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted((_, n) => n === 1 ? fail(limited) : succeed())
      const { get } = yield* drawing(0.5)(endpoint.source({ refreshAt: 0.99 }))
      yield* get
      yield* TestClock.adjust("3600 seconds") // 90 s from 3564 aren't over
      expect(text(yield* get)).toBe("token-2")
      expect(sentAt(endpoint)).toStrictEqual([0, 3564, 3600])
      expect(endpoint.calls[2]?.isSingleAttempt).toBe(false)
    }))

  it.scoped("callers that joined a failed background refresh get the token of a new flight (S6, row 74)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed(), after("20 minutes", fail(unavailable)), after("1 second", succeed()))
      const { get } = yield* centred(endpoint.source())
      yield* get
      yield* TestClock.adjust("3590 seconds")
      const callers = yield* Effect.replicateEffect(Effect.fork(get), 100)
      yield* TestClock.adjust("15 minutes")
      expect(new Set((yield* Fiber.join(Fiber.all(callers))).map(text))).toStrictEqual(new Set(["token-2"]))
      expect(endpoint.calls).toMatchObject([
        { at: 0, isSingleAttempt: false },
        { at: 2_880_000, isSingleAttempt: true },
        { at: 4_080_000, isSingleAttempt: false }
      ])
    }))

  it.scoped("a successful refresh resets the back-off (S6)", () =>
    Effect.gen(function*() {
      const failing = [1, 2, 3, 5, 6]
      const endpoint = yield* scripted((_, n) => failing.includes(n) ? fail(unavailable) : succeed())
      const { get } = yield* centred(endpoint.source({ idleAfter: "1 day" }))
      yield* get
      yield* TestClock.adjust("6000 seconds")
      expect(sentAt(endpoint)).toStrictEqual([0, 2880, 2880.5, 2881.5, 2883.5, 5763.5, 5764, 5765])
    }))

  it.scoped("the background refresh backs off after a defect of the endpoint, too (S6)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted((_, n) => {
        if (n > 100) return succeed() // a loop ends here
        if (n > 0) throw new Error("a defect")
        return succeed()
      })
      const made = yield* centred(endpoint.source())
      yield* made.get
      yield* TestClock.adjust("2890 seconds")
      expect(sentAt(endpoint)).toStrictEqual([0, 2880, 2880.5, 2881.5, 2883.5, 2887.5])
      expect(yield* textAtOnce(made)).toBe("token-0")
    }))
})

describe.concurrent("Requests of a source over a real endpoint (S6, E7)", () => {
  /** A source over a vendor that responds as it is told, and when the vendor was asked, in seconds. */
  const overVendor = Effect.fnUntraced(function*(respond: Parameters<typeof mocked>[0]) {
    const { layer, received } = yield* mocked(respond)
    const source = yield* TokenSource.make({ scopes: ["user_info"] }).pipe(
      Effect.provide(yield* Layer.build(layer())),
      centred
    )
    return { ...source, askedAt: () => received.map(({ at }) => at / 1000) }
  })

  it.scoped("a background refresh is one attempt, and a refresh without a valid token is four (S6, E7)", () =>
    Effect.gen(function*() {
      const { askedAt, get } = yield* overVendor((_, n) => n === 0 ? { body: token } : { status: 503 })
      yield* get
      yield* TestClock.adjust("2880 seconds")
      expect(askedAt()).toStrictEqual([0, 2880])
      yield* TestClock.adjust("499 millis")
      expect(askedAt()).toStrictEqual([0, 2880])
      yield* TestClock.adjust(1)
      expect(askedAt()).toStrictEqual([0, 2880, 2880.5])
      yield* TestClock.adjust("1 hour")
      const before = askedAt().length
      yield* Effect.fork(get)
      yield* TestClock.adjust("800 millis")
      expect(askedAt().slice(before).map((at) => at - (askedAt()[before] ?? 0))).toStrictEqual(
        [0, 0.1, 0.3, 0.7].map((at) => expect.closeTo(at, 5))
      )
    }))

  it.scoped("a caller can leave while the request waits for its next attempt, which it does not end (S3, E7)", () =>
    Effect.gen(function*() {
      const { askedAt, get, peek } = yield* overVendor((_, n) =>
        n === 0 ? { status: 503, headers: { "retry-after": "10" } } : { body: token }
      )
      const caller = yield* Effect.fork(get)
      yield* TestClock.adjust("1 second")
      const leaving = yield* Effect.fork(Fiber.interrupt(caller))
      yield* TestClock.adjust(0) // the clock does not reach the end of the wait
      expect(Option.isSome(yield* Fiber.poll(leaving))).toBe(true)
      yield* TestClock.adjust("10 seconds")
      expect(askedAt()).toStrictEqual([0, 10])
      expect(Option.isSome(peek())).toBe(true)
    }))
})

describe.concurrent("Failed requests without a valid token (S7)", () => {
  it.scoped("a refresh that fails without a valid token begins a cool-down (S7)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(fail(unavailable), succeed())
      const { get, refresh } = yield* centred(endpoint.source())
      expect(yield* Effect.flip(refresh)).toStrictEqual(unavailable)
      expect(yield* atOnce(Effect.flip(get))).toMatchObject(unsent("1 second"))
      yield* TestClock.adjust("999 millis")
      expect(yield* atOnce(Effect.flip(get))).toMatchObject(unsent("1 millis"))
      yield* TestClock.adjust(1)
      expect(text(yield* get)).toBe("token-1")
      expect(sentAt(endpoint)).toStrictEqual([0, 1])
    }))

  it.scoped("a refresh that fails without a valid token counts as a failure, so that the cool-down doubles (S7)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(fail(unavailable))
      const { get, refresh } = yield* centred(endpoint.source())
      yield* Effect.flip(get)
      yield* Effect.flip(refresh)
      yield* TestClock.adjust("1999 millis")
      yield* atOnce(Effect.flip(get))
      expect(sentAt(endpoint)).toStrictEqual([0, 0])
      yield* TestClock.adjust(1)
      yield* Effect.flip(get)
      yield* TestClock.adjust("3999 millis")
      yield* atOnce(Effect.flip(get))
      yield* TestClock.adjust(1)
      yield* Effect.flip(get)
      expect(sentAt(endpoint)).toStrictEqual([0, 0, 2, 6])
    }))

  it.scoped("a refresh that fails beside a valid token counts as a failed background refresh (S6, S7)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed(), fail(unavailable))
      const { get, refresh } = yield* centred(endpoint.source())
      yield* get
      yield* TestClock.adjust("2879900 millis")
      yield* Effect.flip(refresh)
      yield* TestClock.adjust("4 seconds")
      expect(sentAt(endpoint)).toStrictEqual([0, 2879.9, 2880.4, 2881.4, 2883.4])
      expect(text(yield* atOnce(get))).toBe("token-0")
    }))

  it.scoped("1,000 callers of a failed flight get the same error (S7, row 71)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(after("2 seconds", fail(unavailable)))
      const { get } = yield* centred(endpoint.source())
      const callers = yield* Effect.replicateEffect(Effect.fork(Effect.flip(get)), 1000)
      yield* TestClock.adjust("2 seconds")
      const errors = new Set(yield* Fiber.join(Fiber.all(callers)))
      expect(errors.size).toBe(1)
      expect([...errors][0]).toMatchObject({ _tag: "ServiceUnavailableError", status: 503, attempts: 4 })
      expect(endpoint.calls).toHaveLength(1)
    }))

  it.scoped.each(
    [
      ["an outage", unavailable, "1, 2, 4, 8, 10 and 10 s", [0, 1, 3, 7, 15, 25, 35, 45, 55, 65, 75, 85, 95]],
      ["a refused secret", refused, "1, 2, 4, 8, 16, 32 and 60 s", [0, 1, 3, 7, 15, 31, 63]]
    ] as const
  )(
    "%s causes one request after each cool-down of %3$s (S7, row 71)",
    ([, error, , at]) =>
      Effect.gen(function*() {
        const endpoint = yield* scripted(fail(error))
        const made = yield* centred(endpoint.source())
        for (let n = 0; n <= 200; n++) {
          yield* Effect.forkAll(Arr.replicate(Effect.ignore(made.get), 3))
          yield* TestClock.adjust("500 millis")
        }
        expect(sentAt(endpoint)).toStrictEqual(at)
        // After a cool-down it is known that the server fails: one attempt tells whether it still does.
        expect(endpoint.calls.map(({ isSingleAttempt }) => isSingleAttempt)).toStrictEqual(at.map((at) => at > 0))
      })
  )

  it.scoped("a cool-down is drawn by a fifth to either side (S7)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(fail(unavailable))
      for (const [draw, wait] of [[0, 800], [0.999_999_999, 1200]] as const) {
        const { get } = yield* drawing(draw)(endpoint.source())
        yield* Effect.flip(get)
        expect(yield* atOnce(Effect.flip(get))).toMatchObject(unsent(wait))
      }
    }))

  it.scoped("get and ready fail at once during a cool-down (S7)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(fail(refused), hang)
      const { get, ready } = yield* centred(endpoint.source())
      yield* Effect.flip(get)
      yield* TestClock.adjust("999 millis")
      expect(yield* atOnce(Effect.flip(get))).toMatchObject({ _tag: "InvalidClientError" })
      expect(yield* atOnce(Effect.flip(ready))).toMatchObject({ _tag: "InvalidClientError" })
      expect(endpoint.calls).toHaveLength(1)
    }))

  it.scoped("a cool-down lasts at least as long as Retry-After says (S7)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(fail(limited), succeed())
      const { get } = yield* centred(endpoint.source())
      yield* Effect.flip(get)
      yield* TestClock.adjust("89999 millis")
      expect(yield* Effect.flip(get)).toMatchObject({ _tag: "RateLimitedError" })
      expect(endpoint.calls).toHaveLength(1)
      yield* TestClock.adjust(1)
      expect(text(yield* get)).toBe("token-1")
    }))

  it.scoped("the option coolDown sets the shortest and the longest cool-down (S7)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(fail(unavailable))
      const { get } = yield* centred(endpoint.source({ coolDown: { base: "5 seconds", max: "8 seconds" } }))
      for (let n = 0; n <= 30; n++) {
        yield* Effect.ignore(get)
        yield* TestClock.adjust("1 second")
      }
      expect(sentAt(endpoint)).toStrictEqual([0, 5, 13, 21, 29])
    }))

  it.scoped("a successful request resets the cool-down (S7)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted((_, n) => n === 3 ? succeed({ lifetime: "10 seconds" }) : fail(unavailable))
      const { get } = yield* centred(endpoint.source({ background: "onDemand" }))
      for (let n = 0; n <= 19; n++) {
        yield* Effect.ignore(get)
        yield* TestClock.adjust("1 second")
      }
      // A token at 7, due at 15: two tries in the background, and none in the foreground before it ends at 16.
      expect(sentAt(endpoint)).toStrictEqual([0, 1, 3, 7, 15, 16, 17, 19])
      expect(endpoint.calls.map(({ isSingleAttempt }) => isSingleAttempt)).toStrictEqual(
        [false, true, true, true, true, false, true, true]
      )
    }))

  it.scoped.each(Arr.range(1, 20))(
    "with a caller every 10 ms, the first token comes within 13 s of the end of an outage of 60 s (S7, row 125, seed %i)",
    (seed) =>
      Effect.gen(function*() {
        const { endpoint, server } = yield* switched
        const { get } = yield* Effect.withRandom(endpoint.source(), Random.make(seed))
        let now = 0
        let leftAloneUntil = 0
        while (true) {
          server.isOff = now < 60_000
          const requests = endpoint.calls.length
          const result = yield* Effect.either(get)
          expect(endpoint.calls.length - requests).toBe(now < leftAloneUntil ? 0 : 1)
          if (Either.isRight(result)) break
          // Callers between the first and the last one of a cool-down change nothing.
          const { coolDown } = result.left
          const callers = coolDown === undefined ? 1 : Math.max(1, Math.ceil(Duration.toMillis(coolDown) / 10) - 1)
          leftAloneUntil = coolDown === undefined ? Infinity : now + Duration.toMillis(coolDown)
          now += 10 * callers
          yield* TestClock.adjust(10 * callers)
        }
        expect(now).toBeLessThanOrEqual(73_000)
        expect(endpoint.calls.length).toBeGreaterThan(8)
      })
  )

  it.scoped("refresh sends a request during a cool-down (S7)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(fail(unavailable), succeed())
      const made = yield* centred(endpoint.source())
      yield* Effect.flip(made.get)
      expect(text(yield* made.refresh)).toBe("token-1")
      expect(yield* textAtOnce(made)).toBe("token-1")
      expect(sentAt(endpoint)).toStrictEqual([0, 0])
    }))

  it.scoped("a defect of the endpoint reaches the callers and starts a cool-down (S7)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(() => {
        throw new Error("a defect")
      })
      const { get } = yield* centred(endpoint.source())
      for (let n = 0; n < 10; n++) expect(Exit.isFailure(yield* Effect.exit(get))).toBe(true)
      expect(endpoint.calls).toHaveLength(1)
    }))
})

describe.concurrent("TokenSource.invalidate (S8)", () => {
  it.scoped("invalidate of the current token makes the next get request a new one (S8)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed())
      const supervisor = yield* Supervisor.track
      const made = yield* Effect.supervised(endpoint.source(), supervisor)
      yield* made.invalidate(yield* made.get)
      expect(made.peek()).toStrictEqual(Option.none())
      yield* settle
      expect(yield* supervisor.value).toHaveLength(0) // its timer is gone with it
      expect(endpoint.calls).toHaveLength(1)
      expect(text(yield* made.get)).toBe("token-1")
    }))

  it.scoped("invalidate of another object with the current token's text drops the current token (S8)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed())
      const made = yield* endpoint.source()
      yield* made.get
      yield* made.invalidate(yield* TestAccessToken.make({ text: "token-1" }))
      expect(Option.isSome(made.peek())).toBe(true)
      yield* made.invalidate(yield* TestAccessToken.make({ text: "token-0" }))
      expect(made.peek()).toStrictEqual(Option.none())
    }))

  it.scoped("invalidate of an old token does nothing (S8, row 77)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed())
      const made = yield* endpoint.source()
      const old = yield* made.get
      yield* TestClock.adjust("2 seconds")
      yield* made.refresh
      yield* TestClock.adjust("2 seconds")
      yield* Effect.replicateEffect(made.invalidate(old), 1000, { discard: true })
      expect(yield* textAtOnce(made)).toBe("token-1")
      expect(endpoint.calls).toHaveLength(2)
    }))

  it.scoped("1,000 callers that invalidate the same token cause one request (S8, row 77)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed(), after("1 second", succeed()))
      const { get, invalidate } = yield* endpoint.source()
      const token = yield* get
      const callers = yield* Effect.replicateEffect(Effect.fork(Effect.zipRight(invalidate(token), get)), 1000)
      yield* TestClock.adjust("1 second")
      const tokens = yield* Fiber.join(Fiber.all(callers))
      expect(new Set(tokens.map(text))).toStrictEqual(new Set(["token-1"]))
      expect(endpoint.calls).toHaveLength(2)
    }))

  it.scoped("a late invalidate of the old token keeps the new one (S8, row 77)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed())
      const made = yield* endpoint.source()
      const token = yield* made.get
      yield* made.invalidate(token)
      yield* made.get
      yield* TestClock.adjust("1 minute")
      yield* made.invalidate(token)
      expect(yield* textAtOnce(made)).toBe("token-1")
    }))
})

describe.concurrent("Rejected tokens (A2)", () => {
  /** A source whose endpoint is told of it, and hands out each of these tokens, a second after it was asked. */
  const told = Effect.fnUntraced(function*(...texts: ReadonlyArray<string>) {
    const rejected: Array<string | undefined> = []
    const made = yield* TokenSource.make({ scopes: ["user_info"], background: "onDemand" }).pipe(
      Effect.provideService(TokenEndpoint.TokenEndpoint, {
        requestToken: (_, options) =>
          Effect.delay(
            Effect.suspend(() => {
              rejected.push(options?.rejected && text(options.rejected))
              return Effect.orDie(TestAccessToken.make({ text: texts[rejected.length - 1] ?? "another" }))
            }),
            "1 second"
          )
      })
    )
    const done = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.flatMap(Effect.fork(effect), (fiber) => Effect.zipRight(TestClock.adjust("2 seconds"), Fiber.join(fiber)))
    return { ...made, rejected, done }
  })

  it.scoped("a request names the old token after an invalidate or a refresh, not when it is due (A2)", () =>
    Effect.gen(function*() {
      const { done, get, invalidate, refresh, rejected } = yield* told("a", "b", "c", "d")
      yield* invalidate(yield* done(get))
      yield* done(get)
      yield* TestClock.adjust("1 minute")
      yield* done(refresh)
      yield* TestClock.adjust("50 minutes")
      yield* done(get)
      expect(rejected).toStrictEqual([undefined, "a", "b", undefined])
    }))

  it.scoped("the source requests once more when a background refresh brings the rejected token again (A2)", () =>
    Effect.gen(function*() {
      const { done, get, invalidate, rejected } = yield* told("a", "a", "b")
      const first = yield* done(get)
      yield* TestClock.adjust("50 minutes")
      yield* get // in the background another one is asked for
      yield* settle
      yield* invalidate(first)
      expect(text(yield* done(get))).toBe("b")
      expect(rejected).toStrictEqual([undefined, undefined, "a"])
    }))
})

describe.concurrent("Forced refresh (S9)", () => {
  it.scoped("two refreshes within minRefreshInterval yield the same token (S9)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed())
      const { get, refresh } = yield* endpoint.source()
      yield* get
      expect(text(yield* refresh)).toBe("token-1")
      yield* TestClock.adjust("999 millis")
      expect(text(yield* atOnce(refresh))).toBe("token-1")
      yield* TestClock.adjust(1)
      expect(text(yield* refresh)).toBe("token-2")
      expect(sentAt(endpoint)).toStrictEqual([0, 0, 1])
    }))

  it.scoped("refresh of a due token sends one request with retries, and get sends no other (S9)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed())
      const { get, refresh } = yield* endpoint.source({ background: "onDemand" })
      yield* get
      yield* TestClock.adjust("50 minutes")
      expect(text(yield* refresh)).toBe("token-1")
      expect(text(yield* atOnce(get))).toBe("token-1")
      expect(endpoint.calls.map(({ isSingleAttempt }) => isSingleAttempt)).toStrictEqual([false, false])
    }))

  it.scoped("get yields the current token during a refresh and after its failure (S9)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed(), after("1 second", fail(unavailable)))
      const made = yield* endpoint.source()
      yield* made.get
      const forced = yield* Effect.fork(Effect.flip(made.refresh))
      yield* settle
      expect(yield* textAtOnce(made)).toBe("token-0")
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(forced)).toMatchObject({ _tag: "ServiceUnavailableError" })
      expect(yield* textAtOnce(made)).toBe("token-0")
      expect(endpoint.calls).toHaveLength(2)
    }))

  it.scoped("a failed refresh is not tried again within minRefreshInterval (S9)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(fail(unavailable), fail(unavailable), succeed())
      const { get, refresh } = yield* endpoint.source({ minRefreshInterval: "5 seconds" })
      yield* Effect.flip(get)
      expect(yield* Effect.flip(refresh)).toStrictEqual(unavailable) // it passes the cool-down (S7)
      expect(yield* atOnce(Effect.flip(refresh))).toMatchObject(unsent("5 seconds"))
      yield* TestClock.adjust("4999 millis")
      expect(yield* atOnce(Effect.flip(refresh))).toMatchObject(unsent("1 millis"))
      yield* TestClock.adjust(1)
      expect(text(yield* refresh)).toBe("token-2")
      expect(sentAt(endpoint)).toStrictEqual([0, 0, 5])
    }))

  it.scoped("beside a valid token refresh repeats its last error until a new token comes (S9)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed(), fail(unavailable), succeed())
      const { get, invalidate, refresh } = yield* endpoint.source({ minRefreshInterval: "5 seconds" })
      const first = yield* get
      yield* Effect.flip(refresh)
      expect(yield* atOnce(Effect.flip(refresh))).toMatchObject(unsent("5 seconds"))
      expect(text(yield* atOnce(get))).toBe("token-0")
      yield* invalidate(first)
      expect(text(yield* get)).toBe("token-2")
      expect(text(yield* atOnce(refresh))).toBe("token-2")
      expect(endpoint.calls).toHaveLength(3)
    }))

  it.scoped("the source ignores an invalidate within minRefreshInterval after a refresh (S9)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed())
      const made = yield* endpoint.source({ minRefreshInterval: "5 seconds" })
      yield* made.get
      const token = yield* made.refresh
      yield* TestClock.adjust("4999 millis")
      yield* made.invalidate(token)
      expect(yield* textAtOnce(made)).toBe("token-1")
      yield* TestClock.adjust(1)
      yield* made.invalidate(token)
      expect(made.peek()).toStrictEqual(Option.none())
    }))

  it.scoped("a token of a background refresh can be invalidated at once (S9)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed())
      const made = yield* centred(endpoint.source())
      yield* made.get
      yield* TestClock.adjust("2880 seconds")
      const renewed = yield* made.get
      expect(text(renewed)).toBe("token-1")
      yield* made.invalidate(renewed)
      expect(text(yield* made.get)).toBe("token-2")
    }))

  it.scoped("the interval doubles to 30 s while each forced token is rejected within it (S9, row 78)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed())
      const { get, invalidate } = yield* endpoint.source({ background: "onDemand" })
      // As a client that replays its request once: the second token is refused as the first one was.
      const refuse = Effect.replicateEffect(Effect.flatMap(get, invalidate), 2)
      for (let n = 0; n < 125; n++) {
        yield* refuse
        yield* TestClock.adjust("1 second")
      }
      expect(sentAt(endpoint)).toStrictEqual([0, 0, 1, 3, 7, 15, 31, 61, 91, 121])
    }))

  it.scoped("a forced token that is not rejected within the interval resets the interval (S9)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed())
      const { get, invalidate } = yield* endpoint.source({ background: "onDemand" })
      const replace = Effect.zipRight(Effect.flatMap(get, invalidate), get)
      for (let n = 0; n < 3; n++) {
        yield* replace
        yield* Effect.flatMap(get, invalidate)
        yield* TestClock.adjust("4 seconds")
      }
      yield* replace // its interval is 8 s, but nobody refuses it within that
      yield* TestClock.adjust("5 minutes")
      yield* replace
      yield* TestClock.adjust("1 second")
      yield* replace
      expect(sentAt(endpoint)).toStrictEqual([0, 0, 4, 8, 12, 312, 313])
    }))

  it.scoped("an API that rejects every token causes few requests, and healthy callers rarely wait (S9, row 78)", () =>
    Effect.gen(function*() {
      const endpoint = yield* scripted(succeed(), after("300 millis", succeed()))
      const made = yield* endpoint.source()
      const refusing = Effect.zipRight(
        Effect.flatMap(made.get, made.invalidate),
        Effect.sleep("2 seconds")
      )
      let served = 0
      let waited = 0
      const healthy = Effect.gen(function*() {
        const before = yield* TestClock.currentTimeMillis
        yield* made.get
        if ((yield* TestClock.currentTimeMillis) > before) waited++
        served++
        yield* Effect.sleep("1500 millis")
      })
      yield* made.get
      yield* Effect.fork(Effect.forever(refusing))
      yield* Effect.fork(Effect.forever(healthy))
      yield* TestClock.adjust("10 minutes")
      // 1, 2, 4, 8, 16 and then every 30 seconds or so.
      expect(endpoint.calls.length).toBeGreaterThan(15)
      expect(endpoint.calls.length).toBeLessThanOrEqual(2 + 5 + 20)
      expect(served).toBeGreaterThan(390)
      expect(waited).toBeLessThan(endpoint.calls.length)
      expect(endpoint.flights.most).toBe(1)
    }))
})
