import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    readonly scriptedServer: string
  }
}

/** What pages of another origin may read: of the headers, `retry-after` too. */
const headers = { "access-control-allow-origin": "*", "access-control-expose-headers": "*" }

/**
 * A vitest project's global setup. Its tests run in a page, and reach the scripted servers, which are in Node, at the
 * URL that `inject("scriptedServer")` gives.
 */
export default async (project: TestProject) => {
  const scope = Effect.runSync(Scope.make())
  project.provide("scriptedServer", await Effect.runPromise(Scope.extend(NodeScriptedServer.serve({ headers }), scope)))
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}
