/*
 * How the tests of a store are written down.
 */
import type * as Scopes from "@effect-tilia/core/Scopes"
import type { TokenStore } from "@effect-tilia/core/TokenStore"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** What two processes do with the same store. */
export type Body = (
  one: TokenStore,
  other: TokenStore,
  scopes: Scopes.Scopes
) => Effect.Effect<unknown, unknown, Scope.Scope>

/** The tests, by their titles. */
export type Tests = Readonly<Record<string, Body>>

/** Tests that are the same for several cases. */
export const testsOf = <Case>(cases: ReadonlyArray<Case>, test: (each: Case) => readonly [title: string, body: Body]) =>
  Object.fromEntries(cases.map(test))
