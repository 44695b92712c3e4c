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
  readonly size: number
  readonly kind: "processes" | "sources"
  readonly isShared: boolean
  readonly perLifetime: number
  readonly inOutage: number | undefined
}

/** In milliseconds of the virtual clock. */
const hour = 3_600_000

/** So many sources over a virtual clock, and a server that is up or down. */
const simulated = (
  size: number,
  isShared: boolean,
  isDown: boolean,
  play: (callAll: () => void, clock: VirtualClock.VirtualClock) => Promise<void>
): Effect.Effect<number> =>
  Effect.suspend(() => {
    const clock = VirtualClock.make()
    let requests = 0
    const endpoint: TokenEndpoint.TokenEndpoint = {
      requestToken: (): Effect.Effect<AccessToken, ServiceUnavailableError> =>
        Effect.suspend(() => {
          requests++
          return isDown
            ? new ServiceUnavailableError({ status: 503, attempts: 1 })
            : Effect.orDie(TestAccessToken.make({ text: `token-${requests}`, lifetime: "1 hour" }))
        }).pipe(Effect.delay("100 millis"))
    }
    const fleet = Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const sources = yield* Effect.forEach(Array.from({ length: size }), (_, seed) =>
        TokenSource.make({ scopes: ["user_info"] }).pipe(
          Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint),
          isShared ? Effect.provideService(TokenStore.TokenStore, store) : identity,
          Effect.withRandom(Random.make(seed))
        ))
      const runFork = Runtime.runFork(yield* Effect.runtime())
      const callAll = () =>
        sources.forEach(({ get }) =>
          runFork(get)
        )
      yield* Effect.promise(() => play(callAll, clock))
      return requests
    })
    return fleet.pipe(Effect.scoped, Effect.withClock(clock.clock), Effect.orDie)
  })

/** Three lifetimes of an hour, with a call of each source in each minute. */
const lifetimes = async (callAll: () => void, { advance, now }: VirtualClock.VirtualClock) => {
  for (let n = 0; n < 100; n++) {
    callAll()
    await advance(100)
  }
  while (now() < 3 * 0.8 * hour) {
    if (now() % 60_000 === 0) callAll()
    await advance(10_000)
  }
}

/** A minute, with a call of each source in each second. */
const outage = async (callAll: () => void, { advance, now }: VirtualClock.VirtualClock) => {
  while (now() < 60_000) {
    if (now() % 1_000 === 0) callAll()
    await advance(50)
  }
}

const cost = (size: number, isShared: boolean): Effect.Effect<Cost> =>
  Effect.zipWith(
    simulated(size, isShared, false, lifetimes),
    simulated(size, isShared, true, outage),
    (requests, inOutage) => ({ size, kind: "sources", isShared, perLifetime: requests / 3, inOutage })
  )

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
    return { size, kind: "processes" as const, isShared, perLifetime: requests / lifetimes, inOutage: undefined }
  }).pipe(Effect.scoped, Effect.orDie)

const nameOf = ({ isShared, kind, size }: Cost) => `${size} ${kind}, ${isShared ? "one store" : "no store"}`

/** Fleets of several sizes, with a store and without. */
export const measure = (quick: boolean): Effect.Effect<Report.Report> =>
  Effect.gen(function*() {
    const sizes = quick ? [1, 8] : [1, 8, 24]
    const costs = [
      ...yield* Effect.forEach(sizes, (size) => real(size, true, 4)),
      ...yield* Effect.forEach(sizes, (size) => real(size, false, 4)),
      ...yield* Effect.forEach([1, 8, 100, 1_000], (size) => cost(size, true)),
      ...yield* Effect.forEach([1, 8, 100], (size) => cost(size, false))
    ]
    yield* Report.table(
      "P13: token requests of a fleet",
      costs.map((cost) => ({
        name: nameOf(cost),
        "per lifetime": cost.perLifetime,
        "in a minute of outage": cost.inOutage ?? "–"
      }))
    )
    /** What a fleet with a store makes, compared with one that has none and is alone. */
    const ratios = (kind: Cost["kind"], of: (cost: Cost) => number) => {
      const all = costs.filter((cost) => cost.kind === kind)
      const alone = all.find(({ isShared, size }) => !isShared && size === 1)
      return all.flatMap((cost) => cost.isShared && alone ? [of(cost) / of(alone)] : [])
    }
    const perLifetime = (["processes", "sources"] as const).flatMap((kind) =>
      ratios(kind, ({ perLifetime }) => perLifetime)
    )
    return {
      goals: {
        "P13 in a lifetime × one alone": Report.goal(Math.max(...perLifetime), 1.25),
        "P13 in an outage × one alone": Report.goal(
          Math.max(...ratios("sources", ({ inOutage = 0 }) => inOutage)),
          1.34
        )
      },
      lanes: costs.map((cost) => ({
        measurement: "P13",
        name: nameOf(cost),
        perLifetime: cost.perLifetime,
        inOutage: cost.inOutage ?? 0
      }))
    }
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None))
