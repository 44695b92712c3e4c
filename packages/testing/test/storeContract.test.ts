import { TokenStore } from "@effect-tilia/core"
import { storeContract } from "@effect-tilia/testing/storeContract"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

storeContract("layerMemory", Layer.succeed(TokenStore.TokenStore, Effect.runSync(TokenStore.makeMemory)))
