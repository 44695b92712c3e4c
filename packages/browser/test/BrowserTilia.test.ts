/*
 * A real page, its own server with a mediator, and the sandbox behind that.
 */
import { BrowserTilia } from "@effect-tilia/browser"
import { AuthorizedHttpClient, TokenSource } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

const live = BrowserTilia.layer({
  mediatorUrl: "/tilia/token",
  environment: { authUrl: location.origin, apiOrigins: [location.origin] },
  scopes: ["user_info"],
  retry: { maxAttempts: 1 }
}).pipe(Layer.provide(Logger.minimumLogLevel(LogLevel.None)))

const loggedIn = Effect.acquireRelease(
  Effect.sync(() => {
    document.cookie = "session=1"
  }),
  () =>
    Effect.sync(() => {
      document.cookie = "session=1; max-age=0"
    })
)

describe("a page with a mediator", () => {
  it.scopedLive("a page gets a token by its session cookie and calls the API with it", () =>
    Effect.gen(function*() {
      yield* loggedIn
      const client = yield* AuthorizedHttpClient.AuthorizedHttpClient
      const response = yield* client.get(`${location.origin}/whoami`)
      expect(response.status).toBe(200)
      expect((yield* TokenSource.TokenSource).peek()).toMatchObject({ _tag: "Some", value: { scopes: ["user_info"] } })
    }).pipe(Effect.provide(live)))

  it.scopedLive("a page without a logged-in user gets an InvalidClientError instead of a token (M2)", () =>
    Effect.gen(function*() {
      const { get } = yield* TokenSource.TokenSource
      expect(yield* Effect.flip(get)).toMatchObject({ _tag: "InvalidClientError", status: 401 })
    }).pipe(Effect.provide(live)))

  it.effect("BrowserTilia.layer rejects an invalid mediatorUrl and names it", () =>
    Effect.gen(function*() {
      const wrong = BrowserTilia.layer({
        mediatorUrl: "//elsewhere.example/token",
        environment: { authUrl: location.origin },
        scopes: ["user_info"]
      })
      const error = yield* Effect.flip(Effect.provide(TokenSource.TokenSource, wrong))
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "mediatorUrl" })
    }))
})
