/*
 * The page of bare.ts with this library, which also does what that page lacks (P7).
 */
import * as BrowserTokenHttpClient from "@effect-tilia/browser/BrowserTokenHttpClient"
import * as TokenMediator from "@effect-tilia/core/TokenMediator"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

const program = Effect.gen(function*() {
  const client = yield* HttpClient.HttpClient
  const { get } = yield* TokenSource.TokenSource
  const { value } = yield* get
  const response = yield* HttpClientRequest.get("https://accounts.staging.tilia-inc.com/v1/me").pipe(
    HttpClientRequest.bearerToken(Redacted.value(value)),
    client.execute
  )
  yield* Effect.log(yield* response.json)
})

Effect.runFork(Effect.provide(
  program,
  TokenSource.layer({ scopes: ["user_info"] }).pipe(
    Layer.provide(TokenMediator.layer({ mediatorUrl: "/tilia/token" })),
    Layer.provideMerge(BrowserTokenHttpClient.layer)
  )
))
