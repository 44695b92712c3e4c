/*
 * `tilia doctor`: looks at everything that a token and a call need. What it says of that is in `Diagnosis.ts`.
 */
import * as RetryPolicy from "@effect-tilia/core/RetryPolicy"
import * as NodeTokenHttpClient from "@effect-tilia/node/NodeTokenHttpClient"
import type { HttpClient } from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { lookup } from "node:dns/promises"
import { isIP } from "node:net"
import { connect } from "node:tls"
import type { Run } from "./Arguments.js"
import * as Diagnosis from "./Diagnosis.js"
import type * as Failure from "./Failure.js"
import * as Flags from "./Flags.js"
import * as Proxy from "./Proxy.js"
import * as Settings from "./Settings.js"
import * as Token from "./Token.js"

/** Without the brackets of an IPv6 address. */
const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "")

const addresses = (url: URL): Effect.Effect<ReadonlyArray<string>, unknown> =>
  Effect.tryPromise({
    try: () => lookup(hostOf(url), { all: true }),
    catch: (error) => error
  }).pipe(Effect.map((found) => found.map(({ address }) => address)))

/**
 * What Node trusts, the HTTP client trusts. The certificate is verified even if `NODE_TLS_REJECT_UNAUTHORIZED` is `0`,
 * because the secret is sent after this check (L8).
 */
const handshake = (url: URL): Effect.Effect<Diagnosis.Connection, unknown> =>
  Effect.async((resume) => {
    const host = hostOf(url)
    const socket = connect({
      host,
      port: Number(url.port) || 443,
      minVersion: "TLSv1.2",
      rejectUnauthorized: true,
      ...(isIP(host) === 0 && { servername: host })
    })
    socket.once("error", (error) => resume(Effect.fail(error)))
    socket.once("secureConnect", () => {
      resume(Effect.succeed({ protocol: socket.getProtocol(), validTo: socket.getPeerCertificate().valid_to }))
      socket.destroy()
    })
    return Effect.sync(() => socket.destroy())
  })

/** A request without a secret and without a token (L8). */
const ask = (client: HttpClient, url: string): Effect.Effect<Diagnosis.Response, unknown> =>
  Effect.gen(function*() {
    const sentAt = yield* Clock.currentTimeMillis
    const { headers, status } = yield* client.head(url)
    return { status, date: headers["date"], sentAt, receivedAt: yield* Clock.currentTimeMillis }
  })

const proxyFor = (url: URL, env: NodeJS.ProcessEnv = process.env): Option.Option<Proxy.Proxy> => Proxy.find(url, env)

/** Whether Node verifies no certificate unless it is told to, as Node itself reads the variable. */
const ignoresCertificates = (env: NodeJS.ProcessEnv = process.env): boolean =>
  env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0"

/** The settings, and whether the file of the secret can be read. */
const readSettings = (args: Run) =>
  Effect.flatMap(Flags.scopes(args), (scopes) =>
    Settings.config(scopes).pipe(
      Effect.tap(({ credentials }) => credentials),
      Effect.either
    ))

/** A step that must end in time. */
type Within = <A>(step: Effect.Effect<A, unknown>) => Effect.Effect<Either.Either<A, unknown>>

/** The way to the server, one step after the other, until one fails that the next one needs. */
const lookAtServer = (
  settings: Settings.Settings,
  client: HttpClient,
  isProxied: boolean,
  timeout: Duration.Duration,
  within: Within
): Effect.Effect<Pick<Diagnosis.Seen, "dns" | "server" | "tls" | "token">> =>
  Effect.gen(function*() {
    const { authUrl } = settings.environment
    const url = new URL(authUrl)
    const dns = isProxied ? undefined : yield* within(addresses(url))
    if (dns !== undefined && Either.isLeft(dns)) return { dns }
    const tls = isProxied || url.protocol === "http:" ? undefined : yield* within(handshake(url))
    const connected = { ...(dns && { dns }), ...(tls && { tls }) }
    if (tls !== undefined && Either.isLeft(tls)) return connected
    const server = yield* within(ask(client, authUrl))
    if (Either.isLeft(server) || server.right.status === 407) return { ...connected, server }
    const token = yield* Effect.either(Token.request(settings, { budget: timeout, retry: RetryPolicy.none }))
    return { ...connected, server, token }
  })

const lookAtOrigins = (
  { environment: { apiOrigins } }: Settings.Settings,
  client: HttpClient,
  within: Within
): Effect.Effect<Pick<Diagnosis.Seen, "origins">> =>
  Effect.forEach(
    apiOrigins,
    (origin) => Effect.map(within(ask(client, origin)), (result) => [origin, result] as const),
    { concurrency: "unbounded" }
  ).pipe(Effect.map((origins) => ({ origins })))

const look = (
  settings: Settings.Settings,
  timeout: Duration.Duration
): Effect.Effect<Omit<Diagnosis.Seen, "settings">, never, Scope.Scope> =>
  Effect.gen(function*() {
    const client = yield* Effect.either(NodeTokenHttpClient.make())
    if (Either.isLeft(client)) return { proxy: Either.left(client.left) }
    const proxy = proxyFor(new URL(settings.environment.authUrl))
    const before = { proxy: Either.right(proxy), ignoresCertificates: ignoresCertificates() }
    const within: Within = (step) => Effect.either(Effect.timeout(step, timeout))
    const [server, origins] = yield* Effect.all([
      Diagnosis.isUnverifiable(before, settings)
        ? Effect.succeed({})
        : lookAtServer(settings, client.right, Option.isSome(proxy), timeout, within),
      lookAtOrigins(settings, client.right, within)
    ], { concurrency: 2 })
    return { ...before, ...server, ...origins }
  })

export const run = (args: Run): Effect.Effect<number, Failure.Failure> =>
  Effect.gen(function*() {
    const timeout = yield* Flags.duration(args, "timeout")
    const settings = yield* readSettings(args)
    const rest = Either.isRight(settings) ? yield* Effect.scoped(look(settings.right, timeout)) : {}
    const diagnosis = Diagnosis.make({ settings, ...rest })
    yield* Console.log(Flags.isSet(args, "json") ? Diagnosis.json(diagnosis) : Diagnosis.text(diagnosis))
    return diagnosis.exitStatus
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None)) // the lines say it
