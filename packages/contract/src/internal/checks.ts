/*
 * What an engine does with a long text, and with many who want the same lock, as two processes see it.
 */
import { Failed, Granted, type StoreEngine } from "@effect-tilia/core/StoreEngine"
import { StoreError } from "@effect-tilia/core/TokenStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

type Processes = readonly [StoreEngine, StoreEngine]

/** Characters of a text: more than most columns hold unless they are declared for long ones. */
const length = 100_000

/** The letters of a sealed text, in an order in which any lost or moved part is noticed. */
const longest = Array.from({ length: length / 10 }, (_, n) => `t-_${n.toString(36).padStart(7, "0")}`).join("")

/** Writes a long text through one process, and reads it through the other. */
export const longText = (
  [one, other]: Processes,
  tag: "Granted" | "Failed"
): Effect.Effect<{ readonly written: string; readonly found: string }, StoreError> =>
  Effect.gen(function*() {
    const name = crypto.randomUUID()
    const lock = yield* one.lock(name)
    if (lock._tag === "Held") return yield* new StoreError({ reason: "Slow" })
    const outcome = { text: longest, keepFor: Duration.minutes(1) }
    yield* one.settle(name, lock.generation, tag === "Granted" ? Granted(outcome) : Failed(outcome))
    const { failure, token } = yield* other.read(name)
    const found = Option.map(tag === "Granted" ? token : failure, ({ text }) => text)
    return { written: longest, found: Option.getOrElse(found, () => "") }
  })

/** How many of 16 fibers get a lock that nobody holds, half of them in each process. */
export const race = ([one, other]: Processes): Effect.Effect<number, StoreError> =>
  Effect.suspend(() => {
    const name = crypto.randomUUID()
    const attempts = Array.from({ length: 16 }, (_, n) => (n % 2 === 0 ? one : other).lock(name))
    return Effect.map(
      Effect.all(attempts, { concurrency: "unbounded" }),
      (results) => results.filter(({ _tag }) => _tag === "Acquired").length
    )
  })
