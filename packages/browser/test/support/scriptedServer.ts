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

/** Allows pages of every origin to read the responses, with all headers, such as `retry-after`. */
const headers = { "access-control-allow-origin": "*", "access-control-expose-headers": "*" }

/**
 * The global setup of a vitest project whose tests run in a page. It runs scripted servers in Node. A test reaches them
 * at the URL `inject("scriptedServer")`.
 */
export default async (project: TestProject) => {
  const scope = Effect.runSync(Scope.make())
  project.provide("scriptedServer", await Effect.runPromise(Scope.extend(NodeScriptedServer.serve({ headers }), scope)))
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}
