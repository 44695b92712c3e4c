/*
 * A stage for pages, which can open no server: beside the browser, a server in Node opens and closes others as a page says,
 * and tells what they have seen.
 */
import * as NodeStage from "@effect-tilia/testing/NodeStage"
import * as Stage from "@effect-tilia/testing/Stage"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { createServer } from "node:http"
import type { TestProject } from "vitest/node"
import { Opened } from "./Opened.js"

declare module "vitest" {
  interface ProvidedContext {
    readonly stage: string
  }
}

const control = Effect.gen(function*() {
  // Else a page, whose origin isn't theirs, could read nothing of what the servers say, and no `retry-after`.
  const stage = NodeStage.make({
    headers: { "access-control-allow-origin": "*", "access-control-expose-headers": "*" }
  })
  const all = yield* Effect.scope
  const servers = new Map<string, { readonly server: Stage.Server; readonly scope: Scope.CloseableScope }>()
  const named = Effect.flatMap(HttpRouter.params, ({ id = "" }) => Effect.fromNullable(servers.get(id)))

  const app = HttpRouter.empty.pipe(
    HttpRouter.post(
      "/",
      Effect.gen(function*() {
        const script = yield* HttpServerRequest.schemaBodyJson(Stage.Script)
        const scope = yield* Scope.fork(all, ExecutionStrategy.sequential)
        const server = yield* Scope.extend(stage.open(script), scope)
        const id = String(servers.size)
        servers.set(id, { server, scope })
        return yield* HttpServerResponse.schemaJson(Opened)({ id, url: server.url, authority: server.authority })
      })
    ),
    HttpRouter.get(
      "/:id",
      Effect.flatMap(named, ({ server }) => Effect.flatMap(server.seen, HttpServerResponse.schemaJson(Stage.Seen)))
    ),
    HttpRouter.del(
      "/:id",
      Effect.flatMap(named, ({ scope }) => Effect.as(Scope.close(scope, Exit.void), HttpServerResponse.empty()))
    )
  )

  const server = yield* NodeHttpServer.make(createServer, { host: "127.0.0.1", port: 0 })
  yield* server.serve(app, HttpMiddleware.cors())
  return server.address._tag === "TcpAddress" ? `http://127.0.0.1:${server.address.port}` : ""
})

/** A vitest project's global setup: its tests find the stage where `inject("stage")` says. */
export default async (project: TestProject) => {
  const scope = Effect.runSync(Scope.make())
  project.provide("stage", await Effect.runPromise(Scope.extend(control, scope)))
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}
