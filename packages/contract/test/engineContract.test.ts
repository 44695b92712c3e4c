import { engineContract } from "@effect-tilia/contract/engineContract"
import * as StoreEngine from "@effect-tilia/core/StoreEngine"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

engineContract("memory", Layer.succeed(StoreEngine.StoreEngine, Effect.runSync(StoreEngine.makeMemory)))
