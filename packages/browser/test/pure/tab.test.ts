import type * as Instant from "@effect-tilia/core/Instant"
import * as Scopes from "@effect-tilia/core/Scopes"
import { Abandoned } from "@effect-tilia/core/TokenStore"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import type * as Message from "../../src/internal/message.js"
import * as Tab from "../../src/internal/tab.js"

const now: Instant.Instant = { wall: 1_000_000, monotonic: 1000 }
const key = "user_info"
const scopes = Schema.decodeSync(Scopes.Scopes)(key)

const keeper: Tab.WebLock = { of: "Keeper", key: "", call: -1 }
const token: Tab.WebLock = { of: "Token", key, call: 1 }

const news = (generation: number): Message.News => ({
  key,
  token: {
    generation,
    value: Redacted.make("abc"),
    scopes,
    lifetime: 60_000,
    age: 0,
    sentAt: now.wall
  }
})

const settled = (generation: number): Tab.Event => ({
  _tag: "Heard",
  message: { ...news(generation), _tag: "Settled", generation }
})

const answered = (era: string, cleared: number): Tab.Event => ({
  _tag: "Heard",
  message: { _tag: "Answered", era, largest: 9, cleared, news: [news(9)] }
})

const echo = (call: number, step: string): Tab.Event => ({ _tag: "Heard", message: { _tag: "Echo", call, step } })

/** What a tab does after these events, the last one first. */
const after = (...events: ReadonlyArray<Tab.Event>): Tab.Step =>
  events.reduce((before: Tab.Step, event) => Tab.transition(before[0], event, now), [Tab.initial("me"), []])

const changesIn = ([, commands]: Tab.Step) =>
  commands.flatMap((command) => command._tag === "Publish" ? [command.change] : [])

const postedIn = ([, commands]: Tab.Step) =>
  commands.flatMap((command) => command._tag === "Post" ? [command.message._tag] : [])

const first: ReadonlyArray<Tab.Event> = [{ _tag: "Join" }, { _tag: "Granted", lock: keeper, mode: "ifAvailable" }]
const later: ReadonlyArray<Tab.Event> = [{ _tag: "Join" }, { _tag: "Busy", lock: keeper }]
const locking: ReadonlyArray<Tab.Event> = [
  { _tag: "Lock", call: 1, key },
  { _tag: "Granted", lock: token, mode: "ifAvailable" }
]

describe("a tab that joins", () => {
  it("the first tab waits for nobody (T10)", () => {
    const [, commands] = after(...first, { _tag: "Read", call: 0, key })
    expect(commands).toMatchObject([{ _tag: "Reply", call: 0, reply: { _tag: "Entry" } }])
  })

  it.each<[string, Tab.Event]>([
    ["the keeper has answered", answered("other", 0)],
    ["100 milliseconds are over", { _tag: "Waited", call: -1, step: "Join" }]
  ])("a later tab asks only the keeper, and its read waits until %s (T10)", (_, event) => {
    const joined = after(...later)
    expect(joined[1]).toMatchObject([{ _tag: "Acquire", mode: "queue" }, { _tag: "Tell", channel: Tab.keeperChannel }])
    expect(after(...later, { _tag: "Read", call: 0, key })[1]).toStrictEqual([])
    expect(after(...later, { _tag: "Read", call: 0, key }, event)[1]).toContainEqual(
      expect.objectContaining({ _tag: "Reply", call: 0 })
    )
  })

  it("only a tab that holds a lock takes the keepership of a keeper that does not answer (T10)", () => {
    const events: ReadonlyArray<Tab.Event> = [...later, { _tag: "Waited", call: -1, step: "Join" }]
    expect(after(...events)[1]).toStrictEqual([])
    const asked = after(...events, ...locking, echo(1, "CatchUp"))
    expect(postedIn(asked)).toStrictEqual(["Asked"])
    expect(asked[1]).toContainEqual({ _tag: "Acquire", lock: keeper, mode: "steal" })
  })

  it("a tab that clears before it has an answer clears what it hears of then, too (M4)", () => {
    const ahead = now.wall + 5000 // the wall clock was set back by five seconds
    const late: Tab.Event = {
      _tag: "Heard",
      message: { _tag: "Answered", era: "other", largest: ahead, cleared: 0, news: [news(ahead)] }
    }
    const cleared = after(...later, { _tag: "Clear" }, late)
    const posted = cleared[1].flatMap((command) => command._tag === "Post" ? [command.message] : [])
    expect(posted).toStrictEqual([{ _tag: "Cleared", generation: ahead + 1 }])
    expect(after(...later, { _tag: "Clear" }, late, { _tag: "Read", call: 0, key })[1]).toMatchObject([
      { reply: { _tag: "Entry", entry: { token: Option.none() } } }
    ])
    // What was requested since is not cleared by an answer that comes later.
    const informed = after(...later, answered("other", 0), { _tag: "Clear" }, late)
    expect(postedIn(informed)).toStrictEqual([])
  })

  it("a tab that knows nothing of a logout before its time tells its source nothing of it (M4)", () => {
    expect(changesIn(after(...later, answered("other", 5)))).toStrictEqual(["Settled"])
  })
})

describe("a tab that gets the lock", () => {
  it("it has the lock only after its echo, and tells the others (T10)", () => {
    expect(after(...first, ...locking)[1]).toMatchObject([{ _tag: "Tell", channel: "me" }, { _tag: "Wait" }])
    const acquired = after(...first, ...locking, echo(1, "CatchUp"))
    expect(postedIn(acquired)).toStrictEqual(["Locked"])
    expect(acquired[1]).toContainEqual(
      expect.objectContaining({ reply: expect.objectContaining({ _tag: "Acquired" }) })
    )
  })

  it("a tab that hears of a token before its echo tells nobody of its lock, and frees it silently (T10)", () => {
    const events = [...first, ...locking, settled(9), echo(1, "CatchUp")]
    expect(postedIn(after(...events))).toStrictEqual([])
    const abandoned = [...events, { _tag: "Settle", call: 2, lock: 1, outcome: Abandoned() } as const, echo(2, "Check")]
    expect(postedIn(after(...abandoned))).toStrictEqual([])
    expect(after(...abandoned, echo(2, "Free"))[1]).toStrictEqual([{ _tag: "Release", lock: token, reply: 2 }])
  })

  it("a tab that finds the lock held by the tab that gives it up tries again soon (T3)", () => {
    const locked: Tab.Event = { _tag: "Heard", message: { _tag: "Locked", key, generation: 9, sentAt: now.wall } }
    const givenUp: Tab.Event = { _tag: "Heard", message: { _tag: "Settled", key, generation: 9 } }
    const busy: ReadonlyArray<Tab.Event> = [{ _tag: "Lock", call: 1, key }, { _tag: "Busy", lock: token }]
    expect(after(...first, locked, ...busy)[1]).toMatchObject([{ reply: { _tag: "Held", remaining: 3000 } }])
    expect(after(...first, locked, givenUp, ...busy)[1]).toMatchObject([{ reply: { _tag: "Held", remaining: 100 } }])
  })

  it("a tab whose lock was taken while it was frozen settles nothing (T3)", () => {
    const events: ReadonlyArray<Tab.Event> = [
      ...first,
      ...locking,
      echo(1, "CatchUp"),
      { _tag: "Settle", call: 2, lock: 1, outcome: Abandoned() }
    ]
    expect(after(...events, { _tag: "Lost", lock: token })[1]).toStrictEqual([
      { _tag: "Reply", call: 2, reply: { _tag: "Done" } }
    ])
  })
})

describe("a page that is back from the back-forward cache", () => {
  const away: ReadonlyArray<Tab.Event> = [
    ...first,
    settled(9),
    { _tag: "Leave" },
    { _tag: "Restore" },
    { _tag: "Busy", lock: keeper }
  ]

  it.each<[ReadonlyArray<string>, string, Tab.Event]>([
    [["Settled"], "another tab knows all that was done", answered("me", 0)],
    [["Cleared"], "the store was cleared", answered("me", 9)],
    [["Settled", "Cleared"], "the other tabs are newer", answered("other", 0)],
    [["Cleared"], "no tab answers", { _tag: "Waited", call: -1, step: "Join" }],
    [["Cleared"], "there is no other tab", { _tag: "Granted", lock: keeper, mode: "ifAvailable" }]
  ])("its source is told %j if %s (B1, row 143)", (expected, _, event) => {
    expect(changesIn(after(...away, event))).toStrictEqual(expected)
  })

  it("its replica is not read before another tab has answered (B1, row 143)", () => {
    expect(after(...away, { _tag: "Read", call: 0, key })[1]).toStrictEqual([])
    const [, commands] = after(...away, { _tag: "Read", call: 0, key }, { _tag: "Waited", call: -1, step: "Join" })
    const entry = { token: Option.none(), failure: Option.none() }
    expect(commands).toContainEqual({ _tag: "Reply", call: 0, reply: { _tag: "Entry", entry } })
  })
})
