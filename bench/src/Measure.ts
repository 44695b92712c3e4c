/*
 * Side by side: every lane in every round, in an order that turns, and of each the median.
 */
import * as Effect from "effect/Effect"

/** Something to be measured: it runs its work so many times. */
export interface Lane {
  readonly name: string
  readonly run: (times: number) => Promise<unknown>
}

/** The time of one run, in microseconds. */
export interface Measured {
  readonly name: string
  readonly median: number
  readonly best: number
}

const median = (numbers: ReadonlyArray<number>): number => {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] ?? NaN : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** What time it is, in microseconds. */
type Clock = () => number

const wall: Clock = () => performance.now() * 1000

/** What the process has had of the processor: waiting costs nothing. */
export const processor: Clock = () => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/**
 * So often a lane's work is done before it counts: after fewer, the compiler is still at it, and at ours the longest.
 */
const enough = 3000

/** `times` is how often a lane's work is done in one round; the first rounds, which warm up, don't count. */
export const interleaved = (
  lanes: ReadonlyArray<Lane>,
  { clock = wall, rounds, times }: { readonly rounds: number; readonly times: number; readonly clock?: Clock }
): Effect.Effect<ReadonlyArray<Measured>> =>
  Effect.promise(async () => {
    const warmUp = Math.max(3, Math.ceil(enough / times))
    const all = new Map(lanes.map((lane): [Lane, Array<number>] => [lane, []]))
    for (let round = 0; round < warmUp + rounds; round++) {
      for (let turn = 0; turn < lanes.length; turn++) {
        const lane = lanes[(round + turn) % lanes.length]
        if (lane === undefined) continue
        const begun = clock()
        await lane.run(times)
        if (round >= warmUp) all.get(lane)?.push((clock() - begun) / times)
      }
    }
    return [...all].map(([{ name }, times]) => ({ name, median: median(times), best: Math.min(...times) }))
  })
