import type * as Instant from "@effect-tilia/core/Instant"
import * as Scopes from "@effect-tilia/core/Scopes"
import { ServiceUnavailableError } from "@effect-tilia/core/TokenError"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Message from "../../src/internal/message.js"
import * as Replica from "../../src/internal/replica.js"

const scopes = Schema.decodeSync(Scopes.Scopes)("a,b")

const at = (wall: number, monotonic = wall): Instant.Instant => ({ wall, monotonic })

/** A token that was requested at 0 on both clocks, with a lifetime of 1000 milliseconds. */
const token = (generation = 1): Replica.Token => ({
  generation,
  value: Redacted.make("abc"),
  scopes,
  lifetime: 1000,
  issuedAt: at(0)
})

const error = new ServiceUnavailableError({
  status: 503,
  attempts: 2,
  tokenUrl: "/tilia/token",
  retryAfter: Duration.seconds(2)
})

/** A failure at 0 on both clocks, after which the server is left alone for 1000 milliseconds. */
const failure = (generation = 1): Replica.Failure => ({
  generation,
  failure: { error, failures: 2, isBinding: true, remaining: Duration.millis(1000) },
  since: at(0)
})

const replicaOf = (
  { failure: failed, token: granted }: { readonly token?: number | undefined; readonly failure?: number | undefined }
): Replica.Replica => ({
  token: granted === undefined ? undefined : token(granted),
  failure: failed === undefined ? undefined : failure(failed),
  holder: undefined,
  freedAt: Number.NEGATIVE_INFINITY
})

const generationsIn = ({ failure, token }: Replica.Replica) => [token?.generation, failure?.generation]

describe("what a tab keeps", () => {
  it.each([
    [[5, undefined], {}, 5, 0],
    [[5, undefined], { token: 4 }, 5, 0],
    [[5, undefined], { token: 5 }, 5, 0],
    [[6, undefined], { token: 6 }, 5, 0],
    [[undefined, undefined], {}, 5, 5],
    [[4, undefined], { token: 4 }, 5, 6],
    [[6, undefined], { token: 4 }, 6, 5],
    [[5, undefined], { failure: 5 }, 5, 0],
    [[5, 6], { failure: 6 }, 5, 0]
  ])("the tab has %j after it had %j and heard of a token of generation %i, cleared at %i (T3, T8)", (
    expected,
    before,
    generation,
    cleared
  ) => {
    expect(generationsIn(Replica.withToken(replicaOf(before), token(generation), cleared))).toStrictEqual(expected)
  })

  it.each([
    [[undefined, 5], {}, 5, 0],
    [[undefined, 6], { failure: 6 }, 5, 0],
    [[5, undefined], { token: 5 }, 5, 0],
    [[4, 5], { token: 4 }, 5, 0],
    [[undefined, undefined], {}, 5, 5]
  ])("the tab has %j after it had %j and heard of a failure of generation %i, void up to %i (T8)", (
    expected,
    before,
    generation,
    voidUpTo
  ) => {
    expect(generationsIn(Replica.withFailure(replicaOf(before), failure(generation), voidUpTo))).toStrictEqual(expected)
  })

  it.each([
    [[undefined, undefined], { token: 5, failure: 6 }, 6],
    [[undefined, 6], { token: 5, failure: 6 }, 5],
    [[5, 6], { token: 5, failure: 6 }, 4]
  ])(
    "the tab has %j after it had %j and the store was cleared with generation %i (M4)",
    (expected, before, cleared) => {
      expect(generationsIn(Replica.clearedUpTo(replicaOf(before), cleared))).toStrictEqual(expected)
    }
  )
})

describe("the next generation", () => {
  it.each([
    [1000, 0, 1000],
    [1001, 1000, 1000],
    [2001, 2000, 1000] // the wall clock was set back
  ])("the next generation is %i if the tab knows %i and the clock says %i (T6)", (expected, known, wall) => {
    expect(Replica.nextGeneration(known, at(wall, 7))).toBe(expected)
  })

  it.each([
    [true, 86_400_000],
    [false, 86_400_001],
    [false, 2 ** 53 - 1]
  ])("it is %s that a generation %i milliseconds ahead is plausible (T10, row 141)", (expected, ahead) => {
    expect(Message.isPlausible(ahead, at(0))).toBe(expected)
  })
})

describe("the lease", () => {
  const held = (generation: number, lastSeen: number): Replica.Replica => ({
    ...Replica.empty,
    holder: { generation, lastSeen }
  })

  it.each([[1, 2999], [0, 3000], [0, 4000]])(
    "%i milliseconds of the lease are left after %i silent ones (T3)",
    (expected, since) => {
      expect(Replica.leaseLeft(held(1, 100), at(0, 100 + since))).toBe(expected)
      expect(Replica.leaseLeft(Replica.seenBusy(Replica.empty, at(0, 100)), at(0, 100 + since))).toBe(expected)
    }
  )

  it.each([
    [{ generation: 2, lastSeen: 9 }, Replica.empty, 2],
    [{ generation: 2, lastSeen: 9 }, held(2, 1), 2],
    [{ generation: 2, lastSeen: 9 }, held(0, 1), 2],
    [{ generation: 3, lastSeen: 1 }, held(3, 1), 2]
  ])("the holder is %o if the tab knew %o and generation %i is announced (T3)", (expected, before, generation) => {
    expect(Replica.heldBy(before, generation, 9).holder).toStrictEqual(expected)
  })

  it.each([
    [undefined, held(2, 1), 2],
    [{ generation: 3, lastSeen: 1 }, held(3, 1), 2]
  ])("the holder is %o if the tab knew %o and generation %i gives the lock up (T3)", (expected, before, generation) => {
    expect(Replica.freedBy(before, generation, at(0)).holder).toStrictEqual(expected)
  })

  it.each([
    [0, 2, 5999],
    [3000, 2, 6000] // nobody has looked for a lease, and another tab may hold the lock by now
  ])("%i milliseconds are left to the holder that this tab heard of at 0, in generation %i, at %i (T3)", (
    expected,
    generation,
    now
  ) => {
    expect(Replica.leaseLeft(Replica.seenBusy(held(generation, 0), at(now)), at(now))).toBe(expected)
  })

  it.each([
    [100, 0],
    [100, 99],
    [3000, 100] // another tab may hold the lock by now
  ])("a source waits for %i milliseconds for a lock that is held %i after its holder gave it up (T3)", (
    expected,
    since
  ) => {
    const freed = Replica.freedBy(held(2, 0), 2, at(1000))
    expect(Replica.leaseLeft(Replica.seenBusy(freed, at(1000 + since)), at(1000 + since))).toBe(expected)
  })

  it.each([[false, 1499], [true, 1500]])(
    "it is %s that the holder announces its renewal %i milliseconds after the last time (T10)",
    (expected, since) => {
      expect(Replica.isSilentTooLong(100, at(0, 100 + since))).toBe(expected)
    }
  )
})

describe("the age of a token", () => {
  it.each([
    [500, at(500)],
    [500, at(500, 10)], // the machine slept
    [500, at(-3000, 500)], // the wall clock was set back
    [0, at(-3000, -1)]
  ])("the age of a token is %i milliseconds if the clocks say %o (T7)", (expected, now) => {
    expect(Replica.age(token(), now)).toBe(expected)
  })

  it.each([
    [500, at(500)],
    [200, at(800, 10)],
    [1000, at(-3000, -1)],
    [0, at(1001)]
  ])("%i milliseconds are left of the pause after a failure if the clocks say %o (T7, T8)", (expected, now) => {
    expect(Replica.pauseLeft(failure(), now)).toBe(expected)
  })
})

describe("messages between tabs", () => {
  const sent = (replica: Partial<Replica.Replica>, now = at(100)) =>
    Message.toNews("a,b", { token: undefined, failure: undefined, ...replica }, now)

  const received = (news: Message.News, now: Instant.Instant) => ({
    token: news.token && Message.toToken(news.token, now),
    failure: news.failure && Message.toFailure(news.failure, now)
  })

  it.effect("a token is the same after it was sent from one tab to another", () =>
    Effect.gen(function*() {
      const granted = yield* TestAccessToken.make({ scopes: ["a", "b"], lifetime: "1 hour" })
      const token = Replica.fromAccessToken(granted, 7, at(10_000, 50))
      const entry = Replica.toEntry({ ...Replica.empty, token }, at(10_000, 50))
      expect(entry.token).toStrictEqual(Option.some({ token: granted, generation: 7 }))
      expect(received(sent({ token }, at(20_000, 60)), at(20_000, 900)).token).toStrictEqual({
        ...token,
        issuedAt: at(0, 900 - 20_000)
      })
    }))

  it("a failure keeps its class and its message when it is sent from one tab to another (T8)", () => {
    const message = Message.encode({ ...sent({ failure: failure() }), _tag: "Settled", generation: 1 })
    const decoded = Message.decode(structuredClone(message))
    if (Either.isLeft(decoded) || decoded.right._tag !== "Settled") return expect.fail()
    const { failure: found } = received(decoded.right, at(300))
    expect(found?.failure).toMatchObject({ error, failures: 2, isBinding: true })
    expect(found?.failure.error.message).toBe(error.message)
    expect(found && Replica.pauseLeft(found, at(300))).toBe(700)
  })

  it("a token and a failure that a sleeping tab hears late keep their true age (T7, T8)", () => {
    const news = sent({ token: token(), failure: failure() })
    const heard = (now: Instant.Instant) => {
      const { failure, token } = received(news, now)
      return [token && Replica.age(token, now), failure && Replica.pauseLeft(failure, now)]
    }
    expect(heard(at(100, 5))).toStrictEqual([100, 900])
    expect(heard(at(900, 5))).toStrictEqual([900, 100])
    expect(heard(at(-900, 5))).toStrictEqual([100, 900]) // the wall clock was set back
  })

  const settled = Message.encode({
    ...sent({ token: token(), failure: failure() }),
    _tag: "Settled",
    generation: 1
  })

  it.each([
    [true, {}],
    [false, { key: "" }],
    [false, { key: "b,a" }],
    [false, { key: "a,a" }],
    [false, { key: undefined }],
    [false, { generation: 1.5 }],
    [false, { generation: Number.NaN }],
    [false, { generation: Number.POSITIVE_INFINITY }],
    [false, { generation: undefined }]
  ])("it is %s that a message with %o is valid (T10, row 141)", (expected, change) => {
    expect(Either.isRight(Message.decode({ ...settled, ...change }))).toBe(expected)
  })

  it.each([
    { value: "a b" },
    { lifetime: 0 },
    { lifetime: Number.NaN },
    { lifetime: 11 * 365 * 86_400_000 },
    { age: -1 },
    { age: Number.POSITIVE_INFINITY },
    { sentAt: Number.NaN },
    { sentAt: undefined },
    { generation: 1.5 },
    { scopes: "" }
  ])("a message whose token has %o is not valid (T10, row 141)", (change) => {
    if (!("token" in settled)) return expect.fail()
    expect(Either.isRight(Message.decode({ ...settled, token: { ...settled.token, ...change } }))).toBe(false)
  })

  it.each([
    { error: {} },
    { failures: -1 },
    { failures: Number.POSITIVE_INFINITY },
    { remaining: Number.NaN },
    { remaining: Number.POSITIVE_INFINITY },
    { sentAt: "0" }
  ])("a message whose failure has %o is not valid (T10, row 141)", (change) => {
    if (!("failure" in settled)) return expect.fail()
    expect(Either.isRight(Message.decode({ ...settled, failure: { ...settled.failure, ...change } }))).toBe(false)
  })
})
