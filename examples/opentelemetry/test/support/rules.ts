/*
 * The files in `monitoring/`, decoded.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import { evaluate, type Sample } from "./promql.js"

const read = (name: string) => readFileSync(new URL(`../../../../monitoring/${name}`, import.meta.url), "utf8")

const Rule = Schema.Struct({
  alert: Schema.String,
  expr: Schema.String,
  for: Schema.optionalWith(Schema.String, { default: () => "0s" }),
  labels: Schema.Struct({ severity: Schema.Literal("warning", "critical") }),
  annotations: Schema.Record({ key: Schema.String, value: Schema.String })
})
export type Rule = typeof Rule.Type

const Rules = Schema.Struct({ groups: Schema.Array(Schema.Struct({ name: Schema.String, rules: Schema.Array(Rule) })) })

const Dashboard = Schema.Struct({
  title: Schema.String,
  panels: Schema.Array(Schema.Struct({
    title: Schema.String,
    targets: Schema.Array(Schema.Struct({ expr: Schema.String, legendFormat: Schema.String }))
  })),
  templating: Schema.Struct({
    list: Schema.Array(Schema.Struct({ name: Schema.String, query: Schema.Unknown }))
  })
})

/** The rules for Prometheus. */
export const rules = Schema.decodeUnknownSync(Rules)(parse(read("tilia.rules.yaml"))).groups.flatMap(({ rules }) =>
  rules
)

/** The dashboard for Grafana. */
export const dashboard = Schema.decodeUnknownSync(Schema.parseJson(Dashboard))(read("tilia.dashboard.json"))

const seconds = (text: string): number => {
  const [, count = "", unit = ""] = /^(\d+)([sm])$/.exec(text) ?? []
  return Duration.toSeconds(Duration.decode(unit === "s" ? `${Number(count)} seconds` : `${Number(count)} minutes`))
}

/** Evaluates one rule at each scrape, as Prometheus does: it fires once its expression has held for so long. */
export const alerting = (rule: Rule) => {
  let since: number | undefined
  return (samples: ReadonlyArray<Sample>, now: number): boolean => {
    since = evaluate(rule.expr, samples, now).length === 0 ? undefined : since ?? now
    return since !== undefined && now - since >= seconds(rule.for)
  }
}
