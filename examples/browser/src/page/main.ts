/*
 * The program of each tab: a token source that shares its token with the other tabs of the same user, and calls of the
 * API with that token.
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
import * as Lifetime from "./Lifetime.js"
import * as Server from "./Server.js"
import * as View from "./View.js"
import * as Words from "./words.js"

/**
 * The tabs of one user share a token (M4). A tab without a user requests a token only for a call, and the server
 * refuses it.
 */
const tiliaOf = (user: Status.User | null) =>
  BrowserTilia.layer({
    mediatorUrl: "/tilia/token",
    environment: { authUrl: location.origin, apiOrigins: [location.origin] },
    scopes: Status.scopesOf[user ?? "bob"],
    source: { refreshAt: Lifetime.refreshAt, jitter: 0, start: user === null ? "lazy" : "eager" },
    ...(user !== null && { principal: user })
  })

const call = Effect.gen(function*() {
  const http = yield* AuthorizedHttpClient.AuthorizedHttpClient
  const response = yield* http.get(`${location.origin}/whoami`)
  return Words.ofResponse(response.status, JSON.stringify(yield* response.json, undefined, 2))
}).pipe(
  Effect.catchAll((error) => Effect.succeed(Words.ofError(error))),
  Effect.tap(View.outcome)
)

const everySecond = Schedule.spaced("1 second")

/** Calls the API again and again. Emits an outcome only if it differs from the one before. */
const keepCalling = Stream.repeatEffectWithSchedule(call, everySecond).pipe(
  Stream.changesWith((one, other) => one.title === other.title)
)

const program = Effect.gen(function*() {
  const server = yield* Server.make
  const current = yield* SubscriptionRef.make(yield* Effect.retry(server.status, everySecond))
  const set = (status: Status.Status) => SubscriptionRef.set(current, status)
  const post = (path: Server.Path, done: Effect.Effect<void> = Effect.void) =>
    server.post(path).pipe(Effect.tap(done), Effect.flatMap(set), Effect.catchAll(() => View.line(Words.unreachable)))

  /** What the tab does while this user is logged in. */
  const session = (user: Status.User | null) =>
    Effect.gen(function*() {
      const { changes, peek } = yield* TokenSource.TokenSource
      const { clear } = yield* BrowserTokenStore.BrowserTokenStore
      const draw = View.lifetime()
      /**
       * The server ends the session first, and then all tabs drop the token: otherwise a tab could get the next one
       * (M4).
       */
      const leave = (path: Server.Path) => post(path, clear)

      yield* View.line({
        level: "good",
        text: user === null ? "No user is logged in" : `${Words.nameOf[user]} is logged in`
      })
      yield* Effect.all([
        changes.pipe(
          Stream.mapAccum(Option.none<string>(), (before, event) => {
            const now = Option.map(peek(), Lifetime.nameOf)
            const line = Words.ofEvent({ hasToken: Option.isSome(now), isSame: Equal.equals(now, before) })(event)
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
    // Polls instead of a stream: a browser opens only six connections to a server, and there may be more tabs.
    Effect.repeat(Effect.zipRight(Effect.ignore(Effect.flatMap(server.status, set)), View.places), everySecond),
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
