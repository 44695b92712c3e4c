/*
 * The adapter contract for each HTTP client in Node (rows 1–56 of docs/design/faults.md). "undici" is our client of
 * token requests.
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
import { clients, tokenClient } from "./support/clients.js"

adapterContract("undici", tokenClient(), {
  playsEveryResponse: true,
  trusting: (ca) => tokenClient({ ca }),
  refusesContinue: true,
  except: {
    "the client streams a body as it arrives": "the response is whole, or it has more than core reads",
    "the end of the scope closes the socket of a response that was never read": "the response has arrived as a whole"
  }
})

adapterContract("undici, as for API calls", clients.undici, {
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
