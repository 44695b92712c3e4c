/*
 * The demo: it requests a token over real HTTP from a local authorization server, calls an API with it, and shows what
 * can go wrong as typed errors. It needs no account, and nothing leaves this machine.
 */
import * as AccessToken from "@effect-tilia/core/AccessToken"
import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as TokenEndpoint from "@effect-tilia/core/TokenEndpoint"
import * as NodeTilia from "@effect-tilia/node/NodeTilia"
import * as Faults from "@effect-tilia/sandbox/Faults"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Print from "./print.js"
import { timeline } from "./timeline.js"

const scopes = ["user_info", "write_invoices"]

const requestToken = (...scopes: ReadonlyArray<string>) =>
  Effect.flatMap(TokenEndpoint.TokenEndpoint, (endpoint) => endpoint.requestToken(scopes))

const showToken = Effect.gen(function*() {
  yield* Print.heading("A token: requestToken([\"user_info\", \"write_invoices\"])")
  const token = yield* requestToken("user_info", "write_invoices")
  yield* Print.row("value", token.value)
  yield* Print.row("scopes", token.scopes.join(", "))
  yield* Print.row(
    "expires",
    `${DateTime.formatIso(token.expiresAt)}, in ${Duration.format(yield* AccessToken.remaining(token))}`
  )
  yield* Print.row("claims", "decoded, not verified:")
  const claims = yield* AccessToken.claims(token)
  yield* Effect.forEach(Object.entries(claims), ([name, claim]) => Print.row(`  ${name}`, JSON.stringify(claim)))
})

const callApi = (url: string) =>
  Effect.gen(function*() {
    yield* Print.heading("A call with the token: AuthorizedHttpClient.get(\"/whoami\")")
    const http = yield* AuthorizedHttpClient.AuthorizedHttpClient
    yield* Print.row("status", (yield* http.get(`${url}/whoami`)).status)

    yield* Print.heading("A URL that is not of the API: nothing is sent")
    yield* Effect.flip(http.get("https://accounts.tilia-inc.com.evil.example")).pipe(
      Effect.flatMap((error) => error._tag === "ForbiddenOriginError" ? Print.error(error) : Effect.fail(error))
    )
  })

const refusals = Effect.gen(function*() {
  yield* Print.heading("A scope that this client may not request")
  yield* Effect.flatMap(Effect.flip(requestToken("rule_the_world")), Print.error)

  yield* Print.heading("A malformed scope: nothing is sent")
  yield* Effect.flatMap(Effect.flip(requestToken("user info")), Print.error)
})

const outages = Effect.gen(function*() {
  const { script } = yield* Sandbox.Sandbox
  yield* Print.heading("Two failures, and then the server is back: the endpoint retries by itself")
  yield* script([Faults.status(503), Faults.reset])
  const [time] = yield* Effect.timed(requestToken("user_info"))
  yield* Print.row("token", `after ${Math.round(Duration.toMillis(time))} ms, at the third attempt`)

  yield* Print.heading("An outage that does not end")
  yield* script(Faults.forever(Faults.status(503, { body: "<h1>Closed for maintenance</h1>" })))
  yield* Effect.flatMap(Effect.flip(requestToken("user_info")), Print.error)

  yield* Print.heading("A server that asks for a pause of one hour: the request fails at once, without a retry")
  yield* script([Faults.status(429, { headers: { "retry-after": "3600" } })])
  const error = yield* Effect.flip(requestToken("user_info"))
  yield* Print.error(error)
  const retryAfter = error._tag === "RateLimitedError" ? error.retryAfter : undefined
  yield* Print.row("retryAfter", retryAfter === undefined ? "none" : Duration.format(retryAfter))
})

const demo = Effect.gen(function*() {
  const { url } = yield* NodeSandbox.NodeSandbox
  yield* Print.heading("A sandbox of the Tilia API")
  yield* Print.row("listens at", url)

  const environment = { authUrl: url, apiOrigins: [url] }
  const options = { environment, ...Sandbox.wellKnown, scopes }

  yield* Effect.gen(function*() {
    yield* showToken
    yield* callApi(url)
    yield* refusals
    yield* outages
  }).pipe(Effect.provide(NodeTilia.layer(options)))

  yield* (yield* Sandbox.Sandbox).script([])
  yield* Print.heading("A wrong secret")
  yield* requestToken("user_info").pipe(
    Effect.flip,
    Effect.flatMap(Print.error),
    Effect.provide(NodeTilia.layer({ ...options, clientSecret: crypto.randomUUID() }))
  )

  yield* Print.heading("A malformed secret: the error names the setting and does not show the value")
  yield* Effect.flip(
    requestToken("user_info").pipe(
      Effect.provide(NodeTilia.layer({ ...options, clientSecret: "hunter2" }))
    )
  ).pipe(Effect.flatMap(Print.error))
})

/** Runs against a sandbox of its own. Its tokens have a lifetime of four seconds, and are renewed after two. */
const outage = Effect.gen(function*() {
  const { url } = yield* NodeSandbox.NodeSandbox
  yield* Print.heading("A lifetime of 4 seconds, 50 calls per second, and an outage of the token endpoint")
  yield* Effect.provide(
    timeline,
    NodeTilia.layer({
      environment: { authUrl: url, apiOrigins: [url] },
      ...Sandbox.wellKnown,
      scopes,
      source: { refreshAt: 0.5 }
    })
  )
}).pipe(Effect.provide(NodeSandbox.layer({ tokenLifetime: "4 seconds" })))

demo.pipe(
  Effect.provide(NodeSandbox.layer()),
  Effect.zipRight(outage),
  Logger.withMinimumLogLevel(LogLevel.None), // the demo prints the same events itself
  NodeRuntime.runMain
)
