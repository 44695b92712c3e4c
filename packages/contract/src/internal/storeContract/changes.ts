/*
 * Who is told that something was stored.
 */
import type * as Scopes from "@effect-tilia/core/Scopes"
import { Abandoned, type Change, type Entry, Failed, Granted, type TokenStore } from "@effect-tilia/core/TokenStore"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { expect } from "vitest"
import { failure, kinds, leaving, tokenOf } from "./outcomes.js"
import { holds, lockOf, patience } from "./steps.js"
import { type Tests, testsOf } from "./table.js"

/** Waits until it is done. The end of its patience only ends a test that must fail. */
const soon = (isDone: () => boolean) =>
  Effect.sleep("20 millis").pipe(Effect.repeat({ until: isDone }), Effect.timeout(patience))

/** Does this at each change that the store tells of, from when this effect has run until the scope closes. */
const atEachChange = <E>(
  store: TokenStore,
  scopes: Scopes.Scopes,
  react: (change: Change) => Effect.Effect<unknown, E>
) => Effect.zipRight(Effect.forkScoped(Stream.runForEach(store.changes(scopes), react)), Effect.sleep("200 millis"))

export const changeTests: Tests = {
  "another process is told of each outcome (T6, T11)": (one, other, scopes) =>
    Effect.gen(function*() {
      const changes: Array<Change> = []
      yield* atEachChange(other, scopes, (change) => Effect.sync(() => changes.push(change)))
      for (const outcome of [Granted({ token: yield* tokenOf("x") }), Failed({ failure }), Abandoned()]) {
        const before = changes.length
        yield* Effect.flatMap(lockOf(one, scopes), ({ settle }) => settle(outcome))
        yield* soon(() => changes.length > before)
      }
      expect(new Set(changes)).toStrictEqual(new Set(["Settled"]))
    }),

  "all who listen in one process are told of each outcome (T11)": (one, other, scopes) =>
    Effect.gen(function*() {
      const listeners = [{ told: 0 }, { told: 0 }, { told: 0 }]
      yield* Effect.forEach(
        listeners,
        (listener) => atEachChange(other, scopes, () => Effect.sync(() => listener.told++)),
        { concurrency: "unbounded" }
      )
      for (const outcome of [Granted({ token: yield* tokenOf("x") }), Failed({ failure }), Abandoned()]) {
        const before = listeners.map(({ told }) => told)
        yield* Effect.flatMap(lockOf(one, scopes), ({ settle }) => settle(outcome))
        yield* soon(() => listeners.every(({ told }, n) => told > (before[n] ?? 0)))
      }
    }),

  // A store may tell too often, so what counts is that the outcome is found at any change.
  ...testsOf(kinds, (kind) => [
    `a process that is told of a ${kind} finds it if it reads at once (T11)`,
    (one, other, scopes) =>
      Effect.gen(function*() {
        const found: Array<Entry> = []
        yield* atEachChange(other, scopes, () => Effect.map(other.read(scopes), (entry) => found.push(entry)))
        for (let n = 0; n < 3; n++) {
          const lock = yield* lockOf(one, scopes)
          yield* leaving[kind](lock)
          yield* soon(() => found.some((entry) => holds(entry, kind, lock)))
        }
      })
  ])
}
