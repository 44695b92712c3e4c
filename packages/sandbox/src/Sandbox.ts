/**
 * A local authorization server that implements `POST /token` as the vendor's page describes it. It runs on any runtime,
 * over any back end of `@effect/platform`.
 *
 * @example
 * import { Faults, Sandbox } from "@effect-tilia/sandbox"
 * import { HttpApp } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * // A server without a socket: a function from a web Request to a web Response.
 * const program = Effect.gen(function*() {
 *   const { httpApp, script } = yield* Sandbox.make({ tokenLifetime: "5 minutes" })
 *   yield* script([Faults.status(503)]) // the next token request fails
 *   return HttpApp.toWebHandler(httpApp)
 * })
 *
 * @since 0.1.0
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.4 RFC 6749 §4.4} for the client credentials grant
 */
import type * as AccessToken from "@effect-tilia/core/AccessToken"
import * as ClientCredentials from "@effect-tilia/core/ClientCredentials"
import * as Scopes from "@effect-tilia/core/Scopes"
import * as TiliaConfig from "@effect-tilia/core/TiliaConfig"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import type { TokenRequest } from "@effect-tilia/core/TokenRequest"
import { TokenResponse } from "@effect-tilia/core/TokenResponse"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as PubSub from "effect/PubSub"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Connection from "./Connection.js"
import * as Faults from "./Faults.js"
import * as Cors from "./internal/cors.js"
import * as CheckedFault from "./internal/fault.js"
import * as OpenApi from "./internal/openApi.js"
import { Refused, toResponse } from "./internal/refused.js"
import * as TokenForm from "./internal/tokenForm.js"
import * as Tokens from "./internal/tokens.js"

/**
 * A client that the sandbox knows.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client extends ClientCredentials.Options {
  /**
   * The scopes that the client may request. A request for another scope gets a 400 with the code `invalid_scope`. An
   * empty list or a malformed scope is an `InvalidInputError`.
   *
   * @default Scopes.known
   */
  readonly scopes?: Scopes.Input | undefined
}

/**
 * The claims of the token that a request to an API of yours came with. The sandbox has verified the token, so they are
 * true.
 *
 * @example
 * import { Sandbox } from "@effect-tilia/sandbox"
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const routes = HttpRouter.empty.pipe(
 *   HttpRouter.get(
 *     "/me",
 *     Effect.map(Sandbox.Claims, ({ client_id }) => HttpServerResponse.unsafeJson({ client_id }))
 *   )
 * )
 *
 * const layer = Sandbox.layer({ routes })
 *
 * @since 0.1.0
 * @category tags
 */
export class Claims extends Context.Tag("@effect-tilia/sandbox/Claims")<Claims, AccessToken.Claims>() {}

/**
 * Which clients the sandbox knows, how long its tokens are valid, and what it serves besides. An option that is out of
 * range is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The clients that may request tokens. Any other client gets a 401. An id or a secret that is not a UUID version 4 is
   * an `InvalidInputError`.
   *
   * @default [wellKnown]
   */
  readonly clients?: ReadonlyArray<Client> | undefined
  /**
   * How long a token is valid, in whole seconds: a fraction of a second is cut off. Less than a second, or an infinite
   * time, is an `InvalidInputError`.
   *
   * @default "1 hour"
   */
  readonly tokenLifetime?: Duration.DurationInput | undefined
  /**
   * An API of your own, as an `HttpRouter`, for every path that the sandbox does not have itself. The sandbox checks
   * the token of each request first: if there is none, or if it is expired or revoked, the response is a 401 as for
   * `/whoami`. Your API gets the `Claims` of the token.
   *
   * @default every other path is a 404
   */
  readonly routes?: HttpApp.Default<unknown, Claims> | undefined
  /**
   * The origins whose pages may read what the sandbox sends, as `["http://localhost:5173"]`; `["*"]` allows every page.
   * It does not apply to `/token`, because no page may have the client secret. Anything but an origin is an
   * `InvalidInputError`.
   *
   * @default []
   */
  readonly cors?: ReadonlyArray<string> | undefined
}

/**
 * A request as the sandbox saw it. It contains no secret and no token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received {
  /** The HTTP method. */
  readonly method: string
  /** The path of the URL, without the query. It is empty if the target of the request is no URL. */
  readonly path: string
  /**
   * The status of the response. It is absent until the sandbox sends one, and stays so if the connection breaks before.
   */
  readonly status?: number
  /** The client id of a token request. It is absent if the form is malformed. */
  readonly clientId?: string
  /** The scopes of a token request, as requested. They are absent if the form is malformed. */
  readonly scopes?: ReadonlyArray<string>
}

/**
 * The authorization server, and what a test or a demo does with it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sandbox {
  /**
   * The application. `POST /token` grants a token. `GET /whoami` returns the claims of a valid token, and a 401 for any
   * other. `GET /.well-known/jwks.json` returns the public key. `GET /openapi.json` describes the token endpoint. The
   * option `routes` adds others.
   */
  readonly httpApp: HttpApp.Default
  /**
   * Sets the faults of the next token requests, one for each. After the last fault, requests succeed again. A new
   * script replaces the old one. It throws an `InvalidInputError` if an array contains anything but faults.
   */
  readonly script: (faults: Iterable<Faults.Fault>) => Effect.Effect<void>
  /** The last 1,000 requests, the oldest first. */
  readonly received: Effect.Effect<ReadonlyArray<Received>>
  /**
   * The requests from now on. Each one appears when it ends, with a response or without one. A reader that is more than
   * 1,000 requests behind misses the oldest ones.
   */
  readonly requests: Stream.Stream<Received>
  /** Makes the sandbox reject every token that was issued before. */
  readonly revokeAll: Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const Sandbox: Context.Tag<Sandbox, Sandbox> = Context.GenericTag("@effect-tilia/sandbox/Sandbox")

/**
 * The client id and secret that the vendor's page shows. Everyone knows them, so `NodeSandbox` accepts them only if it
 * listens on loopback.
 *
 * @since 0.1.0
 * @category constants
 */
export const wellKnown = {
  /** The client id. */
  clientId: "3f2bfe5b-19b8-41c1-88d7-70a1586bce94",
  /** The client secret. */
  clientSecret: "9bc00ca4-937e-4946-bdb5-0814b603334d"
} as const

/** How many requests are remembered, so that a sandbox that runs for long does not fill the memory (X6). */
const remembered = 1000

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** A route. `note` adds to what `received` shows of the request. */
type Handler = (
  request: HttpServerRequest.HttpServerRequest,
  url: URL,
  note: (seen: Partial<Received>) => void
) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refused>

const encode = Schema.encodeSync(TokenResponse)

/** What the target of a request is relative to. */
const base = "http://sandbox"

const badTarget = new Refused({ status: 400, code: "INPUT_ERROR", message: "the target of the request is no URL" })

const notFound = new Refused({ status: 404, code: "NOT_FOUND", message: "the sandbox has no such path" })

/** A body that is shorter than its `Content-Length`: the connection is reset before the rest. */
const truncated = Effect.map(Connection.Connection, ({ reset }) =>
  HttpServerResponse.stream(
    Stream.concat(
      Stream.make(new TextEncoder().encode("{\"access_token\":\"ey")),
      // The delay lets the first bytes reach the client before the reset.
      Stream.fromEffect(Effect.delay(reset, "20 millis"))
    ),
    { contentType: "application/json", contentLength: 1000 }
  ))

const toServerResponse = ({ body, headers, status }: Faults.Response) => {
  if (body.length === 0) {
    const bodyless = HttpServerResponse.empty({ status, headers: { "content-type": "text/plain", ...headers } })
    // Some statuses have no body (RFC 9110). Every other response says that its body is empty.
    return [204, 205, 304].includes(status) ? bodyless : HttpServerResponse.setHeader(bodyless, "content-length", "0")
  }
  const { "content-type": contentType = "text/plain", ...others } = headers
  return typeof body === "string"
    ? HttpServerResponse.text(body, { status, headers: others, contentType })
    : HttpServerResponse.uint8Array(body, { status, headers: others, contentType })
}

/** The lifetime in seconds. */
const validateLifetime = (input: Duration.DurationInput): Either.Either<number, InvalidInputError> =>
  Duration.decodeUnknown(input).pipe(
    Option.map((time) => Math.floor(Duration.toSeconds(time))),
    Option.filter((seconds) => seconds >= 1 && Number.isFinite(seconds)),
    Either.fromOption(() =>
      new InvalidInputError({ setting: "tokenLifetime", expected: "a finite time of one second or more" })
    )
  )

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text

const validateCors = (origins: ReadonlyArray<string>): Either.Either<ReadonlyArray<string>, InvalidInputError> =>
  Array.isArray(origins) && origins.every((origin) => origin === "*" || isOrigin(origin))
    ? Either.right(origins)
    : Either.left(
      new InvalidInputError({ setting: "cors", expected: "origins without a path, as http://localhost:5173, or *" })
    )

interface ValidatedClient {
  readonly credentials: ClientCredentials.Credentials
  readonly allowed: Scopes.Scopes
}

/** The validated clients by their ids, in lower case: a UUID is the same in either case. */
const validateClients = Effect.fnUntraced(function*(clients: ReadonlyArray<Client>) {
  if (!Array.isArray(clients)) {
    return yield* new InvalidInputError({ setting: "clients", expected: "an array" })
  }
  const validated = new Map<string, ValidatedClient>()
  for (const client of clients) {
    const credentials = yield* ClientCredentials.make(client)
    const allowed = yield* Scopes.make(client.scopes ?? Scopes.known)
    const id = credentials.clientId.toLowerCase()
    if (validated.has(id)) return yield* new InvalidInputError({ setting: "clients", expected: "of different ids" })
    validated.set(id, { credentials, allowed })
  }
  return validated
})

/** The time by the clock of the sandbox, which a fault may skew, in whole seconds since 1970. */
const skewedSeconds = (millis: number, skew: Faults.ClockSkew | undefined): number => {
  const ahead = skew === undefined ? 0 : Duration.toMillis(skew.by) * (skew.isBehind ? -1 : 1)
  return Math.floor((millis + ahead) / 1000)
}

/**
 * A sandbox without a script. An option that is out of range is an `InvalidInputError`. The first sandbox of a process
 * makes the key pair for all, which takes a quarter of a second.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (options?: Options) => Effect.Effect<Sandbox, InvalidInputError> = Effect.fnUntraced(
  function*({ clients = [wellKnown], cors = [], routes: api, tokenLifetime = "1 hour" }: Options = {}) {
    const known = yield* validateClients(clients)
    const lifetime = yield* validateLifetime(tokenLifetime)
    const origins = yield* validateCors(cors)
    const tokens = yield* Tokens.make
    const received: Array<Mutable<Received>> = []
    const ended = yield* PubSub.sliding<Received>(remembered)
    let faults: Iterator<Faults.Fault> = [][Symbol.iterator]()

    /** Checks the client, its secret and its scopes (X1). */
    const authorize = ({ client_id, client_secret, scope }: TokenRequest): Effect.Effect<void, Refused> => {
      const client = known.get(client_id.toLowerCase())
      if (client === undefined || !Equal.equals(client.credentials.clientSecret, client_secret)) {
        return new Refused({
          status: 401,
          code: "invalid_client",
          message: "the client is unknown, or its secret is wrong"
        })
      }
      return Scopes.missing(scope, client.allowed).length > 0
        ? new Refused({
          status: 400,
          code: "invalid_scope",
          message: "the client may not request all of these scopes"
        })
        : Effect.void
    }

    const issue = Effect.fnUntraced(
      function*({ client_id, scope }: TokenRequest, { clockSkew, revoked = false }: Faults.Fault) {
        const issuedAt = skewedSeconds(yield* Clock.currentTimeMillis, clockSkew)
        const token = yield* tokens.issue({ clientId: client_id, scopes: scope, issuedAt, lifetime, revoked })
        return encode({
          access_token: Redacted.make(token),
          token_type: "Bearer",
          expires_in: lifetime,
          scope
        })
      }
    )

    const token: Handler = Effect.fnUntraced(function*(request, url, note) {
      const next = faults.next()
      const fault = next.done === true ? Faults.none : CheckedFault.check("script", next.value)
      const { delay, outcome } = fault
      // Reads the form even if a fault follows, so that `received` shows the client and the scopes.
      const form = yield* Effect.either(TokenForm.parse(request, url.searchParams))
      if (Either.isRight(form)) note({ clientId: form.right.client_id, scopes: form.right.scope })
      if (delay !== undefined) yield* Effect.sleep(delay)
      if (outcome === "hang") return yield* Effect.never
      if (outcome === "reset") return yield* (yield* Connection.Connection).reset
      if (outcome === "truncate") return yield* truncated
      if (outcome !== undefined) return toServerResponse(outcome)
      const tokenRequest = yield* form
      yield* authorize(tokenRequest)
      const body = yield* issue(tokenRequest, fault)
      return HttpServerResponse.unsafeJson(body, { headers: { "cache-control": "no-store" } })
    })

    /** The claims of the request's token, if it is valid. */
    const verify = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
      const [, bearer = ""] = /^Bearer +(\S+)$/i.exec(request.headers["authorization"] ?? "") ?? []
      return yield* Effect.mapError(
        tokens.verify(bearer, yield* Clock.currentTimeMillis),
        () =>
          new Refused({
            status: 401,
            code: "UNAUTHORIZED",
            message: "there is no token, or it is not valid",
            headers: { "www-authenticate": "Bearer error=\"invalid_token\"" }
          })
      )
    })

    const whoami: Handler = (request) => Effect.map(verify(request), (claims) => HttpServerResponse.unsafeJson(claims))

    /** The user's own API. An error without a response of its own is a 500, and so is a defect. */
    const callApi = (api: HttpApp.Default<unknown, Claims>): Handler => (request) =>
      Effect.flatMap(verify(request), (claims) =>
        api.pipe(
          Effect.provideService(Claims, claims),
          Effect.provideService(HttpServerRequest.HttpServerRequest, request),
          Effect.catchAll((error) =>
            error instanceof HttpServerError.RouteNotFound
              ? notFound
              : HttpServerRespondable.toResponseOrElse(error, HttpServerResponse.empty({ status: 500 }))
          ),
          // A page must be able to read this response, too, and so its CORS headers must be added.
          Effect.catchAllDefect((defect) =>
            Effect.as(
              Effect.logError("A route of the sandbox died.", Cause.die(defect)),
              HttpServerResponse.empty({ status: 500 })
            )
          )
        ))

    const otherwise: Handler = api === undefined ? () => notFound : callApi(api)

    const document = (body: unknown): Handler => () => Effect.succeed(HttpServerResponse.unsafeJson(body))

    const routes = new Map<string, { readonly method: string; readonly handler: Handler }>([
      ["/token", { method: "POST", handler: token }],
      ["/whoami", { method: "GET", handler: whoami }],
      ["/.well-known/jwks.json", { method: "GET", handler: document(tokens.jwks) }],
      ["/openapi.json", { method: "GET", handler: document(OpenApi.description) }]
    ])

    const handlerFor = (request: HttpServerRequest.HttpServerRequest, url: URL): Handler => {
      const route = routes.get(url.pathname)
      if (route === undefined) return otherwise
      if (route.method === request.method) return route.handler
      return () =>
        new Refused({
          status: 405,
          code: "METHOD_NOT_ALLOWED",
          message: `this path accepts only ${route.method}`,
          headers: { allow: route.method }
        })
    }

    /** The response to a request that a page may make. `/token` is not for pages, which must not have the secret. */
    const respond: Handler = (request, url, note) => {
      const handle = handlerFor(request, url)(request, url, note)
      const headers = url.pathname === "/token" ? {} : Cors.headersFor(origins, request)
      if (Object.keys(headers).length === 0) return handle
      return Effect.succeed(Cors.preflightOf(request)).pipe(
        Effect.flatMap((preflight) => preflight === undefined ? handle : Effect.succeed(preflight)),
        Effect.catchAll((refused) => Effect.succeed(toResponse(refused))),
        Effect.map(HttpServerResponse.setHeaders(headers))
      )
    }

    const httpApp: HttpApp.Default = Effect.gen(function*() {
      const request = yield* HttpServerRequest.HttpServerRequest
      // A client can send any target: `//` and `http://[` are no URLs (row 150).
      const url = URL.canParse(request.url, base) ? new URL(request.url, base) : undefined
      const entry: Mutable<Received> = { method: request.method, path: url?.pathname ?? "" }
      received.push(entry)
      if (received.length > remembered) received.shift()
      const note = (seen: Partial<Received>) => void Object.assign(entry, seen)
      return yield* (url === undefined ? Effect.fail(badTarget) : respond(request, url, note)).pipe(
        Effect.catchAll((refused) => Effect.succeed(toResponse(refused))),
        Effect.interruptible, // a server makes its handlers uninterruptible; one that hangs would outlive its client
        Effect.tap(({ status }) => Effect.sync(() => note({ status }))),
        Effect.ensuring(Effect.suspend(() => PubSub.publish(ended, { ...entry })))
      )
    })

    return {
      httpApp,
      script: (next) => {
        // What a generator yields is checked when its turn comes.
        if (Array.isArray(next)) { for (const fault of next) CheckedFault.check("script", fault) }
        else if (!Predicate.isObject(next)) CheckedFault.invalid("script", "faults, as [Faults.reset]")
        return Effect.sync(() => {
          faults = next[Symbol.iterator]()
        })
      },
      received: Effect.sync(() => received.map((entry) => ({ ...entry }))),
      requests: Stream.fromPubSub(ended),
      revokeAll: tokens.revokeAll
    }
  }
)

/**
 * The sandbox as a Layer: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<Sandbox, InvalidInputError> =>
  Layer.effect(Sandbox, make(options))

/**
 * The sandbox with options from the configuration. Whatever is missing or wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (options: TiliaConfig.Input<Options>): Layer.Layer<Sandbox, ConfigError> =>
  TiliaConfig.layer(options, layer)
