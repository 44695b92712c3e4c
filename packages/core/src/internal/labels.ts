/*
 * What tells the telemetry of one client from that of another. The labels are decided here and nowhere else, for
 * metrics, spans and log lines (O1).
 */
import * as Effect from "effect/Effect"
import * as MetricLabel from "effect/MetricLabel"
import * as Schema from "effect/Schema"
import type * as Tracer from "effect/Tracer"
import * as Scopes from "../Scopes.js"
import type { Labels } from "../Telemetry.js"

/** It becomes a label of metrics, and so it is short, and its characters need no escaping. */
export const Name = Schema.String.pipe(Schema.pattern(/^[\w.:@/-]{1,64}$/)).annotations({
  description: "1 to 64 letters, digits and ._:@/-"
})

/** The labels of a source, or of a request, for these scopes. */
export const withScopes = (labels: Labels | undefined, scopes: Scopes.Scopes): Labels => ({
  ...labels,
  scopes: Scopes.key(scopes)
})

const prefixed = (prefix: string, labels: Labels | Readonly<Record<string, string>>): ReadonlyArray<[string, string]> =>
  Object.entries(labels).map(([key, value]) => [prefix + key, value])

/** The same as attributes of a span. */
export const attributesOf = (labels: Labels): Record<string, string> => Object.fromEntries(prefixed("tilia.", labels))

/** The same as tags of a metric. */
export const tagsOf = (labels: Labels | Readonly<Record<string, string>>): ReadonlyArray<MetricLabel.MetricLabel> =>
  prefixed("", labels).map(([key, value]) => MetricLabel.make(key, value))

/** Those tags, behind the ones with which the service was made: never those of a caller (S3). */
export const tags = (labels: Labels): Effect.Effect<ReadonlyArray<MetricLabel.MetricLabel>> =>
  Effect.map(Effect.metricLabels, (made) => [...made, ...tagsOf(labels)])

/** Tells a tracer something. One that throws must lose no result. */
export const quietly = (tell: () => void): void => {
  try {
    tell()
  } catch {
    // There is nobody to tell.
  }
}

/** Adds attributes to a span. As options of the span, Effect adds them where nothing catches what a tracer throws. */
export const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>>): void =>
  quietly(() => {
    for (const [name, value] of Object.entries(attributes)) span.attribute(name, value)
  })
