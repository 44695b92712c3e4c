/*
 * What adding the bearer costs per request, in CPU time of the client. The API runs in a process of its own (P8).
 */
import * as Tilia from "@effect-tilia/core/Tilia"
import * as NodeTokenHttpClient from "@effect-tilia/node/NodeTokenHttpClient"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import { OAuth2Client } from "google-auth-library"
import * as Measure from "./Measure.js"
import * as Report from "./Report.js"
import * as Server from "./Server.js"

/** A token of the usual size. */
const bearer = `eyJ${"a".repeat(600)}.${"b".repeat(600)}.${"c".repeat(600)}`

const ofClient = <E>(
  name: string,
  client: HttpClient.HttpClient.With<E>,
  request: HttpClientRequest.HttpClientRequest
) => {
  const call = Effect.flatMap(client.execute(request), (response) => response.json).pipe(Effect.scoped)
  return {
    name,
    run: (times: number) =>
      Effect.runPromise(Effect.whileLoop({ while: () => times-- > 0, body: () => call, step: () => {} }))
  } satisfies Measure.Lane
}

const google = (url: string): Measure.Lane => {
  const client = new OAuth2Client()
  client.setCredentials({ access_token: bearer, expiry_date: Date.now() + 3_600_000 })
  return {
    name: "google-auth-library",
    run: async (times) => {
      while (times-- > 0) await client.request({ url })
    }
  }
}

/** Compares the authorized client with a plain `HttpClient` that has a fixed bearer. */
export const measure = (quick: boolean): Effect.Effect<Report.Report> =>
  Effect.gen(function*() {
    const url = yield* Server.start()
    const plain = yield* HttpClient.HttpClient
    const { client } = yield* Tilia.make({
      environment: { authUrl: url, apiOrigins: [url] },
      ...Sandbox.wellKnown,
      scopes: ["user_info", "write_invoices"]
    })
    const request = HttpClientRequest.get(url)
    const measured = yield* Measure.interleaved([
      ofClient("HttpClient", plain, HttpClientRequest.bearerToken(request, bearer)),
      ofClient("effect-tilia", client, request),
      google(url)
    ], { rounds: quick ? 15 : 101, times: 200, clock: Measure.cpuTime })
    const lanes = Report.rows(measured, ["HttpClient"])
    yield* Report.table("P8: one authorized request, CPU time", lanes)
    return {
      goals: { P8: Report.goal(Report.ratio(measured, "effect-tilia", "HttpClient"), 1.2) },
      lanes: lanes.map((lane) => ({ ...lane, measurement: "P8" }))
    }
  }).pipe(Effect.provide(NodeTokenHttpClient.layer()), Effect.scoped, Effect.orDie)
