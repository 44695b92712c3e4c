import type * as Instant from "@effect-tilia/core/Instant"
import * as Scopes from "@effect-tilia/core/Scopes"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Message from "../../src/internal/message.js"
import * as TabReplica from "../../src/internal/tabReplica.js"

const scopes = Schema.decodeSync(Scopes.Scopes)("a,b")

/** A token that was requested at 0 on both clocks, with a lifetime of 1000 milliseconds. */
const replica = (generation = 1): TabReplica.TabReplica => ({
  generation,
  value: Redacted.make("abc"),
  scopes,
  lifetime: 1000,
  issuedAt: { wall: 0, monotonic: 0 }
})

const at = (wall: number, monotonic = wall): Instant.Instant => ({ wall, monotonic })

describe("isReplacedBy", () => {
  it.each([
    [true, undefined, 5, 0],
    [true, 4, 5, 0],
    [false, 5, 5, 0],
    [false, 6, 5, 0],
    [false, undefined, 5, 5],
    [false, 4, 5, 6],
    [true, 4, 6, 5]
  ])("it is %s that generation %s yields to %i after a clear at %i (T3)", (expected, before, generation, cleared) => {
    expect(TabReplica.isReplacedBy(before === undefined ? undefined : replica(before), generation, cleared)).toBe(
      expected
    )
  })
})

describe("the next generation", () => {
  it.each([
    [1000, 0, 1000],
    [1001, 1000, 1000],
    [2001, 2000, 1000] // the wall clock was set back
  ])("the next generation is %i if the tab knows %i and the clock says %i (T6)", (expected, known, wall) => {
    expect(TabReplica.nextGeneration(known, at(wall, 7))).toBe(expected)
  })
})

describe("the lease", () => {
  it.each([[false, 2999], [true, 3000]])(
    "it is %s that a lock is lost after %i silent milliseconds (T3)",
    (expected, since) => {
      expect(TabReplica.isLeaseOver({ generation: 1, lastSeen: 100 }, at(0, 100 + since))).toBe(expected)
      expect(TabReplica.isLeaseOver(TabReplica.unknownHolder(at(0, 100)), at(0, 100 + since))).toBe(expected)
    }
  )

  it.each([
    [{ generation: 2, lastSeen: 9 }, undefined, 2],
    [{ generation: 2, lastSeen: 9 }, { generation: 2, lastSeen: 1 }, 2],
    [{ generation: 2, lastSeen: 9 }, { generation: 0, lastSeen: 1 }, 2],
    [{ generation: 3, lastSeen: 1 }, { generation: 3, lastSeen: 1 }, 2]
  ])("the holder is %o if it was %o and generation %i is announced (T3)", (expected, holder, generation) => {
    expect(TabReplica.afterAnnouncement(holder, generation, at(0, 9))).toStrictEqual(expected)
  })
})

describe("the age of a token", () => {
  it.each([
    [500, at(500)],
    [500, at(500, 10)], // the machine slept
    [500, at(-3000, 500)], // the wall clock was set back
    [0, at(-3000, -1)]
  ])("the age of a token is %i milliseconds if the clocks say %o (T7)", (expected, now) => {
    expect(TabReplica.age(replica(), now)).toBe(expected)
  })

  it.each([[false, 999], [true, 1000]])(
    "it is %s that a token of 1000 ms is expired after %i ms (T7)",
    (expected, age) => {
      expect(TabReplica.isExpired(replica(), at(age))).toBe(expected)
    }
  )
})

describe("questions to other tabs", () => {
  it.each([
    [true, undefined, Number.NEGATIVE_INFINITY, 0],
    [false, undefined, 0, 999],
    [true, undefined, 0, 1000],
    [false, replica(), Number.NEGATIVE_INFINITY, 749],
    [true, replica(), Number.NEGATIVE_INFINITY, 750],
    [false, replica(), 0, 999]
  ])("it is %s that a tab with the token %o, which asked at %d, asks at %i (T1)", (expected, replica, askedAt, now) => {
    expect(TabReplica.isQuestionDue(replica, askedAt, at(now))).toBe(expected)
  })
})

describe("messages between tabs", () => {
  it.effect("a token is the same after it was sent from one tab to another", () =>
    Effect.gen(function*() {
      const token = yield* TestAccessToken.make({ scopes: ["a", "b"], lifetime: "1 hour" })
      const sent = TabReplica.fromAccessToken(token, 7, at(10_000, 50))
      expect(TabReplica.toAccessToken(sent, at(10_000, 50))).toStrictEqual(token)
      const received = Message.fromWire(Message.toWire(sent, at(20_000, 60)), at(20_000, 900))
      expect(received).toStrictEqual({ ...sent, issuedAt: at(0, 900 - 20_000) })
    }))

  it("a token that a sleeping tab hears late keeps its true age (T7)", () => {
    const onWire = Message.toWire(replica(), at(100))
    expect(TabReplica.age(Message.fromWire(onWire, at(100, 5)), at(100, 5))).toBe(100)
    expect(TabReplica.age(Message.fromWire(onWire, at(900, 5)), at(900, 5))).toBe(900)
    expect(TabReplica.age(Message.fromWire(onWire, at(-900, 5)), at(-900, 5))).toBe(100) // the wall clock was set back
  })

  it("a message with a token is decoded, and a message with an invalid token is not", () => {
    const message = Message.encode({ _tag: "Written", key: "a,b", token: Message.toWire(replica(), at(0)) })
    if (message._tag !== "Written") return expect.fail()
    const decoded = (change: object) => Message.decode({ ...message, token: { ...message.token, ...change } })
    expect(Option.isSome(decoded({}))).toBe(true)
    for (const wrong of [{ value: "a b" }, { lifetime: 0 }, { age: -1 }, { generation: 1.5 }, { scopes: "" }]) {
      expect(decoded(wrong)).toStrictEqual(Option.none())
    }
  })
})
