/**
 * A token that is always valid: requested once, however many callers need it, and renewed in the background before it
 * expires.
 *
 * @example
 * import { TokenSource } from "@effect-tilia/core"
 * import { Console, Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const source = yield* TokenSource.TokenSource
 *   const token = yield* source.get
 *   yield* Console.log(token.expiresAt)
 * })
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { AccessToken } from "./AccessToken.js"
import * as Instant from "./Instant.js"
import { lifetime } from "./internal/accessToken.js"
import * as Completion from "./internal/completion.js"
import { detached } from "./internal/detached.js"
import * as Fibers from "./internal/fibers.js"
import * as Labels from "./internal/labels.js"
import * as Telling from "./internal/telling.js"
import * as Answer from "./internal/tokenSource/answer.js"
import * as Coalesced from "./internal/tokenSource/coalesced.js"
import { type Options, validate } from "./internal/tokenSource/options.js"
import * as Reporter from "./internal/tokenSource/reporter.js"
import * as Sharing from "./internal/tokenSource/sharing.js"
import * as State from "./internal/tokenSource/state.js"
import * as RetryPolicy from "./RetryPolicy.js"
import * as Scopes from "./Scopes.js"
import * as SlidingPubSub from "./SlidingPubSub.js"
import * as Telemetry from "./Telemetry.js"
import * as TiliaConfig from "./TiliaConfig.js"
import { TokenEndpoint } from "./TokenEndpoint.js"
import type { InvalidInputError, TokenError } from "./TokenError.js"
import type { TokenEvent } from "./TokenEvent.js"
import { type StoredFailure, StoreError, TokenStore } from "./TokenStore.js"

export type { Options } from "./internal/tokenSource/options.js"

/**
 * A token that is always valid.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenSource {
  /**
   * A valid token: at once while there is one, otherwise the result of the one request that all callers share. If that
   * request fails, each of its callers gets its error, and so does every `get` in the cool-down after it, without a new
   * request. Interrupting a caller leaves the request to the others. Once the source is closed, `get` is interrupted.
   */
  readonly get: Effect.Effect<AccessToken, TokenError>
  /**
   * A new token, although the current one is still valid; `get` yields the current one meanwhile. Two calls within
   * `minRefreshInterval` yield the same token or the same error. A cool-down does not hold it up. If the request fails,
   * a valid token stays. With a store, a call that finds another source's request under way shares its result.
   */
  readonly refresh: Effect.Effect<AccessToken, TokenError>
  /**
   * Drops this token because the API rejected it; does nothing unless it is the current one. It is ignored within
   * `minRefreshInterval` after a refresh that was forced, and for longer, up to 30 seconds, while the API rejects each
   * new token again.
   */
  readonly invalidate: (token: AccessToken) => Effect.Effect<void>
  /** The valid token, if there is one. Causes no request. */
  readonly peek: () => Option.Option<AccessToken>
  /** Succeeds once there is a valid token, and fails as `get` does: for health checks. */
  readonly ready: Effect.Effect<void, TokenError>
  /** What happens from now on. Ends with the source. A slow reader loses all but the last 256 events. */
  readonly changes: Stream.Stream<TokenEvent>
  /**
   * What its metrics, spans and log lines are labelled with: the labels of its endpoint, and its scopes. A source of
   * your own may leave it out.
   */
  readonly labels?: Telemetry.Labels
}

/**
 * @since 0.1.0
 * @category tags
 */
export const TokenSource: Context.Tag<TokenSource, TokenSource> = Context.GenericTag("@effect-tilia/core/TokenSource")

/** What runs for the flight of the state. */
interface RunningFlight {
  readonly startedAt: Instant.Instant
  readonly completion: Completion.Completion<AccessToken, TokenError>
  /** The spans of the callers, until the flight has a span of its own that takes them (S14). */
  readonly firstLinks: Array<Tracer.SpanLink>
  links: number
  span: Tracer.Span | undefined
}

/** What comes of a flight. */
type Ending = Exit.Exit<State.Obtained | Sharing.Deferred, TokenError>

/** What is told of the end of a flight, and what its callers get. */
interface Landing {
  readonly report: Effect.Effect<void>
  readonly result: Exit.Exit<AccessToken, TokenError>
}

/** As many links as OpenTelemetry keeps of a span: what waits for one that hangs may be many. */
const mostLinks = 128

/** Links a caller's span to the span of the request that serves many callers (S14). */
const linkSpan = (running: RunningFlight, caller: Fiber.RuntimeFiber<unknown, unknown>): void => {
  if (caller.currentSpan === undefined || running.links >= mostLinks) return
  running.links++
  const link: Tracer.SpanLink = { _tag: "SpanLink", span: caller.currentSpan, attributes: {} }
  if (running.span === undefined) running.firstLinks.push(link)
  else running.span.addLinks([link])
}

/**
 * A source over the `TokenEndpoint` in the context. If there is a `TokenStore` too, the source shares its token with
 * the other sources of that store. Nothing is requested yet, unless `start` is `"eager"`. When the scope closes, the
 * request under way and all callers that wait are interrupted. An option that is out of range is an
 * `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (
  options: Options
) => Effect.Effect<TokenSource, InvalidInputError, Scope.Scope | TokenEndpoint> = Effect.fnUntraced(function*(options) {
  const policy = yield* validate(options)
  const endpoint = yield* TokenEndpoint
  const clock = yield* Effect.clock
  const events = yield* SlidingPubSub.make<TokenEvent>(256)
  const labels = Labels.withScopes(endpoint.labels, policy.scopes)
  const report = yield* Reporter.make(policy.scopes, labels, events)
  const tags = (yield* Labels.tags(labels))()
  const store = Option.getOrUndefined(yield* Effect.serviceOption(TokenStore))
  const sharing = store === undefined ? Sharing.alone : Sharing.make(store, policy.scopes, report)
  const run = yield* Fibers.make

  // Plain variables, not Refs: a transition is synchronous, and the cost of `get` is measured (S1, P1).
  let state = State.initial(policy)
  let running: RunningFlight | undefined
  let sleeper: Fiber.RuntimeFiber<void> | undefined
  let usedAt = clock.unsafeCurrentTimeMillis()

  /** The only place that assigns the state. Which fibers run follows from the difference between old and new state. */
  const step = (event: State.Event, now: Instant.Instant): State.Reply => {
    const before = state
    const [after, reply] = State.transition(policy, before, event, now)
    state = after
    if (after.current?.id !== before.current?.id) {
      sleeper?.unsafeInterruptAsFork(FiberId.none)
      sleeper = after.current === undefined || policy.background !== "timer" ? undefined : run(watch(after.current.id))
    }
    if (after.flight !== undefined && after.flight.id !== before.flight?.id) {
      running = {
        startedAt: Instant.unsafeNow(clock),
        completion: Completion.make((change) => Telemetry.waitingCallers.unsafeModify(change, tags)),
        firstLinks: [],
        links: 0,
        span: undefined
      }
      run(fly(after.flight, running), { immediate: false })
    }
    return reply
  }

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      step({ _tag: "Close" }, Instant.unsafeNow(clock))
      // Here and not in `land`, which a flight that is interrupted before its first step never reaches (S3).
      if (state.flight !== undefined) running?.completion.complete(Exit.interrupt(FiberId.none))
    })
  )

  /** Looks at the clocks while the token with this id is the current one (S4, S10, S11). */
  const watch = (id: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (state.current?.id !== id) return Effect.void
      const now = Instant.unsafeNow(clock)
      usedAt = Math.min(usedAt, now.wall) // the wall clock may have gone back
      const isIdle = now.wall - usedAt >= (policy.idleAfter ?? lifetime(state.current.token))
      step({ _tag: "Look", isIdle }, now)
      if (state.current === undefined) return Effect.void
      const sleep = clock.sleep(Duration.millis(Math.ceil(State.untilNextLook(policy, state.current, now))))
      const pause = state.flight === undefined || running === undefined
        ? sleep
        : Effect.raceFirst(Effect.exit(running.completion.wait), sleep)
      return Effect.flatMap(pause, () => watch(id))
    })

  /**
   * Asks the endpoint, and names the token that must be replaced (A2). If that token is rejected while the request is
   * under way, and the endpoint returns it again, the endpoint is asked once more.
   */
  const request = (flight: State.Flight): Effect.Effect<AccessToken, TokenError> =>
    Effect.suspend(() => {
      const { coolDown, mustReplace: wasNamed, newest } = state
      const isSingle = flight.isSingle || coolDown !== undefined
      const ask = (rejected: AccessToken | undefined) =>
        Answer.checked(() =>
          endpoint.requestToken(policy.scopes, { rejected, ...(isSingle && { retry: RetryPolicy.none }) })
        )
      return Effect.flatMap(ask(wasNamed ? newest.token : undefined), (token) => {
        const { mustReplace, newest } = state
        return mustReplace && !wasNamed && newest.token !== undefined && Equal.equals(token.value, newest.token.value)
          ? ask(newest.token)
          : Effect.succeed(token)
      })
    })

  const wantedBy = (flight: State.Flight, draw: number): Sharing.Wanted => ({
    mustAsk: flight.mustAsk,
    view: (entry) => State.view(policy, state, flight, entry, Instant.unsafeNow(clock)),
    request: (before) =>
      Effect.suspend(() => {
        if (before !== undefined) step({ _tag: "Learn", failure: before }, Instant.unsafeNow(clock))
        return request(flight)
      }),
    failureToShare: (error) => State.failureToShare(policy, state, error, Instant.unsafeNow(clock), draw)
  })

  /**
   * Runs a flight in a root span, since it serves many callers (S14). It lands within the span, and behind it if it was
   * interrupted before. Nothing lands twice.
   */
  const fly = (flight: State.Flight, running: RunningFlight): Effect.Effect<void> =>
    Effect.flatMap(Effect.exit(Random.next), (drawn) => {
      const draw = Exit.getOrElse(drawn, () => 0.5)
      const end = (ending: Ending) => land(flight, running, ending, draw)
      return Telling.inSpan(Telemetry.refreshSpan, { root: true, links: running.firstLinks }, (span) => {
        Telling.annotate(span, { ...Labels.attributesOf(labels), "tilia.refresh.background": flight.isBackground })
        running.span = span
        return Effect.zipRight(drawn, sharing.obtain(wantedBy(flight, draw))).pipe(
          Effect.onExit(end) // within the span, which then has what is told of the end (O2)
        )
      }).pipe(Effect.onExit(end), Effect.exit, Effect.asVoid)
    })

  /** Ends a flight, unless it has ended: first the state, then what is told of it, then the callers that wait. */
  const land = (flight: State.Flight, running: RunningFlight, ending: Ending, draw: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (state.flight?.id !== flight.id) return Effect.void
      const now = Instant.unsafeNow(clock)
      const landed = (exit: Exit.Exit<State.Obtained, TokenError>): Landing => {
        step({ _tag: "Land", exit, draw }, now)
        const took = now.monotonic - running.startedAt.monotonic
        return { report: reportLanding(exit, took), result: Exit.map(exit, ({ token }) => token) }
      }
      const { report, result } = Exit.match(ending, {
        onFailure: (cause) => landed(Exit.failCause(cause)),
        onSuccess: (end) => "token" in end ? landed(Exit.succeed(end)) : deferred(end.heldBackBy, now)
      })
      return Effect.ensuring(report, Effect.sync(() => running.completion.complete(result)))
    })

  /** The end of a flight that has made no request (T8). */
  const deferred = (failure: StoredFailure, now: Instant.Instant): Landing => {
    const reply = step({ _tag: "Defer", failure }, now)
    return {
      report: report.deferred(failure.error),
      result: reply._tag === "Failure" ? reply : Exit.interrupt(FiberId.none)
    }
  }

  const reportLanding = (exit: Exit.Exit<State.Obtained, TokenError>, took: number): Effect.Effect<void> =>
    Exit.match(exit, {
      onSuccess: ({ failure, isRequested, token }) => {
        if (failure !== undefined) return isRequested ? report.failed(failure, took) : report.deferred(failure)
        return isRequested ? report.granted(token, took) : report.adopted(token)
      },
      onFailure: (cause) =>
        Option.match(Cause.failureOption(cause), {
          onSome: (error) => report.failed(error, took),
          onNone: () =>
            Option.match(Cause.dieOption(cause), {
              onSome: (defect) => report.died(defect, took),
              onNone: () => Effect.void // the source is closed
            })
        })
    })

  /** Takes the token that others have left in the store, while one is in use (T6). */
  const adopt: Effect.Effect<void> = Effect.suspend(() => {
    const { coolDown, current, flight } = state
    if (flight !== undefined || (current === undefined && coolDown === undefined)) return Effect.void
    return Effect.flatMap(
      Effect.zip(sharing.read, Random.next),
      ([{ token: stored }, draw]) =>
        Option.isSome(stored) &&
          step({ _tag: "Adopt", stored: stored.value, draw }, Instant.unsafeNow(clock))._tag === "Done"
          ? report.adopted(stored.value.token)
          : Effect.void
    )
  })

  const lookSoon = Coalesced.make(Effect.zipRight(Effect.sync(sharing.wake), adopt), Duration.millis(50), run)

  /**
   * Follows what others do to the store. A change is only a hint: the source reads what there is (T6, T9). A store that
   * hangs as it is subscribed to, or unsubscribed from, does not hold up the closing (S3).
   */
  const follow = (store: TokenStore): Effect.Effect<void> =>
    Stream.runForEach(Stream.suspend(() => store.changes(policy.scopes)), (change) =>
      Effect.suspend(() => {
        if (change === "Cleared") step({ _tag: "Clear" }, Instant.unsafeNow(clock))
        if (change === "Resumed") step({ _tag: "Resume" }, Instant.unsafeNow(clock))
        return lookSoon
      })).pipe(
        Effect.catchAllCause(() => report.skipped(new StoreError({ reason: "Unavailable" }))),
        detached
      )

  /**
   * What a caller gets: its result, or that of the flight. `retry` decides anew if that was a background flight, which
   * is a single attempt (S6), and after one whose token is not for those who come now (M4).
   */
  const answer = (
    reply: State.Reply,
    caller: Fiber.RuntimeFiber<AccessToken, TokenError>,
    retry: Effect.Effect<AccessToken, TokenError>
  ): Effect.Effect<AccessToken, TokenError> => {
    if (reply._tag === "Success" || reply._tag === "Failure") return reply
    if (running === undefined) return Effect.interrupt
    linkSpan(running, caller)
    const token = running.completion.wait
    if (state.flight?.isVoid === true) return Effect.zipRight(Effect.exit(token), retry)
    return state.flight?.isBackground === true ? Effect.catchAllCause(token, () => retry) : token
  }

  // All of these read the source's own clock: a caller with another one must not change what others get (S1).
  const get: Effect.Effect<AccessToken, TokenError> = Effect.withFiberRuntime((fiber) => {
    const now = clock.unsafeCurrentTimeMillis()
    const { current } = state
    usedAt = now
    if (current !== undefined && State.isDecided(current, now)) return current.exit
    return answer(step({ _tag: "Get" }, Instant.unsafeNow(clock)), fiber, get)
  })

  const refresh: Effect.Effect<AccessToken, TokenError> = Effect.withFiberRuntime((fiber) => {
    const now = Instant.unsafeNow(clock)
    usedAt = now.wall
    return answer(step({ _tag: "Refresh" }, now), fiber, refresh)
  })

  const invalidate = (token: AccessToken): Effect.Effect<void> =>
    Effect.suspend(() =>
      step({ _tag: "Invalidate", token }, Instant.unsafeNow(clock))._tag === "Done"
        ? report.invalidated(token)
        : Effect.void
    )

  const peek = (): Option.Option<AccessToken> => {
    const { current } = state
    if (current === undefined) return Option.none()
    // In the window one reading of the wall clock is enough (P2).
    return State.isDecided(current, clock.unsafeCurrentTimeMillis()) || State.isValid(current, Instant.unsafeNow(clock))
      ? current.some
      : Option.none()
  }

  if (store !== undefined) run(follow(store))
  if (policy.start === "eager") step({ _tag: "Start" }, Instant.unsafeNow(clock))
  return { get, refresh, invalidate, peek, ready: Effect.asVoid(get), changes: events.subscribe, labels }
})

/**
 * The source as a Layer: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<TokenSource, InvalidInputError, TokenEndpoint> =>
  Layer.scoped(TokenSource, make(options))

/**
 * `TILIA_SCOPES`, one scope or more, separated by commas; every other option at its default.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.map(Scopes.config, (scopes) => ({ scopes }))

/**
 * The source with options from the configuration; without an argument, those of `config`. Whatever is missing or wrong
 * is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: TiliaConfig.Input<Options> = config
): Layer.Layer<TokenSource, ConfigError, TokenEndpoint> => TiliaConfig.layer(options, layer)
