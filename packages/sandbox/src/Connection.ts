/**
 * The connection that carries a request: what a back end gives the sandbox, so that a fault can break it. `NodeSandbox`
 * gives one. You need this module only to run the sandbox's `httpApp` on a back end of your own.
 *
 * @example
 * import { Connection, Sandbox } from "@effect-tilia/sandbox"
 * import { Effect } from "effect"
 *
 * declare const closeSocket: Effect.Effect<never>
 *
 * const program = Effect.gen(function*() {
 *   const { httpApp } = yield* Sandbox.make()
 *   return Effect.provideService(httpApp, Connection.Connection, { reset: closeSocket })
 * })
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * The connection of the current request. If the back end provides none, `reset` only waits, so the client gets no
 * response.
 *
 * @since 0.1.0
 * @category tags
 */
export class Connection extends Context.Reference<Connection>()("@effect-tilia/sandbox/Connection", {
  defaultValue: (): {
    /** Breaks the connection. It never returns. */
    readonly reset: Effect.Effect<never>
  } => ({ reset: Effect.never })
}) {}
