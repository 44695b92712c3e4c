/*
 * A token endpoint over an HTTP client whose answers are scripted, on the test's clock.
 */
import { ClientCredentials, Environment, TokenEndpoint } from "@effect-tilia/core"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const clientId = "3f2bfe5b-19b8-41c1-88d7-70a1586bce94"
export const clientSecret = "9bc00ca4-937e-4946-bdb5-0814b603334d"
export const tokenUrl = "http://localhost:1/token"

export const token = {
  access_token: "abc",
  token_type: "Bearer",
  expires_in: "3600",
  scope: "user_info"
}

export type Script = (
  request: HttpClientRequest.HttpClientRequest,
  n: number
) => Effect.Effect<Response, HttpClientError.HttpClientError>

export const answer =
  (status: number, body: unknown = "", headers: Readonly<Record<string, string>> = {}): Script => () =>
    Effect.sync(() =>
      new Response(status === 204 || status === 304 ? null : typeof body === "string" ? body : JSON.stringify(body), {
        status,
        headers
      })
    )

/** The script's answers in turn, the last for ever. */
export const inTurn = (...scripts: readonly [Script, ...ReadonlyArray<Script>]): Script => (request, n) =>
  (scripts[Math.min(n, scripts.length - 1)] ?? scripts[0])(request, n)

/** A client that plays a script and notes when each request was sent, in milliseconds. */
export const scripted = (script: Script) => {
  const sentAt: Array<number> = []
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make((request) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      sentAt.push(now)
      requests.push(request)
      return Effect.map(
        script(request, requests.length - 1),
        (response) => HttpClientResponse.fromWeb(request, response)
      )
    })
  )
  const layer = (options: TokenEndpoint.Options = {}) =>
    TokenEndpoint.layer(options).pipe(Layer.provide([
      ClientCredentials.layer({ clientId, clientSecret }),
      Environment.layer({ authUrl: "http://localhost:1" }),
      Layer.succeed(HttpClient.HttpClient, client)
    ]))
  return { sentAt, requests, client, layer }
}

export const requestToken = Effect.flatMap(TokenEndpoint.TokenEndpoint, (_) => _.requestToken(["user_info"]))
