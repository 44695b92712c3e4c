/**
 * A vitest suite that tests whether a fleet may share its token through a `StoreEngine`: `storeContract` on the store
 * over it, from two processes whose clocks differ by an hour; and on the engine itself random commands that must do
 * what they do to the engine in memory, long texts, and races for a lock. It takes ten seconds, and leaves nothing in
 * the engine except rows under names of its own.
 *
 * @example
 * import { engineContract } from "@effect-tilia/contract/engineContract"
 * import { StoreEngine } from "@effect-tilia/core"
 * import { Effect, Layer } from "effect"
 *
 * const shared = Effect.runSync(StoreEngine.makeMemory)
 *
 * engineContract("memory", Layer.succeed(StoreEngine.StoreEngine, shared))
 *
 * @since 0.1.0
 */
import * as ClientCredentials from "@effect-tilia/core/ClientCredentials"
import * as Environment from "@effect-tilia/core/Environment"
import * as SealedTokenStore from "@effect-tilia/core/SealedTokenStore"
import * as StoreEngine from "@effect-tilia/core/StoreEngine"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "vitest"
import { retryIfBusy } from "./internal/busy.js"
import * as Checks from "./internal/checks.js"
import * as Commands from "./internal/commands.js"
import { storeContract } from "./storeContract.js"

/** How many random histories are played, and how many commands each has. */
const histories = { count: 20, length: 40 }

/**
 * Declares the suite under this name. For each test the Layer is built twice, as two processes that share the engine
 * would build it. Call it where a vitest file declares its tests.
 *
 * @since 0.1.0
 * @category constructors
 */
export const engineContract = (name: string, engine: Layer.Layer<StoreEngine.StoreEngine, unknown>): void => {
  storeContract(
    name,
    SealedTokenStore.layer.pipe(
      Layer.provide([engine, ClientCredentials.layer(Sandbox.wellKnown), Environment.layer(Environment.staging)])
    ),
    { skew: "1 hour" }
  )

  const newEngine = Effect.map(Layer.build(Layer.fresh(engine)), Context.get(StoreEngine.StoreEngine))

  describe.concurrent(`${name}: commands`, () => {
    it(
      `${histories.count} random histories of commands have the same results as in memory (T1, T3)`,
      () =>
        Effect.gen(function*() {
          const processes = [yield* newEngine, yield* newEngine] as const
          for (let n = 0; n < histories.count; n++) {
            const seed = crypto.randomUUID()
            const commands = Commands.random(seed, histories.length)
            const expected = yield* Effect.flatMap(StoreEngine.makeMemory, (one) => Commands.play([one, one], commands))
            expect(yield* Commands.play(processes, commands), seed).toStrictEqual(expected)
          }
        }).pipe(Effect.scoped, retryIfBusy, Effect.runPromise),
      300_000
    )

    it("a text of 100,000 characters comes back whole, as a token and as a failure (T4)", () =>
      Effect.gen(function*() {
        const processes = [yield* newEngine, yield* newEngine] as const
        for (const tag of ["Granted", "Failed"] as const) {
          const { found, written } = yield* Checks.longText(processes, tag)
          expect(found === written, `${tag}: ${found.length} of ${written.length} characters`).toBe(true)
        }
      }).pipe(Effect.scoped, retryIfBusy, Effect.runPromise), 300_000)

    it("of 16 that ask two processes for a free lock at once, exactly one gets it (T1)", () =>
      Effect.gen(function*() {
        const processes = [yield* newEngine, yield* newEngine] as const
        for (let round = 0; round < 10; round++) expect(yield* Checks.race(processes)).toBe(1)
      }).pipe(Effect.scoped, retryIfBusy, Effect.runPromise), 300_000)

    it("what an engine keeps has the time of its own clock, which goes on (T7)", () =>
      Effect.gen(function*() {
        const [one, other] = [yield* newEngine, yield* newEngine]
        const name = crypto.randomUUID()
        const before = (yield* one.read(name)).now
        yield* Effect.sleep("300 millis")
        const after = (yield* other.read(name)).now
        expect(after - before).toBeGreaterThanOrEqual(290)
        expect(after - before).toBeLessThan(2_000)
      }).pipe(Effect.scoped, retryIfBusy, Effect.runPromise), 300_000)
  })
}
