/*
 * Ways to keep a token: ours, and those of other libraries with their defaults. Each library renews a token at another
 * point of its lifetime. So each gets tokens with the lifetime that makes them due for renewal after the same time. All
 * times are in milliseconds.
 */
import * as Azure from "@azure/core-rest-pipeline"
import { AccessToken } from "@effect-tilia/core/AccessToken"
import * as Scopes from "@effect-tilia/core/Scopes"
import * as TokenEndpoint from "@effect-tilia/core/TokenEndpoint"
import { TokenTransportError } from "@effect-tilia/core/TokenError"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { OAuth2Client } from "google-auth-library"
import { ClientCredentials } from "simple-oauth2"
import type { FakeServer } from "./FakeServer.js"

/** A library that keeps a token. */
export interface Cache {
  readonly name: string
  /** The text of a valid token. */
  readonly get: () => Promise<string>
}

const minute = 60_000

/** Renews a token with less than five minutes left. All callers wait for the one request. */
export const google = (server: FakeServer, dueAfter: number): Cache => {
  class Client extends OAuth2Client {
    protected override async refreshTokenNoCache() {
      const { expiresAt, token } = await server.issue(dueAfter + 5 * minute)
      return { tokens: { access_token: token, expiry_date: expiresAt }, res: null }
    }
  }
  const client = new Client()
  client.setCredentials({ refresh_token: "refresh" })
  return { name: "google-auth-library", get: async () => (await client.getAccessToken()).token ?? "" }
}

/** Renews a token with less than two minutes left, in the background. */
export const azure = (server: FakeServer, dueAfter: number): Cache => {
  const policy = Azure.bearerTokenAuthenticationPolicy({
    scopes: "user_info",
    credential: {
      getToken: async () => {
        const { expiresAt, token } = await server.issue(dueAfter + 2 * minute)
        return { token, expiresOnTimestamp: expiresAt }
      }
    }
  })
  const headers = Azure.createHttpHeaders()
  const next = (request: Azure.PipelineRequest) => Promise.resolve({ request, status: 200, headers })
  return {
    name: "@azure/core-rest-pipeline",
    get: async () => {
      const request = Azure.createPipelineRequest({ url: "https://127.0.0.1/" })
      await policy.sendRequest(request, next)
      return request.headers.get("authorization")?.slice("Bearer ".length) ?? ""
    }
  }
}

/** Follows its documentation: before each use, the program checks whether the token object has expired. */
export const simpleOauth2 = (server: FakeServer, dueAfter: number): Cache => {
  const client = new ClientCredentials({
    client: { id: "id", secret: "secret" },
    auth: { tokenHost: "https://127.0.0.1", tokenPath: "/token" }
  })
  let current: ReturnType<typeof client.createToken> | undefined
  return {
    name: "simple-oauth2",
    get: async () => {
      if (current === undefined || current.expired()) {
        const { expiresAt, token } = await server.issue(dueAfter)
        current = client.createToken({ access_token: token, expires_at: expiresAt / 1000 })
      }
      return current.token.access_token
    }
  }
}

/** The usual code without a library: it requests a token one minute before the expiry. */
export const handMade = (server: FakeServer, dueAfter: number): Cache => {
  let current = { token: "", expiresAt: 0 }
  return {
    name: "hand-made",
    get: async () => {
      if (current.expiresAt - Date.now() < minute) current = await server.issue(dueAfter + minute)
      return current.token
    }
  }
}

/** The cache of Effect, as an effect. */
export const cachedWithTTL = (server: FakeServer, dueAfter: number) =>
  Effect.map(
    Effect.cachedInvalidateWithTTL(Effect.tryPromise(() => server.issue(dueAfter)), dueAfter),
    ([cached]) => Effect.map(cached, ({ token }) => token)
  )

/** The cache of Effect, as a `Cache`. */
export const effect = (server: FakeServer, dueAfter: number): Effect.Effect<Cache> =>
  Effect.map(cachedWithTTL(server, dueAfter), (cached) => ({
    name: "cachedInvalidateWithTTL",
    get: () => Effect.runPromise(cached)
  }))

/** A `TokenSource` that gets its tokens from the server. */
export const source = (
  server: FakeServer,
  lifetime: number,
  options: Omit<TokenSource.Options, "scopes"> = {}
): Effect.Effect<TokenSource.TokenSource, never, Scope.Scope> => {
  const requestToken: TokenEndpoint.TokenEndpoint["requestToken"] = (scopes) =>
    Effect.tryPromise({
      try: () => server.issue(lifetime),
      catch: () => new TokenTransportError({ reason: "Refused", tokenUrl: "https://127.0.0.1/token", attempts: 1 })
    }).pipe(
      Effect.zipWith(Scopes.make(scopes), ({ expiresAt, issuedAt, token }, scopes) =>
        new AccessToken({
          value: Redacted.make(token),
          tokenType: "Bearer",
          scopes,
          issuedAt: DateTime.unsafeMake(issuedAt),
          expiresAt: DateTime.unsafeMake(expiresAt)
        }))
    )
  return TokenSource.make({ ...options, scopes: ["user_info"] }).pipe(
    Effect.provideService(TokenEndpoint.TokenEndpoint, { requestToken }),
    Effect.orDie // every option is in range
  )
}

/** A `TokenSource` as a `Cache`. */
export const ofSource = (source: TokenSource.TokenSource): Effect.Effect<Cache> =>
  Effect.map(Effect.runtime(), (runtime) => {
    const text = Effect.map(source.get, ({ value }) => Redacted.value(value))
    const runPromise = Runtime.runPromise(runtime)
    return { name: "effect-tilia", get: () => runPromise(text) }
  })

/** Our cache: a source renews its token after 80 % of the lifetime. */
export const ours = (server: FakeServer, dueAfter: number): Effect.Effect<Cache, never, Scope.Scope> =>
  Effect.flatMap(source(server, dueAfter / 0.8), ofSource)
