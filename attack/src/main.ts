/*
 * `pnpm attack [--seconds 120] [--seed N] [--history I]` plays random histories against the built packages, and fails
 * if one breaks a rule. The seed and the index of a history make the same decisions again; `--history` plays only that
 * one.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Burst from "./Burst.js"
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

/** The heap without garbage. Finalizers and timers take turns of their own. */
const heap: Effect.Effect<number> = Effect.sync(collectGarbage).pipe(
  Effect.delay("20 millis"),
  Effect.repeatN(9),
  Effect.map(() => process.memoryUsage().heapUsed)
)

/** In bytes. So much more is compiled, and kept by Node itself, in the second half of a run of some minutes. */
const mostGrown = 4e6

/** No history is under way at either time, so nothing of one may be left. */
const growth = (half: number, whole: number): ReadonlyArray<string> =>
  whole <= half + mostGrown
    ? []
    : [`memory: the heap has grown from ${(half / 1e6).toFixed(1)} MB to ${(whole / 1e6).toFixed(1)} MB`]

const attack = Effect.gen(function*() {
  yield* Console.log(`seed ${seed}, ${values.history === undefined ? `${String(seconds)} seconds` : "one history"}`)
  yield* Effect.sleep(0) // by then `runMain` has the timer that keeps the process alive
  const before = activeResources()
  const startedAt = performance.now()
  const failures: Array<string> = []
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
  /** Plays histories until so many seconds of the run are over, and until the last one has ended. */
  const playUntil = (seconds: number) => {
    const isOver = () => failures.length > 0 || performance.now() > startedAt + seconds * 1000
    const player = Effect.repeat(one, { until: isOver })
    return Effect.all(Array.from({ length: concurrency }, () => player), { concurrency })
  }

  if (values.history === undefined) {
    yield* playUntil(seconds / 2)
    const half = yield* heap
    yield* playUntil(seconds)
    failures.push(...(yield* leftOver(before)))
    if (failures.length === 0) {
      failures.push(...growth(half, yield* heap), ...(yield* Burst.play(Draw.make(`${seed}/burst`), heap)))
    }
  } else {
    yield* one
    failures.push(...(yield* leftOver(before)))
  }

  const counts = `${String(histories)} histories, ${String(requests)} requests, ${String(calls)} calls, seed ${seed}`
  if (failures.length === 0) return yield* Console.log(counts)
  yield* Console.error(
    [...failures, `FAILED: ${counts}`, `again: pnpm attack --seed ${seed} --history <index>`].join("\n")
  )
  process.exitCode = 1
})

// Without the pretty logger, each history has its own logger in place of the default one.
NodeRuntime.runMain(attack, { disablePrettyLogger: true })
