/*
 * What runs in each tab: a token source that shares its token with the other tabs of the same user, and calls with it.
 */
import * as BrowserTilia from "@effect-tilia/browser/BrowserTilia"
import * as BrowserTokenHttpClient from "@effect-tilia/browser/BrowserTokenHttpClient"
import * as BrowserTokenStore from "@effect-tilia/browser/BrowserTokenStore"
import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as BrowserRuntime from "@effect/platform-browser/BrowserRuntime"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Status from "../Status.js"
import * as Life from "./Life.js"
import * as Server from "./Server.js"
import * as View from "./View.js"
import * as Words from "./words.js"

/** The tabs of one user share (M4). Nobody's tab asks only when it calls, and is refused. */
const tiliaOf = (user: Status.User | null) =>
  BrowserTilia.layer({
    mediatorUrl: "/tilia/token",
    environment: { authUrl: location.origin, apiOrigins: [location.origin] },
    scopes: Status.scopesOf[user ?? "bob"],
    source: { refreshAt: Life.refreshAt, jitter: 0, start: user === null ? "lazy" : "eager" },
    ...(user !== null && { principal: user })
  })

const call = Effect.gen(function*() {
  const http = yield* AuthorizedHttpClient.AuthorizedHttpClient
  const response = yield* http.get(`${location.origin}/whoami`)
  return Words.answered(response.status, JSON.stringify(yield* response.json, undefined, 2))
}).pipe(
  Effect.catchAll((error) => Effect.succeed(Words.failed(error))),
  Effect.tap(View.outcome)
)

const often = Schedule.spaced("1 second")

/** Many calls are told of when they turn out otherwise than the last one. */
const keepCalling = Stream.repeatEffectWithSchedule(call, often).pipe(
  Stream.changesWith((one, other) => one.title === other.title)
)

const program = Effect.gen(function*() {
  const server = yield* Server.make
  const current = yield* SubscriptionRef.make(yield* Effect.retry(server.status, often))
  const set = (status: Status.Status) => SubscriptionRef.set(current, status)
  const post = (path: Server.Path, done: Effect.Effect<void> = Effect.void) =>
    server.post(path).pipe(Effect.tap(done), Effect.flatMap(set), Effect.catchAll(() => View.line(Words.unreachable)))

  /** One user's time in this tab. */
  const session = (user: Status.User | null) =>
    Effect.gen(function*() {
      const { changes, peek } = yield* TokenSource.TokenSource
      const { clear } = yield* BrowserTokenStore.BrowserTokenStore
      const draw = View.life()
      /** M4: once the server knows, the token is taken from all tabs; then this one is the next user's. */
      const leave = (path: Server.Path) => post(path, clear)

      yield* View.line({
        mood: "good",
        text: user === null ? "Nobody is logged in" : `${Words.nameOf[user]} is logged in`
      })
      yield* Effect.all([
        changes.pipe(
          Stream.mapAccum(Option.none<string>(), (before, event) => {
            const now = Option.map(peek(), Life.nameOf)
            const line = Words.ofEvent({ isThere: Option.isSome(now), isSame: Equal.equals(now, before) })(event)
            return [Option.orElse(now, () => before), line]
          }),
          Stream.runForEach(View.line)
        ),
        Effect.repeat(Effect.suspend(() => draw(peek())), Schedule.spaced("100 millis")),
        View.onClick("call", Effect.flatMap(call, (outcome) => View.line(Words.ofOutcome(outcome)))),
        View.toggle("keep").pipe(
          Stream.flatMap((isOn) => isOn ? keepCalling : Stream.empty, { switch: true }),
          Stream.runForEach((outcome) => View.line(Words.ofOutcome(outcome)))
        ),
        View.onClick("alice", leave("login/alice")),
        View.onClick("bob", leave("login/bob")),
        View.onClick("logout", leave("logout"))
      ], { concurrency: "unbounded" })
    }).pipe(Effect.provide(tiliaOf(user)))

  yield* Effect.all([
    // Not a stream of the server's: a browser opens six connections, and there may be more tabs.
    Effect.repeat(Effect.zipRight(Effect.ignore(Effect.flatMap(server.status, set)), View.places), often),
    Stream.runForEach(current.changes, View.status),
    View.onClick("revoke", post("revoke")),
    View.onClick("outage", Effect.flatMap(SubscriptionRef.get(current), ({ isDown }) => post(isDown ? "up" : "down"))),
    current.changes.pipe(
      Stream.map(({ user }) => user),
      Stream.changes,
      Stream.flatMap((user) => Stream.fromEffect(session(user)), { switch: true }),
      Stream.runDrain
    )
  ], { concurrency: "unbounded" })
})

BrowserRuntime.runMain(Effect.provide(program, BrowserTokenHttpClient.layer))
