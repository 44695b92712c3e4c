/*
 * The mediator as docs/mediator.md mounts it: on `node:http`, in Express with and without its parser of JSON, in
 * Fastify, in Hono and in a fetch handler, each over a real socket.
 */
import { TokenSources } from "@effect-tilia/core"
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import { TestTokenEndpoint } from "@effect-tilia/testing"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { serve, type ServerType } from "@hono/node-server"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import express from "express"
import Fastify from "fastify"
import { Hono } from "hono"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export const origin = "https://shop.example"
export const path = "/tilia/token"

/** The user of the session, who may have one scope. */
const authorize = () =>
  Effect.flatMap(
    HttpServerRequest.HttpServerRequest,
    ({ cookies }) =>
      cookies["session"] === undefined
        ? TokenMediatorServer.unauthenticated
        : Effect.succeed({ principal: cookies["session"], scopes: ["user_info"] })
  )

interface Handlers {
  /** For `node:http`, Express and Fastify. */
  readonly node: (request: IncomingMessage, response: ServerResponse) => void
  /** For Hono, and wherever else a handler is a function of a `Request`. */
  readonly web: (request: Request) => Promise<Response>
}

const handlers: Effect.Effect<Handlers, never, Scope.Scope> = Effect.gen(function*() {
  const { succeed } = TestTokenEndpoint
  const tokens = yield* Layer.build(
    Layer.provide(
      TokenSources.layer(),
      TestTokenEndpoint.layer(succeed({ claims: { jti: "1" } }), succeed({ claims: { jti: "2" } }))
    )
  )
  const mediator = yield* Effect.provide(TokenMediatorServer.make({ origin, authorize }), tokens)
  const node = yield* NodeHttpServer.makeHandler(mediator)
  const web = HttpApp.toWebHandlerRuntime(yield* Effect.runtime<never>())(mediator)
  return { node, web: (request: Request) => web(request) }
}).pipe(Effect.orDie)

const addressOf = (server: Server | ServerType): string => {
  const address = server.address()
  return typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}${path}` : ""
}

const closed = (server: Server | ServerType): Effect.Effect<void> =>
  Effect.sync(() => {
    server.close()
    if ("closeAllConnections" in server) server.closeAllConnections()
  })

const listening = (server: Server): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Server>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))),
    closed
  ).pipe(Effect.map(addressOf))

const byFetch = (
  fetch: (request: Request) => Response | Promise<Response>
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<ServerType>((resume) => {
      const server = serve(
        { fetch, port: 0, hostname: "127.0.0.1" },
        (_: AddressInfo) => resume(Effect.succeed(server))
      )
    }),
    closed
  ).pipe(Effect.map(addressOf))

/** Each mounting, and the URL of its mediator while the scope is open. */
export const mountings: Readonly<Record<string, Effect.Effect<string, never, Scope.Scope>>> = {
  "node:http": Effect.flatMap(handlers, ({ node }) => listening(createServer(node))),
  Express: Effect.flatMap(handlers, ({ node }) => {
    const app = express()
    app.all(path, node)
    return listening(createServer(app))
  }),
  "Express behind express.json()": Effect.flatMap(handlers, ({ node }) => {
    const app = express()
    app.use(express.json())
    app.all(path, node)
    return listening(createServer(app))
  }),
  Fastify: Effect.flatMap(handlers, ({ node }) => {
    const fastify = Fastify()
    // A context of its own, in which Fastify leaves the body to the mediator.
    fastify.register(async (context) => {
      context.removeAllContentTypeParsers()
      context.addContentTypeParser("*", (_request, _body, done) => done(null))
      context.all(path, (request, reply) => {
        reply.hijack()
        node(request.raw, reply.raw)
      })
    })
    return Effect.acquireRelease(
      Effect.promise(() => fastify.listen({ host: "127.0.0.1", port: 0 })),
      () => Effect.promise(() => fastify.close())
    ).pipe(Effect.as(fastify.server), Effect.map(addressOf))
  }),
  Hono: Effect.flatMap(handlers, ({ web }) => {
    const app = new Hono()
    app.all(path, (context) => web(context.req.raw))
    return byFetch((request) => app.fetch(request))
  }),
  "a fetch handler": Effect.flatMap(handlers, ({ web }) => byFetch(web))
}

export const quiet = Logger.remove(Logger.defaultLogger)
