import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as Tilia from "@effect-tilia/core/Tilia"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as SandboxHttpClient from "@effect-tilia/testing/SandboxHttpClient"
import { Effect, Layer } from "effect"

/** The library, over a server in this page. `readSecret` is run at each token request. */
export const layer = (readSecret: Effect.Effect<string>) =>
  Tilia.layer({
    environment: { authUrl: SandboxHttpClient.url, apiOrigins: [SandboxHttpClient.url] },
    credentials: Effect.map(readSecret, (clientSecret) => ({ clientId: Sandbox.wellKnown.clientId, clientSecret })),
    scopes: ["user_info"]
  }).pipe(Layer.provideMerge(SandboxHttpClient.layer({ tokenLifetime: "30 seconds" })))

/** An application calls the API. It knows nothing of tokens. */
export const callApi = Effect.gen(function*() {
  const http = yield* AuthorizedHttpClient.AuthorizedHttpClient
  const response = yield* http.get(`${SandboxHttpClient.url}/whoami`)
  return response.status
})
