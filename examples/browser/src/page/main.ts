/*
 * The program of each tab: a token source that shares its token with the other tabs of the same user, and calls of the
 * API with that token.
 */
import * as BrowserTilia from "@effect-tilia/browser/BrowserTilia"
import * as BrowserTokenHttpClient from "@effect-tilia/browser/BrowserTokenHttpClient"
import * as BrowserTokenStore from "@effect-tilia/browser/BrowserTokenStore"
import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as Scopes from "@effect-tilia/core/Scopes"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as BrowserRuntime from "@effect/platform-browser/BrowserRuntime"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Status from "../Status.js"
import * as Lifetime from "./Lifetime.js"
import * as Server from "./Server.js"
import * as SourceState from "./SourceState.js"
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

const everySecond = Schedule.spaced("1 second")

const program = Effect.gen(function*() {
  const server = yield* Server.make
  const current = yield* SubscriptionRef.make(yield* Effect.retry(server.status, everySecond))
  const set = (status: Status.Status) => SubscriptionRef.set(current, status)
  const tally = View.tally()
  const isCalling = yield* SubscriptionRef.make(false)
  const post = (path: Server.Path, done: Effect.Effect<void> = Effect.void) =>
    server.post(path).pipe(Effect.tap(done), Effect.flatMap(set), Effect.catchAll(() => View.line(Words.unreachable)))

  /** What the tab does while this user is logged in. */
  const session = Effect.fnUntraced(function*(user: Status.User | null) {
    const gathered = yield* SourceState.gather
    yield* Effect.gen(function*() {
      const { changes, peek } = yield* TokenSource.TokenSource
      const { changes: changesOfStore, clear } = yield* BrowserTokenStore.BrowserTokenStore
      const http = yield* AuthorizedHttpClient.AuthorizedHttpClient
      const scopes = yield* Schema.decode(Scopes.ScopesFromArray)(Status.scopesOf[user ?? "bob"])
      const draw = View.source()

      const call = Effect.gen(function*() {
        const response = yield* http.get(`${location.origin}/whoami`)
        return Words.ofResponse(response.status, JSON.stringify(yield* response.json, undefined, 2))
      }).pipe(
        Effect.catchAll((error) => Effect.succeed(Words.ofError(error))),
        Effect.tap(({ coolDown }) => Effect.map(Clock.currentTimeMillis, (now) => gathered.onCall(coolDown, now))),
        Effect.tap(tally),
        Effect.tap(View.outcome)
      )
      const told = (outcome: Words.Outcome) => View.line(Words.ofOutcome(outcome))

      /** Calls the API again and again. Emits an outcome only if it differs from the one before. */
      const keepCalling = Stream.repeatEffectWithSchedule(call, everySecond).pipe(
        Stream.changesWith((one, other) => one.title === other.title)
      )

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
          Stream.tap((event) => Effect.sync(() => gathered.onEvent(event))),
          Stream.mapAccum(Option.none<string>(), (before, event) => {
            const now = Option.map(peek(), Lifetime.nameOf)
            const line = Words.ofEvent({ hasToken: Option.isSome(now), isSame: Equal.equals(now, before) })(event)
            return [Option.orElse(now, () => before), line]
          }),
          Stream.runForEach(View.line)
        ),
        Stream.runForEach(changesOfStore(scopes), (change) => Effect.sync(() => gathered.onChange(change))),
        Effect.repeat(Effect.suspend(() => draw(peek(), gathered.known())), Schedule.spaced("100 millis")),
        View.onClick("call", Effect.zipRight(View.did("call the API"), Effect.flatMap(call, told))),
        isCalling.changes.pipe(
          Stream.flatMap((isOn) => isOn ? keepCalling : Stream.empty, { switch: true }),
          Stream.runForEach(told)
        ),
        View.onClick("alice", Effect.zipRight(View.did("log in as Alice"), leave("login/alice"))),
        View.onClick("bob", Effect.zipRight(View.did("log in as Bob"), leave("login/bob"))),
        View.onClick("logout", Effect.zipRight(View.did("log out"), leave("logout")))
      ], { concurrency: "unbounded" })
    }).pipe(Effect.provide(tiliaOf(user)), Effect.withTracer(gathered.tracer))
  })

  yield* Effect.all([
    // Polls instead of a stream: a browser opens only six connections to a server, and there may be more tabs.
    Stream.repeatEffectWithSchedule(Effect.isSuccess(Effect.flatMap(server.status, set)), everySecond).pipe(
      Stream.prepend(Chunk.of(true)),
      Stream.changes,
      Stream.drop(1),
      Stream.runForEach((isReachable) => View.line(isReachable ? Words.reachable : Words.unreachable))
    ),
    Effect.repeat(View.places, everySecond),
    Stream.runForEach(current.changes, View.status),
    View.onClick(
      "keep",
      Effect.flatMap(
        SubscriptionRef.updateAndGet(isCalling, (isOn) => !isOn),
        (isOn) =>
          Effect.zipRight(View.pressed("keep", isOn), View.did(isOn ? "keep calling the API" : "stop calling the API"))
      )
    ),
    View.onClick("revoke", Effect.zipRight(View.did("revoke the token"), post("revoke"))),
    View.onClick(
      "outage",
      Effect.flatMap(SubscriptionRef.get(current), ({ isDown }) =>
        isDown
          ? Effect.zipRight(View.did("end the outage"), post("up"))
          : Effect.zipRight(View.did("take the token endpoint down"), post("down")))
    ),
    View.onClick("another", View.did("open another tab")),
    current.changes.pipe(
      Stream.map(({ user }) => user),
      Stream.changes,
      Stream.flatMap((user) => Stream.fromEffect(session(user)), { switch: true }),
      Stream.runDrain
    )
  ], { concurrency: "unbounded" })
})

BrowserRuntime.runMain(Effect.provide(program, BrowserTokenHttpClient.layer))
