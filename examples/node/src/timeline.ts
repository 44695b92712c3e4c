/*
 * A stream of authorized calls over a short-lived token, while the token endpoint has an outage: told as it happens.
 */
import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as TokenEvent from "@effect-tilia/core/TokenEvent"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as Faults from "@effect-tilia/sandbox/Faults"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Print from "./print.js"

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

const told = TokenEvent.$match({
  Refreshed: () => "a new token",
  RefreshFailed: ({ error }) => `no new token (${error._tag}); the old one is still good`,
  Invalidated: () => "the token was refused",
  ScopeNarrowed: ({ missing }) => `the token lacks ${missing.join(", ")}`,
  StoreSkipped: ({ reason }) => `without the store (${reason})`
})

export const timeline = Effect.gen(function*() {
  const { url } = yield* NodeSandbox.NodeSandbox
  const { received, script } = yield* Sandbox.Sandbox
  const { changes } = yield* TokenSource.TokenSource
  const http = yield* AuthorizedHttpClient.AuthorizedHttpClient
  const begun = yield* Clock.currentTimeMillis
  const tell = (text: string) => Effect.flatMap(Clock.currentTimeMillis, (now) => Print.row(seconds(now - begun), text))

  const calls = { made: 0, failed: 0, slowest: 0 }
  const call = http.get(`${url}/whoami`).pipe(
    Effect.filterOrFail(({ status }) => status === 200),
    Effect.timed,
    Effect.match({
      onFailure: () => calls.failed++,
      onSuccess: ([took]) => calls.slowest = Math.max(calls.slowest, Duration.toMillis(took))
    }),
    Effect.tap(() => calls.made++)
  )

  yield* Effect.fork(Stream.runForEach(changes, (event) => tell(told(event))))
  yield* Effect.yieldNow()
  const stream = yield* Effect.fork(Effect.repeat(call, Schedule.spaced("20 millis")))
  yield* Effect.sleep("1.5 seconds")
  yield* tell("the token endpoint goes down; the calls go on")
  yield* script(Faults.forever(Faults.status(503)))
  yield* Effect.sleep("1 second")
  yield* script([])
  yield* tell("the token endpoint is back")
  yield* Effect.sleep("2 seconds")
  yield* Fiber.interrupt(stream)

  const asked = (yield* received).filter(({ path }) => path === "/token").length
  yield* tell(
    `${calls.made} calls, ${calls.failed} failed, the slowest took ${
      Math.ceil(calls.slowest)
    } ms; ${asked} token requests`
  )
  return calls
})
