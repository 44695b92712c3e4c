/*
 * What receives OTLP over HTTP, in place of a collector: it decodes what it gets, and refuses what is not OTLP.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"

const { Array, NullOr, Number, NumberFromString, optional, String, Struct, Union } = Schema

/** OTLP's JSON has 64-bit integers as texts. */
const Integer = Union(Number, NumberFromString)

const AnyValue = Struct({
  stringValue: optional(NullOr(String)),
  intValue: optional(NullOr(Integer)),
  doubleValue: optional(NullOr(Number)),
  boolValue: optional(NullOr(Schema.Boolean))
})

const Attributes = Schema.transform(
  Array(Struct({ key: String, value: AnyValue })),
  Schema.Record({ key: String, value: Schema.Unknown }),
  {
    strict: true,
    decode: (pairs) =>
      Object.fromEntries(pairs.map(({ key, value: { boolValue, doubleValue, intValue, stringValue } }) => [
        key,
        stringValue ?? intValue ?? doubleValue ?? boolValue
      ])),
    encode: () => []
  }
)

const Resource = Struct({ attributes: Attributes })

const Span = Struct({
  traceId: String,
  spanId: String,
  parentSpanId: optional(String),
  name: String,
  startTimeUnixNano: String,
  endTimeUnixNano: String,
  attributes: Attributes,
  events: Array(Struct({ name: String, timeUnixNano: String, attributes: Attributes })),
  links: Array(Struct({ traceId: String, spanId: String })),
  status: Struct({ code: Number })
})

const Point = Struct({ attributes: Attributes, asDouble: optional(NullOr(Number)), asInt: optional(NullOr(Integer)) })

const Metric = Struct({
  name: String,
  unit: String,
  sum: optional(Struct({ dataPoints: Array(Point), isMonotonic: Schema.Boolean, aggregationTemporality: Number })),
  gauge: optional(Struct({ dataPoints: Array(Point) })),
  histogram: optional(Struct({ dataPoints: Array(Struct({ attributes: Attributes, count: Integer })) }))
})

const Log = Struct({ severityText: String, body: AnyValue, attributes: Attributes })

const Traces = Struct({
  resourceSpans: Array(Struct({ resource: Resource, scopeSpans: Array(Struct({ spans: Array(Span) })) }))
})
const Metrics = Struct({
  resourceMetrics: Array(Struct({ resource: Resource, scopeMetrics: Array(Struct({ metrics: Array(Metric) })) }))
})
const Logs = Struct({
  resourceLogs: Array(Struct({ resource: Resource, scopeLogs: Array(Struct({ logRecords: Array(Log) })) }))
})

/** A collector on a free port, what it has received, and the texts of that. */
export const make = Effect.gen(function*() {
  const spans: globalThis.Array<typeof Span.Type> = []
  const metrics = new Map<string, typeof Metric.Type>()
  const logs: globalThis.Array<typeof Log.Type> = []
  const services = new Set<unknown>()
  const texts: globalThis.Array<string> = []

  const received = <A, I>(schema: Schema.Schema<A, I>, keep: (body: A) => void) =>
    Effect.gen(function*() {
      const text = yield* Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ text }) => text)
      texts.push(text)
      keep(yield* Schema.decodeUnknown(Schema.parseJson(schema))(text))
      return HttpServerResponse.unsafeJson({})
    }).pipe(Effect.orDie)

  const router = HttpRouter.empty.pipe(
    HttpRouter.post(
      "/v1/traces",
      received(Traces, ({ resourceSpans }) => {
        for (const { resource, scopeSpans } of resourceSpans) {
          services.add(resource.attributes["service.name"])
          for (const scope of scopeSpans) spans.push(...scope.spans)
        }
      })
    ),
    HttpRouter.post(
      "/v1/metrics",
      received(Metrics, ({ resourceMetrics }) => {
        for (const { resource, scopeMetrics } of resourceMetrics) {
          services.add(resource.attributes["service.name"])
          for (const scope of scopeMetrics) for (const metric of scope.metrics) metrics.set(metric.name, metric)
        }
      })
    ),
    HttpRouter.post(
      "/v1/logs",
      received(Logs, ({ resourceLogs }) => {
        for (const { resource, scopeLogs } of resourceLogs) {
          services.add(resource.attributes["service.name"])
          for (const scope of scopeLogs) logs.push(...scope.logRecords)
        }
      })
    )
  )

  const server = yield* NodeHttpServer.make(() => createServer(), { host: "127.0.0.1", port: 0 })
  yield* server.serve(Effect.catchAllCause(router, (cause) => {
    texts.push(`refused: ${cause.toString()}`)
    return HttpServerResponse.empty({ status: 400 })
  }))
  return {
    url: HttpServer.formatAddress(server.address),
    spans,
    metrics,
    logs,
    services,
    texts
  }
})
