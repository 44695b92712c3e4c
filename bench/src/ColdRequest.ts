/*
 * One token request without any cache, through the Node adapter and through other clients. Each client has its
 * defaults, and runs in a process of its own, as it would in use (P3).
 */
import * as Azure from "@azure/core-rest-pipeline"
import * as TokenEndpoint from "@effect-tilia/core/TokenEndpoint"
import * as NodeTilia from "@effect-tilia/node/NodeTilia"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as OAuth from "oauth4webapi"
import { ClientCredentials } from "simple-oauth2"
import * as Undici from "undici"
import * as Child from "./Child.js"
import type { Lane } from "./Measure.js"

const { clientId, clientSecret } = Sandbox.wellKnown
const scope = "user_info,write_invoices"

const form = () =>
  new URLSearchParams({ client_id: clientId, client_secret: clientSecret, grant_type: "client_credentials", scope })
    .toString()

const contentType = { "content-type": "application/x-www-form-urlencoded", "accept": "application/json" }

/** Requests one token. */
type Request = () => Promise<unknown>

const undici = (url: string): Request => {
  const agent = new Undici.Agent()
  return async () => {
    const { body } = await Undici.request(`${url}/token`, {
      method: "POST",
      headers: contentType,
      body: form(),
      dispatcher: agent
    })
    return body.json()
  }
}

const rawFetch = (url: string): Request => async () =>
  (await fetch(`${url}/token`, { method: "POST", headers: contentType, body: form() })).json()

const oauth4webapi = (url: string): Request => {
  const server = { issuer: url, token_endpoint: `${url}/token` }
  const client = { client_id: clientId }
  return async () =>
    OAuth.processClientCredentialsResponse(
      server,
      client,
      await OAuth.clientCredentialsGrantRequest(server, client, OAuth.ClientSecretPost(clientSecret), { scope }, {
        // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated only to make it stand out
        [OAuth.allowInsecureRequests]: true
      })
    )
}

const simpleOauth2 = (url: string): Request => {
  const client = new ClientCredentials({
    client: { id: clientId, secret: clientSecret },
    auth: { tokenHost: url, tokenPath: "/token" },
    options: { authorizationMethod: "body" }
  })
  return () => client.getToken({ scope })
}

const azure = (url: string): Request => {
  const pipeline = Azure.createPipelineFromOptions({})
  const client = Azure.createDefaultHttpClient()
  return async () => {
    const { bodyAsText } = await pipeline.sendRequest(
      client,
      Azure.createPipelineRequest({
        url: `${url}/token`,
        method: "POST",
        headers: Azure.createHttpHeaders(contentType),
        body: form(),
        allowInsecureConnection: true
      })
    )
    return JSON.parse(bodyAsText ?? "")
  }
}

/** Requests this many tokens, with `concurrency` requests at a time. */
type Run = (times: number, concurrency: number) => Promise<unknown>

/** Makes a client for the server at this URL. */
type Maker = (url: string) => Effect.Effect<Run, never, Scope.Scope>

const peer = (make: (url: string) => Request): Maker => (url) =>
  Effect.sync(() => {
    const request = make(url)
    return async (times, concurrency) => {
      let left = times
      const worker = async () => {
        while (left-- > 0) await request()
      }
      await Promise.all(Array.from({ length: concurrency }, worker))
    }
  })

const ours: Maker = (url) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      NodeTilia.layer({ environment: { authUrl: url }, clientId, clientSecret, scopes: ["user_info"] })
    )
    const endpoint = Context.get(context, TokenEndpoint.TokenEndpoint)
    const runPromise = Runtime.runPromise(yield* Effect.runtime())
    return (times: number, concurrency: number) => {
      let left = times
      const worker = Effect.whileLoop({
        while: () => left-- > 0,
        body: () => endpoint.requestToken(["user_info", "write_invoices"]),
        step: () => {}
      })
      return runPromise(Effect.all(Array.from({ length: concurrency }, () => worker), { concurrency: "unbounded" }))
    }
  }).pipe(Effect.orDie)

/** Our client and the others, by name. */
export const makers: Readonly<Record<string, Maker>> = {
  "undici": peer(undici),
  "fetch": peer(rawFetch),
  "effect-tilia": ours,
  "@azure/core-rest-pipeline": peer(azure),
  "oauth4webapi": peer(oauth4webapi),
  "simple-oauth2": peer(simpleOauth2)
}

/** Starts a process for each client. The lanes that the function returns have `concurrency` requests at a time. */
export const start = (url: string): Effect.Effect<(concurrency: number) => ReadonlyArray<Lane>, never, Scope.Scope> =>
  Effect.map(
    Effect.forEach(
      Object.keys(makers),
      (name) => Effect.map(Child.start("./laneProcess.js", [name, url]), (child) => ({ name, child })),
      {
        concurrency: "unbounded"
      }
    ),
    (lanes) => (concurrency) =>
      lanes.map(({ child, name }) => ({
        name,
        run: (times) => {
          child.send({ times, concurrency })
          return Child.nextMessage(child)
        }
      }))
  )
