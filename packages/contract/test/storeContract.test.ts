/*
 * The contract holds for the store in memory, and turns red on stores that break it.
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
    "T3: row 103: whoever was paused beyond the lease takes no lock from another, by releasing its own or renewing it"
  ]],
  ["lets a late writer win", ["T3: row 103: a late writer replaces no newer token"]]
]

describe("storeContract turns red on a store that", () => {
  const results = planted("stores")

  it.live.each(faults)("%s", ([fault, expected]) =>
    Effect.gen(function*() {
      const { failed, passed } = yield* results(fault)
      expect(failed).toStrictEqual(expected)
      expect(passed.length).toBe(10)
    }), 60_000)
})
