/*
 * The token source as a state machine: what it knows, what can happen to it, and what it then does. It is pure, so that
 * tables and random histories can test it; `TokenSource` runs it and performs what follows from a change of state.
 *
 * All times are in milliseconds. Pauses (`notBefore`, `until`) are times of the monotonic clock, which cannot be set.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { AccessToken } from "../../AccessToken.js"
import * as Instant from "../../Instant.js"
import type { TokenError } from "../../TokenError.js"
import type { Entry, Failure, Stored, StoredFailure } from "../../TokenStore.js"
import { lifetime } from "../accessToken.js"
import * as Backoff from "./backoff.js"
import * as Freshness from "./freshness.js"
import * as Newest from "./newest.js"
import * as Throttle from "./throttle.js"
import { unsent } from "./unsent.js"

/** The validated options that decisions depend on. */
export interface Policy extends Freshness.Policy, Backoff.Policy {
  readonly background: "timer" | "onDemand"
  readonly minRefreshInterval: number
  readonly checkEvery: number
}

/** The token that callers get. */
export interface Current {
  readonly id: number
  readonly token: AccessToken
  readonly validity: Freshness.Validity
  /** What `get` and `peek` return, made once so that a `get` allocates nothing (S1). */
  readonly exit: Exit.Exit<AccessToken>
  readonly some: Option.Option<AccessToken>
  /** The times of the wall clock between which a `Get` changes nothing and is answered by `exit` (S1). */
  readonly window: { readonly from: number; readonly until: number }
  /** How many background refreshes have failed since the token arrived, and when the next one may begin (S6). */
  readonly failures: number
  readonly notBefore: number
}

/** A failure that callers get, without a new request, until a time. */
interface Pause {
  readonly exit: Exit.Exit<never, TokenError>
  readonly until: number
}

/** The one request under way (S2). */
export interface Flight {
  readonly id: number
  readonly isBackground: boolean
  /** Whether it makes a single attempt: a valid token is there (S6), or the last request has failed (S7). */
  readonly isSingle: boolean
  /** Whether its token replaces one that had to be replaced, so that the next one must wait (S9). */
  readonly isForced: boolean
  /** Whether the server must be asked although the store may hold a token (T1). */
  readonly mustAsk: boolean
  /** Whether the store was cleared meanwhile: waiting callers get the token, and the source does not keep it (M4). */
  readonly isVoid: boolean
}

export interface State {
  readonly current: Current | undefined
  readonly flight: Flight | undefined
  /** The failure of the last request while there was no valid token, and how many there have been in a row (S7). */
  readonly coolDown: (Pause & { readonly failures: number }) | undefined
  /** The generation of the last failure of another source that has held this one back. It does so only once (T8). */
  readonly deferredTo: number
  /** The failure of the last `refresh` (S9). */
  readonly failedRefresh: Pause | undefined
  /** The newest token that this source has had, and what tells whether a stored one is newer (T6). */
  readonly newest: Newest.Newest
  /** Whether that token must be replaced: it was rejected, or `refresh` was called. The next request names it (A2). */
  readonly mustReplace: boolean
  readonly throttle: Throttle.Throttle
  readonly isClosed: boolean
  readonly nextId: number
}

/** A token for the source, whether the server was asked for one, and its generation if a store holds it. */
export interface Obtained {
  readonly token: AccessToken
  readonly generation: number | undefined
  readonly isRequested: boolean
  /** Why there is no newer one, if a request has failed and the store had this one. */
  readonly failure: TokenError | undefined
}

/** What a flight sees when it looks at what the store holds (T1, T6, T8). */
export interface View {
  /** The stored token, if it may be used in place of a new one. */
  readonly fresh: Stored | undefined
  /** The stored token, if it may be used when a new one cannot be had. */
  readonly valid: Stored | undefined
  /** The last failure, if there is no newer token. */
  readonly failure: StoredFailure | undefined
  /** Whether that failure ends the flight: the server is left alone, and nobody asks it. */
  readonly isHeldBack: boolean
}

/** `draw` is a random number from 0 to 1. */
export type Event =
  | { readonly _tag: "Get" }
  | { readonly _tag: "Refresh" }
  | { readonly _tag: "Invalidate"; readonly token: AccessToken }
  /** The source is made and shall not wait for its first caller. */
  | { readonly _tag: "Start" }
  /** A timer looks at the clocks. */
  | { readonly _tag: "Look"; readonly isIdle: boolean }
  /** The flight has ended. */
  | { readonly _tag: "Land"; readonly exit: Exit.Exit<Obtained, TokenError>; readonly draw: number }
  /** The flight asks, and the store tells of failed requests of others before: it is one try of that row (T8). */
  | { readonly _tag: "Learn"; readonly failure: StoredFailure }
  /** The flight has ended without a request: the server is left alone after a failed request of another source (T8). */
  | { readonly _tag: "Defer"; readonly failure: StoredFailure }
  /** The store holds a token that another process or tab has requested. */
  | { readonly _tag: "Adopt"; readonly stored: Stored; readonly draw: number }
  /** The store was cleared. */
  | { readonly _tag: "Clear" }
  /** The process is back from where nothing could succeed (B1). */
  | { readonly _tag: "Resume" }
  | { readonly _tag: "Close" }

/** The result for a caller, or how the source took the event: `Join` means that the caller waits for the flight. */
export type Reply =
  | Exit.Exit<AccessToken, TokenError>
  | { readonly _tag: "Join" }
  | { readonly _tag: "Done" }
  | { readonly _tag: "Ignored" }

export type Step = readonly [State, Reply]

const join: Reply = { _tag: "Join" }
const done: Reply = { _tag: "Done" }
const ignored: Reply = { _tag: "Ignored" }
const closed: Reply = Exit.interrupt(FiberId.none) // a caller of a closed source is interrupted (S3)

const closedWindow = { from: 0, until: 0 }

export const initial = (policy: Policy): State => ({
  current: undefined,
  flight: undefined,
  coolDown: undefined,
  deferredTo: Number.NEGATIVE_INFINITY,
  failedRefresh: undefined,
  newest: Newest.none,
  mustReplace: false,
  throttle: Throttle.initial(policy.minRefreshInterval),
  isClosed: false,
  nextId: 0
})

/** Whether a `Get` at this time of the wall clock changes nothing (S1). */
export const isDecided = ({ window: { from, until } }: Current, now: number): boolean => now >= from && now < until

const decide = ({ notBefore, validity }: Current, now: Instant.Instant): Freshness.Decision =>
  Freshness.decide(validity, notBefore, now)

/** Whether callers may use the token at this instant. */
export const isValid = (current: Current, now: Instant.Instant): boolean => decide(current, now)._tag !== "Expired"

/** How long a timer may sleep before it looks at the clocks again (S10). */
export const untilNextLook = (policy: Policy, current: Current, now: Instant.Instant): number =>
  Math.min(decide(current, now).holdsFor, policy.checkEvery)

const validity = (policy: Policy, token: AccessToken, now: Instant.Instant, draw: number): Freshness.Validity =>
  Freshness.validity(
    lifetime(token),
    Instant.before(now, Math.max(0, now.wall - token.issuedAt.epochMillis)),
    draw,
    policy
  )

/** What becomes of a stored token that is newer than each token that the source has had; of another one, `Expired`. */
const decideStored = (policy: Policy, { mustReplace, newest }: State, now: Instant.Instant, stored: Stored) =>
  Newest.isOlderThan(newest, stored) && !(mustReplace && Newest.isSame(newest, stored))
    ? Freshness.decide(validity(policy, stored.token, now, 0.5), Number.NEGATIVE_INFINITY, now)._tag
    : "Expired"

/** Whether the source may use a stored token in place of a new one (T6). */
const isUsable = (policy: Policy, state: State, now: Instant.Instant, stored: Stored): boolean =>
  decideStored(policy, state, now, stored) === "Fresh"

/** What a flight makes of what the store holds. */
export const view = (
  policy: Policy,
  state: State,
  { isBackground }: Flight,
  entry: Entry,
  now: Instant.Instant
): View => {
  const stored = Option.getOrUndefined(entry.token)
  const decision = stored === undefined ? "Expired" : decideStored(policy, state, now, stored)
  const valid = decision === "Expired" ? undefined : stored
  const failure = Option.getOrUndefined(
    Option.filter(entry.failure, ({ generation }) => stored === undefined || stored.generation < generation)
  )
  return {
    fresh: decision === "Fresh" ? stored : undefined,
    valid,
    failure,
    isHeldBack: failure !== undefined && failure.generation > state.deferredTo &&
      Duration.toMillis(failure.remaining) > 0 &&
      (failure.isBinding || isBackground || valid !== undefined)
  }
}

const launch = (state: State, kind: { readonly isBackground: boolean; readonly mustAsk: boolean }): State => ({
  ...state,
  nextId: state.nextId + 1,
  flight: {
    ...kind,
    id: state.nextId,
    isSingle: kind.isBackground || state.coolDown !== undefined,
    isForced: state.mustReplace,
    isVoid: false
  }
})

/** Decides about the current token: drops it, launches its renewal, or says how long nothing has to be decided (S4). */
const look = (policy: Policy, state: State, now: Instant.Instant, mayRefresh: boolean): State => {
  if (state.current === undefined) return state
  // The age that either clock has shown is kept: without that, a wall clock that goes back would hide a suspend (S10).
  const begin = Instant.before(now, Instant.elapsed(state.current.validity.begin, now))
  const current = { ...state.current, validity: { ...state.current.validity, begin } }
  const decision = decide(current, now)
  if (decision._tag === "Expired") return { ...state, current: undefined }
  const isStale = decision._tag === "Stale"
  // Without a timer that looks at both clocks, each `Get` must do so: the wall clock alone may have gone back (S10).
  const window = policy.background === "onDemand" || (isStale && !mayRefresh)
    ? closedWindow
    : { from: now.wall, until: now.wall + Math.min(decision.holdsFor, policy.checkEvery) }
  const looked = { ...state, current: { ...current, window } }
  return isStale && mayRefresh && state.flight === undefined
    ? launch(looked, { isBackground: true, mustAsk: false })
    : looked
}

/** The least time between two renewals of a source whose tokens are stale as they arrive (S15). */
const pace = (token: AccessToken): number => Math.min(1000, lifetime(token) / 2)

const accept = (policy: Policy, state: State, obtained: Obtained, now: Instant.Instant, draw: number): State => {
  const { token } = obtained
  return {
    ...state,
    nextId: state.nextId + 1,
    current: {
      id: state.nextId,
      token,
      validity: validity(policy, token, now, draw),
      exit: Exit.succeed(token),
      some: Option.some(token),
      window: closedWindow,
      failures: 0,
      notBefore: now.monotonic + pace(token)
    },
    coolDown: undefined,
    failedRefresh: undefined,
    newest: Newest.add(state.newest, obtained),
    mustReplace: false
  }
}

const landed = (
  policy: Policy,
  state: State,
  flight: Flight,
  obtained: Obtained,
  now: Instant.Instant,
  draw: number
): State => {
  const throttle = flight.isForced ? Throttle.forced(state.throttle, now.monotonic) : state.throttle
  const next = { ...accept(policy, state, obtained, now, draw), throttle, flight: undefined }
  return state.isClosed || flight.isVoid ? { ...next, current: undefined } : next
}

/** The failure that each `refresh` gets for a while, after a flight that has failed with this one (S9). */
const failedRefreshOf = (
  policy: Policy,
  { failedRefresh }: State,
  { mustAsk }: Flight,
  exit: Exit.Exit<never, TokenError>,
  now: number
): Pause | undefined => mustAsk ? { exit, until: now + policy.minRefreshInterval } : failedRefresh

const failed = (
  policy: Policy,
  state: State,
  flight: Flight,
  cause: Cause.Cause<TokenError>,
  now: number,
  draw: number
): State => {
  if (flight.isVoid) return { ...state, flight: undefined } // it says nothing of what is asked for now (M4)
  const exit = Exit.failCause(cause)
  const error = Option.getOrUndefined(Cause.failureOption(cause)) // a defect is a failure that asks for no wait
  const next = { ...state, failedRefresh: failedRefreshOf(policy, state, flight, exit, now), flight: undefined }
  const { coolDown, current } = state
  if (current !== undefined) { // S6
    const notBefore = Math.max(current.notBefore, now + Backoff.beforeRetry(policy, current.failures, error, draw))
    return { ...next, current: { ...current, failures: current.failures + 1, notBefore, window: closedWindow } }
  }
  if (flight.isBackground) return next
  const failures = coolDown?.failures ?? 0 // S7
  const until = Math.max(coolDown?.until ?? 0, now + Backoff.coolDown(policy, failures, error, draw))
  return { ...next, coolDown: { exit, failures: failures + 1, until } }
}

/** How long another source's failure holds this one back: no longer than one of its own may (T8). */
const waitOf = (policy: Policy, { error, remaining }: StoredFailure): number =>
  Math.min(Duration.toMillis(remaining), Backoff.longest(policy, error))

/** What another source's failure means for this one: what its own would (T8). */
const learned = (policy: Policy, state: State, failure: StoredFailure, now: number): State => {
  const { error, failures, isBinding } = failure
  const until = now + waitOf(policy, failure)
  const { coolDown, current } = state
  if (current !== undefined) {
    const notBefore = Math.max(current.notBefore, until)
    return { ...state, current: { ...current, failures: Math.max(current.failures, failures), notBefore } }
  }
  if (!isBinding) return state
  return {
    ...state,
    coolDown: {
      exit: Exit.fail(error),
      failures: Math.max(coolDown?.failures ?? 0, failures),
      until: Math.max(coolDown?.until ?? 0, until)
    }
  }
}

/** What a flight that fails like this leaves for other sources: that they do what this one will (T8). */
export const failureToShare = (
  policy: Policy,
  state: State,
  error: TokenError,
  now: Instant.Instant,
  draw: number
): Failure | undefined => {
  const [{ coolDown, current }] = transition(policy, state, { _tag: "Land", exit: Exit.fail(error), draw }, now)
  const wait = (until: number) => Duration.millis(Math.max(0, until - now.monotonic))
  if (state.flight?.isVoid === true) return undefined
  if (current !== undefined) {
    return { error, failures: current.failures, remaining: wait(current.notBefore), isBinding: false }
  }
  return coolDown && { error, failures: coolDown.failures, remaining: wait(coolDown.until), isBinding: true }
}

/** The failure of a request, for callers that cause no new one (S7, S9). */
const failedAlready = ({ exit, until }: Pause, now: number): Exit.Exit<never, TokenError> =>
  Exit.mapError(exit, (error) => unsent(error, Duration.millis(until - now)))

const get = (policy: Policy, before: State, now: Instant.Instant): Step => {
  const state = look(policy, before, now, true)
  const { coolDown, current, flight } = state
  if (current !== undefined) return [state, current.exit]
  if (flight !== undefined) return [state, join]
  if (coolDown !== undefined && now.monotonic < coolDown.until) return [state, failedAlready(coolDown, now.monotonic)]
  return [launch(state, { isBackground: false, mustAsk: false }), join]
}

const refresh = (policy: Policy, before: State, now: Instant.Instant): Step => {
  if (before.flight !== undefined) return [before, join]
  const state = look(policy, before, now, false)
  const { current, failedRefresh, throttle } = state
  if (current !== undefined && Throttle.isClosed(throttle, now.monotonic)) return [state, current.exit]
  if (failedRefresh !== undefined && now.monotonic < failedRefresh.until) {
    return [state, failedAlready(failedRefresh, now.monotonic)]
  }
  return [launch({ ...state, mustReplace: true }, { isBackground: false, mustAsk: true }), join]
}

const invalidate = (policy: Policy, state: State, token: AccessToken, now: number): Step => {
  if (state.current === undefined || !Equal.equals(state.current.token.value, token.value)) return [state, ignored] // S8
  const throttle = Throttle.rejected(state.throttle, now, policy.minRefreshInterval)
  return Throttle.isClosed(state.throttle, now) // S9
    ? [{ ...state, throttle }, ignored]
    : [{ ...state, throttle, current: undefined, mustReplace: true }, done]
}

const land = (policy: Policy, before: State, event: Event & { readonly _tag: "Land" }, now: Instant.Instant): Step => {
  const { flight } = before
  if (flight === undefined) return [before, ignored]
  const state = look(policy, before, now, false) // a token that has expired meanwhile is not a valid one (S7)
  const next = Exit.match(event.exit, {
    onFailure: (cause) => failed(policy, state, flight, cause, now.monotonic, event.draw),
    onSuccess: (obtained) => landed(policy, state, flight, obtained, now, event.draw)
  })
  return [next, done]
}

const adopt = (policy: Policy, state: State, event: Event & { readonly _tag: "Adopt" }, now: Instant.Instant): Step =>
  state.flight === undefined && isUsable(policy, state, now, event.stored)
    ? [accept(policy, state, { ...event.stored, isRequested: false, failure: undefined }, now, event.draw), done]
    : [state, ignored]

const defer = (policy: Policy, before: State, failure: StoredFailure, now: Instant.Instant): Step => {
  if (before.flight === undefined) return [before, ignored]
  const state = { ...look(policy, before, now, false), flight: undefined, deferredTo: failure.generation }
  const exit = Exit.fail(failure.error)
  const reply = failedAlready({ exit, until: now.monotonic + waitOf(policy, failure) }, now.monotonic)
  if (before.flight.isVoid) return [state, reply]
  const failedRefresh = failedRefreshOf(policy, state, before.flight, exit, now.monotonic)
  return [{ ...learned(policy, state, failure, now.monotonic), failedRefresh }, reply]
}

/** What was said of the old token holds no longer, and what is still on its way is not kept (M4). */
const clear = (state: State): State => ({
  ...state,
  current: undefined,
  coolDown: undefined,
  failedRefresh: undefined,
  flight: state.flight && { ...state.flight, isVoid: true }
})

/** What has failed may succeed now: nothing has to wait. */
const resume = (policy: Policy, state: State, now: Instant.Instant): State => {
  const { current } = state
  const resumed = { ...state, coolDown: undefined, failedRefresh: undefined }
  return current === undefined
    ? resumed
    : look(policy, { ...resumed, current: { ...current, failures: 0, notBefore: now.monotonic } }, now, true)
}

/** What becomes of the source when something happens, and what is replied. */
export const transition = (policy: Policy, state: State, event: Event, now: Instant.Instant): Step => {
  if (state.isClosed && event._tag !== "Land") return [state, closed]
  switch (event._tag) {
    case "Get":
      return get(policy, state, now)
    case "Refresh":
      return refresh(policy, state, now)
    case "Invalidate":
      return invalidate(policy, state, event.token, now.monotonic)
    case "Start":
      return [launch(state, { isBackground: false, mustAsk: false }), join]
    case "Look":
      return [look(policy, state, now, !event.isIdle), done]
    case "Land":
      return land(policy, state, event, now)
    case "Learn":
      return [learned(policy, look(policy, state, now, false), event.failure, now.monotonic), done]
    case "Defer":
      return defer(policy, state, event.failure, now)
    case "Adopt":
      return adopt(policy, state, event, now)
    case "Resume":
      return [resume(policy, state, now), done]
    case "Clear":
      return [clear(state), done]
    case "Close":
      return [{ ...state, current: undefined, isClosed: true }, done]
  }
}
