/*
 * An engine for one name, and the clerk who writes down what its commands should have done. The engine obeys what
 * `StoreEngine` says, with the transitions of `internal/slot.ts`. The clerk uses none of them.
 */
import type { AccessToken } from "@effect-tilia/core"
import * as Option from "effect/Option"
import * as Slot from "../../../../src/internal/slot.js"
import type { Failure } from "../../../../src/TokenStore.js"

export const lease = 3_000

/** A token with its time of issue by the engine's clock (T7). */
export interface KeptToken {
  readonly token: AccessToken.AccessToken
  readonly generation: number
  readonly issuedAt: number
}

/** A failure, and the end of its wait by the engine's clock. */
export interface KeptFailure extends Failure {
  readonly generation: number
  readonly until: number
}

export type Row = Slot.Slot<KeptToken, KeptFailure>

export type Written =
  | { readonly is: "granted"; readonly token: AccessToken.AccessToken; readonly issuedAt: number }
  | { readonly is: "failed"; readonly failure: Failure; readonly until: number }
  | { readonly is: "abandoned" }

/** Each command yields the row after it. */
export interface Engine {
  readonly lock: (row: Row, now: number) => { readonly row: Row; readonly generation: number } | {
    readonly remaining: number
  }
  readonly settle: (row: Row, generation: number, written: Written) => Row
  readonly renew: (row: Row, generation: number, now: number) => Row
}

export const empty: Row = Slot.empty

/** What an outcome makes of the row, if its lock is the last one. */
export const settled = (row: Row, generation: number, written: Written): Row =>
  Slot.settled(row, {
    token: written.is === "granted" ? { token: written.token, issuedAt: written.issuedAt, generation } : undefined,
    failure: written.is === "failed" ? { ...written.failure, until: written.until, generation } : undefined
  })

export const real: Engine = {
  lock: (row, now) => {
    const remaining = Slot.remaining(row, now, lease)
    if (remaining > 0) return { remaining }
    const generation = Math.max(row.generation + 1, now)
    return { row: Slot.locked(row, generation, now + lease), generation }
  },
  settle: (row, generation, written) => row.generation === generation ? settled(row, generation, written) : row,
  renew: (row, generation, now) => row.generation === generation ? Slot.renewed(row, now + lease) : row
}

/** A lock as the clerk knows it. */
export interface LockRecord {
  readonly generation: number
  readonly holder: number
  until: number
  isHeld: boolean
  /** A disturbance that may have cost the holder this lock. */
  excuse: string | undefined
}

/** What the clerk complains of: the name of an invariant, and what was seen. */
export type Complain = (
  name:
    | "generationsGrow"
    | "locksExclude"
    | "leasesEnd"
    | "lateWritersDoNothing"
    | "outcomesReplace"
    | "locksAreGivenBack",
  what: string
) => void

export const makeClerk = (complain: Complain) => {
  const locks = new Map<number, LockRecord>()
  let last: LockRecord | undefined
  let largest = 0

  const isHeld = (now: number): boolean =>
    last !== undefined && last.isHeld && last.until > now && last.until - now <= lease

  const checkEnd = (now: number): void => {
    if (last === undefined || !last.isHeld || last.until > now || last.excuse !== undefined) return
    complain("locksAreGivenBack", `lock ${last.generation} of process ${last.holder} was left to its lease`)
  }

  return {
    get last() {
      return last
    },
    lockOf: (generation: number): LockRecord | undefined => locks.get(generation),
    excuse: (why: string): void => {
      if (last !== undefined && last.isHeld) last.excuse ??= why
    },
    held: (now: number): void => {
      if (!isHeld(now)) complain("leasesEnd", "a lock is held although its lease is over")
    },
    granted: (generation: number, holder: number, now: number, excuse: string | undefined): void => {
      if (isHeld(now)) complain("locksExclude", `lock ${generation} was granted while ${last?.generation} was held`)
      checkEnd(now)
      // An engine that has lost everything, and whose clock then shows an earlier time, knows no better.
      if (generation <= largest && now > largest) complain("generationsGrow", `${generation} after ${largest}`)
      largest = Math.max(largest, generation)
      last = { generation, holder, until: now + lease, isHeld: true, excuse }
      locks.set(generation, last)
    },
    settled: (before: Row, after: Row, generation: number, sender: number, written: Written): void => {
      if (last === undefined || last.generation !== generation || last.holder !== sender) {
        if (before !== after) complain("lateWritersDoNothing", `a settle of ${generation} by ${sender} changed the row`)
        return
      }
      last.isHeld = false
      const token = Option.getOrUndefined(after.token)
      const failure = Option.getOrUndefined(after.failure)
      const isRight = after.lockedUntil === undefined && (
        written.is === "granted"
          ? token?.generation === generation && failure === undefined
          : written.is === "failed"
          ? failure?.generation === generation && after.token === before.token
          : after.token === before.token && after.failure === before.failure
      )
      if (!isRight) complain("outcomesReplace", `a settle of ${generation} (${written.is}) left another row`)
    },
    renewed: (before: Row, after: Row, generation: number, now: number): void => {
      if (last !== undefined && last.generation === generation && last.isHeld) last.until = now + lease
      else if (before !== after) complain("lateWritersDoNothing", `a renewal of ${generation} changed the row`)
    },
    flushed: (): void => {
      if (last !== undefined && last.isHeld) {
        last.excuse = "the engine has lost everything"
        last.isHeld = false
      }
      last = undefined
    },
    closing: checkEnd
  }
}
