/*
 * P5: a caller every millisecond, while tokens are renewed by a server that takes 300 ms.
 */
import * as Effect from "effect/Effect"
import { setTimeout } from "node:timers/promises"
import * as Cache from "./Cache.js"
import * as FakeServer from "./FakeServer.js"
import * as Report from "./Report.js"

const delay = 300
/** Of a life of five seconds: the server's time fits between this and the end. */
const dueAfter = 4_000
const day = 86_400_000

interface Queue {
  readonly cache: Cache.Cache
  readonly server: FakeServer.FakeServer
  /** In milliseconds, one for each caller. */
  readonly waits: Array<number>
  expired: number
}

const queue = (server: FakeServer.FakeServer, cache: Cache.Cache): Queue => ({ cache, server, waits: [], expired: 0 })

const call = async (queue: Queue): Promise<void> => {
  const begun = performance.now()
  const token = await queue.cache.get()
  queue.waits.push(performance.now() - begun)
  if (queue.server.isExpired(token)) queue.expired++
}

/** All queues at the same time, so that whatever else the machine does meets them all. */
const callEveryMillisecond = async (queues: ReadonlyArray<Queue>, duration: number): Promise<void> => {
  const backwards = [...queues].reverse()
  const pending = queues.map(call)
  await Promise.all(pending.splice(0)) // the first token isn't measured
  for (const queue of queues) queue.waits.length = 0
  const end = performance.now() + duration
  for (let turn = 0; performance.now() < end; turn++) {
    // In turn from either end: whoever comes first after a pause meets a cold processor.
    pending.push(...(turn % 2 === 0 ? queues : backwards).map(call))
    await setTimeout(1)
  }
  await Promise.all(pending)
}

/** Who waits for the server waits for a good part of its time; a busy machine makes nobody wait so long. */
const waited = ({ waits }: Queue): number => waits.filter((wait) => wait > delay / 10).length

const row = (name: string, queue: Queue) => ({
  name,
  requests: queue.server.count.requests,
  "p50, µs": Report.percentile(queue.waits, 50) * 1000,
  "p99, µs": Report.percentile(queue.waits, 99) * 1000,
  "waited, %": (100 * waited(queue)) / queue.waits.length,
  expired: queue.expired
})

export const measure = (quick: boolean): Effect.Effect<Report.Report> =>
  Effect.gen(function*() {
    const server = () => FakeServer.make(delay)
    const of = (make: (server: FakeServer.FakeServer, dueAfter: number) => Cache.Cache): Queue => {
      const own = server()
      return queue(own, make(own, dueAfter))
    }
    const withEffect = <R>(
      make: (server: FakeServer.FakeServer, dueAfter: number) => Effect.Effect<Cache.Cache, never, R>,
      dueAfter: number
    ) => {
      const own = server()
      return Effect.map(make(own, dueAfter), (cache) => queue(own, cache))
    }
    const ours = yield* withEffect(Cache.ours, dueAfter)
    const still = yield* withEffect(Cache.ours, day)
    const ttl = yield* withEffect(Cache.effect, dueAfter)
    const peers = [Cache.azure, Cache.google, Cache.simpleOauth2, Cache.handMade].map(of)

    yield* Effect.promise(() => callEveryMillisecond([ours, still, ...peers, ttl], quick ? 6_000 : 60_000))
    const lanes = [
      row("effect-tilia", ours),
      row("… without refreshes", still),
      ...[...peers, ttl].map((peer) => row(peer.cache.name, peer))
    ]
    yield* Report.table("P5: a caller every millisecond, a refresh every 4 s, a server that takes 300 ms", lanes)
    return {
      goals: {
        "P5": Report.goal(Report.percentile(ours.waits, 99) / Report.percentile(still.waits, 99), 2),
        "P5 waited": Report.goal(waited(ours), 0),
        "P5 expired": Report.goal(ours.expired, 0)
      },
      lanes: lanes.map((lane) => ({ ...lane, measurement: "P5" }))
    }
  }).pipe(Effect.scoped)
