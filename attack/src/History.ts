/*
 * One history: a hostile server, one or two clients with drawn options, and callers that come and go. It ends with the
 * closing of the clients, whatever is under way.
 */
import type { AccessToken } from "@effect-tilia/core/AccessToken"
import { AuthorizedHttpClient } from "@effect-tilia/core/AuthorizedHttpClient"
import { TokenSource } from "@effect-tilia/core/TokenSource"
import * as TokenStore from "@effect-tilia/core/TokenStore"
import * as NodeTilia from "@effect-tilia/node/NodeTilia"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import { monitorEventLoopDelay } from "node:perf_hooks"
import type { Draw } from "./Draw.js"
import * as HostileServer from "./HostileServer.js"
import * as HostileStore from "./HostileStore.js"
import * as Judge from "./Judge.js"

export interface Played {
  readonly requests: number
  readonly calls: number
  readonly violations: ReadonlyArray<string>
}

/** Real timers are late by this, and by what the event loop was held up. In milliseconds. */
const lateness = 250

const clientOptions = (draw: Draw) => ({
  attemptTimeout: draw.pick(300, 600, 1_000),
  budget: draw.pick(1_000, 1_500, 2_500),
  retry: draw.pick(undefined, { maxAttempts: 2 }, { maxAttempts: 10, baseDelay: 20 }),
  replay: draw.pick("idempotent", "always", "never"),
  source: {
    background: draw.pick("timer", "onDemand"),
    start: draw.pick("lazy", "eager"),
    refreshAt: draw.pick(0.5, 0.8),
    minRefreshInterval: draw.pick(50, 300, 1_000),
    idleAfter: draw.pick(undefined, 500),
    checkEvery: draw.pick(200, 60_000),
    coolDown: { base: 100, max: 500, maxNotRetryable: 500 },
    maxRetryAfter: 1_000
  }
})

export const play = (draw: Draw): Effect.Effect<Played> =>
  Effect.gen(function*() {
    const secret = randomUUID()
    const judge = Judge.make(secret)
    const server = yield* Effect.promise(() => HostileServer.start(draw.fork("server"), judge))
    const loopDelay = monitorEventLoopDelay({ resolution: 10 })
    loopDelay.enable()
    const lag = () => loopDelay.max / 1e6
    let calls = 0
    let isClosing = false

    const storeKind = draw.pick("none", "none", "memory", "hostile")
    const storeLayer = storeKind === "none" ? Layer.empty : Layer.effect(
      TokenStore.TokenStore,
      storeKind === "memory" ? TokenStore.makeMemory : HostileStore.make(draw.fork("store"))
    )
    const sources = storeKind === "none" ? 1 : draw.between(1, 2)
    const options = clientOptions(draw.fork("options"))
    // A call may join a background attempt before it has a flight of its own (S6). With a store, it also waits for the
    // other source (T1), and for a lock that is not given back until its lease ends (T3).
    const longestCall = (options.attemptTimeout + options.budget) * (storeKind === "none" ? 1 : 2 * sources) +
      (storeKind === "hostile" ? 8_000 : 0) + 2 * lateness

    const logger = Layer.merge(
      Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ annotations, cause, message, spans }) =>
          judge.printed("a log line", [message, Cause.pretty(cause), annotations, spans])
        )
      ),
      Logger.minimumLogLevel(LogLevel.All)
    )
    const scope = yield* Scope.make()
    const store = yield* Layer.buildWithScope(storeLayer, scope)
    const clients = yield* Effect.forEach(Array.from({ length: sources }), () =>
      NodeTilia.layer({
        ...options,
        clientId: randomUUID(),
        clientSecret: secret,
        scopes: ["user_info"],
        environment: { authUrl: server.origin, apiOrigins: [server.origin] },
        http: { proxy: false }
      }).pipe(Layer.provide(Layer.succeedContext(store)), Layer.provide(logger), Layer.buildWithScope(scope))).pipe(
        Effect.orDie
      )

    const check = (token: AccessToken) => {
      const until = server.book.get(Redacted.value(token.value))
      if (until === undefined) judge.violated("E4", "a caller got a token that the server did not grant")
      else if (performance.now() > until + lateness + lag()) judge.violated("S5", "a caller got an expired token")
      judge.printed("a token", token)
    }

    /** Runs one call, which may be interrupted, and judges how it ends. */
    const call = <A, E>(name: string, decisions: Draw, limit: number, effect: Effect.Effect<A, E>) =>
      Effect.gen(function*() {
        calls++
        const isInterrupted = decisions.chance(0.2)
        const startedAt = performance.now()
        const fiber = yield* Effect.forkDaemon(effect)
        if (isInterrupted) yield* Effect.zipRight(Effect.sleep(decisions.between(0, 300)), Fiber.interrupt(fiber))
        const exit = yield* Fiber.await(fiber)
        const took = performance.now() - startedAt
        if (took > limit + 3 * lag()) judge.violated("E6", `${name} took ${took.toFixed()} ms, limit ${String(limit)}`)
        if (Exit.isSuccess(exit)) return
        judge.printed(`the outcome of ${name}`, Cause.squash(exit.cause))
        if (Cause.isDie(exit.cause)) judge.violated("errors.md", `${name} dies: ${Cause.pretty(exit.cause)}`)
        if (Cause.isInterruptedOnly(exit.cause) && !isInterrupted && !isClosing) {
          judge.violated("S3", `${name} is interrupted by others`)
        }
      })

    const caller = (context: Context.Context<TokenSource | AuthorizedHttpClient>, decisions: Draw) => {
      const source = Context.get(context, TokenSource)
      const http = Context.get(context, AuthorizedHttpClient)
      const get = Effect.map(source.get, (token) => {
        check(token)
        return token
      })
      const next = Effect.suspend(() =>
        decisions.pick(
          () => call("get", decisions, longestCall, get),
          () =>
            call("get", decisions, longestCall, Effect.all(Array.from({ length: 50 }, () => get), { concurrency: 50 })),
          () => call("refresh", decisions, 2 * longestCall, Effect.map(source.refresh, check)),
          () => call("invalidate", decisions, longestCall, Effect.flatMap(get, source.invalidate)),
          () =>
            call(
              "an API call",
              decisions,
              2 * longestCall + 200,
              Effect.map(http.get(`${server.origin}/api`), (response) => judge.printed("a response", response))
            )
        )()
      )
      return Effect.repeat(
        Effect.zipRight(next, Effect.suspend(() => Effect.sleep(isClosing ? 0 : decisions.between(0, 150)))),
        { until: () => isClosing }
      )
    }

    const events = clients.map((context) =>
      Stream.runForEach(Context.get(context, TokenSource).changes, (event) =>
        Effect.sync(() => judge.printed("an event", event)))
    )
    const callers = clients.flatMap((context, client) =>
      Array.from({ length: draw.between(2, 6) }, (_, n) =>
        caller(context, draw.fork(`caller ${String(client)}.${String(n)}`)))
    )
    const fibers = yield* Effect.forEach([...events, ...callers], (effect) =>
      Effect.forkDaemon(effect))
    yield* Effect.sleep(draw.between(2_000, 6_000))

    // A server that works again is found within one back-off: a failed call, the pause after it, and another call (S7).
    if (draw.chance(0.5)) {
      server.calm()
      for (const context of clients) {
        const recovered = yield* Context.get(context, TokenSource).get.pipe(
          Effect.retry(Schedule.spaced("50 millis")),
          Effect.orDie, // it retries for ever
          Effect.timeoutOption(2 * longestCall + 1_200 + 3 * lag())
        )
        if (recovered._tag === "None") {
          judge.violated("S7", "a source does not recover")
        }
      }
    }

    isClosing = true
    const [closedIn] = yield* Effect.timed(Scope.close(scope, Exit.void))
    if (Duration.toMillis(closedIn) > 1_000 + lag()) {
      judge.violated("S3", "closing the Layer takes long")
    }
    const ended = yield* Effect.timeoutOption(Fiber.awaitAll(fibers), 1_000 + lag())
    if (ended._tag === "None") {
      judge.violated("S3", "a call or a reader of events goes on after the Layer is closed")
    }
    // It is asked 50 times, however long that takes: a machine that stands still closes no socket either.
    const open = yield* Effect.sync(server.openSockets).pipe(
      Effect.delay("20 millis"),
      Effect.repeat({
        times: 50,
        until: (sockets) =>
          sockets.length === 0
      })
    )
    for (const socket of open) {
      judge.violated("S3", `a socket is open after the Layer is closed: ${socket}`)
    }
    server.close()
    loopDelay.disable()
    return { requests: server.requests(), calls, violations: judge.violations }
  })
