/*
 * `pnpm attack [--seconds 120] [--seed N] [--history I]` plays random histories against the built packages, and fails
 * if one breaks a rule. The seed and the index of a history make the same decisions again; `--history` plays only that
 * one.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { parseArgs } from "node:util"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Draw from "./Draw.js"
import * as Freeze from "./Freeze.js"
import * as History from "./History.js"

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "120" }, seed: { type: "string" }, history: { type: "string" } }
})
const seconds = Number(values.seconds)
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31))
const concurrency = 6

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const play = (index: number): Effect.Effect<History.Played> => {
  const draw = Draw.make(`${seed}/${String(index)}`)
  return index === 1 || draw.chance(0.05) ? Freeze.play(draw) : History.play(draw)
}

/** How many handles and timers of each kind keep the process alive. */
const activeResources = (): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}

/** What there is more of than before. A lock that came too late is given back within a lease of 3 s (T11). */
const leftOver = (before: Map<string, number>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.sync(() =>
    [...activeResources()].filter(([kind, count]) => count > (before.get(kind) ?? 0)).map(([kind, count]) =>
      `resources: ${String(count)} of ${kind}, and ${String(before.get(kind) ?? 0)} before`
    )
  ).pipe(
    Effect.delay("100 millis"),
    Effect.repeat({ times: 50, until: (left) => left.length === 0 })
  )

const mean = (numbers: ReadonlyArray<number>): number => numbers.reduce((sum, each) => sum + each, 0) / numbers.length

/** The heap of the last quarter of the run, compared with that of the second, when everything is loaded. */
const growth = (heap: ReadonlyArray<number>): ReadonlyArray<string> => {
  if (heap.length < 20) return []
  const quarter = Math.floor(heap.length / 4)
  const early = mean(heap.slice(quarter, 2 * quarter))
  const late = mean(heap.slice(-quarter))
  return late <= 1.5 * early + 10e6
    ? []
    : [`memory: the heap has grown from ${(early / 1e6).toFixed()} MB to ${(late / 1e6).toFixed()} MB`]
}

const attack = Effect.gen(function*() {
  yield* Console.log(`seed ${seed}, ${values.history === undefined ? `${String(seconds)} seconds` : "one history"}`)
  yield* Effect.sleep(0) // by then `runMain` has the timer that keeps the process alive
  const before = activeResources()
  const end = performance.now() + seconds * 1000
  const failures: Array<string> = []
  const heap: Array<number> = []
  let next = Number(values.history ?? 0)
  let histories = 0
  let requests = 0
  let calls = 0

  const one = Effect.gen(function*() {
    const index = next++
    const played = yield* play(index)
    histories++
    requests += played.requests
    calls += played.calls
    for (const violation of played.violations) failures.push(`history ${String(index)}: ${violation}`)
  })
  const player = Effect.repeat(one, { until: () => failures.length > 0 || performance.now() > end })
  const sampler = yield* Effect.sync(() => {
    collectGarbage()
    heap.push(process.memoryUsage().heapUsed)
  }).pipe(Effect.delay("1 second"), Effect.forever, Effect.fork)

  yield* values.history === undefined
    ? Effect.all(Array.from({ length: concurrency }, () => player), { concurrency })
    : one
  yield* Fiber.interrupt(sampler)
  failures.push(...(yield* leftOver(before)), ...growth(heap))

  const counts = `${String(histories)} histories, ${String(requests)} requests, ${String(calls)} calls, seed ${seed}`
  if (failures.length === 0) return yield* Console.log(counts)
  yield* Console.error(
    [...failures, `FAILED: ${counts}`, `again: pnpm attack --seed ${seed} --history <index>`].join("\n")
  )
  process.exitCode = 1
})

// Without the pretty logger, each history has its own logger in place of the default one.
NodeRuntime.runMain(attack, { disablePrettyLogger: true })
