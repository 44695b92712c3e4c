/*
 * Random commands for an engine, and their results in a form in which those of two engines can be compared.
 */
import type * as StoreEngine from "@effect-tilia/core/StoreEngine"
import { Abandoned, Failed, Granted } from "@effect-tilia/core/StoreEngine"
import type { StoreError } from "@effect-tilia/core/TokenStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { PCGRandom } from "effect/Utils"

/** A command of one of two processes about one of two names. `lock` says which of the locks so far it is about. */
interface Command {
  readonly _tag: "read" | "lock" | "renew" | "Granted" | "Failed" | "Abandoned"
  readonly process: 0 | 1
  readonly name: string
  readonly lock: number
  readonly text: string
}

const tags = ["read", "lock", "lock", "renew", "Granted", "Failed", "Abandoned"] as const

/** So many commands about names that no other history uses. */
export const random = (seed: string, length: number): ReadonlyArray<Command> => {
  const random = new PCGRandom(Number.parseInt(seed.slice(0, 8), 16))
  const integer = (limit: number) => random.integer(limit)
  return Array.from({ length }, (_, n): Command => ({
    _tag: tags[integer(tags.length)] ?? "read",
    process: integer(2) === 0 ? 0 : 1,
    name: `${seed}-${integer(2)}`,
    lock: integer(4),
    text: `text-${n}`
  }))
}

/** A row with the numbers of its locks, counted from 1, instead of their generations. */
const printRow = ({ failure, token }: StoreEngine.Row, generations: ReadonlyArray<number>) => {
  const print = ({ generation, text }: StoreEngine.Sealed) => `${text} of lock ${generations.indexOf(generation) + 1}`
  return {
    token: Option.getOrElse(Option.map(token, print), () => "none"),
    failure: Option.getOrElse(Option.map(failure, print), () => "none")
  }
}

/** What each command has resulted in. */
export const play = (
  processes: readonly [StoreEngine.StoreEngine, StoreEngine.StoreEngine],
  commands: ReadonlyArray<Command>
): Effect.Effect<ReadonlyArray<unknown>, StoreError> =>
  Effect.suspend(() => {
    const generations = new Map<string, Array<number>>()
    return Effect.forEach(commands, ({ _tag, lock, name, process, text }) => {
      const engine = processes[process]
      const own = generations.get(name) ?? []
      generations.set(name, own)
      /** One of the last four locks, mostly the last one; none was taken yet at first. */
      const generation = own.at(-1 - Math.max(0, lock - 2)) ?? 1
      switch (_tag) {
        case "read":
          return Effect.map(engine.read(name), (row) => ({ read: printRow(row, own) }))
        case "lock":
          return Effect.map(engine.lock(name), (result) => {
            if (result._tag === "Held") return "held"
            const isLargest = own.every((other) => other < result.generation)
            own.push(result.generation)
            return { locked: printRow(result.row, own), isLargest }
          })
        case "renew":
          return Effect.asVoid(engine.renew(name, generation))
        case "Granted":
          return Effect.asVoid(engine.settle(name, generation, Granted({ text, keepFor: Duration.hours(1) })))
        case "Failed":
          return Effect.asVoid(engine.settle(name, generation, Failed({ text, keepFor: Duration.minutes(1) })))
        case "Abandoned":
          return Effect.asVoid(engine.settle(name, generation, Abandoned()))
      }
    })
  })
