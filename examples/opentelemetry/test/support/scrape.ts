/*
 * What Prometheus gets when it scrapes a process: Effect's metrics through `@effect/opentelemetry` and OpenTelemetry's
 * own exporter for Prometheus.
 */
import * as Metrics from "@effect/opentelemetry/Metrics"
import * as Resource from "@effect/opentelemetry/Resource"
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus"
import * as Effect from "effect/Effect"
import { parseExposition } from "./promql.js"

/** Scrapes the library's metrics. */
export const make = Effect.gen(function*() {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  yield* Metrics.registerProducer(yield* Metrics.makeProducer, () => exporter)
  const serializer = new PrometheusSerializer()
  return Effect.map(
    Effect.promise(() => exporter.collect()),
    ({ resourceMetrics }) =>
      parseExposition(serializer.serialize(resourceMetrics)).filter(({ name }) => name.startsWith("tilia_"))
  )
}).pipe(Effect.provide(Resource.layer({ serviceName: "invoices" })))
