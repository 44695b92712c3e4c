import {
  AuthorizedHttpClient,
  ClientCredentials,
  Environment,
  Tilia,
  TokenEndpoint,
  TokenSource
} from "@effect-tilia/core"
import { leakProbe, linesShowing, MockHttpClient, TestAccessToken } from "@effect-tilia/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Struct from "effect/Struct"
import { clientId, clientSecret } from "./fixtures/vendorSample.js"

const { text } = TestAccessToken

const otherId = "8d2a0b6e-5f0e-4a57-9c3b-1f2e3d4c5b6a"
const otherSecret = "1b3d5f70-92b4-4cd6-8ef0-112233445566"

/** A vendor: it issues `<scopes>-<n>` at every `/token`, and notes who asked where, and what the APIs received. */
const vendor = (apiStatus = 200) => {
  const asked: Array<{ readonly url: string; readonly clientId: string | undefined }> = []
  const received: Array<{ readonly url: string; readonly bearer: string | undefined }> = []
  const http = MockHttpClient.layerHandler(({ body, headers, url }) => {
    if (!url.endsWith("/token")) {
      received.push({ url, bearer: headers["authorization"] })
      return { status: apiStatus, body: {} }
    }
    const form = new URLSearchParams(body)
    const scope = form.get("scope") ?? ""
    asked.push({ url, clientId: form.get("client_id") ?? undefined })
    return {
      body: {
        access_token: `${scope.replace(",", ".")}-${asked.length}`,
        token_type: "Bearer",
        expires_in: 3600,
        scope
      }
    }
  })
  return { asked, received, http }
}

const one: Tilia.Options = {
  environment: { authUrl: "https://auth.one.example", apiOrigins: ["https://api.one.example"] },
  clientId,
  clientSecret,
  scopes: ["user_info"]
}

const two: Tilia.Options = {
  environment: { authUrl: "https://auth.two.example/p", apiOrigins: ["https://api.two.example"] },
  clientId: otherId,
  clientSecret: otherSecret,
  scopes: ["read_kycs"]
}

const call = (url: string) => Effect.flatMap(AuthorizedHttpClient.AuthorizedHttpClient, (client) => client.get(url))

describe("Tilia.layer", () => {
  it.effect("Tilia.layer provides one lazy source, a client that carries its token, and the endpoint", () =>
    Effect.gen(function*() {
      const { asked, http, received } = vendor()
      yield* Effect.gen(function*() {
        const source = yield* TokenSource.TokenSource
        expect(asked).toStrictEqual([])
        yield* call("https://api.one.example/v1")
        yield* call("https://api.one.example/v2")
        expect(text(yield* source.get)).toBe("user_info-1")
        expect(yield* Effect.flip(call("https://api.two.example/"))).toMatchObject({ _tag: "ForbiddenOriginError" })
        const { requestToken } = yield* TokenEndpoint.TokenEndpoint
        expect(text(yield* requestToken(["read_kycs"]))).toBe("read_kycs-2")
      }).pipe(Effect.provide(Layer.provide(Tilia.layer(one), http)))
      expect(asked.map(({ url }) => url)).toStrictEqual(Array(2).fill("https://auth.one.example/token"))
      expect(received).toStrictEqual([
        { url: "https://api.one.example/v1", bearer: "Bearer user_info-1" },
        { url: "https://api.one.example/v2", bearer: "Bearer user_info-1" }
      ])
    }))

  it.effect("Tilia.layer takes a named environment", () =>
    Effect.gen(function*() {
      const { asked, http } = vendor()
      const layer = Layer.provide(Tilia.layer({ ...one, environment: Environment.staging }), http)
      yield* Effect.provide(call("https://wallets.staging.tilia-inc.com/v2"), layer)
      expect(asked).toStrictEqual([{ url: "https://auth.staging.tilia-inc.com/token", clientId }])
    }))

  it.effect("Tilia.layer passes each option on to the part that it is for", () =>
    Effect.gen(function*() {
      const { asked, http, received } = vendor(401)
      const layer = Tilia.layer({ ...one, replay: "never", source: { start: "eager" } })
      yield* Effect.gen(function*() {
        yield* TokenSource.TokenSource
        while (asked.length === 0) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        expect((yield* call("https://api.one.example/")).status).toBe(401)
        expect(received.length).toBe(1)
      }).pipe(Effect.provide(Layer.provide(layer, http)))
    }))

  it.effect("the client that Tilia.layer and layerWith are given for API calls sends those, and no token request", () =>
    Effect.gen(function*() {
      const context = Layer.merge(
        ClientCredentials.layer({ clientId, clientSecret }),
        Environment.layer(one.environment)
      )
      for (
        const layer of [
          Tilia.layer,
          (options: Tilia.Options, clients?: Tilia.Clients) => Layer.provide(Tilia.layerWith(options, clients), context)
        ]
      ) {
        const [tokens, apis] = [vendor(), vendor()]
        const api = yield* Effect.provide(HttpClient.HttpClient, apis.http)
        yield* Effect.provide(call("https://api.one.example/v1"), Layer.provide(layer(one, { api }), tokens.http))
        expect([tokens.asked.length, tokens.received.length]).toStrictEqual([1, 0])
        expect(apis.asked).toStrictEqual([])
        expect(apis.received).toStrictEqual([{ url: "https://api.one.example/v1", bearer: "Bearer user_info-1" }])
      }
    }))

  it.effect.each<[string, Partial<Tilia.Options>]>([
    ["clientId", { clientId: "x" }],
    ["clientSecret", { clientSecret: "swordfish" }],
    ["authUrl", { environment: { authUrl: "http://swordfish@one.example" } }],
    ["apiOrigins", { environment: { authUrl: "https://one.example", apiOrigins: ["http://one.example"] } }],
    ["scopes", { scopes: [] }],
    ["budget", { budget: 0 }],
    ["refreshAt", { source: { refreshAt: 1 } }]
  ])(
    "Tilia.layer refuses a bad value of %s before it sends a request (E2)",
    ([setting, options]) =>
      Effect.gen(function*() {
        const { asked, http } = vendor()
        const error = yield* Effect.flip(Layer.build(Layer.provide(Tilia.layer({ ...one, ...options }), http)))
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
        expect(linesShowing("swordfish", error)).toStrictEqual([])
        expect(asked).toStrictEqual([])
      }).pipe(Effect.scoped)
  )
})

describe("credentials as an option", () => {
  it.effect("an Effect in `credentials` yields the id and the secret of each token request", () =>
    Effect.gen(function*() {
      const { asked, http } = vendor()
      const credentials = Effect.succeed({ clientId: otherId, clientSecret: otherSecret })
      const { environment, scopes } = one
      const layer = Layer.provide(Tilia.layer({ credentials, environment, scopes }), http)
      yield* Effect.provide(Effect.flatMap(TokenSource.TokenSource, ({ get }) => get), layer)
      expect(asked.map(({ clientId }) => clientId)).toStrictEqual([otherId])
    }))

  it.effect("`credentials: undefined` leaves the id and the secret in force", () =>
    Effect.gen(function*() {
      const { asked, http } = vendor()
      const options = { ...one, credentials: undefined }
      yield* Effect.provide(
        Effect.flatMap(TokenSource.TokenSource, ({ get }) => get),
        Layer.provide(Tilia.layer(options), http)
      )
      expect(asked).toHaveLength(1)
      expect(asked[0]?.clientId).not.toBe(otherId)
    }))
})

describe("Credentials that are no Effect", () => {
  const pair = { clientId, clientSecret }

  const options: Tilia.Options = { ...pair, environment: "staging", scopes: ["a"] }

  it.scoped.each<[string, unknown]>([
    ["an object", pair],
    ["a Promise", Promise.resolve(pair)],
    ["a function", () => pair]
  ])(
    "are an InvalidInputError as the Layer is built, and are not printed, as %s (E8)",
    ([, credentials]) =>
      Effect.gen(function*() {
        const layer = Tilia.layer(Object.assign({ ...options }, { credentials }))
        const { exit, leaks } = yield* leakProbe(Layer.build(layer), [clientSecret])
        expect(String(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : exit._tag)).toContain(
          "credentials must be an Effect"
        )
        expect(leaks).toStrictEqual([])
      }).pipe(Effect.provide(MockHttpClient.layer()))
  )

  it.effect("are an InvalidInputError at the request, where the credentials alone are a Layer (E8)", () =>
    Effect.gen(function*() {
      const effect: Effect.Effect<ClientCredentials.Options> = Object.assign(Object.create(null), pair)
      const { current } = yield* Effect.provide(
        ClientCredentials.ClientCredentials,
        ClientCredentials.layerEffect(effect)
      )
      expect(yield* Effect.flip(current)).toMatchObject({ _tag: "InvalidInputError", setting: "credentials" })
    }))
})

describe("Tilia.layerConfig", () => {
  const settings = {
    TILIA_CLIENT_ID: clientId,
    TILIA_CLIENT_SECRET: clientSecret,
    TILIA_SCOPES: "user_info,read_kycs",
    TILIA_ENVIRONMENT: "staging"
  }
  const configured = (settings: Readonly<Record<string, string>>) =>
    ConfigProvider.fromMap(new Map(Object.entries(settings)))
  const withProvider = (provider: ConfigProvider.ConfigProvider) =>
    Layer.provide(Tilia.layerConfig(), Layer.setConfigProvider(provider))

  it.effect("Tilia.layerConfig reads all settings from Config", () =>
    Effect.gen(function*() {
      const { asked, http, received } = vendor()
      const layer = Layer.provide(withProvider(configured(settings)), http)
      yield* Effect.provide(call("https://wallets.staging.tilia-inc.com/v2"), layer)
      expect(asked).toStrictEqual([{ url: "https://auth.staging.tilia-inc.com/token", clientId }])
      expect(received).toMatchObject([{ bearer: "Bearer user_info.read_kycs-1" }])
    }))

  const refusal = Effect.fnUntraced(function*(settings: Readonly<Record<string, string>>) {
    const { asked, http } = vendor()
    const error = yield* Effect.flip(Layer.build(Layer.provide(withProvider(configured(settings)), http)))
    expect(asked).toStrictEqual([])
    expect(linesShowing(/swordfish/, error)).toStrictEqual([])
    return String(error)
  })

  it.scoped("Tilia.layerConfig names every setting that is missing", () =>
    Effect.gen(function*() {
      const said = yield* refusal({})
      for (const name of Object.keys(settings)) expect(said).toContain(name)
      const others = Struct.omit(settings, "TILIA_CLIENT_ID")
      expect(yield* refusal(others)).toContain("TILIA_CLIENT_ID")
      for (const name of Object.keys(others)) expect(yield* refusal(others)).not.toContain(name)
    }))

  it.scoped("Tilia.layerConfig names every setting that is wrong and shows no secret", () =>
    Effect.gen(function*() {
      const said = yield* refusal({
        TILIA_CLIENT_ID: "swordfish",
        TILIA_CLIENT_SECRET: "swordfish",
        TILIA_SCOPES: "user info",
        TILIA_ENVIRONMENT: "stagign"
      })
      for (const name of Object.keys(settings)) expect(said).toContain(name)
    }))

  it.scoped("Tilia.layerConfig serves two tenants of a nested ConfigProvider", () =>
    Effect.gen(function*() {
      const { asked, http, received } = vendor()
      const provider = configured({
        "ONE.TILIA_CLIENT_ID": clientId,
        "ONE.TILIA_CLIENT_SECRET": clientSecret,
        "ONE.TILIA_SCOPES": "user_info,read_kycs",
        "ONE.TILIA_ENVIRONMENT": "staging",
        "TWO.TILIA_CLIENT_ID": otherId,
        "TWO.TILIA_CLIENT_SECRET": otherSecret,
        "TWO.TILIA_SCOPES": "write_invoices",
        "TWO.TILIA_AUTH_URL": "https://auth.two.example/p",
        "TWO.TILIA_API_ORIGINS": "https://a.two.example,https://b.two.example"
      })
      const tenant = (name: string) => Layer.provide(withProvider(ConfigProvider.nested(provider, name)), http)
      yield* Effect.provide(call("https://wallets.staging.tilia-inc.com/"), tenant("ONE"))
      yield* Effect.provide(call("https://b.two.example/"), tenant("TWO"))
      expect(asked).toStrictEqual([
        { url: "https://auth.staging.tilia-inc.com/token", clientId },
        { url: "https://auth.two.example/p/token", clientId: otherId }
      ])
      expect(received).toStrictEqual([
        { url: "https://wallets.staging.tilia-inc.com/", bearer: "Bearer user_info.read_kycs-1" },
        { url: "https://b.two.example/", bearer: "Bearer write_invoices-2" }
      ])
    }))
})

describe("Tilia.make", () => {
  it.scoped("Tilia.make serves two tenants in one process, which share nothing", () =>
    Effect.gen(function*() {
      const { asked, http, received } = vendor()
      const [first, second] = yield* Effect.provide(Effect.all([Tilia.make(one), Tilia.make(two)]), http)
      yield* first.client.get("https://api.one.example/")
      yield* second.client.get("https://api.two.example/")
      expect(yield* Effect.flip(first.client.get("https://api.two.example/"))).toMatchObject({
        _tag: "ForbiddenOriginError"
      })
      yield* second.source.invalidate(yield* second.source.get)
      expect(text(yield* first.source.get)).toBe("user_info-1")
      expect(text(yield* first.endpoint.requestToken(["read_kycs"]))).toBe("read_kycs-3")
      expect(asked).toStrictEqual([
        { url: "https://auth.one.example/token", clientId },
        { url: "https://auth.two.example/p/token", clientId: otherId },
        { url: "https://auth.one.example/token", clientId }
      ])
      expect(received).toStrictEqual([
        { url: "https://api.one.example/", bearer: "Bearer user_info-1" },
        { url: "https://api.two.example/", bearer: "Bearer read_kycs-2" }
      ])
    }))

  it.scoped("Tilia.make makes a new source at every call, even with the same options", () =>
    Effect.gen(function*() {
      const { asked, http } = vendor()
      const [first, second] = yield* Effect.provide(Effect.all([Tilia.make(one), Tilia.make(one)]), http)
      yield* first.source.get
      yield* second.source.get
      expect(asked.length).toBe(2)
    }))

  it.effect("the source of Tilia.make ends when its scope closes", () =>
    Effect.gen(function*() {
      const { http } = vendor()
      const scope = yield* Scope.make()
      const { source } = yield* Tilia.make(one).pipe(Effect.provide(http), Scope.extend(scope))
      yield* source.get
      yield* Scope.close(scope, Exit.void)
      expect(Exit.isInterrupted(yield* Effect.exit(source.get))).toBe(true)
    }))
})
