import * as NodeStage from "@effect-tilia/contract/NodeStage"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    readonly stage: string
  }
}

/** What pages of another origin may read: of the headers, `retry-after` too. */
const headers = { "access-control-allow-origin": "*", "access-control-expose-headers": "*" }

/** A vitest project's global setup: its tests, which are in a page, find a stage in Node where `inject("stage")` says. */
export default async (project: TestProject) => {
  const scope = Effect.runSync(Scope.make())
  project.provide("stage", await Effect.runPromise(Scope.extend(NodeStage.serve({ headers }), scope)))
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}
