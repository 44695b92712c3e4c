/*
 * The contract on stores that break it, each in one way. `storeContract.test.ts` runs this file and reads what failed;
 * by itself it is no test.
 */
import { storeContract } from "@effect-tilia/contract/storeContract"
import { type Lock, makeMemory, TokenStore } from "@effect-tilia/core/TokenStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

type Store = TokenStore

/** A store whose locks are as they would be if the last one who had it counted, whoever asks. */
const withLocks = (store: Store, forget: (mine: Lock, last: () => Lock) => Lock): Store => {
  const last = new Map<string, Lock>()
  return {
    ...store,
    lock: (scopes) =>
      Effect.map(
        store.lock(scopes),
        Option.map((lock) => {
          last.set(scopes.join(), lock)
          return forget(lock, () => last.get(scopes.join()) ?? lock)
        })
      )
  }
}

const planted: Readonly<Record<string, (store: Store) => Store>> = {
  "loses the lock's owner": (store) =>
    withLocks(store, (mine, last) => ({
      ...mine,
      renew: Effect.suspend(() => last().renew),
      release: Effect.suspend(() => last().release)
    })),
  "lets a late writer win": (store) =>
    withLocks(store, (mine, last) => ({ ...mine, write: (token) => last().write(token) }))
}

for (const [fault, plant] of Object.entries(planted)) {
  storeContract(fault, Layer.succeed(TokenStore, plant(Effect.runSync(makeMemory))))
}
