/*
 * A program that calls an API, and whose authorization server has an outage of one answer. It needs no account: both
 * servers are the sandbox.
 */
import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as NodeTilia from "@effect-tilia/node/NodeTilia"
import * as Faults from "@effect-tilia/sandbox/Faults"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Observability from "./observability.js"

const whoami = Effect.gen(function*() {
  const { script, url } = yield* NodeSandbox.NodeSandbox
  yield* script([Faults.status(503)])
  const client = yield* AuthorizedHttpClient.AuthorizedHttpClient
  const { status } = yield* client.get(`${url}/whoami`)
  yield* Effect.log(`The API responds ${status}.`)
}).pipe(Effect.withSpan("whoami"))

const TiliaLive = Layer.unwrapEffect(Effect.map(NodeSandbox.NodeSandbox, ({ url }) =>
  NodeTilia.layer({
    environment: { authUrl: url, apiOrigins: [url] },
    ...Sandbox.wellKnown,
    name: "invoices", // the label `client` of every metric, span and log line
    scopes: ["user_info"]
  })))

/** The program. Whatever reports to the collector is below `TiliaLive`, since that begins to report as it is built. */
export const program = (collectorUrl: string) =>
  Effect.provide(
    whoami,
    TiliaLive.pipe(Layer.provideMerge(NodeSandbox.layer()), Layer.provideMerge(Observability.layer(collectorUrl)))
  )
