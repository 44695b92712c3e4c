/*
 * An application whose pages call an API by themselves. Its server holds the client secret and hands out tokens (M1);
 * the authorization server behind it is a sandbox, on a port of its own, and so is the API that the pages call.
 */
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import * as TokenSources from "@effect-tilia/core/TokenSources"
import * as NodeTilia from "@effect-tilia/node/NodeTilia"
import * as Faults from "@effect-tilia/sandbox/Faults"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Headers from "@effect/platform/Headers"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createServer } from "node:http"
import * as Files from "./Files.js"
import * as Status from "./Status.js"

/** `port` 0 is a free one. A `tokenLifetime` is as short as the one who looks is patient. */
export interface Options {
  readonly port: number
  readonly tokenLifetime: Duration.DurationInput
}

/** Where the page is. */
export class DemoServer extends Context.Tag("@effect-tilia/example-browser/DemoServer")<DemoServer, {
  readonly url: string
}>() {}

const host = "127.0.0.1"

/** Nothing from elsewhere, nothing inline, and in nobody's frame. */
const policy = Headers.fromInput({
  "cache-control": "no-store",
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'"
  ].join("; "),
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff"
})

/** M3's rule, for what changes anything in the demo: the browser's own word, or else an `Origin` that is this one. */
const onlyFrom = (origin: string) =>
  HttpMiddleware.make((app) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers, method }) => {
      const site = headers["sec-fetch-site"]
      const isOwn = site === undefined ? headers["origin"] === origin : site === "same-origin"
      return method === "GET" || isOwn
        ? app
        : HttpServerResponse.text("Only a page of this server’s own may do that.", { status: 403 })
    })
  )

/**
 * Who is logged in. Whoever comes for the first time is Alice, so that there is something to see. A real session's
 * cookie is a number that nobody can guess; this one is the user's name.
 */
const session = Effect.map(
  HttpServerRequest.HttpServerRequest,
  ({ cookies }) => Schema.decodeUnknownOption(Status.User)(cookies["session"] ?? "alice")
)

const withSession = (user: Status.User | "nobody") => (response: HttpServerResponse.HttpServerResponse) =>
  HttpServerResponse.unsafeSetCookie(response, "session", user, { httpOnly: true, path: "/", sameSite: "strict" })

const makeApp = (origin: string) =>
  Effect.gen(function*() {
    const sandbox = yield* Sandbox.Sandbox
    const seen = { isDown: false, mediated: 0, tokenRequests: 0 }
    yield* Effect.forkScoped(
      Stream.runForEach(sandbox.requests, ({ path }) => Effect.sync(() => path === "/token" && seen.tokenRequests++))
    )

    const mediator = yield* TokenMediatorServer.make({
      origin,
      authorize: () =>
        Effect.gen(function*() {
          seen.mediated++
          const user = yield* session
          return Option.isNone(user) ? yield* TokenMediatorServer.unauthenticated : Status.scopesOf[user.value]
        })
    })

    const tell = (user: Option.Option<Status.User>) =>
      HttpServerResponse.schemaJson(Status.Status)({ ...seen, user: Option.getOrNull(user) })
    const status = Effect.flatMap(session, tell)

    const setDown = (isDown: boolean) =>
      Effect.gen(function*() {
        yield* sandbox.script(isDown ? Faults.forever(Faults.status(503)) : [])
        seen.isDown = isDown
        return yield* status
      })

    const control = HttpRouter.empty.pipe(
      HttpRouter.get("/status", status),
      HttpRouter.post("/revoke", Effect.zipRight(sandbox.revokeAll, status)),
      HttpRouter.post("/down", setDown(true)),
      HttpRouter.post("/up", setDown(false)),
      HttpRouter.post(
        "/login/:user",
        Effect.gen(function*() {
          const { user } = yield* HttpRouter.schemaPathParams(Schema.Struct({ user: Status.User }))
          return withSession(user)(yield* tell(Option.some(user)))
        })
      ),
      HttpRouter.post("/logout", Effect.map(tell(Option.none()), withSession("nobody"))),
      HttpRouter.use(onlyFrom(origin))
    )

    return (yield* Files.routes).pipe(
      HttpRouter.all("/tilia/token", mediator),
      HttpRouter.get("/whoami", sandbox.httpApp),
      HttpRouter.mount("/demo", control),
      Effect.catchTags({
        ParseError: () => HttpServerResponse.empty({ status: 400 }),
        RouteNotFound: () => HttpServerResponse.empty({ status: 404 })
      }),
      Effect.map(HttpServerResponse.setHeaders(policy))
    )
  })

/** Browsers keep connections open, and whoever ends the demo doesn't want to wait for them. */
const makeServer = (port: number) =>
  Effect.gen(function*() {
    const server = createServer()
    const listening = yield* NodeHttpServer.make(() => server, { host, port })
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    return listening
  })

/**
 * The client is the vendor page's own: its secret is everybody's, and as such it is good for nothing but a sandbox
 * (X5).
 */
const Tokens = Layer.unwrapEffect(Effect.map(NodeSandbox.NodeSandbox, ({ url }) =>
  Layer.provide(
    TokenSources.layer(),
    NodeTilia.layer({ environment: { authUrl: url }, ...Sandbox.wellKnown, scopes: Status.scopesOf.alice })
  )))

/** The server, for as long as the Layer lives. Fails where the port is taken. */
export const layer = ({ port, tokenLifetime }: Options) =>
  Layer.scoped(
    DemoServer,
    Effect.gen(function*() {
      const server = yield* makeServer(port)
      const url = server.address._tag === "TcpAddress" ? `http://${host}:${server.address.port}` : ""
      yield* Layer.build(HttpServer.serve(yield* makeApp(url))).pipe(
        Effect.provideService(HttpServer.HttpServer, server)
      )
      return { url }
    })
  ).pipe(
    Layer.provide(Tokens),
    Layer.provideMerge(NodeSandbox.layer({ tokenLifetime }))
  )
