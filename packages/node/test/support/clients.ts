import { NodeTokenHttpClient } from "@effect-tilia/node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type { HttpClient } from "@effect/platform/HttpClient"
import * as Layer from "effect/Layer"

/** The three HTTP clients for Node. The one over undici is ours; the others are from platform. */
export const clients: Readonly<Record<"undici" | "node:http" | "fetch", Layer.Layer<HttpClient>>> = {
  "undici": Layer.orDie(NodeTokenHttpClient.layer()),
  "node:http": NodeHttpClient.layer,
  "fetch": FetchHttpClient.layer
}
