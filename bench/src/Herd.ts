/*
 * Ten thousand callers at once, before there is a token (P4).
 */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Cache from "./Cache.js"
import * as FakeServer from "./FakeServer.js"
import * as Measure from "./Measure.js"
import * as Report from "./Report.js"

const callers = 10_000
const hour = 3_600_000
const runFork = Runtime.runFork(Runtime.defaultRuntime)

/** Many callers of one cache, whose lane makes a new cache for each run. */
interface Herd {
  readonly lane: Measure.Lane
  /** The most requests that one run has caused. */
  readonly requests: () => number
}

const makeHerd = (
  name: string,
  run: (server: FakeServer.FakeServer, callers: number) => Promise<unknown>
): Herd => {
  let most = 0
  return {
    requests: () => most,
    lane: {
      name,
      run: async (callers) => {
        const server = FakeServer.make()
        await run(server, callers)
        most = Math.max(most, server.count.requests)
      }
    }
  }
}

/** Callers that are promises. */
const ofPromises = (name: string, make: (server: FakeServer.FakeServer, dueAfter: number) => Cache.Cache): Herd =>
  makeHerd(name, (server, callers) => {
    const cache = make(server, hour)
    return Promise.all(Array.from({ length: callers }, cache.get))
  })

type Resume = (effect: Effect.Effect<void>) => void

type MakeEffect<E> = (
  server: FakeServer.FakeServer,
  dueAfter: number
) => Effect.Effect<Effect.Effect<unknown, E>, never, Scope.Scope>

/**
 * Callers that are fibers. They are not started by `Effect.forEach`, which costs several times as much as the fibers.
 */
const ofFibers = <E>(name: string, make: MakeEffect<E>): Herd =>
  makeHerd(name, (server, callers) =>
    make(server, hour).pipe(
      Effect.flatMap((get) =>
        Effect.async((resume: Resume) => {
          let left = callers
          const done = () => {
            if (--left === 0) resume(Effect.void)
          }
          for (let n = 0; n < callers; n++) runFork(get).addObserver(done)
        })
      ),
      Effect.scoped,
      Effect.runPromise
    ))

/** The least work for this many fibers: all wait for the same token. */
const bareFibers: MakeEffect<never> = (server, dueAfter) =>
  Effect.sync(() => {
    const waiting: Array<() => void> = []
    const wakeAll = () => {
      for (const wake of waiting) wake()
    }
    return Effect.async((resume: Resume) => {
      const isFirst = waiting.length === 0
      waiting.push(() => resume(Effect.void))
      if (isFirst) void server.issue(dueAfter).then(wakeAll)
    })
  })

/** Compares the time until every caller has a token, and counts the requests. */
export const measure = (quick: boolean): Effect.Effect<Report.Report> =>
  Effect.gen(function*() {
    const herds = [
      ofFibers("effect-tilia", (server, lifetime) => Effect.map(Cache.source(server, lifetime), ({ get }) => get)),
      ofPromises("@azure/core-rest-pipeline", Cache.azure),
      ofPromises("google-auth-library", Cache.google),
      ofPromises("simple-oauth2", Cache.simpleOauth2),
      ofPromises("hand-made", Cache.handMade),
      ofFibers("cachedInvalidateWithTTL", Cache.cachedWithTTL),
      ofFibers("fibers that only wait", bareFibers)
    ]
    const measured = yield* Measure.interleaved(herds.map(({ lane }) => lane), {
      rounds: quick ? 5 : 51,
      times: callers
    })
    const requests = (name: string) => herds.find(({ lane }) => lane.name === name)?.requests() ?? NaN
    const lanes = measured.map(({ median, name }) => ({
      name,
      requests: requests(name),
      ms: (median * callers) / 1000,
      "× Azure": Report.ratio(measured, name, "@azure/core-rest-pipeline"),
      "× fibers": Report.ratio(measured, name, "fibers that only wait")
    }))
    yield* Report.table("P4: 10,000 callers, nothing cached", lanes)
    return {
      goals: {
        "P4": Report.goal(requests("effect-tilia"), 1),
        "P4 × Azure": Report.goal(Report.ratio(measured, "effect-tilia", "@azure/core-rest-pipeline"), 1)
      },
      lanes: lanes.map((lane) => ({ ...lane, measurement: "P4" }))
    }
  })
