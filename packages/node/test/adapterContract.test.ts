/*
 * The adapter contract for each HTTP client in Node (rows 1–56 of docs/design/faults.md).
 */
import { adapterContract } from "@effect-tilia/contract/adapterContract"
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import * as RemoteScriptedServer from "@effect-tilia/contract/RemoteScriptedServer"
import { NodeTokenHttpClient } from "@effect-tilia/node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { clients } from "./support/clients.js"

adapterContract("undici", clients.undici, {
  trusting: (ca) => NodeTokenHttpClient.layer({ ca }),
  refusesContinue: true,
  reusesConnections: true
})

adapterContract("node:http", clients["node:http"], {
  trusting: (ca) => Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ ca })),
  dropsRepeatedHeaders: true,
  keepsUpgraded: true
})

adapterContract("fetch", clients.fetch, {
  // As in a page: scripts and reports travel as JSON, and responses allow every origin to read them.
  server: Layer.unwrapScoped(Effect.map(NodeScriptedServer.serve(), RemoteScriptedServer.layer)),
  trusting: (ca) =>
    FetchHttpClient.layer.pipe(
      Layer.provide(Layer.succeed(FetchHttpClient.Fetch, (input, init) =>
        Undici.fetch(
          input as Undici.RequestInfo,
          { ...init, dispatcher: new Undici.Agent({ connect: { ca } }) } as Undici.RequestInit
        ) as unknown as Promise<Response>))
    ),
  decodesGzip: true,
  refuses407: true,
  refusesContinue: true,
  reusesConnections: true
})
