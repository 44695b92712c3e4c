/*
 * An application whose pages call an API by themselves. Its server has the client secret and gives the pages tokens
 * (M1). The authorization server and the API are a sandbox. It listens on another port, and the demo's own port also
 * serves the API's `/whoami`.
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

export interface Options {
  /** The port to listen on; 0 takes a free one. */
  readonly port: number
  /** The lifetime of a token. A short one shows sooner how a token is renewed. */
  readonly tokenLifetime: Duration.DurationInput
}

export interface DemoServer {
  /** The URL of the page. */
  readonly url: string
}

export const DemoServer: Context.Tag<DemoServer, DemoServer> = Context.GenericTag(
  "@effect-tilia/example-browser/DemoServer"
)

const host = "127.0.0.1"

/** The mediator waits before it responds, so that a visitor can see a refresh. The page says so. */
const pause: Duration.DurationInput = "500 millis"

/** Allows no resource of another origin, no inline script or style, and no frame around the page. */
const securityHeaders = Headers.fromInput({
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

/**
 * Accepts a request that changes the demo only from a page of this origin. The browser says where it comes from (M3).
 */
const sameOriginOnly = (origin: string) =>
  HttpMiddleware.make((app) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers, method }) => {
      const site = headers["sec-fetch-site"]
      const sender = headers["origin"]
      const isOwn = (site ?? sender) !== undefined &&
        (site ?? "same-origin") === "same-origin" &&
        (sender ?? origin) === origin
      return method === "GET" || isOwn
        ? app
        : HttpServerResponse.text("Only a page of this server may do that.", { status: 403 })
    })
  )

/**
 * The user who is logged in. A first visit logs Alice in, so that there is something to see. The cookie of a real
 * session would be a number that cannot be guessed; here it is the user's name.
 */
const sessionUser = Effect.map(
  HttpServerRequest.HttpServerRequest,
  ({ cookies }) => Schema.decodeUnknownOption(Status.User)(cookies["session"] ?? "alice")
)

const withSession = (user: Status.User | "logged-out") => (response: HttpServerResponse.HttpServerResponse) =>
  HttpServerResponse.unsafeSetCookie(response, "session", user, { httpOnly: true, path: "/", sameSite: "strict" })

const makeApp = (origin: string) =>
  Effect.gen(function*() {
    const sandbox = yield* Sandbox.Sandbox
    const state = { isDown: false, mediated: 0, tokenRequests: 0 }
    yield* Effect.forkScoped(
      sandbox.requests.pipe(
        Stream.filter(({ path }) => path === "/token"),
        Stream.runForEach(() =>
          Effect.sync(() => {
            state.tokenRequests += 1
          })
        )
      )
    )

    const mediator = yield* TokenMediatorServer.make({
      origin,
      authorize: () =>
        Effect.gen(function*() {
          state.mediated += 1
          yield* Effect.sleep(pause)
          const user = yield* sessionUser
          return Option.isNone(user)
            ? yield* TokenMediatorServer.unauthenticated
            : { principal: user.value, scopes: Status.scopesOf[user.value] }
        })
    })

    const statusFor = (user: Option.Option<Status.User>) =>
      HttpServerResponse.schemaJson(Status.Status)({ ...state, user: Option.getOrNull(user) })
    const status = Effect.flatMap(sessionUser, statusFor)

    const setDown = (isDown: boolean) =>
      Effect.gen(function*() {
        yield* sandbox.script(isDown ? Faults.forever(Faults.status(503)) : [])
        state.isDown = isDown
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
          return withSession(user)(yield* statusFor(Option.some(user)))
        })
      ),
      HttpRouter.post("/logout", Effect.map(statusFor(Option.none()), withSession("logged-out"))),
      HttpRouter.use(sameOriginOnly(origin))
    )

    return (yield* Files.routes).pipe(
      HttpRouter.all("/tilia/token", mediator),
      HttpRouter.get("/whoami", sandbox.httpApp),
      HttpRouter.mount("/demo", control),
      Effect.catchTags({
        ParseError: () => HttpServerResponse.empty({ status: 400 }),
        RouteNotFound: () => HttpServerResponse.empty({ status: 404 })
      }),
      Effect.map(HttpServerResponse.setHeaders(securityHeaders))
    )
  })

/** Closes all connections at the end: browsers keep them open, and the demo must end at once. */
const makeServer = (port: number) =>
  Effect.gen(function*() {
    const server = createServer()
    const listening = yield* NodeHttpServer.make(() => server, { host, port })
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    return listening
  })

/** Uses the client of the vendor's page. Its secret is public, so it is accepted only by a sandbox (X5). */
const Tokens = Layer.unwrapEffect(Effect.map(NodeSandbox.NodeSandbox, ({ url }) =>
  Layer.provide(
    TokenSources.layer(),
    NodeTilia.layer({ environment: { authUrl: url }, ...Sandbox.wellKnown, scopes: Status.scopesOf.alice })
  )))

/** The demo's server and its sandbox. If the port is taken, it is a `ServeError`. */
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
