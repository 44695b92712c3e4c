import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as Environment from "@effect-tilia/core/Environment"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import { expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as LayerMap from "effect/LayerMap"
import * as NodeTilia from "../src/NodeTilia.js"

class Tenants extends LayerMap.Service<Tenants>()("test/Tenants", {
  lookup: (tenant: string) => NodeTilia.layerConfig(Config.nested(NodeTilia.config, tenant)),
  idleTimeToLive: "1 minute"
}) {}

const whoami = Effect.gen(function*() {
  const client = yield* AuthorizedHttpClient.AuthorizedHttpClient
  const response = yield* client.get(yield* Environment.url("accounts", "/whoami"))
  return yield* response.json
})

const tenants = Array.from({ length: 10 }, (_, n) => ({
  name: `TENANT${n}`,
  clientId: `aa1b2c3d-1111-4222-8333-44445555666${n}`,
  clientSecret: `bb1b2c3d-1111-4222-8333-44445555666${n}`
}))

it.scopedLive("a service with ten tenants makes one request for each, and each has a token of its own (F3)", () =>
  Effect.gen(function*() {
    const { received, url } = yield* NodeSandbox.NodeSandbox
    const settings = tenants.flatMap(({ clientId, clientSecret, name }) => [
      [`${name}_TILIA_CLIENT_ID`, clientId] as const,
      [`${name}_TILIA_CLIENT_SECRET`, clientSecret] as const,
      [`${name}_TILIA_SCOPES`, "user_info"] as const,
      [`${name}_TILIA_AUTH_URL`, url] as const,
      [`${name}_TILIA_API_ORIGINS`, url] as const
    ])
    const calls = [...tenants, ...tenants].map(({ name }) => Effect.provide(whoami, Tenants.get(name)))
    const clients = yield* Effect.all(calls, { concurrency: "unbounded" }).pipe(
      Effect.provide(Tenants.Default),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(settings), { pathDelim: "_" }))
    )
    expect(clients.map((client) => JSON.stringify(client)).join()).toContain(tenants[9]?.clientId)
    const tokens = (yield* received).filter(({ path }) => path === "/token")
    expect(tokens.length).toBe(10)
  }).pipe(
    Effect.provide(NodeSandbox.layer({
      clients: tenants.map(({ clientId, clientSecret }) => ({ clientId, clientSecret, scopes: ["user_info"] }))
    }))
  ))
