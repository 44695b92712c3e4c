/*
 * A mediator in memory, on the test's clock: a vendor that answers as it is told, the application, and a browser over
 * it.
 */
import { type AccessToken, type Scopes, TokenEndpoint, type TokenError, TokenSources } from "@effect-tilia/core"
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import { InMemoryHttpClient, TestAccessToken } from "@effect-tilia/testing"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const origin = "https://shop.example"
export const mediatorUrl = `${origin}/tilia/token`

/** What a browser says of a request by one of the application's pages. */
export const samePage: Readonly<Record<string, string>> = { "sec-fetch-site": "same-origin", origin }

/** A token whose text is a JWT of its own, by the number of the request. */
export const jwt = (n: number, scopes: Scopes.Input, options: TestAccessToken.Options = {}) =>
  Effect.orDie(TestAccessToken.make({ scopes, ...options, claims: { jti: `token-${n}`, scopes, ...options.claims } }))

/** An authorization server, and the scopes of each token that it was asked for. */
export const vendor = (
  answer: (n: number, scopes: Scopes.Input) => Effect.Effect<AccessToken.AccessToken, TokenError.TokenError> = jwt
) => {
  const asked: Array<Scopes.Input> = []
  const endpoint = Layer.succeed(TokenEndpoint.TokenEndpoint, {
    requestToken: (scopes) => Effect.suspend(() => answer(asked.push(scopes) - 1, scopes))
  })
  return { asked, sources: Layer.provide(TokenSources.layer(), endpoint) }
}

/** Everybody may have this scope. */
export const everybody = () => Effect.succeed(["user_info"])

/** An application, and what its `authorize` was asked for. */
export const application = <R = never>(
  options: Partial<TokenMediatorServer.Options<R>> & {
    readonly sources?: Layer.Layer<TokenSources.TokenSources, TokenError.InvalidInputError>
  } = {}
) =>
  Effect.gen(function*() {
    const { authorize = everybody, sources = vendor().sources, ...others } = options
    const asked: Array<Scopes.Scopes> = []
    const app = yield* TokenMediatorServer.make<R>({
      origin,
      ...others,
      authorize: (request) => {
        asked.push(request.scopes)
        return authorize(request)
      }
    }).pipe(Effect.provide(yield* Layer.build(sources)))
    return { app, asked }
  })

export const serve = (app: HttpApp.Default, request: Request): Effect.Effect<Response> =>
  Effect.flatMap(Effect.runtime<never>(), (runtime) =>
    app.pipe(
      Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request)),
      Effect.map((response) => HttpServerResponse.toWeb(response, { runtime }))
    ))

/** A browser that shows one of the application's pages. */
export const browser = (app: HttpApp.Default): Effect.Effect<HttpClient.HttpClient> =>
  Effect.map(InMemoryHttpClient.make(app), HttpClient.mapRequest(HttpClientRequest.setHeaders(samePage)))
