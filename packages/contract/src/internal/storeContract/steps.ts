/*
 * What the tests do with a store again and again.
 */
import type * as Scopes from "@effect-tilia/core/Scopes"
import type { Entry, Lock, TokenStore } from "@effect-tilia/core/TokenStore"
import * as TestAccessToken from "@effect-tilia/testing/TestAccessToken"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { expect } from "vitest"
import { grant, type Kind } from "./outcomes.js"

export const acquire = (store: TokenStore, scopes: Scopes.Scopes) =>
  Effect.flatMap(store.lock(scopes), (result) =>
    result._tag === "Acquired"
      ? Effect.succeed(result)
      : Effect.dieMessage(`the lock is held for ${Duration.format(result.remaining)}`))

export const lockOf = (store: TokenStore, scopes: Scopes.Scopes): Effect.Effect<Lock, unknown> =>
  Effect.map(acquire(store, scopes), ({ lock }) => lock)

/** How long a test waits for what must come at once, on however busy a machine. */
export const patience: Duration.DurationInput = "5 seconds"

/** The lock, as soon as its holder has settled it. */
export const acquireOnceFree = (store: TokenStore, scopes: Scopes.Scopes) =>
  Effect.flatMap(
    store.lock(scopes),
    (result) => result._tag === "Acquired" ? Effect.succeed(result) : Effect.fail(result._tag)
  ).pipe(
    Effect.retry(Schedule.spaced("1 millis").pipe(Schedule.upTo(patience)))
  )

export const isLocked = (store: TokenStore, scopes: Scopes.Scopes) =>
  Effect.map(store.lock(scopes), ({ _tag }) => _tag === "Held")

export const textIn = (store: TokenStore, scopes: Scopes.Scopes) =>
  Effect.map(store.read(scopes), ({ token }) => Option.map(token, ({ token }) => TestAccessToken.text(token)))

export const failureIn = (store: TokenStore, scopes: Scopes.Scopes) =>
  Effect.map(store.read(scopes), ({ failure }) => failure)

export const write = (store: TokenStore, scopes: Scopes.Scopes, text: string) =>
  Effect.tap(lockOf(store, scopes), (lock) => grant(lock, text))

/** How long a command may take, and how old a value may be that another process reads (T2). */
export const promptly: Duration.DurationInput = "250 millis"

/** Waits until the store holds this token, and no failure, but no longer than a prompt store needs. */
export const expectPromptly = (store: TokenStore, scopes: Scopes.Scopes, text: string) =>
  Effect.all([textIn(store, scopes), failureIn(store, scopes)]).pipe(
    Effect.repeat({
      until: ([token, failure]) => Option.contains(token, text) && Option.isNone(failure),
      schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo(promptly), Schedule.passthrough)
    }),
    Effect.map((read) => expect(read).toStrictEqual([Option.some(text), Option.none()]))
  )

/** Whether the entry holds what was left under this lock. */
export const holds = (entry: Entry, kind: Kind, { generation }: Lock): boolean =>
  Option.contains(
    Option.map<{ readonly generation: number }, number>(entry[kind], (left) => left.generation),
    generation
  )

/** Waits until the store holds what was left under this lock, but no longer than a prompt store needs. */
export const expectLeft = (store: TokenStore, scopes: Scopes.Scopes, kind: Kind, lock: Lock) =>
  store.read(scopes).pipe(
    Effect.map((entry) => holds(entry, kind, lock)),
    Effect.repeat({
      until: (isLeft) => isLeft,
      schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo(promptly), Schedule.passthrough)
    }),
    Effect.map((isLeft) => expect(isLeft).toBe(true))
  )
