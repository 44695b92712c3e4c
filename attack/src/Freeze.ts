/*
 * A process that is stopped for longer than a token lives, by SIGSTOP, and continued. Both of its clocks go on
 * meanwhile, so all of its timers are due at once, and its connections may be dead. It must have a token at once.
 */
import * as Effect from "effect/Effect"
import { type ChildProcess, fork } from "node:child_process"
import { randomUUID } from "node:crypto"
import type { Draw } from "./Draw.js"
import type { Played } from "./History.js"
import * as HostileServer from "./HostileServer.js"
import * as Judge from "./Judge.js"

/** What `frozenProcess` says of one `get`. */
export interface Got {
  readonly token: string
  readonly error: string
}

/**
 * From the continuing to the token, in milliseconds. It takes less than a second where the machine has nothing else to
 * do; an attempt that died with the freeze would take 10 seconds.
 */
const longestThaw = 8_000

const ask = (child: ChildProcess): Effect.Effect<Got> =>
  Effect.async((resume) => {
    child.once("message", (message: Got) => resume(Effect.succeed(message)))
    child.send("get")
  })

export const play = (draw: Draw): Effect.Effect<Played> =>
  Effect.gen(function*() {
    const secret = randomUUID()
    const judge = Judge.make(secret)
    const server = yield* Effect.promise(() => HostileServer.start(draw, judge))
    server.calm()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        fork(new URL("./frozenProcess.js", import.meta.url), [server.origin, secret, draw.pick("timer", "onDemand")])
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const first = yield* ask(child)
    if (first.token === "") judge.violated("S1", `the first token: ${first.error}`)
    // It is stopped at any moment: idle, or in a background request.
    yield* Effect.sleep(draw.between(0, 4_000))
    child.kill("SIGSTOP")
    yield* Effect.sleep(draw.between(6_000, 7_000))
    const thawedAt = performance.now()
    const requestsBefore = server.requests()
    const thawed = ask(child)
    child.kill("SIGCONT")
    const { error, token } = yield* thawed
    const took = performance.now() - thawedAt
    if (took > longestThaw) {
      const requests = String(server.requests() - requestsBefore)
      judge.violated("S10", `the first token after a freeze took ${took.toFixed()} ms and ${requests} requests`)
    }
    const until = server.book.get(token)
    if (until === undefined) judge.violated("S10", `no token after a freeze: ${error}`)
    else if (performance.now() > until + 250) judge.violated("S10", "a token that expired during a freeze")
    yield* Effect.sync(server.close)
    return { requests: server.requests(), calls: 2, violations: judge.violations }
  }).pipe(Effect.scoped)
