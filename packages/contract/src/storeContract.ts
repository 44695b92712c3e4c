/**
 * A vitest suite that tests whether `TokenSource` may share its token through a `TokenStore`. It takes eight seconds,
 * and leaves nothing in the store except entries under scopes of its own. A test that failed while the machine was too
 * busy to tell is made again, at most twice.
 *
 * @example
 * import { storeContract } from "@effect-tilia/contract/storeContract"
 * import { TokenStore } from "@effect-tilia/core"
 * import { Effect, Layer } from "effect"
 *
 * const shared = Effect.runSync(TokenStore.makeMemory)
 *
 * storeContract("memory", Layer.succeed(TokenStore.TokenStore, shared))
 *
 * @since 0.1.0
 */
import * as Scopes from "@effect-tilia/core/Scopes"
import { TokenStore } from "@effect-tilia/core/TokenStore"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, it } from "vitest"
import { retryIfBusy } from "./internal/busy.js"
import * as Process from "./internal/process.js"
import { changeTests } from "./internal/storeContract/changes.js"
import { entryTests } from "./internal/storeContract/entries.js"
import { lockTests } from "./internal/storeContract/locks.js"

/**
 * What the suite knows of the processes that share the store.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How far the clocks of the second process are ahead of those of the first, as on two machines whose wall clocks
   * differ. A store of several machines must pass with an hour. A store of one process, or of the tabs of one browser,
   * need not, because they share their clocks.
   *
   * @default 0
   */
  readonly skew?: Duration.DurationInput | undefined
}

/** Scopes that no other test uses, and that no earlier run has left in the store. */
const newScopes = Effect.sync(() => crypto.randomUUID()).pipe(
  Effect.flatMap((id) => Scopes.make([`a-${id}`, `b-${id}`]))
)

/**
 * Declares the suite under this name. For each test the Layer is built twice, as two processes that share the store
 * would build it. Call it where a vitest file declares its tests.
 *
 * @since 0.1.0
 * @category constructors
 */
export const storeContract = (
  name: string,
  store: Layer.Layer<TokenStore, unknown>,
  { skew = 0 }: Options = {}
): void => {
  const newStore = Effect.map(Layer.build(Layer.fresh(store)), Context.get(TokenStore))
  const newOther = Process.ahead(newStore, Duration.toMillis(skew))
  describe.concurrent(name, () => {
    for (const [title, body] of Object.entries({ ...entryTests, ...lockTests, ...changeTests })) {
      it(title, () =>
        Effect.all([newStore, newOther, newScopes]).pipe(
          Effect.flatMap(([one, other, scopes]) => body(one, other, scopes)),
          Effect.scoped,
          retryIfBusy,
          Effect.runPromise
        ), 300_000)
    }
  })
}
