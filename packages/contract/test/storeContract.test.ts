/*
 * The suite passes for the store in memory, and fails for stores that break the contract.
 */
import { storeContract } from "@effect-tilia/contract/storeContract"
import { TokenStore } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { planted } from "./support/planted.js"

storeContract("layerMemory", Layer.succeed(TokenStore.TokenStore, Effect.runSync(TokenStore.makeMemory)))

const faults: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["loses the lock's owner", [
    "a holder that paused beyond its lease cannot settle or renew the lock of the next holder (T3, row 103)"
  ]],
  ["lets a late writer win", [
    "a holder that settles after its lease replaces neither a newer token nor a newer failure (T3, row 103)"
  ]]
]

describe("storeContract", () => {
  const results = planted("stores")

  it.live.each(faults)("storeContract fails for a store that %s", ([fault, expected]) =>
    Effect.gen(function*() {
      const { failed, passed } = yield* results(fault)
      expect(failed).toStrictEqual(expected)
      expect(passed.length).toBe(15)
    }), 60_000)
})
