/*
 * What a store keeps under one name, and how each command changes it. Pure: the stores in memory run it, and it is the
 * model of all others. Times are in milliseconds of the store's clock.
 */
import * as Option from "effect/Option"

export interface Slot<Token, Failure> {
  /** The generation of the last lock. */
  readonly generation: number
  /** When its lease ends; `undefined` once it was given up. */
  readonly lockedUntil: number | undefined
  readonly token: Option.Option<Token>
  readonly failure: Option.Option<Failure>
}

export const empty: Slot<never, never> = {
  generation: 0,
  lockedUntil: undefined,
  token: Option.none(),
  failure: Option.none()
}

/** For how long the lock is held. A lock that ends later than a lease from now is of a clock that was set back. */
export const remaining = ({ lockedUntil }: Slot<unknown, unknown>, now: number, lease: number): number => {
  const left = lockedUntil === undefined ? 0 : lockedUntil - now
  return left <= lease ? Math.max(0, left) : 0
}

export const locked = <T, F>(slot: Slot<T, F>, generation: number, lockedUntil: number): Slot<T, F> => ({
  ...slot,
  generation,
  lockedUntil
})

/** A renewal that comes after the lock was given up locks nothing (T3). */
export const renewed = <T, F>(slot: Slot<T, F>, lockedUntil: number): Slot<T, F> =>
  slot.lockedUntil === undefined ? slot : { ...slot, lockedUntil }

/** A token replaces the failure before it. */
export const settled = <T, F>(
  slot: Slot<T, F>,
  { failure, token }: { readonly token: T | undefined; readonly failure: F | undefined }
): Slot<T, F> => ({
  ...slot,
  lockedUntil: undefined,
  token: token === undefined ? slot.token : Option.some(token),
  failure: token === undefined ? Option.orElse(Option.fromNullable(failure), () => slot.failure) : Option.none()
})
