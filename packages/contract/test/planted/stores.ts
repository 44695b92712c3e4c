/*
 * The suite for stores that break the contract, each in one way. `storeContract.test.ts` runs this file and reads which
 * tests have failed. It is not a test by itself.
 */
import { storeContract } from "@effect-tilia/contract/storeContract"
import { type Lock, makeMemory, TokenStore } from "@effect-tilia/core/TokenStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** A store that changes its locks. `last` returns the lock that was taken last, by whichever holder. */
const withLocks = (store: TokenStore, change: (own: Lock, last: () => Lock) => Lock): TokenStore => {
  const last = new Map<string, Lock>()
  return {
    ...store,
    lock: (scopes) =>
      Effect.map(
        store.lock(scopes),
        (result) => {
          if (result._tag === "Held") return result
          const { lock } = result
          last.set(scopes.join(), lock)
          return { ...result, lock: change(lock, () => last.get(scopes.join()) ?? lock) }
        }
      )
  }
}

const planted: Readonly<Record<string, (store: TokenStore) => TokenStore>> = {
  "loses the lock's owner": (store) =>
    withLocks(store, (own, last) => ({
      ...own,
      renew: Effect.suspend(() => last().renew),
      settle: (outcome) => outcome._tag === "Abandoned" ? last().settle(outcome) : own.settle(outcome)
    })),
  "lets a late writer win": (store) =>
    withLocks(store, (own, last) => ({
      ...own,
      settle: (outcome) => outcome._tag === "Abandoned" ? own.settle(outcome) : last().settle(outcome)
    }))
}

for (const [fault, plant] of Object.entries(planted)) {
  storeContract(fault, Layer.succeed(TokenStore, plant(Effect.runSync(makeMemory))))
}
