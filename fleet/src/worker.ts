/*
 * One process of a fleet. From the message "go" on it gets its token again and again, as callers would, and tells its
 * parent what it got whenever it is asked. It also tells when it requests a token, so that a test can disturb it then.
 */
import { requestSpan } from "@effect-tilia/core/Telemetry"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as NodeTilia from "@effect-tilia/node/NodeTilia"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { Message, Report } from "./Fleet.js"
import { layerOf } from "./Stores.js"

const [authUrl = "", store = "none"] = process.argv.slice(2)

const tell = (message: Message) => process.send?.(message)

/** A tracer that tells when a request begins and ends. */
const telling = (tracer: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    context: (f, fiber) => tracer.context(f, fiber),
    span: (name, ...rest) => {
      const span = tracer.span(name, ...rest)
      if (name !== requestSpan) return span
      tell({ _tag: "Requesting", isRequesting: true })
      const end = span.end.bind(span)
      span.end = (...values) => {
        tell({ _tag: "Requesting", isRequesting: false })
        end(...values)
      }
      return span
    }
  })

const Tilia = NodeTilia.layer({
  environment: { authUrl },
  ...Sandbox.wellKnown,
  scopes: ["user_info"],
  store: layerOf(store)
})

const report: Report = { failures: {}, expired: 0, skipped: 0, token: "" }

const call = Effect.gen(function*() {
  const { get } = yield* TokenSource.TokenSource
  const calledAt = yield* Clock.currentTimeMillis
  const exit = yield* Effect.exit(get)
  if (Exit.isFailure(exit)) {
    const error = exit.cause._tag === "Fail" ? exit.cause.error._tag : exit.cause._tag
    report.failures[error] = (report.failures[error] ?? 0) + 1
    return
  }
  report.token = Redacted.value(exit.value.value)
  // Not by the time now: on a busy machine this process may have stood still since the token was valid.
  if (exit.value.expiresAt.epochMillis <= calledAt) report.expired++
})

/** Counts what the source did without the engine. */
const watch = Effect.gen(function*() {
  const { changes } = yield* TokenSource.TokenSource
  yield* Stream.runForEach(changes, (event) =>
    Effect.sync(() => {
      if (event._tag === "StoreSkipped") report.skipped++
    }))
})

const program = Effect.gen(function*() {
  yield* Effect.fork(watch)
  yield* Effect.async<"go">((resume) => {
    process.on("message", (message) => {
      if (message === "go") resume(Effect.succeed(message))
      if (message === "report") tell({ _tag: "Report", report })
    })
    tell({ _tag: "Ready" })
  })
  yield* Effect.forever(Effect.zipRight(call, Effect.sleep("50 millis")))
}).pipe(
  Effect.provide(Tilia),
  (program) => Effect.flatMap(Effect.tracer, (tracer) => Effect.withTracer(program, telling(tracer)))
)

const fiber = Effect.runFork(program)
process.once("disconnect", () => void Effect.runPromise(Fiber.interrupt(fiber)).finally(() => process.exit()))
