/*
 * `pnpm bench [--quick]`: ratios, each measured in this one run, held against the goals of docs/design/performance.md.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { mkdirSync, writeFileSync } from "node:fs"
import * as ColdRequest from "./ColdRequest.js"
import * as Measure from "./Measure.js"
import * as Server from "./Server.js"

const quick = process.argv.includes("--quick")

interface Goal {
  readonly value: number
  readonly goal: number
  readonly holds: boolean
}

const ratio = (measured: ReadonlyArray<Measure.Measured>, ours: string, theirs: string): number => {
  const of = (name: string) => measured.find((lane) => lane.name === name)?.median ?? NaN
  return of(ours) / of(theirs)
}

const goal = (value: number, goal: number): Goal => ({ value: Number(value.toFixed(2)), goal, holds: value <= goal })

const table = (title: string, measured: ReadonlyArray<Measure.Measured>, baselines: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    yield* Console.log(`\n${title}`)
    yield* Console.log(["".padEnd(28), "µs".padStart(8), ...baselines.map((name) => `× ${name}`.padStart(10))].join(""))
    for (const { median, name } of measured) {
      const ratios = baselines.map((baseline) => ratio(measured, name, baseline).toFixed(2).padStart(10))
      yield* Console.log([name.padEnd(28), median.toFixed(0).padStart(8), ...ratios].join(""))
    }
  })

const coldRequest = Effect.gen(function*() {
  const url = yield* Server.start()
  const rounds = quick ? 9 : 31
  const oneByOne = yield* Measure.interleaved(yield* ColdRequest.lanes(url, 1), { rounds, times: 200 })
  yield* table("P3: one cold token request, one after another", oneByOne, ["undici", "fetch"])
  const atOnce = yield* Measure.interleaved(yield* ColdRequest.lanes(url, 64), { rounds, times: 1024 })
  yield* table("P3: 64 at once", atOnce, ["undici", "fetch"])
  return {
    goals: {
      "P3 × undici": goal(ratio(oneByOne, "effect-tilia", "undici"), 2.5),
      "P3 × fetch": goal(ratio(oneByOne, "effect-tilia", "fetch"), 1),
      "P3 64 at once × fetch": goal(ratio(atOnce, "effect-tilia", "fetch"), 1.2)
    },
    lanes: [
      ...oneByOne.map((lane) => ({ ...lane, measurement: "P3: one after another" })),
      ...atOnce.map((lane) => ({ ...lane, measurement: "P3: 64 at once" }))
    ]
  }
}).pipe(Effect.scoped)

const bench = Effect.gen(function*() {
  const results = yield* coldRequest
  yield* Console.log("")
  for (const [name, { goal, holds, value }] of Object.entries(results.goals)) {
    yield* Console.log(
      `${name.padEnd(28)} ${value.toFixed(2).padStart(8)}  goal ${goal.toFixed(2)}  ${
        holds ? "holds" : "DOES NOT HOLD"
      }`
    )
  }
  const folder = new URL("../results/", import.meta.url)
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL("latest.json", folder), `${JSON.stringify(results, null, 2)}\n`)
})

NodeRuntime.runMain(bench)
