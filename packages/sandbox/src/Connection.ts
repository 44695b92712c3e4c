/**
 * The connection under a request, as far as a fault needs it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * What a back end of the sandbox gives it for each request: a way to break the connection. `reset` never comes back; a
 * back end that gives none leaves the caller waiting instead.
 *
 * @since 0.1.0
 * @category tags
 */
export class Connection extends Context.Reference<Connection>()("@effect-tilia/sandbox/Connection", {
  defaultValue: (): { readonly reset: Effect.Effect<never> } => ({ reset: Effect.never })
}) {}
