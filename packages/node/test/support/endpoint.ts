import { ClientCredentials, Environment, TokenEndpoint } from "@effect-tilia/core"
import { Sandbox } from "@effect-tilia/sandbox"
import { leakProbe } from "@effect-tilia/testing"
import type { HttpClient } from "@effect/platform/HttpClient"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const { clientId, clientSecret } = Sandbox.wellKnown

/** A token endpoint at this URL, over this client. It tries twice, with almost no wait between the attempts. */
export const endpointAt = (authUrl: string, client: Layer.Layer<HttpClient>, options: TokenEndpoint.Options = {}) =>
  TokenEndpoint.layer({ retry: { maxAttempts: 2, baseDelay: "1 millis" }, ...options }).pipe(
    Layer.provide([ClientCredentials.layer({ clientId, clientSecret }), Environment.layer({ authUrl }), client])
  )

/** Requests a token. Checks that neither the result nor a log, a span or a metric shows the secret (E8). */
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
