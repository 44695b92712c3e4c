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

/** A token that began at 0 by the wall clock and by the monotonic clock, and lives for 1000 milliseconds. */
const kept = (generation = 1): Known.Kept => ({
  generation,
  value: Redacted.make("abc"),
  scopes,
  lifetime: 1000,
  began: { wall: 0, monotonic: 0 }
})

const at = (wall: number, monotonic = wall): Known.Moment => ({ wall, monotonic })

describe("T3: what replaces what", () => {
  it.each([
    [true, undefined, 5, 0],
    [true, 4, 5, 0],
    [false, 5, 5, 0],
    [false, 6, 5, 0],
    [false, undefined, 5, 5],
    [false, 4, 5, 6],
    [true, 4, 6, 5]
  ])("%s: kept %s, heard of %i, emptied at %i", (expected, before, generation, cleared) => {
    expect(Known.isNews(before === undefined ? undefined : kept(before), generation, cleared)).toBe(expected)
  })
})

describe("T6: the next generation", () => {
  it.each([
    [1000, 0, 1000],
    [1001, 1000, 1000],
    [2001, 2000, 1000] // the wall clock was set back
  ])("%i: known %i, the clock says %i", (expected, known, wall) => {
    expect(Known.next(known, at(wall, 7))).toBe(expected)
  })
})

describe("T3: the lease", () => {
  it.each([[false, 2999], [true, 3000]])("%s: not heard for %i milliseconds", (expected, since) => {
    expect(Known.isLost({ generation: 1, heard: 100 }, at(0, 100 + since))).toBe(expected)
    expect(Known.isLost(Known.stranger(at(0, 100)), at(0, 100 + since))).toBe(expected)
  })

  it.each([
    [{ generation: 2, heard: 9 }, undefined, 2],
    [{ generation: 2, heard: 9 }, { generation: 2, heard: 1 }, 2],
    [{ generation: 2, heard: 9 }, { generation: 0, heard: 1 }, 2],
    [{ generation: 3, heard: 1 }, { generation: 3, heard: 1 }, 2]
  ])("%o: was %o, %i is heard", (expected, holder, generation) => {
    expect(Known.heardOf(holder, generation, at(0, 9))).toStrictEqual(expected)
  })
})

describe("T7: age", () => {
  it.each([
    [500, at(500)],
    [500, at(500, 10)], // the machine slept
    [500, at(-3000, 500)], // the wall clock was set back
    [0, at(-3000, -1)]
  ])("%i: the hands say %o", (expected, now) => {
    expect(Known.age(kept(), now)).toBe(expected)
  })

  it.each([[false, 999], [true, 1000]])("over, %s: after %i milliseconds", (expected, age) => {
    expect(Known.isOver(kept(), at(age))).toBe(expected)
  })
})

describe("T1: when the others are asked", () => {
  it.each([
    [true, undefined, Number.NEGATIVE_INFINITY, 0],
    [false, undefined, 0, 999],
    [true, undefined, 0, 1000],
    [false, kept(), Number.NEGATIVE_INFINITY, 749],
    [true, kept(), Number.NEGATIVE_INFINITY, 750],
    [false, kept(), 0, 999]
  ])("%s: keeps %o, asked at %d, now %i", (expected, kept, asked, now) => {
    expect(Known.isDoubtful(kept, asked, at(now))).toBe(expected)
  })
})

describe("from tab to tab", () => {
  it.effect("a token is what it was", () =>
    Effect.gen(function*() {
      const token = yield* TestAccessToken.make({ scopes: ["a", "b"], life: "1 hour" })
      const sent = Known.keptOf(token, 7, at(10_000, 50))
      expect(Known.tokenOf(sent, at(10_000, 50))).toStrictEqual(token)
      const heard = Message.heard(Message.told(sent, at(20_000, 60)), at(20_000, 900))
      expect(heard).toStrictEqual({ ...sent, began: at(0, 900 - 20_000) })
    }))

  it("T7: one that is heard late, since its tab slept, is as old as it is", () => {
    const told = Message.told(kept(), at(100))
    expect(Known.age(Message.heard(told, at(100, 5)), at(100, 5))).toBe(100)
    expect(Known.age(Message.heard(told, at(900, 5)), at(900, 5))).toBe(900)
    expect(Known.age(Message.heard(told, at(-900, 5)), at(-900, 5))).toBe(100) // the wall clock was set back
  })

  it("the message holds the token, and what can't be one is none", () => {
    const message = Message.encode({ _tag: "Written", key: "a,b", token: Message.told(kept(), at(0)) })
    if (message._tag !== "Written") return expect.fail()
    const decoded = (change: object) => Message.decode({ ...message, token: { ...message.token, ...change } })
    expect(Option.isSome(decoded({}))).toBe(true)
    for (const wrong of [{ value: "a b" }, { lifetime: 0 }, { age: -1 }, { generation: 1.5 }, { scopes: "" }]) {
      expect(decoded(wrong)).toStrictEqual(Option.none())
    }
  })
})
