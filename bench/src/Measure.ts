/*
 * Measures lanes side by side: every lane runs in every round, each round starts with another lane, and the median
 * counts.
 */
import * as Effect from "effect/Effect"

/** Work that is measured. */
export interface Lane {
  readonly name: string
  /** Does the work this many times. */
  readonly run: (times: number) => Promise<unknown>
}

/** The time of doing a lane's work once, in microseconds. */
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

/** A clock in microseconds. Only differences mean anything. */
type Clock = () => number

const monotonic: Clock = () => performance.now() * 1000

/** The CPU time of this process. Waiting does not count. */
export const cpuTime: Clock = () => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/**
 * How often a lane's work is done before it is measured. With less, the compiler is not done, above all with our code.
 */
const warmUpTimes = 3000

/** How a measurement is made. */
interface Rounds {
  readonly rounds: number
  /** How often each lane's work is done in a round. */
  readonly times: number
  readonly clock?: Clock
  /** Rounds that do not count. By default as many as the compiler needs. */
  readonly warmUpRounds?: number
}

/** Runs `rounds` rounds, each with the work of each lane done `times` times, after some rounds that do not count. */
export const interleaved = (
  lanes: ReadonlyArray<Lane>,
  { clock = monotonic, rounds, times, warmUpRounds = Math.max(3, Math.ceil(warmUpTimes / times)) }: Rounds
): Effect.Effect<ReadonlyArray<Measured>> =>
  Effect.promise(async () => {
    const all = new Map(lanes.map((lane): [Lane, Array<number>] => [lane, []]))
    for (let round = 0; round < warmUpRounds + rounds; round++) {
      for (let turn = 0; turn < lanes.length; turn++) {
        const lane = lanes[(round + turn) % lanes.length]
        if (lane === undefined) continue
        const startedAt = clock()
        await lane.run(times)
        if (round >= warmUpRounds) all.get(lane)?.push((clock() - startedAt) / times)
      }
    }
    return [...all].map(([{ name }, times]) => ({ name, median: median(times), best: Math.min(...times) }))
  })
