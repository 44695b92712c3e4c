/*
 * Getting a token that is there, compared with the least possible work: reading a property and the clock (P1, P2).
 */
import * as Effect from "effect/Effect"
import * as Cache from "./Cache.js"
import * as FakeServer from "./FakeServer.js"
import * as Measure from "./Measure.js"
import * as Report from "./Report.js"

const hour = 3_600_000

const cell = { token: "token", until: Date.now() + hour }
const read = () => (Date.now() < cell.until ? cell.token : "")

/** Uses each result, so that the compiler cannot remove the work. */
let sink: unknown

/** A lane of plain function calls. */
const calls = (name: string, call: () => unknown): Measure.Lane => ({
  name,
  run: async (times) => {
    for (let n = 0; n < times; n++) sink = call()
  }
})

/** A lane of promises. */
const promises = ({ get, name }: Cache.Cache): Measure.Lane => ({
  name,
  run: async (times) => {
    for (let n = 0; n < times; n++) sink = await get()
  }
})

/** Runs everything in one fiber, so that its start and its end do not count. */
const inFiber = <E>(name: string, effect: Effect.Effect<unknown, E>): Measure.Lane => ({
  name,
  run: (times) =>
    Effect.runPromise(Effect.whileLoop({
      while: () => times-- > 0,
      body: () => effect,
      step: (value) => {
        sink = value
      }
    }))
})

/** Compares `get` and `peek` of a source with other caches. */
export const measure = (quick: boolean): Effect.Effect<Report.Report> =>
  Effect.gen(function*() {
    const server = FakeServer.make()
    const source = yield* Cache.source(server, hour)
    const cached = yield* Cache.cachedWithTTL(server, hour)
    yield* Effect.zipRight(source.get, Effect.orDie(cached))

    const rounds = quick ? 15 : 101
    const get = yield* Measure.interleaved([
      inFiber("Effect.sync", Effect.sync(read)),
      inFiber("effect-tilia", source.get),
      promises(Cache.google(server, hour)),
      promises(Cache.azure(server, hour)),
      promises(Cache.handMade(server, hour)),
      inFiber("cachedInvalidateWithTTL", cached)
    ], { rounds, times: 10_000 })
    const peek = yield* Measure.interleaved([calls("read", read), calls("effect-tilia", source.peek)], {
      rounds,
      times: 200_000
    })
    const lanes = { get: Report.rows(get, ["Effect.sync"]), peek: Report.rows(peek, ["read"]) }
    yield* Report.table("P1: get, warm, inside a fiber", lanes.get)
    yield* Report.table("P2: peek", lanes.peek)
    if (sink === undefined) return yield* Effect.dieMessage("Nothing was measured.")
    return {
      goals: {
        P1: Report.goal(Report.ratio(get, "effect-tilia", "Effect.sync"), 2),
        P2: Report.goal(Report.ratio(peek, "effect-tilia", "read"), 1.3)
      },
      lanes: [
        ...lanes.get.map((lane) => ({ ...lane, measurement: "P1" })),
        ...lanes.peek.map((lane) => ({ ...lane, measurement: "P2" }))
      ]
    }
  }).pipe(Effect.scoped, Effect.orDie)
