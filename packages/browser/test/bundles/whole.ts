/*
 * The page of bare.ts with everything that this library has for a page: the client that adds the token, and the store
 * of the tabs (P7).
 */
import * as BrowserTilia from "@effect-tilia/browser/BrowserTilia"
import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as Environment from "@effect-tilia/core/Environment"
import * as Effect from "effect/Effect"

const program = Effect.gen(function*() {
  const client = yield* AuthorizedHttpClient.AuthorizedHttpClient
  const response = yield* client.get("https://accounts.staging.tilia-inc.com/v1/me")
  yield* Effect.log(yield* response.json)
})

Effect.runFork(Effect.provide(
  program,
  BrowserTilia.layer({ mediatorUrl: "/tilia/token", environment: Environment.staging, scopes: ["user_info"] })
))
