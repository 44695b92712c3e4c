/*
 * A page that requests and keeps a token without this library, with `HttpClient` and `Schema` only (P7).
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Token = Schema.Struct({
  access_token: Schema.String,
  token_type: Schema.String,
  expires_in: Schema.NumberFromString,
  scope: Schema.String
})

const program = Effect.gen(function*() {
  const client = yield* HttpClient.HttpClient
  let held: { readonly token: string; readonly until: number } | undefined
  const get = Effect.gen(function*() {
    if (held !== undefined && Date.now() < held.until) return held.token
    const token = yield* HttpClientRequest.post("/token").pipe(
      HttpClientRequest.bodyUrlParams({ scope: "user_info" }),
      client.execute,
      Effect.flatMap(HttpClientResponse.filterStatusOk),
      Effect.flatMap(HttpClientResponse.schemaBodyJson(Token))
    )
    held = { token: token.access_token, until: Date.now() + token.expires_in * 1000 }
    return held.token
  })
  const response = yield* Effect.flatMap(
    get,
    (token) =>
      HttpClientRequest.get("https://accounts.staging.tilia-inc.com/v1/me").pipe(
        HttpClientRequest.bearerToken(token),
        client.execute
      )
  )
  yield* Effect.log(yield* response.json)
})

Effect.runFork(Effect.provide(program, FetchHttpClient.layer))
