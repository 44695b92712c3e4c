import { NodeTokenHttpClient } from "@effect-tilia/node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { HttpClient } from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpClients from "../../src/internal/httpClients.js"

/** The client that `NodeTilia` gives to the token endpoint. */
export const tokenClient = (options: NodeTokenHttpClient.Options = {}) =>
  Layer.scoped(HttpClient, Effect.map(HttpClients.make(options), ({ token }) => token))

/** The three HTTP clients for Node. The one over undici is ours; the others are from platform. */
export const clients: Readonly<Record<"undici" | "node:http" | "fetch", Layer.Layer<HttpClient>>> = {
  "undici": Layer.orDie(NodeTokenHttpClient.layer()),
  "node:http": NodeHttpClient.layer,
  "fetch": FetchHttpClient.layer
}
