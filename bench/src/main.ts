/*
 * `pnpm bench [--quick] [--only P1,P4]` measures ratios, each within this one run, and compares them with the goals of
 * docs/design/performance.md.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import * as Authorized from "./Authorized.js"
import * as ColdRequest from "./ColdRequest.js"
import * as Herd from "./Herd.js"
import * as Measure from "./Measure.js"
import * as Memory from "./Memory.js"
import * as Outage from "./Outage.js"
import * as Recovery from "./Recovery.js"
import * as RefreshStall from "./RefreshStall.js"
import * as Report from "./Report.js"
import * as Server from "./Server.js"
import * as Sharing from "./Sharing.js"
import * as StartUp from "./StartUp.js"
import * as WarmPath from "./WarmPath.js"

const { only, quick } = parseArgs({
  options: { only: { type: "string", default: "" }, quick: { type: "boolean", default: false } }
}).values

const coldRequest = Effect.gen(function*() {
  const url = yield* Server.start()
  const lanes = yield* ColdRequest.start(url)
  const rounds = quick ? 11 : 31
  const oneByOne = yield* Measure.interleaved(lanes(1), { rounds, times: 200 })
  const concurrent = yield* Measure.interleaved(lanes(64), { rounds, times: quick ? 512 : 1024 })
  const tables = {
    oneByOne: Report.rows(oneByOne, ["undici", "fetch"]),
    concurrent: Report.rows(concurrent, ["undici", "fetch"])
  }
  yield* Report.table("P3: one cold token request, one after another", tables.oneByOne)
  yield* Report.table("P3: 64 at once", tables.concurrent)
  return {
    goals: {
      "P3 × undici": Report.goal(Report.ratio(oneByOne, "effect-tilia", "undici"), 2.5),
      "P3 × fetch": Report.goal(Report.ratio(oneByOne, "effect-tilia", "fetch"), 1),
      "P3 64 at once × fetch": Report.goal(Report.ratio(concurrent, "effect-tilia", "fetch"), 1.2)
    },
    lanes: [
      ...tables.oneByOne.map((lane) => ({ ...lane, measurement: "P3: one after another" })),
      ...tables.concurrent.map((lane) => ({ ...lane, measurement: "P3: 64 at once" }))
    ]
  }
}).pipe(Effect.scoped)

const measurements = [
  { keys: ["P1", "P2"], measure: WarmPath.measure(quick) },
  { keys: ["P3"], measure: coldRequest },
  { keys: ["P4"], measure: Herd.measure(quick) },
  { keys: ["P5"], measure: RefreshStall.measure(quick) },
  { keys: ["P6"], measure: Outage.measure(quick) },
  { keys: ["P8"], measure: Authorized.measure(quick) },
  { keys: ["P9"], measure: Memory.measure(quick) },
  { keys: ["P10"], measure: StartUp.measure(quick) },
  { keys: ["P12"], measure: Recovery.measure(quick) },
  { keys: ["P13"], measure: Sharing.measure(quick) }
]

const chosen = only === "" ? measurements : measurements.filter(({ keys }) => {
  const selected = only.split(",")
  return keys.some((key) => selected.includes(key))
})

const bench = Effect.gen(function*() {
  const reports = yield* Effect.forEach(chosen, ({ measure }): Effect.Effect<Report.Report, unknown> => measure)
  const goals = Object.fromEntries(reports.flatMap((report) => Object.entries(report.goals)))
  const lanes = reports.flatMap((report) => report.lanes)
  yield* Report.table(
    "The goals",
    Object.entries(goals).map(([name, { goal, holds, value }]) => ({
      name,
      value,
      goal,
      "": holds ? "holds" : "DOES NOT HOLD"
    }))
  )
  const folder = new URL("../results/", import.meta.url)
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL("latest.json", folder), `${JSON.stringify({ goals, lanes }, null, 2)}\n`)
})

NodeRuntime.runMain(bench)
