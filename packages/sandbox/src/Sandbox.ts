/**
 * A local authorization server that implements `POST /token` as the vendor's page says (X1–X4), on any runtime and over
 * any `HttpApp` back end.
 *
 * @since 0.1.0
 */
import * as ClientCredentials from "@effect-tilia/core/ClientCredentials"
import * as Scopes from "@effect-tilia/core/Scopes"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import type { TokenRequest } from "@effect-tilia/core/TokenRequest"
import { TokenResponse } from "@effect-tilia/core/TokenResponse"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Connection from "./Connection.js"
import type { Fault, Reply } from "./Faults.js"
import * as OpenApi from "./internal/openApi.js"
import { Refused, toResponse } from "./internal/refused.js"
import * as TokenForm from "./internal/tokenForm.js"
import * as Tokens from "./internal/tokens.js"

/**
 * A client that the sandbox knows, and the scopes that it may ask for: every known one, unless listed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client extends ClientCredentials.Options {
  readonly scopes?: Scopes.Input | undefined
}

/**
 * - `clients`: who may ask (the well-known client alone).
 * - `tokenLifetime`: how long a token lives, in whole seconds (1 hour).
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly clients?: ReadonlyArray<Client> | undefined
  readonly tokenLifetime?: Duration.DurationInput | undefined
}

/**
 * A request as the sandbox saw it, without anything secret: `status` is what was sent, or `undefined` while nothing
 * was; `clientId` and `scopes` are there once the form was found well-formed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received {
  readonly method: string
  readonly path: string
  readonly status?: number
  readonly clientId?: string
  readonly scopes?: ReadonlyArray<string>
}

/**
 * The sandbox: the application itself, and what a test or a demo does with it.
 *
 * @since 0.1.0
 * @category tags
 */
export class Sandbox extends Context.Tag("@effect-tilia/sandbox/Sandbox")<Sandbox, {
  /** `POST /token`, `GET /whoami`, `GET /.well-known/jwks.json` and `GET /openapi.json`. */
  readonly httpApp: HttpApp.Default
  /**
   * The fate of the next token requests, one each; after the last of them all is well. It replaces any former script.
   */
  readonly script: (faults: Iterable<Fault>) => Effect.Effect<void>
  /** What came in so far, the oldest first. */
  readonly received: Effect.Effect<ReadonlyArray<Received>>
  /** What comes in from now on, each as it ends: answered, or broken off without an answer. */
  readonly requests: Stream.Stream<Received>
  /** From now on `/whoami` refuses every token that was issued until now. */
  readonly revokeAll: Effect.Effect<void>
}>() {}

/**
 * The pair of the vendor's page. Anyone knows it: `NodeSandbox` refuses it beyond loopback (X5).
 *
 * @since 0.1.0
 * @category constants
 */
export const wellKnown = {
  clientId: "3f2bfe5b-19b8-41c1-88d7-70a1586bce94",
  clientSecret: "9bc00ca4-937e-4946-bdb5-0814b603334d"
} as const

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

type Handler = (
  request: HttpServerRequest.HttpServerRequest,
  url: URL,
  note: (seen: Partial<Received>) => void
) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refused>

const encode = Schema.encodeSync(TokenResponse)

const sameSecret = Equal.equals

/** A body that announces more than comes, and breaks off. */
const truncated = Effect.map(Connection.Connection, ({ reset }) =>
  HttpServerResponse.stream(
    Stream.concat(
      Stream.make(new TextEncoder().encode("{\"access_token\":\"ey")),
      Stream.fromEffect(Effect.delay(reset, "20 millis"))
    ),
    { contentType: "application/json", contentLength: 1000 }
  ))

const toRaw = ({ body, headers, status }: Reply) => {
  const { "content-type": contentType = "text/plain", ...others } = headers
  return typeof body === "string"
    ? HttpServerResponse.text(body, { status, headers: others, contentType })
    : HttpServerResponse.uint8Array(body, { status, headers: others, contentType })
}

const lifetime = (input: Duration.DurationInput): Either.Either<number, InvalidInputError> =>
  Duration.decodeUnknown(input).pipe(
    Option.map((time) => Math.floor(Duration.toSeconds(time))),
    Option.filter((seconds) => seconds >= 1 && Number.isFinite(seconds)),
    Either.fromOption(() =>
      new InvalidInputError({ setting: "tokenLifetime", expected: "a finite time of a second or more" })
    )
  )

const knownClients = (clients: ReadonlyArray<Client>) =>
  Effect.map(
    Effect.forEach(clients, (client) =>
      Effect.all({ credentials: ClientCredentials.make(client), allowed: Scopes.make(client.scopes ?? Scopes.known) })),
    (clients) =>
      new Map(clients.map((client) => [client.credentials.clientId.toLowerCase(), client]))
  )

/**
 * A sandbox. An id or a secret that is no UUID version 4, a scope that is none, or a life that is no time is an
 * `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*({ clients = [wellKnown], tokenLifetime = "1 hour" }: Options = {}) {
  const known = yield* knownClients(clients)
  const seconds = yield* lifetime(tokenLifetime)
  const tokens = yield* Tokens.make
  const received: Array<Mutable<Received>> = []
  const ended = yield* PubSub.unbounded<Received>()
  let faults: Iterator<Fault> = [][Symbol.iterator]()

  /** X1: who asks, and for what. */
  const authorize = ({ client_id, client_secret, scope }: TokenRequest) => {
    const client = known.get(client_id.toLowerCase())
    if (client === undefined || !sameSecret(client.credentials.clientSecret, client_secret)) {
      return new Refused({ status: 401, code: "invalid_client", message: "unknown client, or wrong secret" })
    }
    return Scopes.missing(scope, client.allowed).length > 0
      ? new Refused({ status: 400, code: "invalid_scope", message: "the client may not have every scope" })
      : Effect.void
  }

  const issue = ({ client_id, scope }: TokenRequest, { clockSkew, revoked = false }: Fault) =>
    Effect.gen(function*() {
      const skew = clockSkew === undefined ? 0 : Duration.toSeconds(clockSkew.by) * (clockSkew.back ? -1 : 1)
      const issuedAt = Math.floor((yield* Clock.currentTimeMillis) / 1000 + skew)
      const token = yield* tokens.issue({ clientId: client_id, scopes: scope, issuedAt, lifetime: seconds, revoked })
      return encode({
        access_token: Redacted.make(token),
        token_type: "Bearer",
        expires_in: seconds,
        scope
      })
    })

  const token: Handler = (request, url, note) =>
    Effect.gen(function*() {
      const fault: Fault = faults.next().value ?? {}
      const asked = yield* Effect.either(TokenForm.parse(request, url.searchParams))
      if (Either.isRight(asked)) {
        note({ clientId: asked.right.client_id, scopes: asked.right.scope })
      }
      if (fault.delay !== undefined) yield* Effect.sleep(fault.delay)
      if (fault.answer === "hang") return yield* Effect.never
      if (fault.answer === "reset") return yield* (yield* Connection.Connection).reset
      if (fault.answer === "truncate") return yield* truncated
      if (fault.answer !== undefined) return toRaw(fault.answer)
      const form = yield* asked
      yield* authorize(form)
      return HttpServerResponse.unsafeJson(yield* issue(form, fault), { headers: { "cache-control": "no-store" } })
    })

  const whoami: Handler = (request) =>
    Effect.gen(function*() {
      const [, bearer = ""] = /^Bearer +(\S+)$/i.exec(request.headers["authorization"] ?? "") ?? []
      const claims = yield* Effect.mapError(
        tokens.verify(bearer, yield* Clock.currentTimeMillis),
        () =>
          new Refused({
            status: 401,
            code: "UNAUTHORIZED",
            message: "no token, or one that isn't valid now",
            headers: { "www-authenticate": "Bearer error=\"invalid_token\"" }
          })
      )
      return HttpServerResponse.unsafeJson(claims)
    })

  const show = (body: unknown): Handler => () => Effect.succeed(HttpServerResponse.unsafeJson(body))

  const routes = new Map<string, { readonly method: string; readonly handler: Handler }>([
    ["/token", { method: "POST", handler: token }],
    ["/whoami", { method: "GET", handler: whoami }],
    ["/.well-known/jwks.json", { method: "GET", handler: show(tokens.jwks) }],
    ["/openapi.json", { method: "GET", handler: show(OpenApi.description) }]
  ])

  const route = (request: HttpServerRequest.HttpServerRequest, url: URL): Handler => {
    const found = routes.get(url.pathname)
    if (found === undefined) {
      return () => new Refused({ status: 404, code: "NOT_FOUND", message: "there is nothing here" })
    }
    return found.method === request.method ? found.handler : () =>
      new Refused({
        status: 405,
        code: "METHOD_NOT_ALLOWED",
        message: `this takes ${found.method} only`,
        headers: { allow: found.method }
      })
  }

  const httpApp: HttpApp.Default = Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const url = new URL(request.url, "http://sandbox")
    const entry: Mutable<Received> = { method: request.method, path: url.pathname }
    received.push(entry)
    const note = (seen: Partial<Received>) => void Object.assign(entry, seen)
    return yield* route(request, url)(request, url, note).pipe(
      Effect.catchAll((refused) => Effect.succeed(toResponse(refused))),
      Effect.interruptible, // a server shields its handlers; one that hangs would outlive its caller
      Effect.tap(({ status }) => Effect.sync(() => note({ status }))),
      Effect.ensuring(Effect.suspend(() => PubSub.publish(ended, { ...entry })))
    )
  })

  return Sandbox.of({
    httpApp,
    script: (next) => Effect.sync(() => faults = next[Symbol.iterator]()),
    received: Effect.sync(() => received.map((entry) => ({ ...entry }))),
    requests: Stream.fromPubSub(ended),
    revokeAll: tokens.revokeAll
  })
})

/**
 * The same as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<Sandbox, InvalidInputError> =>
  Layer.effect(Sandbox, make(options))
