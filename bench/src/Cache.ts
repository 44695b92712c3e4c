/*
 * Ways to keep a token: ours, and the peers at their defaults. What is late by a peer's own rules is asked for anew, so
 * each gets tokens with the life that makes them due after the same time.
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

export interface Cache {
  readonly name: string
  readonly get: () => Promise<string>
}

const minutes = 60_000

/** Refreshes what has less than five minutes left; who finds it so waits, all for the one request. */
export const google = (server: FakeServer, dueAfter: number): Cache => {
  class Client extends OAuth2Client {
    protected override async refreshTokenNoCache() {
      const { expiresAt, token } = await server.issue(dueAfter + 5 * minutes)
      return { tokens: { access_token: token, expiry_date: expiresAt }, res: null }
    }
  }
  const client = new Client()
  client.setCredentials({ refresh_token: "refresh" })
  return { name: "google-auth-library", get: async () => (await client.getAccessToken()).token ?? "" }
}

/** Refreshes what has less than two minutes left, in the background. */
export const azure = (server: FakeServer, dueAfter: number): Cache => {
  const policy = Azure.bearerTokenAuthenticationPolicy({
    scopes: "user_info",
    credential: {
      getToken: async () => {
        const { expiresAt, token } = await server.issue(dueAfter + 2 * minutes)
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

/** As its documentation has it: a token object, asked before each use whether it has expired. */
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

/** What people write: asks a minute before the end. */
export const handMade = (server: FakeServer, dueAfter: number): Cache => {
  let current = { token: "", expiresAt: 0 }
  return {
    name: "hand-made",
    get: async () => {
      if (current.expiresAt - Date.now() < minutes) current = await server.issue(dueAfter + minutes)
      return current.token
    }
  }
}

/** Effect's own, as an Effect. */
export const cachedWithTTL = (server: FakeServer, dueAfter: number) =>
  Effect.map(
    Effect.cachedInvalidateWithTTL(Effect.tryPromise(() => server.issue(dueAfter)), dueAfter),
    ([cached]) => Effect.map(cached, ({ token }) => token)
  )

export const effect = (server: FakeServer, dueAfter: number): Effect.Effect<Cache> =>
  Effect.map(cachedWithTTL(server, dueAfter), (cached) => ({
    name: "cachedInvalidateWithTTL",
    get: () => Effect.runPromise(cached)
  }))

/** A `TokenSource` in front of the server, whose tokens live so many milliseconds. */
export const source = (
  server: FakeServer,
  life: number,
  options: Omit<TokenSource.Options, "scopes"> = {}
): Effect.Effect<TokenSource.TokenSource, never, Scope.Scope> => {
  const requestToken: TokenEndpoint.TokenEndpoint["requestToken"] = (scopes) =>
    Effect.tryPromise({
      try: () => server.issue(life),
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
    Effect.orDie // no option here is out of range
  )
}

export const ofSource = (source: TokenSource.TokenSource): Effect.Effect<Cache> =>
  Effect.map(Effect.runtime(), (runtime) => {
    const text = Effect.map(source.get, ({ value }) => Redacted.value(value))
    const runPromise = Runtime.runPromise(runtime)
    return { name: "effect-tilia", get: () => runPromise(text) }
  })

/** A token of ours is due after four fifths of its life. */
export const ours = (server: FakeServer, dueAfter: number): Effect.Effect<Cache, never, Scope.Scope> =>
  Effect.flatMap(source(server, dueAfter / 0.8), ofSource)
