/*
 * P7: the same page with this library.
 */
import * as BrowserTokenHttpClient from "@effect-tilia/browser/BrowserTokenHttpClient"
import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as Environment from "@effect-tilia/core/Environment"
import * as Tilia from "@effect-tilia/core/Tilia"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const program = Effect.gen(function*() {
  const client = yield* AuthorizedHttpClient.AuthorizedHttpClient
  const response = yield* client.get("https://accounts.staging.tilia-inc.com/v1/me")
  yield* Effect.log(yield* response.json)
})

Effect.runFork(Effect.provide(
  program,
  Layer.provide(
    Tilia.layer({
      clientId: "3f2bfe5b-19b8-41c1-88d7-70a1586bce94",
      clientSecret: "9bc00ca4-937e-4946-bdb5-0814b603334d",
      environment: Environment.staging,
      scopes: ["user_info"]
    }),
    BrowserTokenHttpClient.layer
  )
))
