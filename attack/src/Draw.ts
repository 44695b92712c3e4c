/*
 * Decisions that follow from a seed: the same seed makes the same ones.
 */

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

/** FNV-1a. */
const hash = (text: string): number => {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return state
}

export const make = (seed: string): Draw => {
  let state = hash(seed)
  /** Mulberry32. */
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick: (first, ...others) => others[between(0, others.length) - 1] ?? first,
    fork: (part) => make(`${seed}/${String(part)}`)
  }
}
