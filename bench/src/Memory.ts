/*
 * What a tenant and a caller keep in memory: the differences of the heap, after collections, that many of them make in
 * a process of their own (P9).
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Child from "./Child.js"
import * as Report from "./Report.js"

const Kept = Schema.Struct({ name: Schema.String, bytes: Schema.Array(Schema.Number) })

/** What one of a kind keeps, in bytes, as often as it was measured. */
export type Kept = typeof Kept.Type

/** Compares the medians with the goals. */
export const measure = (quick: boolean): Effect.Effect<Report.Report> =>
  Effect.gen(function*() {
    const child = yield* Child.start("./memoryProcess.js", [quick ? "1" : "5"], ["--expose-gc"])
    const all = yield* Effect.flatMap(
      Effect.promise(() => Child.nextMessage(child)),
      Schema.decodeUnknown(Schema.Array(Kept))
    )
    const kilobytes = ({ bytes }: Kept, percent: number) => Report.percentile(bytes, percent) / 1000
    const lanes = all.map((kept) => ({
      name: kept.name,
      "kB": kilobytes(kept, 50),
      "least": kilobytes(kept, 0),
      "most": Math.max(...kept.bytes) / 1000
    }))
    const of = (name: string) => lanes.find((lane) => lane.name === name)?.kB ?? NaN
    // To ten bytes, since each measurement of a heap is off by some.
    const exactly = (name: string) => Math.round(of(name) * 100) / 100
    yield* Report.table("P9: what one keeps in memory", lanes)
    return {
      goals: {
        "P9 idle tenant, kB": Report.goal(of("a tenant with a token"), 40),
        "P9 waiting caller, kB": Report.goal(of("a caller that waits") - of("a fiber at a Deferred"), 0.5),
        "P9 caller that gave up, kB": Report.goal(exactly("a caller that gave up"), 0)
      },
      lanes: lanes.map((lane) => ({ ...lane, measurement: "P9" }))
    }
  }).pipe(Effect.scoped, Effect.orDie)
