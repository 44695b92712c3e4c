/* A test of a user, for `scripts/peers.mjs`: a suite of `@effect-tilia/contract` on the versions of its peers. */
import { storeContract } from "@effect-tilia/contract/storeContract"
import { TokenStore } from "@effect-tilia/core"
import { Effect, Layer } from "effect"

storeContract("memory", Layer.succeed(TokenStore.TokenStore, Effect.runSync(TokenStore.makeMemory)))
