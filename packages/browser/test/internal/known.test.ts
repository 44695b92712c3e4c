import type * as Instant from "@effect-tilia/core/Instant"
import * as Scopes from "@effect-tilia/core/Scopes"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Known from "../../src/internal/known.js"
import * as Message from "../../src/internal/message.js"

const scopes = Schema.decodeSync(Scopes.Scopes)("a,b")

/** A token that was requested at 0 on both clocks, with a lifetime of 1000 milliseconds. */
const kept = (generation = 1): Known.Kept => ({
  generation,
  value: Redacted.make("abc"),
  scopes,
  lifetime: 1000,
  begin: { wall: 0, monotonic: 0 }
})

const at = (wall: number, monotonic = wall): Instant.Instant => ({ wall, monotonic })

describe("isNews", () => {
  it.each([
    [true, undefined, 5, 0],
    [true, 4, 5, 0],
    [false, 5, 5, 0],
    [false, 6, 5, 0],
    [false, undefined, 5, 5],
    [false, 4, 5, 6],
    [true, 4, 6, 5]
  ])("it is %s that generation %s yields to %i after a clear at %i (T3)", (expected, before, generation, cleared) => {
    expect(Known.isNews(before === undefined ? undefined : kept(before), generation, cleared)).toBe(expected)
  })
})

describe("the next generation", () => {
  it.each([
    [1000, 0, 1000],
    [1001, 1000, 1000],
    [2001, 2000, 1000] // the wall clock was set back
  ])("the next generation is %i if the tab knows %i and the clock says %i (T6)", (expected, known, wall) => {
    expect(Known.next(known, at(wall, 7))).toBe(expected)
  })
})

describe("the lease", () => {
  it.each([[false, 2999], [true, 3000]])(
    "it is %s that a lock is lost after %i silent milliseconds (T3)",
    (expected, since) => {
      expect(Known.isLost({ generation: 1, heard: 100 }, at(0, 100 + since))).toBe(expected)
      expect(Known.isLost(Known.stranger(at(0, 100)), at(0, 100 + since))).toBe(expected)
    }
  )

  it.each([
    [{ generation: 2, heard: 9 }, undefined, 2],
    [{ generation: 2, heard: 9 }, { generation: 2, heard: 1 }, 2],
    [{ generation: 2, heard: 9 }, { generation: 0, heard: 1 }, 2],
    [{ generation: 3, heard: 1 }, { generation: 3, heard: 1 }, 2]
  ])("the holder is %o if it was %o and generation %i is heard (T3)", (expected, holder, generation) => {
    expect(Known.heardOf(holder, generation, at(0, 9))).toStrictEqual(expected)
  })
})

describe("the age of a token", () => {
  it.each([
    [500, at(500)],
    [500, at(500, 10)], // the machine slept
    [500, at(-3000, 500)], // the wall clock was set back
    [0, at(-3000, -1)]
  ])("the age of a token is %i milliseconds if the clocks say %o (T7)", (expected, now) => {
    expect(Known.age(kept(), now)).toBe(expected)
  })

  it.each([[false, 999], [true, 1000]])(
    "it is %s that a token of 1000 ms is expired after %i ms (T7)",
    (expected, age) => {
      expect(Known.isOver(kept(), at(age))).toBe(expected)
    }
  )
})

describe("questions to other tabs", () => {
  it.each([
    [true, undefined, Number.NEGATIVE_INFINITY, 0],
    [false, undefined, 0, 999],
    [true, undefined, 0, 1000],
    [false, kept(), Number.NEGATIVE_INFINITY, 749],
    [true, kept(), Number.NEGATIVE_INFINITY, 750],
    [false, kept(), 0, 999]
  ])("it is %s that a tab with the token %o, which asked at %d, asks at %i (T1)", (expected, kept, asked, now) => {
    expect(Known.isDoubtful(kept, asked, at(now))).toBe(expected)
  })
})

describe("messages between tabs", () => {
  it.effect("a token is the same after it was sent from one tab to another", () =>
    Effect.gen(function*() {
      const token = yield* TestAccessToken.make({ scopes: ["a", "b"], life: "1 hour" })
      const sent = Known.keptOf(token, 7, at(10_000, 50))
      expect(Known.tokenOf(sent, at(10_000, 50))).toStrictEqual(token)
      const heard = Message.heard(Message.told(sent, at(20_000, 60)), at(20_000, 900))
      expect(heard).toStrictEqual({ ...sent, begin: at(0, 900 - 20_000) })
    }))

  it("a token that a sleeping tab hears late keeps its true age (T7)", () => {
    const told = Message.told(kept(), at(100))
    expect(Known.age(Message.heard(told, at(100, 5)), at(100, 5))).toBe(100)
    expect(Known.age(Message.heard(told, at(900, 5)), at(900, 5))).toBe(900)
    expect(Known.age(Message.heard(told, at(-900, 5)), at(-900, 5))).toBe(100) // the wall clock was set back
  })

  it("a message with a token is decoded, and a message with an invalid token is not", () => {
    const message = Message.encode({ _tag: "Written", key: "a,b", token: Message.told(kept(), at(0)) })
    if (message._tag !== "Written") return expect.fail()
    const decoded = (change: object) => Message.decode({ ...message, token: { ...message.token, ...change } })
    expect(Option.isSome(decoded({}))).toBe(true)
    for (const wrong of [{ value: "a b" }, { lifetime: 0 }, { age: -1 }, { generation: 1.5 }, { scopes: "" }]) {
      expect(decoded(wrong)).toStrictEqual(Option.none())
    }
  })
})
