/*
 * Makes authorized calls with a short-lived token while the token endpoint has an outage, and prints what happens.
 */
import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as TokenEvent from "@effect-tilia/core/TokenEvent"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as Faults from "@effect-tilia/sandbox/Faults"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Print from "./print.js"

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

const describe = TokenEvent.$match({
  Refreshed: () => "there is a new token",
  RefreshFailed: ({ error }) => `there is no new token (${error._tag}), and the old one is still valid`,
  RefreshDied: ({ defect }) => `the request died (${defect})`,
  Invalidated: () => "the API rejected the token",
  ScopeNarrowed: ({ missing }) => `the token lacks ${missing.join(", ")}`,
  StoreSkipped: ({ reason }) => `the token store was skipped (${reason})`
})

/** Repeats a call, and counts how the calls end. */
const makeCaller = (url: string) =>
  Effect.gen(function*() {
    const http = yield* AuthorizedHttpClient.AuthorizedHttpClient
    const counts = { succeeded: 0, failed: 0, slowestMillis: 0 }
    const call = http.get(`${url}/whoami`).pipe(
      Effect.filterOrFail(({ status }) => status === 200),
      Effect.timed,
      Effect.match({
        onFailure: () => {
          counts.failed += 1
        },
        onSuccess: ([time]) => {
          counts.succeeded += 1
          counts.slowestMillis = Math.max(counts.slowestMillis, Duration.toMillis(time))
        }
      })
    )
    return { counts, run: Effect.repeat(call, Schedule.spaced("20 millis")) }
  })

export const timeline = Effect.gen(function*() {
  const { received, script, url } = yield* NodeSandbox.NodeSandbox
  const { changes } = yield* TokenSource.TokenSource
  const start = yield* Clock.currentTimeMillis
  const print = (text: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => Print.row(seconds(now - start), text))

  yield* Effect.fork(Stream.runForEach(changes, (event) => print(describe(event))))
  yield* Effect.yieldNow() // lets the fork subscribe before the first call
  const { counts, run } = yield* makeCaller(url)
  const calls = yield* Effect.fork(run)
  yield* Effect.sleep("1.5 seconds")
  yield* print("the token endpoint goes down, and the calls continue")
  yield* script(Faults.forever(Faults.status(503)))
  yield* Effect.sleep("1 second")
  yield* script([])
  yield* print("the token endpoint is back")
  yield* Effect.sleep("2 seconds")
  yield* Fiber.interrupt(calls)

  const tokenRequests = (yield* received).filter(({ path }) => path === "/token").length
  yield* print(`${counts.succeeded} calls succeeded, and ${counts.failed} failed`)
  yield* print(`the slowest call took ${Math.ceil(counts.slowestMillis)} ms`)
  yield* print(`${tokenRequests} token requests were made`)
})
