/*
 * The server is down for five seconds, and works again before the token expires (P6). All times are in milliseconds.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { setTimeout } from "node:timers/promises"
import * as Cache from "./Cache.js"
import * as FakeServer from "./FakeServer.js"
import * as Report from "./Report.js"

const lifetime = 20_000
const dueAfter = 2_000
const outage = { from: 1_500, until: 6_500 }
const callInterval = 10

/** What the callers of one cache have got. */
interface Observed {
  readonly name: string
  readonly callers: number
  readonly errors: number
  /** The requests that the server has refused. */
  readonly requests: number
  /** The time from the end of the outage to the first new token. */
  readonly recovery: number
}

/** Calls the cache every ten milliseconds: before the outage, during it, and until there is a new token. */
const observe = async ({ get, name }: Cache.Cache, server: FakeServer.FakeServer): Promise<Observed> => {
  const first = await get()
  const startedAt = performance.now()
  const age = () => performance.now() - startedAt
  const pending: Array<Promise<void>> = []
  let errors = 0
  let current = first
  const call = () =>
    get().then((token) => {
      current = token
    }, () => {
      errors++
    })
  while (age() < outage.until || (current === first && age() < lifetime)) {
    server.isDown = age() >= outage.from && age() < outage.until
    pending.push(call())
    await setTimeout(callInterval)
  }
  const recovery = age() - outage.until
  // A caller whose token never comes does not hold up the benchmark.
  await Promise.race([Promise.all(pending), setTimeout(1_000)])
  return { name, callers: pending.length, errors, requests: server.count.refused, recovery }
}

/** The longest back-off after this many failures (S6). */
const longestBackOff = (failures: number): number => Math.min(30_000, 1_000 * 2 ** (failures - 1))

const worst = (all: ReadonlyArray<Observed>, of: (observed: Observed) => number): number => Math.max(...all.map(of))

/** Compares errors, requests and recovery. */
export const measure = (quick: boolean): Effect.Effect<Report.Report> =>
  Effect.gen(function*() {
    const peer = (make: (server: FakeServer.FakeServer, dueAfter: number) => Cache.Cache) => {
      const server = FakeServer.make()
      return observe(make(server, dueAfter), server)
    }
    // Back-offs are drawn at random. So many sources go through the outage, and the worst of them counts.
    const ours = Effect.gen(function*() {
      const server = FakeServer.make()
      const source = yield* Cache.source(server, lifetime, { refreshAt: dueAfter / lifetime })
      const cache = yield* Cache.ofSource(source)
      return yield* Effect.promise(() => observe(cache, server))
    })
    const ttl = Effect.suspend(() => {
      const server = FakeServer.make()
      return Effect.flatMap(Cache.effect(server, dueAfter), (cache) => Effect.promise(() => observe(cache, server)))
    })
    const [sources, others, cached] = yield* Effect.all([
      Effect.all(Array.from({ length: quick ? 10 : 50 }, () => ours), { concurrency: "unbounded" }),
      Effect.promise(() => Promise.all([Cache.azure, Cache.google, Cache.simpleOauth2, Cache.handMade].map(peer))),
      ttl
    ], { concurrency: "unbounded" })

    const steps = worst(sources, ({ recovery, requests }) => recovery / longestBackOff(requests))
    const mine = {
      name: "effect-tilia, the worst",
      callers: worst(sources, ({ callers }) => callers),
      errors: worst(sources, ({ errors }) => errors),
      requests: worst(sources, ({ requests }) => requests),
      recovery: worst(sources, ({ recovery }) => recovery)
    }
    const lanes = [mine, ...others, cached].map(({ recovery, ...lane }) => ({
      ...lane,
      "recovery, ms": Math.round(recovery)
    }))
    yield* Report.table("P6: five seconds of outage, a caller every 10 ms", lanes)
    return {
      goals: {
        "P6": Report.goal(mine.requests, 10),
        "P6 caller errors": Report.goal(mine.errors, 0),
        "P6 recovery, back-off steps": Report.goal(steps, 1)
      },
      lanes: lanes.map((lane) => ({ ...lane, measurement: "P6" }))
    }
  }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))
