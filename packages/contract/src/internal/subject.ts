/*
 * What the contract's tests are written in: a client, what it can't do, and a test over a scripted server.
 */
import { ClientCredentials, Environment, TokenEndpoint } from "@effect-tilia/core"
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
import type { Options } from "./options.js"

/** The vendor page's pair. */
export const clientId = "3f2bfe5b-19b8-41c1-88d7-70a1586bce94"
export const clientSecret = "9bc00ca4-937e-4946-bdb5-0814b603334d"

export const tokenText = "eyJhbGciOiJSUzUxMiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
export const token = {
  access_token: tokenText,
  token_type: "Bearer",
  expires_in: "3600",
  scope: "user_info,write_invoices"
}

export interface Subject extends Options {
  readonly client: Layer.Layer<HttpClient.HttpClient>
  readonly server: Layer.Layer<ScriptedServer>
  /** The names of the tests that were declared. */
  readonly titles: Array<string>
}

/** A token endpoint that tries twice, with next to no wait between, and for no longer than the tests have patience. */
export const endpointAt = (
  url: string,
  client: Layer.Layer<HttpClient.HttpClient>,
  options: TokenEndpoint.Options = {}
) =>
  TokenEndpoint.layer({ retry: { maxAttempts: 2, baseDelay: "1 millis" }, attemptTimeout: "3 seconds", ...options })
    .pipe(Layer.provide([
      ClientCredentials.layer({ clientId, clientSecret }),
      Environment.layer({ authUrl: url }),
      client
    ]))

/** Asks for a token. Whatever comes of it, neither secret nor token is printed, logged, traced or counted (E8). */
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

/** One token request, over a client of its own. */
export const ask = (...endpoint: Parameters<typeof endpointAt>) => Effect.provide(requestToken, endpointAt(...endpoint))

/** The error of a request that must fail. */
export const errorOf = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<E, never, R> =>
  Effect.orDieWith(Effect.flip(self), () => new Error("It succeeded."))

/**
 * Compares the named fields only: vitest doesn't survive a difference between a whole error of Effect's and a record.
 */
export const expectError = (error: object, expected: Readonly<Record<string, unknown>>): void =>
  expect(Record.map(expected, (_, field) => Predicate.hasProperty(error, field) ? error[field] : undefined))
    .toStrictEqual(expected)

/** The error of a transport failure, as well as this client can tell. */
export const transport = ({ hidesReasons = false }: Options, reason: "Refused" | "Dns" | "Reset" | "Tls") => ({
  _tag: "TokenTransportError",
  reason: hidesReasons ? "Other" : reason,
  attempts: reason === "Tls" && !hidesReasons ? 1 : 2 // E7
})

/** A test, which is skipped where there is a reason: one that an option gives, or the given one. */
export const testOver = ({ except = {}, server, titles }: Subject) =>
(
  title: string,
  body: () => Effect.Effect<unknown, unknown, Scope.Scope | ScriptedServer>,
  missing?: string | false
): void => {
  titles.push(title)
  const reason = Object.entries(except).find(([start]) => title.startsWith(start))?.[1] ?? missing
  it(title, { timeout: 20_000 }, async ({ signal, skip }) => {
    if (typeof reason === "string") return skip(reason)
    const exit = await Effect.runPromiseExit(
      Effect.suspend(body).pipe(Effect.scoped, Effect.provide(server)),
      { signal }
    )
    if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  })
}

export const open = (script: Script) => Effect.flatMap(ScriptedServer, ({ open }) => open(script))

/** Bytes in gzip's form, made by what pages and Node both have. */
export const gzipped = (bytes: Uint8Array): Effect.Effect<Uint8Array> =>
  Effect.promise(async () => {
    const packed = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new CompressionStream("gzip"))
    return new Uint8Array(await new Response(packed).arrayBuffer())
  })
