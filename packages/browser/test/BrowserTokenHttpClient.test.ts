import { BrowserTokenHttpClient } from "@effect-tilia/browser"
import { ClientCredentials, Environment, TokenEndpoint } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { inject } from "vitest"

describe("browser", () => {
  it.effect("row 1: refused", () =>
    Effect.gen(function*() {
      const endpoint = yield* TokenEndpoint.TokenEndpoint
      const error = yield* Effect.flip(endpoint.requestToken(["a"]))
      expect(error).toMatchObject({ _tag: "TokenTransportError", reason: "Other" })
    }).pipe(Effect.provide(
      TokenEndpoint.layer({ retry: { maxAttempts: 1 } }).pipe(Layer.provide([
        ClientCredentials.layer({
          clientId: "3f2bfe5b-19b8-41c1-88d7-70a1586bce94",
          clientSecret: "9bc00ca4-937e-4946-bdb5-0814b603334d"
        }),
        Environment.layer({ authUrl: inject("stage") }),
        BrowserTokenHttpClient.layer
      ]))
    )))
})
