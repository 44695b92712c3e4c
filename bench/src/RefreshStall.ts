/*
 * A caller every millisecond, while a server that takes 300 ms renews the tokens (P5). All times are in milliseconds.
 */
import * as Effect from "effect/Effect"
import { setTimeout } from "node:timers/promises"
import * as Cache from "./Cache.js"
import * as FakeServer from "./FakeServer.js"
import * as Report from "./Report.js"

const delay = 300
/** Our token has a lifetime of five seconds: after it is due, there is time enough for the server. */
const dueAfter = 4_000
const day = 86_400_000

/** The callers of one cache. */
interface Queue {
  readonly cache: Cache.Cache
  readonly server: FakeServer.FakeServer
  /** How long each caller has waited. */
  readonly waits: Array<number>
  /** How many callers have got an expired token. */
  expired: number
}

const queue = (server: FakeServer.FakeServer, cache: Cache.Cache): Queue => ({ cache, server, waits: [], expired: 0 })

const call = async (queue: Queue): Promise<void> => {
  const startedAt = performance.now()
  const token = await queue.cache.get()
  queue.waits.push(performance.now() - startedAt)
  if (queue.server.isExpired(token)) queue.expired++
}

/** Calls all caches at the same time, so that other work of the machine delays all of them. */
const callEveryMillisecond = async (queues: ReadonlyArray<Queue>, duration: number): Promise<void> => {
  const backwards = [...queues].reverse()
  await Promise.all(queues.map(call)) // the first token is not measured
  const pending: Array<Promise<void>> = []
  for (const queue of queues) queue.waits.length = 0
  const end = performance.now() + duration
  for (let turn = 0; performance.now() < end; turn++) {
    // The order alternates, because the first caller after a pause is slower.
    pending.push(...(turn % 2 === 0 ? queues : backwards).map(call))
    await setTimeout(1)
  }
  await Promise.all(pending)
}

/**
 * How many callers have waited for the server: longer than a tenth of its delay. A busy machine alone delays none so
 * long.
 */
const waited = ({ waits }: Queue): number => waits.filter((wait) => wait > delay / 10).length

const row = (name: string, queue: Queue) => ({
  name,
  requests: queue.server.count.requests,
  "p50, µs": Report.percentile(queue.waits, 50) * 1000,
  "p99, µs": Report.percentile(queue.waits, 99) * 1000,
  "waited, %": (100 * waited(queue)) / queue.waits.length,
  expired: queue.expired
})

/** Compares how long the callers wait. */
export const measure = (quick: boolean): Effect.Effect<Report.Report> =>
  Effect.gen(function*() {
    const of = (make: (server: FakeServer.FakeServer, dueAfter: number) => Cache.Cache): Queue => {
      const server = FakeServer.make(delay)
      return queue(server, make(server, dueAfter))
    }
    const withEffect = <R>(
      make: (server: FakeServer.FakeServer, dueAfter: number) => Effect.Effect<Cache.Cache, never, R>,
      dueAfter: number
    ) => {
      const server = FakeServer.make(delay)
      return Effect.map(make(server, dueAfter), (cache) => queue(server, cache))
    }
    const ours = yield* withEffect(Cache.ours, dueAfter)
    const withoutRefresh = yield* withEffect(Cache.ours, day)
    const ttl = yield* withEffect(Cache.effect, dueAfter)
    const peers = [Cache.azure, Cache.google, Cache.simpleOauth2, Cache.handMade].map(of)

    yield* Effect.promise(() => callEveryMillisecond([ours, withoutRefresh, ...peers, ttl], quick ? 6_000 : 60_000))
    const lanes = [
      row("effect-tilia", ours),
      row("… without refreshes", withoutRefresh),
      ...[...peers, ttl].map((peer) => row(peer.cache.name, peer))
    ]
    yield* Report.table("P5: a caller every millisecond, a refresh every 4 s, a server that takes 300 ms", lanes)
    return {
      goals: {
        "P5": Report.goal(Report.percentile(ours.waits, 99) / Report.percentile(withoutRefresh.waits, 99), 2),
        "P5 waited": Report.goal(waited(ours), 0),
        "P5 expired": Report.goal(ours.expired, 0)
      },
      lanes: lanes.map((lane) => ({ ...lane, measurement: "P5" }))
    }
  }).pipe(Effect.scoped)
