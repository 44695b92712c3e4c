/*
 * The server is down for a minute, and there is no token. How long does it take after its return until callers get one,
 * and how many requests does it receive meanwhile (P12)? The real services run over a virtual clock, so the result does
 * not depend on the machine. All times are in milliseconds.
 */
import * as Tilia from "@effect-tilia/core/Tilia"
import type { TokenError } from "@effect-tilia/core/TokenError"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Record from "effect/Record"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Report from "./Report.js"
import * as VirtualClock from "./VirtualClock.js"

const outage = 60_000
const callInterval = 10
/** Longer than any cool-down and the request after it. */
const longest = 60_000

type Response = Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>

const noResponse = "it does not respond"

/** The ways in which a server can be down. */
const outages: Readonly<Record<string, (request: HttpClientRequest.HttpClientRequest) => Response>> = {
  "it refuses connections": (request) => new HttpClientError.RequestError({ request, reason: "Transport" }),
  "it responds with 503": (request) =>
    Effect.sync(() => HttpClientResponse.fromWeb(request, new Response("", { status: 503 }))),
  [noResponse]: () => Effect.never
}

const token = JSON.stringify({
  access_token: "token",
  token_type: "Bearer",
  expires_in: "3600",
  scope: "user_info"
})

const granted = (request: HttpClientRequest.HttpClientRequest): Response =>
  Effect.sync(() =>
    HttpClientResponse.fromWeb(
      request,
      new Response(token, { headers: { "content-type": "application/json", "content-length": String(token.length) } })
    )
  )

/** A source, and what its callers and its server have seen. */
interface Subject {
  /** A caller comes. */
  readonly call: () => void
  readonly observed: Observed
}

interface Observed {
  requests: number
  /** The most requests from the beginning of one cool-down to that of the next, or to the first token. */
  mostPerCoolDown: number
  /** From the end of the outage to the first caller with a token. */
  recovery: number
}

/** A source with random numbers of its own. */
const start = (
  { clock, now }: VirtualClock.VirtualClock,
  down: (request: HttpClientRequest.HttpClientRequest) => Response,
  seed: number
): Effect.Effect<Subject, never, Scope.Scope> =>
  Effect.gen(function*() {
    const observed: Observed = { requests: 0, mostPerCoolDown: 0, recovery: Infinity }
    /** The cool-down that callers were told of last: its end, and how many requests there were before it. */
    let coolDown: { readonly end: number; readonly requests: number } | undefined

    const http = HttpClient.make((request) =>
      Effect.suspend(() => {
        observed.requests++
        return now() < outage ? down(request) : granted(request)
      })
    )
    const { source } = yield* Effect.provideService(
      Tilia.make({ environment: { authUrl: "https://127.0.0.1" }, ...Sandbox.wellKnown, scopes: ["user_info"] }),
      HttpClient.HttpClient,
      http
    )

    const endCoolDown = () => {
      if (coolDown === undefined) return
      observed.mostPerCoolDown = Math.max(observed.mostPerCoolDown, observed.requests - coolDown.requests)
    }
    const failed = (error: TokenError) => {
      if (error.coolDown === undefined) return
      const end = Math.round(now() + Duration.toMillis(error.coolDown))
      if (end === coolDown?.end) return
      endCoolDown()
      coolDown = { end, requests: observed.requests }
    }
    const succeeded = () => {
      if (observed.recovery < Infinity) return
      endCoolDown()
      observed.recovery = now() - outage
    }
    const caller = Effect.match(source.get, { onFailure: failed, onSuccess: succeeded })
    const runFork = Runtime.runFork(yield* Effect.runtime())
    return { observed, call: () => void runFork(caller) }
  }).pipe(Effect.orDie, Effect.withClock(clock), Effect.withRandom(Random.make(seed)))

/** Many sources in the same outage. */
const observe = (
  name: string,
  down: (request: HttpClientRequest.HttpClientRequest) => Response,
  sources: number
): Effect.Effect<{ readonly name: string; readonly all: ReadonlyArray<Observed> }> =>
  Effect.gen(function*() {
    const clock = VirtualClock.make()
    const subjects = yield* Effect.forEach(Array.from({ length: sources }), (_, seed) => start(clock, down, seed))
    yield* Effect.promise(async () => {
      while (clock.now() < outage + longest && subjects.some(({ observed }) => observed.recovery === Infinity)) {
        for (const { call } of subjects) call()
        await clock.advance(callInterval)
      }
    })
    return { name, all: subjects.map(({ observed }) => observed) }
  }).pipe(Effect.scoped)

const worst = (all: ReadonlyArray<Observed>, of: (observed: Observed) => number): number => Math.max(...all.map(of))

/** The worst and the median of many sources. */
export const measure = (quick: boolean): Effect.Effect<Report.Report> =>
  Effect.gen(function*() {
    const observed = yield* Effect.forEach(
      Record.toEntries(outages),
      ([name, down]) => observe(name, down, quick ? 8 : 20)
    )
    const lanes = observed.map(({ all, name }) => ({
      name,
      requests: worst(all, ({ requests }) => requests),
      "per cool-down": worst(all, ({ mostPerCoolDown }) => mostPerCoolDown),
      "median recovery, s": Report.percentile(all.map(({ recovery }) => recovery), 50) / 1000,
      "worst recovery, s": worst(all, ({ recovery }) => recovery) / 1000
    }))
    yield* Report.table("P12: a minute of outage without a token, a caller every 10 ms", lanes)
    const all = observed.flatMap(({ all }) => all)
    // The last request of an outage without responses is given up 10 s after it was sent (E6). That comes on top.
    const answered = observed.flatMap(({ all, name }) => name === noResponse ? [] : all)
    return {
      goals: {
        "P12 recovery, s": Report.goal(worst(answered, ({ recovery }) => recovery) / 1000, 13),
        "P12 requests per cool-down": Report.goal(worst(all, ({ mostPerCoolDown }) => mostPerCoolDown), 1)
      },
      lanes: lanes.map((lane) => ({ ...lane, measurement: "P12" }))
    }
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None))
