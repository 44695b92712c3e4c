/*
 * Decisions that follow from a seed: the same seed makes the same ones.
 */
import * as Hash from "effect/Hash"
import { PCGRandom } from "effect/Utils"

export interface Draw {
  /** A number from 0, included, to 1, excluded. */
  readonly next: () => number
  readonly chance: (probability: number) => boolean
  /** A whole number, both ends included. */
  readonly between: (from: number, to: number) => number
  readonly pick: <const A>(first: A, ...others: ReadonlyArray<A>) => A
  /**
   * Decisions of their own for a part of a history, so that they do not depend on how many the other parts have taken
   * before, which depends on the timing of a run.
   */
  readonly fork: (part: string | number) => Draw
}

export const make = (seed: string): Draw => {
  const generator = new PCGRandom(Hash.string(seed))
  const next = () => generator.number()
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick: (first, ...others) => others[between(0, others.length) - 1] ?? first,
    fork: (part) => make(`${seed}/${String(part)}`)
  }
}
