/*
 * How long `tilia --version` takes, beside a Node that does nothing (P10).
 */
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Measure from "./Measure.js"
import * as Report from "./Report.js"

const tilia = fileURLToPath(new URL("../../packages/cli/dist/tilia.js", import.meta.url))

const lane = (name: string, args: ReadonlyArray<string>): Measure.Lane => ({
  name,
  run: (times) =>
    Promise.resolve().then(() => {
      for (let i = 0; i < times; i++) {
        const { status } = spawnSync(process.execPath, args, { stdio: "ignore" })
        if (status !== 0) throw new Error(`${name} ended with ${status}`)
      }
    })
})

export const measure = (quick: boolean): Effect.Effect<Report.Report> =>
  Effect.gen(function*() {
    const measured = yield* Measure.interleaved(
      [lane("node -e 0", ["-e", "0"]), lane("tilia --version", [tilia, "--version"])],
      { rounds: quick ? 11 : 31, times: 1, warmUpRounds: 2 }
    )
    const lanes = Report.rows(measured, ["node -e 0"])
    yield* Report.table("P10: a process, from its start to its end", lanes)
    return {
      goals: { "P10 × node -e 0": Report.goal(Report.ratio(measured, "tilia --version", "node -e 0"), 3) },
      lanes: lanes.map((lane) => ({ ...lane, measurement: "P10" }))
    }
  })
