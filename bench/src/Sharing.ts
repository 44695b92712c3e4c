/*
 * How many token requests does a fleet make (P13)? Real processes show it as far as this machine holds them: they share
 * a SQLite file, and count the requests at a sandbox. Beyond, a thousand sources in one process would measure its
 * processor, so they run over a virtual clock and share a store in memory.
 */
import type { AccessToken } from "@effect-tilia/core/AccessToken"
import * as TokenEndpoint from "@effect-tilia/core/TokenEndpoint"
import { ServiceUnavailableError } from "@effect-tilia/core/TokenError"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as TokenStore from "@effect-tilia/core/TokenStore"
import * as Fleet from "@effect-tilia/fleet/Fleet"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import * as TestAccessToken from "@effect-tilia/testing/TestAccessToken"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Report from "./Report.js"
import * as VirtualClock from "./VirtualClock.js"

/** What a fleet of one size has cost. */
interface Cost {
  readonly name: string
  readonly size: number
  readonly perLifetime: number
  readonly inOutage: number | undefined
}

/** In milliseconds of the virtual clock. */
const hour = 3_600_000
const outage = 60_000

/** Sources over a virtual clock: three lifetimes of an hour, and then a minute without a server and without a token. */
const simulated = (size: number, isShared: boolean): Effect.Effect<Cost> =>
  Effect.gen(function*() {
    const { advance, clock, now } = VirtualClock.make()
    let requests = 0
    let isDown = false
    const endpoint: TokenEndpoint.TokenEndpoint = {
      requestToken: (): Effect.Effect<AccessToken, ServiceUnavailableError> =>
        Effect.suspend(() => {
          requests++
          return isDown
            ? new ServiceUnavailableError({ status: 503, attempts: 1 })
            : Effect.orDie(TestAccessToken.make({ text: `token-${requests}`, lifetime: "1 hour" }))
        }).pipe(Effect.delay("100 millis"))
    }
    const store = yield* TokenStore.makeMemory
    const source = (seed: number) =>
      TokenSource.make({ scopes: ["user_info"] }).pipe(
        Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint),
        isShared ? Effect.provideService(TokenStore.TokenStore, store) : identity,
        Effect.withRandom(Random.make(seed))
      )

    return yield* Effect.gen(function*() {
      const sources = yield* Effect.forEach(Array.from({ length: size }, (_, seed) => seed), source)
      const runFork = Runtime.runFork(yield* Effect.runtime())
      const call = () => {
        for (const { get } of sources) runFork(get)
      }
      /** Calls each source once a second until then. */
      const until = async (end: number, step: number) => {
        while (now() < end) {
          if (now() % 1_000 === 0) call()
          await advance(step)
        }
      }
      yield* Effect.promise(async () => {
        await until(10_000, 100)
        await until(3 * 0.8 * hour, 1_000)
      })
      const perLifetime = requests / 3
      isDown = true
      yield* Effect.promise(() => until(now() + hour, 1_000)) // until no token is valid
      const before = requests
      yield* Effect.promise(() => until(now() + outage, 100))
      return {
        name: isShared ? "sources, one store" : "sources, no store",
        size,
        perLifetime,
        inOutage: requests - before
      }
    }).pipe(Effect.scoped, Effect.withClock(clock), Effect.orDie)
  })

const worker = fileURLToPath(import.meta.resolve("@effect-tilia/fleet/worker"))

/** In seconds. */
const lifetime = 5

/** Real processes: some lifetimes of five seconds. */
const real = (size: number, isShared: boolean, lifetimes: number): Effect.Effect<Cost> =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "tilia-bench-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    )
    const { received, url } = yield* NodeSandbox.make({ tokenLifetime: `${lifetime} seconds` })
    const members = yield* Fleet.start({
      count: size,
      authUrl: url,
      store: isShared ? `sqlite:${join(folder, "tokens.db")}` : "none",
      worker
    })
    yield* Effect.all(members.map(({ go }) => go), { concurrency: "unbounded" })
    yield* Effect.sleep(`${lifetimes * lifetime * 0.8} seconds`)
    const requests = (yield* received).filter(({ path }) => path === "/token").length
    return {
      name: isShared ? "processes, one store" : "processes, no store",
      size,
      perLifetime: requests / lifetimes,
      inOutage: undefined
    }
  }).pipe(Effect.scoped, Effect.orDie)

/** Fleets of several sizes, with a store and without. */
export const measure = (quick: boolean): Effect.Effect<Report.Report> =>
  Effect.gen(function*() {
    const sizes = quick ? [1, 8] : [1, 8, 24]
    const costs = [
      ...yield* Effect.forEach(sizes, (size) => real(size, true, 4)),
      ...yield* Effect.forEach(sizes, (size) => real(size, false, 4)),
      ...yield* Effect.forEach([1, 8, 100, 1_000], (size) => simulated(size, true)),
      ...yield* Effect.forEach([1, 8, 100], (size) => simulated(size, false))
    ]
    yield* Report.table(
      "P13: token requests of a fleet",
      costs.map(({ inOutage, name, perLifetime, size }) => ({
        name: `${size} ${name}`,
        "per lifetime": perLifetime,
        "in a minute of outage": inOutage ?? "–"
      }))
    )
    const shared = costs.filter(({ name }) => name.endsWith("one store"))
    const [alone] = costs.filter(({ name, size }) => name === "sources, no store" && size === 1)
    const inOutage = shared.flatMap(({ inOutage = 0 }) => inOutage)
    return {
      goals: {
        "P13 requests per lifetime": Report.goal(Math.max(...shared.map(({ perLifetime }) => perLifetime)), 1.25),
        "P13 in an outage × one alone": Report.goal(Math.max(...inOutage) / (alone?.inOutage ?? 1), 1.34)
      },
      lanes: costs.map(({ inOutage, name, perLifetime, size }) => ({
        measurement: "P13",
        name: `${size} ${name}`,
        perLifetime,
        inOutage: inOutage ?? 0
      }))
    }
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None))
