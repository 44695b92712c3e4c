/**
 * A token that is always valid: asked for once, however many wait for it, and renewed in the background before it expires
 * (S1–S14).
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
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { AccessToken } from "./AccessToken.js"
import * as Arrival from "./internal/tokenSource/completion.js"
import * as Freshness from "./internal/tokenSource/freshness.js"
import * as Hands from "./Instant.js"
import * as Hub from "./SlidingPubSub.js"
import * as Pacing from "./internal/tokenSource/backoff.js"
import * as Policy from "./internal/tokenSource/options.js"
import * as Reporter from "./internal/tokenSource/reporter.js"
import * as Sharing from "./internal/tokenSource/sharing.js"
import * as RetryPolicy from "./RetryPolicy.js"
import * as Scopes from "./Scopes.js"
import { refreshSpan } from "./Telemetry.js"
import { TokenEndpoint } from "./TokenEndpoint.js"
import type { InvalidInputError, TokenError } from "./TokenError.js"
import type { TokenEvent } from "./TokenEvent.js"
import { type Change, type Stored, TokenStore } from "./TokenStore.js"

/**
 * - `scopes`: what the token is for.
 * - `refreshAt`, `jitter`: when a token is renewed, as fractions of its life; the second is drawn to either side (0.8, 0.02).
 * - `expiryMargin`: how long before its end a token counts as expired, but never more than a tenth of its life (10 seconds).
 * - `background`: whether timers renew the token, or a `get` that finds it due: the latter where a process may be frozen
 *   between requests (`"timer"`, or `"onDemand"`).
 * - `idleAfter`: the time without a `get` after which timers renew no more (the token's life).
 * - `start`: whether the first token is asked for by the first `get` or as the source is made (`"lazy"`, or `"eager"`).
 * - `minRefreshInterval`: how far forced refreshes are apart (1 second).
 * - `coolDown`: how long callers fail at once after a failure, where there is no valid token; it doubles from `base` to
 *   `max` (1 second, 30 seconds).
 * - `checkEvery`: how often the clock is looked at, for machines that sleep and clocks that are set (1 minute).
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly scopes: Scopes.Input
  readonly refreshAt?: number | undefined
  readonly jitter?: number | undefined
  readonly expiryMargin?: Duration.DurationInput | undefined
  readonly background?: "timer" | "onDemand" | undefined
  readonly idleAfter?: Duration.DurationInput | undefined
  readonly start?: "lazy" | "eager" | undefined
  readonly minRefreshInterval?: Duration.DurationInput | undefined
  readonly coolDown?: {
    readonly base?: Duration.DurationInput | undefined
    readonly max?: Duration.DurationInput | undefined
  } | undefined
  readonly checkEvery?: Duration.DurationInput | undefined
}

/**
 * A token that is always valid.
 *
 * @since 0.1.0
 * @category tags
 */
export class TokenSource extends Context.Tag("@effect-tilia/core/TokenSource")<TokenSource, {
  /**
   * A valid token: at once while there is one, else from the one request that all callers share. Fails with that
   * request's error and then, for the cool-down, at once with the same error (S7). Interrupting a caller leaves the
   * request to the others; once the source is closed, `get` is interrupted.
   */
  readonly get: Effect.Effect<AccessToken, TokenError>
  /**
   * A new token, whatever is left of the current one, which serves `get` meanwhile. Two that follow each other within
   * `minRefreshInterval` yield the same token, or the same error (S9). Not held up by a cool-down; where it fails, a valid token
   * stays.
   */
  readonly refresh: Effect.Effect<AccessToken, TokenError>
  /**
   * Drops this token because it was refused, if it is the current one (S8). Ignored within `minRefreshInterval` after a
   * refresh that was forced, and for longer, up to 30 seconds, while each new token is refused again (S9).
   */
  readonly invalidate: (token: AccessToken) => Effect.Effect<void>
  /** The valid token, if there is one; asks for nothing. */
  readonly peek: () => Option.Option<AccessToken>
  /** Succeeds once there is a valid token, fails as `get` does: for health checks. */
  readonly ready: Effect.Effect<void, TokenError>
  /** What happens from now on; ends with the source. A slow reader misses all but the last 256 events. */
  readonly changes: Stream.Stream<TokenEvent>
}>() {}

/** The current token. All times are in milliseconds. */
interface Held extends Freshness.Life {
  readonly token: AccessToken
  /** S1: made once, so that a `get` makes nothing. */
  readonly exit: Exit.Exit<AccessToken>
  readonly some: Option.Option<AccessToken>
  began: Hands.Hands
  /** By the wall clock: within it nothing has to be decided. */
  window: { readonly from: number; readonly until: number }
  /** S6: how often its renewal has failed, and before when, on the monotonic hand, it isn't tried again. */
  failures: number
  notBefore: number
}

/** Why there is no new token, and until when, on the monotonic hand, nobody asks again. */
interface Pause {
  readonly exit: Exit.Exit<never, TokenError>
  readonly until: number
}

/** S7 */
interface CoolDown extends Pause {
  readonly failures: number
}

/** S2: the one request under way. */
interface Flight {
  readonly background: boolean
  /** T1: whether another's token won't do. */
  readonly mustAsk: boolean
  readonly began: Hands.Hands
  readonly landed: Arrival.Arrival<AccessToken, TokenError>
  /** S14: the callers' spans, and the flight's own once it is there. */
  readonly links: Array<Tracer.SpanLink>
  span: Tracer.Span | undefined
  /** M4: whether the store was emptied meanwhile. */
  isVoid: boolean
}

const closedWindow = { from: 0, until: 0 }

/** Whether nothing has to be decided at that time of the wall clock. */
const isDecided = ({ window: { from, until } }: Held, now: number): boolean => now >= from && now < until

/**
 * A source over the `TokenEndpoint` in the context, which shares its token through the `TokenStore` there, if there is one
 * (T1). It asks for nothing yet, unless `start` is `"eager"`; a request fails nobody but those who wait for it. It ends with its scope: what is under way is interrupted, and so is every caller who
 * waits. An option that is out of range is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const policy = yield* Policy.validate(options)
  const endpoint = yield* TokenEndpoint
  const clock = yield* Effect.clock
  const hub = yield* Hub.make<TokenEvent>(256)
  const report = Reporter.make(policy.scopes, hub)
  const store = Option.getOrUndefined(yield* Effect.serviceOption(TokenStore))
  const shared = store === undefined ? Sharing.alone : Sharing.make(store, policy.scopes, report.skipped)
  // S3: what serves all callers runs in the source's scope and context, not in those of the caller who happened to start it.
  const run = yield* FiberSet.makeRuntime<never>()

  // Plain cells, not Refs: everything that reads and writes them in one step is synchronous, and S1 is measured (P1).
  let held: Held | undefined
  /** T6: whoever had asked for it, the next must be another. */
  let last: AccessToken | undefined
  let flight: Flight | undefined
  let coolDown: CoolDown | undefined
  /** S9: of the last forced refresh. */
  let unforced: Pause | undefined
  let seen = Sharing.nothingSeen
  let forced = Pacing.neverForced(policy.minRefreshInterval)
  let isForcing = false
  let usedAt = clock.unsafeCurrentTimeMillis()
  let sleeper: Fiber.RuntimeFiber<void> | undefined
  let isClosed = false

  const drop = () => {
    held = undefined
    sleeper?.unsafeInterruptAsFork(FiberId.none)
    sleeper = undefined
  }

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      drop()
      // S3: here, since a flight that is interrupted before its first step never lands.
      if (flight !== undefined) flight.landed.done(Exit.interrupt(FiberId.none))
    })
  )

  const lifeOf = (token: AccessToken, now: Hands.Hands, draw: number): Freshness.Life => {
    const began = Hands.ago(now, Math.max(0, now.wall - token.issuedAt.epochMillis))
    return Freshness.life(Freshness.lifetimeOf(token), began, draw, policy)
  }

  const hold = ({ token }: Sharing.Shared, now: Hands.Hands, draw: number) => {
    drop()
    last = token
    held = {
      ...lifeOf(token, now, draw),
      token,
      exit: Exit.succeed(token),
      some: Option.some(token),
      window: closedWindow,
      failures: 0,
      notBefore: Number.NEGATIVE_INFINITY
    }
    if (policy.background === "timer") sleeper = run(watch(held))
  }

  /** Decides about the current token anew: drops it, starts its renewal, or says for how long nothing has to be decided. */
  const look = (now: Hands.Hands, mayRefresh: boolean): Freshness.Decision | undefined => {
    if (held === undefined) return undefined
    // S10: what either hand has shown is kept, or a suspend after the wall clock went back would go unnoticed.
    held.began = Hands.ago(now, Hands.since(held.began, now))
    const decision = Freshness.decide(held, held.notBefore, now)
    if (decision._tag === "Wait") {
      drop()
      return decision
    }
    const isLeftToOthers = decision._tag === "Refresh" && !mayRefresh
    held.window = isLeftToOthers
      ? closedWindow
      : { from: now.wall, until: now.wall + Math.min(decision.holdsFor, policy.checkEvery) }
    if (decision._tag === "Refresh" && mayRefresh && flight === undefined) launch(true)
    return decision
  }

  /** S4, S10, S11: looks at the clocks while the token lives, and renews it when it is due and in use. */
  const watch = (mine: Held): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (held !== mine) return Effect.void
      const now = Hands.read(clock)
      usedAt = Math.min(usedAt, now.wall) // the wall clock may have gone back
      const isIdle = now.wall - usedAt >= (policy.idleAfter ?? Freshness.lifetimeOf(mine.token))
      const decision = look(now, !isIdle)
      if (decision === undefined || decision._tag === "Wait") return Effect.void
      const pause = flight === undefined
        ? clock.sleep(Duration.millis(Math.ceil(Math.min(decision.holdsFor, policy.checkEvery))))
        : Effect.exit(flight.landed.wait)
      return Effect.flatMap(pause, () => watch(mine))
    })

  const launch = (background: boolean, mustAsk = false): Flight => {
    const launched: Flight = {
      background,
      mustAsk,
      began: Hands.read(clock),
      landed: Arrival.make(),
      links: [],
      span: undefined,
      isVoid: false
    }
    flight = launched
    run(fly(launched), { immediate: false })
    return launched
  }

  /** A2: names the token that won't do; once more where it is refused meanwhile, and was handed out again. */
  const request = ({ background }: Flight): Effect.Effect<AccessToken, TokenError> =>
    Effect.suspend(() => {
      const wasForcing = isForcing
      const ask = (held: AccessToken | undefined) =>
        endpoint.requestToken(policy.scopes, { held, ...(background && { retry: RetryPolicy.none }) })
      return Effect.flatMap(ask(wasForcing ? last : undefined), (token) =>
        isForcing && !wasForcing && last !== undefined && Equal.equals(token.value, last.value)
          ? ask(last)
          : Effect.succeed(token))
    })

  /** S14: a root span, since the request serves many. */
  const fly = (flight: Flight): Effect.Effect<void> =>
    Effect.useSpan(refreshSpan, { root: true, links: flight.links, captureStackTrace: false }, (span) => {
      flight.span = span
      return Effect.withParentSpan(shared.ask(request(flight), flight.mustAsk ? undefined : isUsable), span)
    }).pipe(
      Effect.onExit((exit) => Effect.flatMap(Random.next, (draw) => land(flight, exit, draw))),
      Effect.exit,
      Effect.asVoid
    )

  /** T6 */
  const isUsable = (stored: Stored): boolean => {
    const now = Hands.read(clock)
    return Sharing.isNewer(stored, seen) &&
      Freshness.decide(lifeOf(stored.token, now, 0.5), Number.NEGATIVE_INFINITY, now)._tag === "Fresh"
  }

  const land = (
    { background, began, isVoid, landed, mustAsk }: Flight,
    exit: Exit.Exit<Sharing.Shared, TokenError>,
    draw: number
  ) => {
    const now = Hands.read(clock)
    const took = now.monotonic - began.monotonic
    flight = undefined
    const reported = Exit.match(exit, {
      onSuccess: (shared) => {
        if (isForcing) forced = { ...forced, at: now.monotonic }
        accept(shared, now, draw)
        if (isVoid) drop()
        return shared.isRequested ? report.granted(shared.token, took) : report.adopted(shared.token)
      },
      onFailure: (cause) => {
        // A defect is no error to report, but it's no reason to ask again at once either.
        const error = Option.getOrUndefined(Cause.failureOption(cause))
        if (mustAsk) unforced = { exit: Exit.failCause(cause), until: now.monotonic + policy.minRefreshInterval }
        if (held !== undefined) backOff(held, error, now, draw)
        else if (!background) coolOff(cause, error, now)
        return error === undefined ? Effect.void : report.failed(error, took)
      }
    })
    landed.done(Exit.map(exit, ({ token }) => token))
    return reported
  }

  const accept = (shared: Sharing.Shared, now: Hands.Hands, draw: number) => {
    coolDown = undefined
    unforced = undefined
    isForcing = false
    seen = Sharing.see(seen, shared)
    if (!isClosed) hold(shared, now, draw)
  }

  /** What others do to the store: only a hint, so it is read, and only while somebody needs a token here (T6). */
  const follow = (change: Change): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (change === "Cleared") {
        drop()
        if (flight !== undefined) flight.isVoid = true
      }
      if (flight !== undefined || (held === undefined && coolDown === undefined)) return Effect.void
      return Effect.flatMap(Effect.zip(shared.read(isUsable), Random.next), ([found, draw]) => {
        if (flight !== undefined || Option.isNone(found) || !isUsable(found.value)) return Effect.void
        accept({ ...found.value, isRequested: false }, Hands.read(clock), draw)
        return report.adopted(found.value.token)
      })
    })

  /** S6 */
  const backOff = (held: Held, error: TokenError | undefined, now: Hands.Hands, draw: number) => {
    held.notBefore = now.monotonic + Pacing.backOff(held.failures++, error, draw)
    held.window = closedWindow
  }

  /** S7 */
  const coolOff = (cause: Cause.Cause<TokenError>, error: TokenError | undefined, now: Hands.Hands) => {
    const failures = coolDown === undefined ? 0 : coolDown.failures + 1
    const until = now.monotonic + Pacing.coolDown(failures, error, policy.coolDown)
    coolDown = { exit: Exit.failCause(cause), failures, until }
  }

  /** Waits for a flight. One in the background is a single attempt: where it fails, `again` decides anew (S6). */
  const join = (
    flight: Flight,
    fiber: Fiber.RuntimeFiber<AccessToken, TokenError>,
    again: Effect.Effect<AccessToken, TokenError>
  ): Effect.Effect<AccessToken, TokenError> => {
    if (fiber.currentSpan !== undefined) {
      const link: Tracer.SpanLink = { _tag: "SpanLink", span: fiber.currentSpan, attributes: {} }
      if (flight.span === undefined) flight.links.push(link)
      else flight.span.addLinks([link])
    }
    const token = flight.landed.wait
    return flight.background ? Effect.catchAll(token, () => again) : token
  }

  const get: Effect.Effect<AccessToken, TokenError> = Effect.withFiberRuntime((fiber) => {
    const clock = Hands.clockOf(fiber)
    const now = clock.unsafeCurrentTimeMillis()
    if (held !== undefined && isDecided(held, now)) {
      usedAt = now
      return held.exit
    }
    if (isClosed) return Effect.interrupt
    usedAt = now
    const hands = Hands.read(clock)
    look(hands, true)
    if (held !== undefined) return held.exit
    if (flight !== undefined) return join(flight, fiber, get)
    return coolDown !== undefined && hands.monotonic < coolDown.until ? coolDown.exit : join(launch(false), fiber, get)
  })

  const refresh: Effect.Effect<AccessToken, TokenError> = Effect.withFiberRuntime((fiber) => {
    if (isClosed) return Effect.interrupt
    const now = Hands.read(Hands.clockOf(fiber))
    usedAt = now.wall
    if (flight !== undefined) return join(flight, fiber, refresh)
    look(now, false)
    if (held !== undefined && Pacing.isRecent(forced, now.monotonic)) return held.exit
    if (unforced !== undefined && now.monotonic < unforced.until) return unforced.exit
    isForcing = true
    return join(launch(false, true), fiber, refresh)
  })

  const invalidate = (token: AccessToken): Effect.Effect<void> =>
    Effect.withFiberRuntime((fiber) => {
      if (held === undefined || !Equal.equals(held.token.value, token.value)) return Effect.void
      const { monotonic } = Hands.read(Hands.clockOf(fiber))
      const isIgnored = Pacing.isRecent(forced, monotonic)
      forced = Pacing.refused(forced, monotonic, policy.minRefreshInterval)
      if (isIgnored) return Effect.void
      drop()
      isForcing = true
      return report.invalidated(token)
    })

  const peek = (): Option.Option<AccessToken> => {
    if (held === undefined) return Option.none()
    const now = clock.unsafeCurrentTimeMillis()
    if (isDecided(held, now)) return held.some
    return Freshness.decide(held, held.notBefore, Hands.read(clock))._tag === "Wait" ? Option.none() : held.some
  }

  if (store !== undefined) run(Stream.runForEach(store.changes(policy.scopes), follow))
  if (policy.start === "eager") launch(false)
  return TokenSource.of({
    get,
    refresh,
    invalidate,
    peek,
    ready: Effect.asVoid(get),
    changes: hub.events
  })
})

/**
 * The same as a Layer. Fails with `InvalidInputError`; nothing is sent as it is built, unless `start` is `"eager"`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<TokenSource, InvalidInputError, TokenEndpoint> =>
  Layer.scoped(TokenSource, make(options))

/**
 * `TILIA_SCOPES`: one scope or more, separated by commas.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.map(Scopes.config, (scopes) => ({ scopes }))

/**
 * A source with the scopes of `TILIA_SCOPES` and every other option at its default.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<TokenSource, ConfigError, TokenEndpoint> = Layer.scoped(
  TokenSource,
  Effect.flatMap(config, (options) => Effect.orDie(make(options))) // valid scopes, and no other option
)
