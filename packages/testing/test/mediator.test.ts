/*
 * A page that keeps a token and calls the vendor's API with it, its own server, and the sandbox behind that (M1–M5).
 */
import { AuthorizedHttpClient, Environment, Tilia, TokenMediator, TokenSource, TokenSources } from "@effect-tilia/core"
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import { Faults, Sandbox } from "@effect-tilia/sandbox"
import { InMemoryHttpClient, leakProbe, SandboxHttpClient, TestAccessToken } from "@effect-tilia/testing"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"

const { text } = TestAccessToken
const origin = "https://shop.example"

/** A browser that shows one of the application's pages. */
const browser = (app: HttpApp.Default): Effect.Effect<HttpClient.HttpClient> =>
  Effect.map(
    InMemoryHttpClient.make(app),
    HttpClient.mapRequest(HttpClientRequest.setHeader("sec-fetch-site", "same-origin"))
  )

/** The sandbox, the server and a page. The page has a TokenSource, and a client for the API. */
const world = (options: Partial<TokenSource.Options> = {}) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(SandboxHttpClient.layer())
    const http = Context.get(context, HttpClient.HttpClient)
    const sandbox = Context.get(context, Sandbox.Sandbox)
    const api = { authUrl: SandboxHttpClient.url, apiOrigins: [SandboxHttpClient.url] }
    const app = yield* TokenMediatorServer.make({ origin, authorize: () => Effect.succeed(["user_info"]) }).pipe(
      Effect.provide(
        yield* Layer.build(
          TokenSources.layer().pipe(
            Layer.provide(Tilia.layer({ environment: api, ...Sandbox.wellKnown, scopes: ["user_info"] })),
            Layer.provide(Layer.succeed(HttpClient.HttpClient, http))
          )
        )
      )
    )
    const inPage = yield* Layer.build(
      AuthorizedHttpClient.layer().pipe(
        Layer.provideMerge(TokenSource.layer({ scopes: ["user_info"], ...options })),
        Layer.provide(
          Layer.provide(
            TokenMediator.layer({ mediatorUrl: `${origin}/tilia/token` }),
            Layer.effect(HttpClient.HttpClient, browser(app))
          )
        ),
        Layer.provide([Environment.layer(api), Layer.succeed(HttpClient.HttpClient, http)])
      )
    )
    return {
      sandbox,
      source: Context.get(inPage, TokenSource.TokenSource),
      client: Context.get(inPage, AuthorizedHttpClient.AuthorizedHttpClient),
      tokenRequests: Effect.map(
        sandbox.received,
        (received) => received.filter(({ path }) => path === "/token").length
      )
    }
  })

/** Repeats a check until it holds. The sandbox signs its tokens in real time, and not on the test's clock. */
const eventually = <A, E>(check: Effect.Effect<A, E>, holds: (value: A) => boolean): Effect.Effect<A, E> =>
  Effect.repeat(Effect.zipLeft(check, Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))), {
    until: holds
  })

const whoami = `${SandboxHttpClient.url}/whoami`

describe("a page, its server and the sandbox", () => {
  it.scoped("ten concurrent callers in a page share one token, and the API accepts it", () =>
    Effect.gen(function*() {
      const { client, source, tokenRequests } = yield* world()
      const tokens = yield* Effect.all(Array.from({ length: 10 }, () => source.get), { concurrency: "unbounded" })
      expect(new Set(tokens.map(text)).size).toBe(1)
      expect((yield* client.get(whoami)).status).toBe(200)
      expect(yield* tokenRequests).toBe(1)
    }))

  it.scoped("the page renews its token after the server did, while callers get tokens (S4)", () =>
    Effect.gen(function*() {
      // Later than on the server, with any jitter. Otherwise the page would first get the rest of the old token.
      const { sandbox, source, tokenRequests } = yield* world({ refreshAt: 0.85 })
      const first = yield* source.get
      yield* TestClock.adjust("46 minutes")
      // In steps that are shorter than the time-out of an attempt. Each step gives the sandbox time to respond.
      for (let step = 0; step < 80; step++) {
        yield* TestClock.adjust("5 seconds")
        yield* source.get
        yield* eventually(sandbox.received, (received) => received.every(({ status }) => status !== undefined))
      }
      const second = yield* source.get
      expect(text(second)).not.toBe(text(first))
      expect(DateTime.toEpochMillis(second.expiresAt)).toBeGreaterThan(DateTime.toEpochMillis(first.expiresAt))
      expect(yield* tokenRequests).toBe(2)
    }))

  it.scoped("two concurrent refreshes in a page yield one new token", () =>
    Effect.gen(function*() {
      const { source, tokenRequests } = yield* world()
      const first = yield* source.get
      yield* TestClock.adjust("1 minute")
      const [second, third] = yield* Effect.all([source.refresh, source.refresh], { concurrency: "unbounded" })
      expect(text(second)).not.toBe(text(first))
      expect(text(third)).toBe(text(second))
      expect(yield* tokenRequests).toBe(2)
    }))

  it.scoped("the page replaces a revoked token and makes the call again (A2)", () =>
    Effect.gen(function*() {
      const { client, sandbox, source, tokenRequests } = yield* world()
      yield* source.get
      yield* TestClock.adjust("1 minute")
      yield* sandbox.revokeAll
      expect((yield* client.get(whoami)).status).toBe(200)
      expect(yield* tokenRequests).toBe(2)
    }))

  it.scoped("an outage of the vendor is a ServiceUnavailableError in the page", () =>
    Effect.gen(function*() {
      const { sandbox, source } = yield* world()
      yield* sandbox.script(Array.from({ length: 100 }, () => Faults.status(503)))
      const fiber = yield* Effect.fork(Effect.flip(source.get))
      const error = yield* Effect.raceFirst(
        Fiber.join(fiber),
        Effect.forever(Effect.zipRight(
          TestClock.adjust("100 millis"),
          Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        ))
      )
      expect(error).toMatchObject({ _tag: "ServiceUnavailableError", status: 503 })
    }))

  it.scoped("nothing that is printed between the sandbox and the page shows the secret or a token (E8)", () =>
    Effect.gen(function*() {
      const { source } = yield* world()
      const token = yield* source.get
      const { exit, leaks } = yield* leakProbe(
        Effect.withSpan(
          Effect.gen(function*() {
            const { source } = yield* world()
            const first = yield* source.get
            yield* TestClock.adjust("1 minute")
            yield* source.invalidate(first)
            return [first, yield* source.get, source.peek()]
          }),
          "page"
        ),
        [Sandbox.wellKnown.clientSecret, text(token), "eyJ"]
      )
      expect(exit._tag).toBe("Success")
      expect(leaks).toStrictEqual([])
    }))
})
