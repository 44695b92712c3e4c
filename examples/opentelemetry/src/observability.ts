/*
 * Traces, metrics and the log of a program, sent to an OpenTelemetry collector. This is all that there is to do: the
 * library tells what it does through Effect, and `@effect/opentelemetry` sends what Effect is told.
 */
import * as Otlp from "@effect/opentelemetry/Otlp"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Layer from "effect/Layer"

/** Sends to a collector at this URL, as `http://localhost:4318`, over OTLP/HTTP. */
export const layer = (collectorUrl: string) =>
  Otlp.layerJson({ baseUrl: collectorUrl, resource: { serviceName: "invoices" } }).pipe(
    Layer.provide(NodeHttpClient.layerUndici)
  )
