import { ClientCredentials, Environment, TokenEndpoint } from "@effect-tilia/core"
import { MockHttpClient } from "@effect-tilia/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import { clientId, clientSecret } from "../fixtures/vendorSample.js"

export const authUrl = "http://localhost:1"

/** A token, as the vendor's page shows it. */
export const token = {
  access_token: "abc",
  token_type: "Bearer",
  expires_in: "3600",
  scope: "user_info"
}

/** A client without a network, and token endpoints over it, or over what was made of it. */
export const mocked = (
  handle: MockHttpClient.Handler,
  adapt: (client: HttpClient.HttpClient) => HttpClient.HttpClient = identity
) =>
  Effect.map(MockHttpClient.make(handle), (mock) => ({
    ...mock,
    layer: (options: TokenEndpoint.Options = {}, credentials = ClientCredentials.layer({ clientId, clientSecret })) =>
      TokenEndpoint.layer(options).pipe(
        Layer.provide([
          credentials,
          Environment.layer({ authUrl }),
          Layer.succeed(HttpClient.HttpClient, adapt(mock.client))
        ])
      )
  }))

export const requestToken = Effect.flatMap(TokenEndpoint.TokenEndpoint, (_) => _.requestToken(["user_info"]))
