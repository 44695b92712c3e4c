/*
 * What tells the telemetry of one client from that of another. The labels are decided here and nowhere else, for
 * metrics, spans and log lines (O1).
 */
import * as Effect from "effect/Effect"
import * as MetricLabel from "effect/MetricLabel"
import * as Schema from "effect/Schema"
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

/**
 * The tags of a service's metrics, and behind them those of one update. The same ones are the same array each time,
 * by which Effect finds the state of a metric at once (P3). There are no more of them than that state has.
 */
export type Tags = (more?: Readonly<Record<string, string>>) => ReadonlyArray<MetricLabel.MetricLabel>

/** The tags of these labels, behind the ones with which the service was made: never those of a caller (S3). */
export const tags = (labels: Labels): Effect.Effect<Tags> =>
  Effect.map(Effect.metricLabels, (made) => {
    const own = [...made, ...tagsOf(labels)]
    const known = new Map<string, ReadonlyArray<MetricLabel.MetricLabel>>()
    return (more) => {
      if (more === undefined) return own
      const name = JSON.stringify(more)
      const before = known.get(name)
      if (before !== undefined) return before
      const tags = [...own, ...tagsOf(more)]
      known.set(name, tags)
      return tags
    }
  })
