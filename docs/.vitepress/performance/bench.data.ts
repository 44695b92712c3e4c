/*
 * The last published run of the benchmarks, as `pnpm bench` has written it.
 */
import { readFileSync } from "node:fs"

export interface Goal {
  readonly value: number
  readonly goal: number
  readonly holds: boolean
}

/** A row of a measurement: its name, and figures whose keys say what they are. */
export type Lane = Readonly<Record<string, number | string>>

export interface Bench {
  readonly goals: Readonly<Record<string, Goal>>
  readonly lanes: ReadonlyArray<Lane>
}

export default {
  watch: ["./bench.json"],
  load: ([file = ""]: ReadonlyArray<string>): Bench => JSON.parse(readFileSync(file, "utf8"))
}

declare const data: Bench
export { data }
