/*
 * The playground without its view: the library of `tilia.ts`, what a reader can do to its server, its secret and its
 * clock, and what there is to see of it. All of it runs in the page; nothing is sent.
 */
import * as TokenEvent from "@effect-tilia/core/TokenEvent"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as Faults from "@effect-tilia/sandbox/Faults"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as SkewClock from "@effect-tilia/testing/SkewClock"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Tilia from "./tilia.js"

/** How the token endpoint behaves. */
export type Server = "up" | "slow" | "down"

const faults: Readonly<Record<Server, () => Iterable<Faults.Fault>>> = {
  up: () => [],
  slow: () => Faults.forever(Faults.delay("3 seconds")),
  down: () => Faults.forever(Faults.status(503))
}

/** Something that has happened. Its level is also shown as a colour, which is never the only sign. */
export interface Line {
  readonly at: number
  readonly level: "you" | "good" | "due" | "bad"
  readonly text: string
}

/** What there is to see. Times are in milliseconds. */
export interface View {
  readonly now: number
  /** The valid token's lifetime, if there is a token. */
  readonly token: { readonly total: number; readonly left: number } | undefined
  /** What the source does now, in a sentence. */
  readonly state: string
  readonly calls: number
  readonly failed: number
  /** How long the slowest call has taken. */
  readonly slowest: number
  readonly tokenRequests: number
  /** The newest first. */
  readonly lines: ReadonlyArray<Line>
}

/** What the reader can do, and see. */
export interface Lab {
  readonly view: () => Promise<View>
  readonly call: () => Promise<void>
  readonly keepCalling: (isOn: boolean) => Promise<void>
  readonly setServer: (server: Server) => Promise<void>
  readonly setSecret: (isRight: boolean) => Promise<void>
  readonly revoke: () => Promise<void>
  /** Moves the wall clock forward, as if the machine had slept. */
  readonly sleep: (minutes: number) => Promise<void>
  readonly close: () => Promise<void>
}

const wrongSecret = "00000000-0000-4000-8000-000000000000"

/** The fraction of the lifetime after which the source renews the token, by default. */
const refreshAt = 0.8

const mostLines = 60

const line = (level: Line["level"], text: string): Omit<Line, "at"> => ({ level, text })

const ofEvent = TokenEvent.$match({
  Refreshed: () => line("good", "The source has a new token."),
  RefreshFailed: ({ error }) => line("bad", `The source has no new token: ${error.message}`),
  RefreshDied: ({ defect }) => line("bad", `The request has died: ${defect}`),
  Invalidated: () => line("due", "The API rejected the token, and the source dropped it."),
  ScopeNarrowed: ({ missing }) => line("due", `The token lacks ${missing.join(", ")}.`),
  StoreSkipped: ({ reason }) => line("due", `The store was skipped (${reason}).`)
})

/** A wall clock that the reader can move, and that shows the right time until then. */
const clock = Effect.gen(function*() {
  const skew = yield* SkewClock.make
  yield* skew.step((yield* Clock.currentTimeMillis) - skew.clock.unsafeCurrentTimeMillis())
  return skew
})

export const make = (): Lab => {
  const skew = Effect.runSync(clock)
  const lines: Array<Line> = []
  let secret: string = Sandbox.wellKnown.clientSecret
  let calls = 0
  let failed = 0
  let slowest = 0
  let tokenRequests = 0
  let coolDownUntil = 0
  let waiting = 0
  let isRevoked = false
  let caller: Fiber.RuntimeFiber<unknown, unknown> | undefined

  const tell = (told: Omit<Line, "at">) =>
    Effect.map(Clock.currentTimeMillis, (at) => {
      lines.unshift({ at, ...told })
      lines.length = Math.min(lines.length, mostLines)
    })
  const you = (text: string) => tell(line("you", `You: ${text}`))

  const watchSource = Effect.flatMap(
    TokenSource.TokenSource,
    ({ changes }) =>
      Stream.runForEach(changes, (event) => {
        if (event._tag === "Refreshed" || event._tag === "Invalidated") isRevoked = false
        return tell(ofEvent(event))
      })
  )

  const watchServer = Effect.flatMap(Sandbox.Sandbox, ({ requests }) =>
    requests.pipe(
      Stream.filter(({ path }) => path === "/token"),
      Stream.runForEach(({ status }) => {
        tokenRequests++
        return tell(line(status === 200 ? "good" : "bad", `POST /token: ${status ?? "no response"}`))
      })
    ))

  const callOnce = Effect.acquireUseRelease(
    Effect.sync(() => waiting++),
    () => Effect.either(Tilia.callApi),
    () => Effect.sync(() => waiting--)
  )

  const call = Effect.timed(callOnce).pipe(
    Effect.flatMap(([time, result]) =>
      Effect.gen(function*() {
        calls++
        slowest = Math.max(slowest, Duration.toMillis(time))
        if (result._tag === "Right" && result.right === 200) return
        failed++
        if (result._tag === "Right") return yield* tell(line("bad", `A call failed: ${result.right}`))
        const error = result.left
        if ("coolDown" in error && error.coolDown !== undefined) {
          coolDownUntil = (yield* Clock.currentTimeMillis) + Duration.toMillis(error.coolDown)
          return // an error of before: there is a line of it already
        }
        yield* tell(line("bad", `A call failed: ${error.message}`))
      })
    )
  )

  const stateOf = (token: View["token"], now: number): string => {
    if (token !== undefined && isRevoked) {
      return "Revoked: the source does not know it yet. The next call gets a 401 and then a new token."
    }
    if (token !== undefined) {
      return token.left > (1 - refreshAt) * token.total
        ? "Fresh: every call gets this token at once, without a request."
        : "Due: the source renews the token in the background. Every call still gets this one at once."
    }
    if (coolDownUntil > now) return "No token: until the cool-down ends, calls get the last error at once."
    return waiting > 0
      ? `No token yet: ${waiting === 1 ? "one call waits" : `${waiting} calls wait`} for the request under way.`
      : "No token: the next call requests one, unless a request has just failed: then it gets that error at once."
  }

  const view = Effect.gen(function*() {
    const { peek } = yield* TokenSource.TokenSource
    const now = yield* Clock.currentTimeMillis
    const token = Option.getOrUndefined(Option.map(peek(), ({ expiresAt, issuedAt }) => ({
      total: expiresAt.epochMillis - issuedAt.epochMillis,
      left: expiresAt.epochMillis - now
    })))
    return { now, token, state: stateOf(token, now), calls, failed, slowest, tokenRequests, lines: [...lines] }
  })

  const runtime = ManagedRuntime.make(
    Layer.mergeAll(
      Layer.scopedDiscard(Effect.forkScoped(watchSource)),
      Layer.scopedDiscard(Effect.forkScoped(watchServer))
    )
      .pipe(
        Layer.provideMerge(Tilia.layer(Effect.sync(() => secret))),
        Layer.provideMerge(Layer.setClock(skew.clock)),
        Layer.provideMerge(Logger.minimumLogLevel(LogLevel.None))
      )
  )
  const run = runtime.runPromise

  const stopCalling = Effect.suspend(() => {
    const before = caller
    caller = undefined
    return before === undefined ? Effect.void : Effect.asVoid(Fiber.interrupt(before))
  })

  return {
    view: () => run(view),
    call: () => run(call),
    keepCalling: (isOn) =>
      run(Effect.gen(function*() {
        yield* stopCalling
        yield* you(isOn ? "call the API five times a second" : "stop calling")
        if (isOn) caller = yield* Effect.forkDaemon(Effect.repeat(Effect.fork(call), Schedule.spaced("200 millis")))
      })),
    setServer: (server) =>
      run(Effect.flatMap(Sandbox.Sandbox, ({ script }) =>
        Effect.zipRight(
          you({ up: "let the server work", slow: "slow the server down to 3 s", down: "take the server down" }[server]),
          script(faults[server]())
        ))),
    setSecret: (isRight) =>
      run(Effect.suspend(() => {
        secret = isRight ? Sandbox.wellKnown.clientSecret : wrongSecret
        return you(isRight ? "use the right secret" : "use a wrong secret")
      })),
    revoke: () =>
      run(Effect.flatMap(Sandbox.Sandbox, ({ revokeAll }) => {
        isRevoked = true
        return Effect.zipRight(you("revoke all tokens"), revokeAll)
      })),
    sleep: (minutes) =>
      run(Effect.zipRight(you(`let the machine sleep for ${minutes} minutes`), skew.step(minutes * 60_000))),
    close: () => run(stopCalling).then(() => runtime.dispose()) // the caller belongs to no scope of the runtime
  }
}
