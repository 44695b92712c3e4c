/*
 * What all tests of `adapterContract` use: the client under test, a token endpoint over it, and tests with scripted
 * servers.
 */
import { ClientCredentials, Environment, TokenEndpoint } from "@effect-tilia/core"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import { leakProbe } from "@effect-tilia/testing/leakProbe"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import { expect, it } from "vitest"
import { type Script, ScriptedServer } from "../ScriptedServer.js"
import { retryIfBusy } from "./busy.js"
import type { Options } from "./options.js"

export const { clientId, clientSecret } = Sandbox.wellKnown

export const tokenText = "eyJhbGciOiJSUzUxMiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
/** The body of a response that grants the token. */
export const token = {
  access_token: tokenText,
  token_type: "Bearer",
  expires_in: "3600",
  scope: "user_info,write_invoices"
}

/** The client under test, and what it does in its own way. */
export interface Subject extends Options {
  readonly client: Layer.Layer<HttpClient.HttpClient>
  readonly server: Layer.Layer<ScriptedServer>
  /** The titles of the tests that have been declared. */
  readonly titles: Array<string>
}

/**
 * In milliseconds. It only ends a test that hangs, on however busy a machine. An attempt ends before it, so that the
 * test says why it has failed.
 */
const testTimeout = 60_000

/** A token endpoint at this URL. It tries twice, with almost no wait between, and ends before the tests time out. */
export const endpointAt = (
  url: string,
  client: Layer.Layer<HttpClient.HttpClient>,
  options: TokenEndpoint.Options = {}
) =>
  TokenEndpoint.layer({ retry: { maxAttempts: 2, baseDelay: "1 millis" }, attemptTimeout: "25 seconds", ...options })
    .pipe(Layer.provide([
      ClientCredentials.layer({ clientId, clientSecret }),
      Environment.layer({ authUrl: url }),
      client
    ]))

/**
 * Requests a token. Checks that neither the result nor a log, a span or a metric shows the secret or the token (E8).
 */
export const requestToken = Effect.flatMap(
  TokenEndpoint.TokenEndpoint,
  (endpoint) => endpoint.requestToken(["user_info", "write_invoices"])
).pipe(
  (request) => leakProbe(request, [clientSecret, tokenText]),
  Effect.flatMap(({ exit, leaks }) => {
    expect(leaks).toStrictEqual([])
    return exit
  })
)

/** Requests a token through an endpoint and a client of its own. */
export const requestTokenAt = (...endpoint: Parameters<typeof endpointAt>) =>
  Effect.provide(requestToken, endpointAt(...endpoint))

/** The error of an effect that must fail. */
export const errorOf = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<E, never, R> =>
  Effect.orDieWith(Effect.flip(self), () => new Error("It succeeded."))

/**
 * Compares only these fields, because vitest crashes when it prints how a whole error of Effect differs from a record.
 */
export const expectError = (error: object, expected: Readonly<Record<string, unknown>>): void =>
  expect(Record.map(expected, (_, field) => Predicate.hasProperty(error, field) ? error[field] : undefined))
    .toStrictEqual(expected)

/** The fields of a `TokenTransportError`, with the reason that this client can tell. */
export const transportError = ({ hidesReasons = false }: Options, reason: "Refused" | "Dns" | "Reset" | "Tls") => ({
  _tag: "TokenTransportError",
  reason: hidesReasons ? "Other" : reason,
  attempts: reason === "Tls" && !hidesReasons ? 1 : 2 // a failure of TLS is not retried (E7)
})

/** Declares a test. It is skipped if `except` has a reason for its title, or if `skipReason` is one. */
export const makeTest = ({ except = {}, server, titles }: Subject) =>
(
  title: string,
  body: () => Effect.Effect<unknown, unknown, Scope.Scope | ScriptedServer>,
  skipReason?: string | false
): void => {
  titles.push(title)
  const reason = Object.entries(except).find(([start]) => title.startsWith(start))?.[1] ?? skipReason
  it(title, { timeout: testTimeout }, async ({ signal, skip }) => {
    if (typeof reason === "string") return skip(reason)
    const exit = await Effect.runPromiseExit(
      Effect.suspend(body).pipe(Effect.scoped, Effect.provide(server), retryIfBusy),
      { signal }
    )
    if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  })
}

/** Opens a server with this script. */
export const open = (script: Script) => Effect.flatMap(ScriptedServer, ({ open }) => open(script))

/** Compresses bytes by an API that both pages and Node have. */
export const gzip = (bytes: Uint8Array): Effect.Effect<Uint8Array> =>
  Effect.promise(async () => {
    const compressed = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new CompressionStream("gzip"))
    return new Uint8Array(await new Response(compressed).arrayBuffer())
  })
