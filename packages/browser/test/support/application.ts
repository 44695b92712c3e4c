/*
 * The server of an application whose pages get tokens. It knows the user by a cookie, holds the client secret, and
 * requests tokens from the sandbox.
 */
import { Tilia, TokenSources } from "@effect-tilia/core"
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import { Sandbox } from "@effect-tilia/sandbox"
import { SandboxHttpClient } from "@effect-tilia/testing"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { Application } from "./servedWithPages.js"

const environment = { authUrl: SandboxHttpClient.url, apiOrigins: [SandboxHttpClient.url] }

const Live = TokenSources.layer().pipe(
  Layer.provide(Tilia.layer({ ...Sandbox.wellKnown, environment, scopes: ["user_info"] })),
  Layer.provideMerge(SandboxHttpClient.layer())
)

const authorize = Effect.flatMap(
  HttpServerRequest.HttpServerRequest,
  ({ cookies }) =>
    cookies["session"] === undefined ? TokenMediatorServer.unauthenticated : Effect.succeed(["user_info"])
)

/** vitest chooses the port of its pages, which is known once the first request is here. */
const handlerFor = (origin: string) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(Live)
    const mediator = yield* TokenMediatorServer.make({ origin, authorize: () => authorize }).pipe(
      Effect.provide(context)
    )
    const { httpApp } = yield* Effect.provide(Sandbox.Sandbox, context)
    return yield* NodeHttpServer.makeHandler(
      HttpRouter.empty.pipe(HttpRouter.all("/tilia/token", mediator), HttpRouter.all("/whoami", httpApp))
    )
  })

const scope = Effect.runSync(Scope.make())
let running: Promise<Effect.Effect.Success<ReturnType<typeof handlerFor>>> | undefined
const paths = new Set(["/tilia/token", "/whoami"])

export const application: Application = {
  handle: async (request, response) => {
    if (!paths.has(request.url ?? "")) return false
    running ??= Effect.runPromise(Scope.extend(handlerFor(`http://${request.headers.host}`), scope))
    ;(await running)(request, response)
    return true
  },
  close: () => Effect.runPromise(Scope.close(scope, Exit.void))
}
