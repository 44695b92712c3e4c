/*
 * What the tests do with an engine.
 */
import * as StoreEngine from "@effect-tilia/core/StoreEngine"
import { StoreError } from "@effect-tilia/core/TokenStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

export const granted = (text: string) => StoreEngine.Granted({ text, keepFor: Duration.minutes(5) })

/** Writes a token under a lock, and yields its generation. */
export const grant = (
  store: StoreEngine.StoreEngine,
  name: string,
  text: string
): Effect.Effect<number, StoreError> =>
  Effect.flatMap(store.lock(name), (got) =>
    got._tag === "Acquired"
      ? Effect.as(store.settle(name, got.generation, granted(text)), got.generation)
      : new StoreError({ reason: "Slow" }))

export const tokenIn = (store: StoreEngine.StoreEngine, name: string) =>
  Effect.map(store.read(name), ({ token }) => Option.getOrUndefined(Option.map(token, ({ text }) => text)))

/** How often the store has said so far that this name may have changed. */
export const countChanges = (store: StoreEngine.StoreEngine, name: string) =>
  Effect.gen(function*() {
    let count = 0
    yield* Effect.forkScoped(Stream.runForEach(store.changes(name), () => Effect.sync(() => count++)))
    yield* Effect.yieldNow()
    return () => count
  })
