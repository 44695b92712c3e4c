import { ClientCredentials, Environment, TokenEndpoint } from "@effect-tilia/core"
import { leakProbe } from "@effect-tilia/testing"
import type { HttpClient } from "@effect/platform/HttpClient"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** The vendor page's pair. */
export const clientId = "3f2bfe5b-19b8-41c1-88d7-70a1586bce94"
export const clientSecret = "9bc00ca4-937e-4946-bdb5-0814b603334d"

/** A token endpoint at a URL, over a client, that tries twice and doesn't wait between. */
export const endpointAt = (authUrl: string, client: Layer.Layer<HttpClient>, options: TokenEndpoint.Options = {}) =>
  TokenEndpoint.layer({ retry: { maxAttempts: 2, baseDelay: "1 millis" }, ...options }).pipe(
    Layer.provide([ClientCredentials.layer({ clientId, clientSecret }), Environment.layer({ authUrl }), client])
  )

/** Asks for a token. Whatever comes of it, the secret is in nothing that is printed, logged, traced or counted (E8). */
export const requestToken = Effect.flatMap(
  TokenEndpoint.TokenEndpoint,
  (endpoint) => endpoint.requestToken(["user_info", "write_invoices"])
).pipe(
  (request) => leakProbe(request, [clientSecret]),
  Effect.flatMap(({ exit, leaks }) => {
    expect(leaks).toStrictEqual([])
    return exit
  })
)
