/*
 * What the example's program sends to a real receiver of OTLP over HTTP. The names are written out, as back ends know
 * them (O1–O5).
 */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { program } from "../src/program.js"
import * as Collector from "./support/collector.js"

it.scopedLive("the program's spans, metrics and log lines arrive over OTLP, with their labels (O1–O5)", () =>
  Effect.gen(function*() {
    const { logs, metrics, services, spans, texts, url } = yield* Collector.make
    yield* program(url) // it sends the rest as it ends
    expect(texts.filter((text) => text.startsWith("refused"))).toStrictEqual([])
    expect([...services]).toStrictEqual(["invoices"])

    const labels = { environment: "127.0.0.1", client: "invoices", scopes: "user_info" }
    const attributes = {
      "tilia.environment": "127.0.0.1",
      "tilia.client": "invoices",
      "tilia.scopes": "user_info"
    }
    const named = (name: string) => spans.find((span) => span.name === name)
    const refresh = named("TokenSource.refresh")
    const request = named("TokenEndpoint.requestToken")
    expect(refresh?.attributes).toStrictEqual({
      ...attributes,
      "tilia.refresh.background": false,
      "tilia.token.origin": "server"
    })
    expect(refresh?.links.map(({ spanId }) => spans.find((span) => span.spanId === spanId)?.traceId)).toStrictEqual([
      named("whoami")?.traceId
    ])
    expect(request?.parentSpanId).toBe(refresh?.spanId)
    expect(request?.attributes).toStrictEqual({
      ...attributes,
      "server.address": "127.0.0.1",
      "server.port": expect.any(Number),
      "tilia.attempts": 2,
      "http.response.status_code": 200
    })
    expect(request?.events.map(({ attributes, name }) => [name, attributes])).toMatchObject([
      ["tilia.attempt", {
        "tilia.attempt.number": 1,
        "error.type": "ServiceUnavailableError",
        "http.response.status_code": 503,
        "tilia.attempt.wait_ms": expect.any(Number)
      }],
      ["tilia.attempt", { "tilia.attempt.number": 2, "http.response.status_code": 200 }]
    ])

    const points = (name: string) => {
      const metric = metrics.get(name)
      return [...metric?.sum?.dataPoints ?? [], ...metric?.gauge?.dataPoints ?? []].map(
        ({ asDouble, asInt, attributes }) => [asDouble ?? asInt, attributes]
      )
    }
    expect(points("tilia_token_attempts_total")).toStrictEqual(expect.arrayContaining([
      [1, { ...labels, outcome: "ServiceUnavailableError" }],
      [1, { ...labels, outcome: "success" }]
    ]))
    expect(points("tilia_token_refresh_total")).toStrictEqual([[1, {
      ...labels,
      outcome: "success",
      origin: "server"
    }]])
    expect(points("tilia_token_consecutive_failures")).toStrictEqual([[0, labels]])
    expect(points("tilia_token_waiting_callers")).toStrictEqual([[0, labels]])
    expect(points("tilia_token_expires_in_seconds")).toStrictEqual([[3600, labels]])
    const [[expiry] = []] = points("tilia_token_expiry_timestamp_seconds")
    expect(Math.abs(Number(expiry) - Date.now() / 1000 - 3600)).toBeLessThan(60)

    expect(logs.map(({ body, severityText }) => [severityText, body.stringValue])).toContainEqual([
      "INFO",
      "The API responds 200."
    ])
    for (const secret of ["Bearer", "eyJ", "client_secret"]) expect(texts.join("\n")).not.toContain(secret)
  }))
