/*
 * Engines over a client of the test's own, and what they log.
 */
import { type Acquisition, Granted, StoreEngine } from "@effect-tilia/core/StoreEngine"
import type { StoreError } from "@effect-tilia/core/TokenStore"
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as SqlTokenStore from "../../src/SqlTokenStore.js"

/** An engine of a process of its own. */
export const engineOver = <E, R>(
  client: Layer.Layer<SqlClient, E, R>,
  options?: SqlTokenStore.Options
): Effect.Effect<StoreEngine, unknown, R | Scope.Scope> =>
  Effect.map(
    Layer.build(Layer.fresh(Layer.provide(SqlTokenStore.layer(options), client))),
    Context.get(StoreEngine)
  )

/** Keeps the lines of the log instead of printing them. */
export const logTo = (lines: Array<string>) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => {
      lines.push(`${logLevel.label} ${String(message)}`)
    })
  )

export const acquired = (result: Acquisition) =>
  result._tag === "Acquired" ? Effect.succeed(result) : Effect.dieMessage("the lock is held")

export const lock = (engine: StoreEngine, name: string) => Effect.flatMap(engine.lock(name), acquired)

export const grant = (engine: StoreEngine, name: string, text: string): Effect.Effect<number, StoreError> =>
  Effect.flatMap(
    lock(engine, name),
    ({ generation }) =>
      Effect.as(engine.settle(name, generation, Granted({ text, keepFor: Duration.hours(1) })), generation)
  )

/** The command, until it succeeds. */
export const eventually = <A, E, R>(command: Effect.Effect<A, E, R>) =>
  Effect.retry(command, Schedule.upTo(Schedule.spaced("50 millis"), "20 seconds"))
