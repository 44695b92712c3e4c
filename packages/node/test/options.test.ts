/*
 * Every option of `NodeTilia.layer` reaches the part that it is for, over real sockets. How `Tilia.layer` of core hands
 * on each option of a source is tested there.
 */
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import {
  always,
  end,
  httpResponse,
  inTurn,
  json,
  type Script,
  send,
  type Server,
  silent,
  until
} from "@effect-tilia/contract/ScriptedServer"
import type { ClientCredentials, Tilia } from "@effect-tilia/core"
import { AuthorizedHttpClient, TokenEndpoint, TokenSource } from "@effect-tilia/core"
import { NodeTilia } from "@effect-tilia/node"
import { expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import { clientId, clientSecret } from "./support/endpoint.js"

const token = { access_token: "abc", token_type: "Bearer", expires_in: "3600", scope: "user_info" }
const other = "8d2a0b6e-5f0e-4a57-9c3b-1f2e3d4c5b6a"

const { open } = Effect.runSync(NodeScriptedServer.make())

type Keys =
  | keyof Tilia.Settings
  | keyof ClientCredentials.Options
  | keyof Tilia.CredentialsEffect
  | keyof Pick<NodeTilia.Options, "environment" | "http">

/** A program with some options, and what it must have come to. No case without its option comes to the same. */
interface Case {
  readonly server: Script
  readonly options: (server: Server) => Partial<NodeTilia.Options>
  readonly check: (made: Context.Context<Tilia.Tilia>, server: Server) => Effect.Effect<void, unknown, Scope.Scope>
}

const resultOf = (made: Context.Context<Tilia.Tilia>, scopes = ["user_info"]) =>
  Effect.either(Context.get(made, TokenEndpoint.TokenEndpoint).requestToken(scopes))

/** The error of a request, and the number of its attempts. */
const fails = (tag: string, attempts: number, scopes?: Array<string>): Case["check"] => (made, { seen }) =>
  Effect.gen(function*() {
    expect(Either.flip(yield* resultOf(made, scopes))).toMatchObject({ right: { _tag: tag, attempts } })
    expect((yield* seen).requests.length).toBe(attempts)
  })

/** The first request shows this text. */
const shows = (text: string): Case["check"] => (made, { seen }) =>
  Effect.gen(function*() {
    yield* Context.get(made, TokenSource.TokenSource).get
    expect((yield* seen).requests[0]).toContain(text)
  })

const granting = always(json(200, token))

const cases: Record<Keys, Case> = {
  scopes: {
    server: always(json(200, { ...token, scope: "read_wallet" })),
    options: () => ({ scopes: ["read_wallet"] }),
    check: shows("&scope=read_wallet")
  },
  clientId: { server: granting, options: () => ({ clientId: other }), check: shows(`client_id=${other}&`) },
  clientSecret: { server: granting, options: () => ({ clientSecret: other }), check: shows(`client_secret=${other}&`) },
  credentials: {
    server: granting,
    options: () => ({ credentials: Effect.succeed({ clientId: other, clientSecret: other }) }),
    check: shows(`client_id=${other}&client_secret=${other}&`)
  },
  environment: {
    server: granting,
    options: ({ url }) => ({ environment: { authUrl: `${url}/prefix` } }),
    check: shows("POST /prefix/token ")
  },
  name: {
    server: granting,
    options: () => ({ name: "billing" }),
    check: (made) =>
      Effect.sync(() => {
        expect(Context.get(made, TokenEndpoint.TokenEndpoint).labels).toMatchObject({ client: "billing" })
      })
  },
  retry: {
    server: always(httpResponse(503)),
    options: () => ({ retry: { maxAttempts: 2, baseDelay: "1 millis" } }),
    check: fails("ServiceUnavailableError", 2)
  },
  budget: { server: silent, options: () => ({ budget: "1 second" }), check: fails("TokenTimeoutError", 1) },
  attemptTimeout: {
    server: silent,
    options: () => ({ attemptTimeout: "500 millis" }), // four attempts of 10 seconds do not fit into the budget
    check: fails("TokenTimeoutError", 4)
  },
  onNarrowedScope: {
    server: granting,
    options: () => ({ onNarrowedScope: "fail" }),
    check: fails("InvalidScopeError", 1, ["user_info", "read_wallet"])
  },
  source: {
    server: granting,
    options: () => ({ source: { start: "eager" } }),
    check: (_, server) => until(server, ({ requests }) => requests.length === 1)
  },
  replay: {
    server: inTurn([send(json(200, token)), end], [send(httpResponse(401)), end]),
    options: ({ url }) => ({ replay: "never", environment: { authUrl: url, apiOrigins: [url] } }),
    check: (made, { seen, url }) =>
      Effect.gen(function*() {
        const response = yield* Context.get(made, AuthorizedHttpClient.AuthorizedHttpClient).get(url)
        expect(response.status).toBe(401)
        const { requests } = yield* seen
        expect(requests.map((request) => request.slice(0, request.indexOf(" ")))).toStrictEqual(["POST", "GET"])
      })
  },
  http: {
    server: { ...granting, tls: "valid" },
    options: ({ authority = "" }) => ({ http: { ca: authority } }),
    check: shows("POST /token ")
  }
}

it.scopedLive.each(Record.toEntries(cases))(
  "NodeTilia.layer hands on the option %s",
  ([, { check, options, server }]) =>
    Effect.gen(function*() {
      const opened = yield* open(server)
      const made = yield* Layer.build(NodeTilia.layer({
        environment: { authUrl: opened.url },
        clientId,
        clientSecret,
        scopes: ["user_info"],
        ...options(opened)
      }))
      yield* check(made, opened)
    })
)
