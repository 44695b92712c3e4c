/*
 * Draws of chance that a seed repeats, for random histories.
 */

export interface Random {
  readonly next: () => number
  readonly below: (max: number) => number
  readonly pick: <A>(...items: readonly [A, ...Array<A>]) => A
}

/** Mulberry32: a generator that is small and fast, and good enough to choose events. */
export const randomOf = (seed: number): Random => {
  let state = seed | 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (max: number) => Math.floor(next() * max)
  return { next, below, pick: (...items) => items[below(items.length)] ?? items[0] }
}
