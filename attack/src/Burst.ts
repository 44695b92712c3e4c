/*
 * What callers leave behind in a client that lives on: very many of them come and go, and come again. A byte for each
 * is found in the heap, whether the client keeps it or the process.
 */
import { TokenSource } from "@effect-tilia/core/TokenSource"
import * as NodeTilia from "@effect-tilia/node/NodeTilia"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { randomUUID } from "node:crypto"
import type { Draw } from "./Draw.js"
import * as HostileServer from "./HostileServer.js"
import * as Judge from "./Judge.js"

const flights = 50
const callers = 100
const warmCallers = 400_000

/** In bytes. What the runtime itself keeps from one burst to the next is a tenth of it. */
const mostLeftBehind = 1e6

/** Callers that wait for a flight, half of which give up, and then callers that find its token. */
const burst = ({ get, refresh }: TokenSource): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let flight = 0; flight < flights; flight++) {
      const first = yield* Effect.fork(Effect.exit(refresh))
      const waiting = yield* Effect.forEach(Array.from({ length: callers }), () => Effect.fork(Effect.exit(refresh)))
      yield* Effect.yieldNow()
      yield* Fiber.interruptAll(waiting.slice(callers / 2))
      yield* Fiber.awaitAll([first, ...waiting])
    }
    let left = warmCallers
    yield* Effect.whileLoop({ while: () => left-- > 0, body: () => Effect.exit(get), step: () => {} })
  })

/** Plays bursts at a calm server, and compares the heap before and after the last one. */
export const play = (draw: Draw, heap: Effect.Effect<number>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const secret = randomUUID()
    const server = yield* Effect.promise(() => HostileServer.start(draw, Judge.make(secret)))
    yield* Effect.addFinalizer(() => Effect.sync(server.close))
    server.calm()
    const context = yield* Effect.orDie(Layer.build(NodeTilia.layer({
      clientId: randomUUID(),
      clientSecret: secret,
      scopes: ["user_info"],
      environment: { authUrl: server.origin },
      source: { minRefreshInterval: 1 },
      http: { proxy: false }
    })))
    const source = Context.get(context, TokenSource)
    yield* burst(source) // fills what is filled once
    const before = yield* heap
    yield* burst(source)
    const left = (yield* heap) - before
    return left <= mostLeftBehind
      ? []
      : [`memory: a burst of callers leaves ${(left / 1e6).toFixed(1)} MB behind in one client`]
  }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))
