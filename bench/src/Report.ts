/*
 * The result of a measurement: its goals, whether they hold, and the figures.
 */
import * as Console from "effect/Console"
import type * as Effect from "effect/Effect"
import type { Measured } from "./Measure.js"

/** A goal holds if the value is not above it. */
export interface Goal {
  readonly value: number
  readonly goal: number
  readonly holds: boolean
}

/** One line of a table. */
export interface Row {
  readonly name: string
  readonly [column: string]: string | number
}

export interface Report {
  readonly goals: { readonly [name: string]: Goal }
  readonly lanes: ReadonlyArray<Row>
}

export const goal = (value: number, goal: number): Goal => ({
  value: Number(value.toFixed(2)),
  goal,
  holds: value <= goal
})

/** `percent` is from 0 to 100. */
export const percentile = (numbers: ReadonlyArray<number>, percent: number): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length * percent) / 100)] ?? NaN

/** The median of one lane, as a multiple of the median of another one. */
export const ratio = (measured: ReadonlyArray<Measured>, ours: string, theirs: string): number => {
  const of = (name: string) => measured.find((lane) => lane.name === name)?.median ?? NaN
  return of(ours) / of(theirs)
}

/** The median of each lane in microseconds, and as a multiple of each baseline. */
export const rows = (measured: ReadonlyArray<Measured>, baselines: ReadonlyArray<string>): ReadonlyArray<Row> =>
  measured.map(({ median, name }) => ({
    name,
    "µs": median,
    ...Object.fromEntries(baselines.map((baseline) => [`× ${baseline}`, ratio(measured, name, baseline)]))
  }))

const cell = (value: string | number): string =>
  typeof value === "string" || Number.isInteger(value) ? String(value) : value.toFixed(value < 100 ? 2 : 0)

/** Prints a table. The first column is the name, and each other column is as wide as its title. */
export const table = (title: string, rows: ReadonlyArray<Row>): Effect.Effect<void> => {
  const columns = Object.keys(rows[0] ?? {}).filter((column) => column !== "name")
  const width = (column: string) => Math.max(column.length, 8) + 2
  const line = (name: string, of: (column: string) => string) =>
    [name.padEnd(28), ...columns.map((column) => of(column).padStart(width(column)))].join("")
  return Console.log(
    [
      `\n${title}`,
      line("", (column) => column),
      ...rows.map((row) => line(row.name, (column) => cell(row[column] ?? "")))
    ]
      .join("\n")
  )
}
