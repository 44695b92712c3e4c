/*
 * Random histories of many tabs. A failure names the seed of its history: `HISTORIES=1 SEED=<seed>` plays it alone.
 */
import type * as Instant from "@effect-tilia/core/Instant"
import * as Utils from "effect/Utils"
import { env } from "node:process"
import { describe, expect, it } from "vitest"
import * as Tab from "../../src/internal/tab.js"
import { type Faults, type Plan, play, type Result } from "./world.js"

const firstSeed = Number(env["SEED"] ?? 0)

/** For each kind of history; `HISTORIES` times as many. */
const count = 600 * Number(env["HISTORIES"] ?? 1)

const calm: Omit<Plan, "seed"> = {
  tabs: 5,
  duration: 12_000,
  delay: 10,
  mediator: 500,
  lifetime: 5_000,
  clears: 0,
  freezes: 0,
  kills: 0,
  restores: 0,
  losses: 0,
  clockSteps: 0,
  hostile: 0,
  outage: undefined
}

/** A plan whose tabs, delays and mediator are drawn. */
const drawn = (seed: number, special: Partial<Plan>): Plan => {
  const random = new Utils.PCGRandom(seed)
  return {
    ...calm,
    seed,
    tabs: 2 + random.integer(6),
    delay: [1, 5, 20][random.integer(3)] ?? 1,
    mediator: [50, 500, 4000][random.integer(3)] ?? 50,
    ...special
  }
}

/**
 * How many requests may be made in vain. A tab that is frozen, or killed, or that loses a lock, while it asks or before
 * the others have heard what it got, costs one. So does a wall clock that is set: a token may look older than it is. A
 * `clear`, and a page that goes to the back-forward cache, cost one for what was under way and one for the tab's token.
 */
const allowed = ({ clears, clockSteps, freezes, hostile, kills, losses, restores }: Plan): number =>
  freezes + kills + losses + clockSteps + Math.sign(hostile) + 2 * (clears + restores)

const verdict = (
  plan: Plan,
  { deliveries, needless, outcomes, problems, skips, tabs }: Result
): ReadonlyArray<string> => [
  ...new Set(problems),
  ...(needless > allowed(plan) ? [`${needless} requests in vain`] : []),
  ...(skips > plan.freezes ? [`${skips} stores skipped`] : []),
  ...(plan.hostile === 0 && deliveries > 10 * tabs * Math.max(1, outcomes) ? ["too many messages"] : [])
]

/** The verdicts on many histories, each with its seed. */
const judged = (special: Partial<Plan>, histories = count, faults: Faults = {}) =>
  Array.from({ length: histories }, (_, n) => {
    const plan = drawn(firstSeed + n, special)
    return verdict(plan, play(plan, faults)).map((problem) => `${problem} (seed ${plan.seed})`)
  }).flat()

describe("random histories of many tabs (T10)", () => {
  it.each<[string, Partial<Plan>]>([
    ["without a disturbance make one request per lifetime", {}],
    ["with an outage of the mediator make one request per cool-down", { outage: [2000, 7000] }],
    ["with logouts bring no token back", { clears: 3 }],
    ["with tabs that are killed go on", { kills: 2, tabs: 6 }],
    ["with tabs that are frozen go on", { freezes: 3 }],
    ["with tabs that are frozen, and logouts, bring no token back", { freezes: 3, clears: 2 }],
    ["with pages in the back-forward cache go on", { restores: 3 }],
    ["with pages in the back-forward cache, and logouts, bring no token back", { restores: 3, clears: 2 }],
    ["with locks that the browser takes away go on", { losses: 3 }],
    ["with a wall clock that is set go on", { clockSteps: 3 }],
    ["with hostile messages go on", { hostile: 40 }],
    ["with all of that go on", {
      tabs: 8,
      clears: 1,
      freezes: 2,
      kills: 2,
      restores: 1,
      losses: 1,
      clockSteps: 1,
      hostile: 10,
      outage: [3000, 5000]
    }]
  ])("histories %s", (_, special) => {
    expect(judged(special)).toStrictEqual([])
  })

  it("50 tabs make one request per lifetime, with at most ten messages for each tab and token", () => {
    expect(judged({ tabs: 50, duration: 30_000, delay: 20, mediator: 5000, lifetime: 20_000 }, 5)).toStrictEqual([])
  })
})

describe("a fault in the tabs is found (T10)", () => {
  const on = (
    change: (tab: Tab.Tab, event: Tab.Event, now: Instant.Instant) => Tab.Step | undefined
  ): Faults => ({ transition: (tab, event, now) => change(tab, event, now) ?? Tab.transition(tab, event, now) })

  const withCommands = (change: (command: Tab.Command) => ReadonlyArray<Tab.Command>): Faults =>
    on((tab, event, now) => {
      const [after, commands] = Tab.transition(tab, event, now)
      return [after, commands.flatMap(change)]
    })

  it.each<[string, Partial<Plan>, Faults]>([
    [
      "requests in vain",
      { delay: 20, tabs: 12, mediator: 50 },
      // A tab does not wait for its echo.
      on((tab, event, now) => {
        const [after, commands] = Tab.transition(tab, event, now)
        let result: Tab.Step = [after, commands]
        for (const command of commands) {
          if (command._tag !== "Tell" || command.message._tag !== "Echo") continue
          const [next, more] = Tab.transition(result[0], { _tag: "Heard", message: command.message }, now)
          result = [next, [...result[1], ...more]]
        }
        return result
      })
    ],
    [
      "requests in vain",
      { freezes: 0 },
      // The keeper tells nothing.
      withCommands((command) => command._tag === "Tell" && command.message._tag === "Answered" ? [] : [command])
    ],
    [
      "a token that was cleared came back",
      { clears: 3 },
      on((tab, event) => event._tag === "Heard" && event.message._tag === "Cleared" ? [tab, []] : undefined)
    ],
    [
      "a token that was cleared came back",
      { clears: 3, restores: 3 },
      // A page that is back from the back-forward cache keeps its replica.
      on((tab, event, now) => {
        if (event._tag !== "Restore") return undefined
        const [after, commands] = Tab.transition(tab, event, now)
        return [{ ...after, replicas: tab.replicas, isPatient: false }, commands]
      })
    ],
    [
      "an older token replaced a newer one",
      { losses: 10, mediator: 4000, tabs: 6 },
      // A tab does not hear that it has lost its lock, and what comes last counts.
      on((tab, event, now) => {
        if (event._tag === "Lost" && event.lock.of === "Token") return [tab, []]
        const isLate = event._tag === "Heard" &&
          (event.message._tag === "Settled" || (event.message._tag === "Echo" && event.message.step === "Check"))
        return isLate ? Tab.transition({ ...tab, replicas: new Map() }, event, now) : undefined
      })
    ],
    [
      "two tokens have the same generation",
      { freezes: 3, mediator: 4000 },
      on((tab, event, now) => Tab.transition({ ...tab, largest: 0 }, event, { ...now, wall: 0 }))
    ],
    [
      "a caller waited for 20 seconds",
      { kills: 1 },
      // No lock is given back, and none is taken by force.
      on((tab, event, now) => {
        const isBusy = event._tag === "Busy" && event.lock.of === "Token"
        const [after, commands] = Tab.transition(tab, event, isBusy ? { ...now, monotonic: 0 } : now)
        return [
          after,
          commands.flatMap((command): ReadonlyArray<Tab.Command> => {
            if (command._tag !== "Release" || command.lock.of !== "Token") return [command]
            return command.reply === undefined ? [] : [{ _tag: "Reply", call: command.reply, reply: { _tag: "Done" } }]
          })
        ]
      })
    ],
    [
      "too many messages",
      { tabs: 30, duration: 3000, lifetime: 100_000 },
      // The keeper answers everybody.
      withCommands((command) =>
        command._tag === "Tell" && command.message._tag === "Answered"
          ? [{ _tag: "Post", message: command.message }]
          : [command]
      )
    ]
  ])("histories find: %s", (problem, special, faults) => {
    expect(judged(special, 60, faults).join()).toContain(problem)
  })
})
