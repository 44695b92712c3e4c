/*
 * The token source's state machine against random histories of callers, servers, stores and clocks. A driver does
 * around the machine what `TokenSource` does; `invariants` say what holds in every history, each with its rule; and
 * `faults` are machines that break one rule each, which show that the invariants see it.
 */
import type { AccessToken, TokenError } from "@effect-tilia/core"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Struct from "effect/Struct"
import * as Instant from "../../../src/Instant.js"
import { lifetime } from "../../../src/internal/accessToken.js"
import { requestedWait } from "../../../src/internal/retryAfter.js"
import * as Newest from "../../../src/internal/tokenSource/newest.js"
import * as State from "../../../src/internal/tokenSource/state.js"
import type { StoredFailure } from "../../../src/TokenStore.js"
import { granted, refused, unavailable } from "../../support/grants.js"
import { type Random, randomOf } from "./random.js"

const { text } = TestAccessToken

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** The longest time that an option may be. */
const longest = 2 ** 31 - 1

// ---------------------------------------------------------------------------------------------------------------------
// Histories
// ---------------------------------------------------------------------------------------------------------------------

interface Setting {
  readonly policy: State.Policy
  readonly idleAfter: number | undefined
  readonly start: "lazy" | "eager"
  readonly hasStore: boolean
  /** How often, beside everything else, the clocks are moved apart. */
  readonly moves: number
}

type Failure = "unavailable" | "wait 5 s" | "wait 1 h" | "refused" | "defect" | "interrupt"

interface Success {
  readonly text: "new" | "same"
  readonly life: number
  /**
   * How old the token is when it lands. If it is negative, the wall clock went back while the request was under way.
   */
  readonly age: number
  readonly isStored: boolean
}

/** A time at which something changes. */
type Edge = "stale" | "expired" | "back-off" | "cool-down" | "interval" | "failed refresh" | "window"

/** All times are in milliseconds. */
type Command =
  | { readonly do: "get" | "refresh" | "clear" | "close" | "resume" }
  | { readonly do: "invalidate"; readonly which: "current" | "old" | "unknown" }
  | { readonly do: "land"; readonly result: Success | Failure; readonly draw: number }
  | {
    readonly do: "adopt"
    readonly isNewer: boolean
    readonly life: number
    /** The age, as a part of the life. */
    readonly age: number
    readonly draw: number
  }
  /** The flight sees in the store that the request of another source has failed. */
  | {
    readonly do: "see"
    readonly error: "unavailable" | "refused"
    readonly failures: number
    readonly remaining: number
    readonly isBinding: boolean
  }
  | { readonly do: "advance" | "step" | "suspend"; readonly by: number }
  /** The wall clock is set back to where the window of the current token begins. */
  | { readonly do: "stepBack" }
  | { readonly do: "advanceTo"; readonly edge: Edge; readonly by: number }

const settingOf = ({ pick }: Random): Setting => ({
  policy: {
    background: pick("timer", "timer", "onDemand"),
    refreshAt: pick(0.8, 0.8, 0.8, 0.5, 0.01, 0.999),
    jitter: pick(0.02, 0.02, 0, 0.5),
    expiryMargin: pick(10 * second, 10 * second, 1, longest),
    minRefreshInterval: pick(second, second, second, 1, 45 * second, longest),
    coolDown: {
      base: pick(second, second, 1, minute, longest),
      max: pick(10 * second, 10 * second, 5 * second, longest),
      maxNotRetryable: pick(minute, minute, 5 * second, longest)
    },
    maxRetryAfter: pick(10 * minute, 10 * minute, second, longest),
    checkEvery: pick(minute, minute, 10 * minute, second)
  },
  idleAfter: pick(undefined, undefined, 1, 30 * second),
  start: pick("lazy", "lazy", "lazy", "eager"),
  hasStore: pick(true, true, false),
  moves: pick(1, 1, 6)
})

const lives = [second, 5 * second, minute, hour, hour, 400 * day] as const

const drawOf = ({ next, pick }: Random): number => pick(0, 0.25, 0.5, 0.999, next())

const resultOf = ({ pick }: Random): Success | Failure =>
  pick<() => Success | Failure>(
    () => ({
      text: pick("new", "new", "new", "same"),
      life: pick(...lives),
      age: pick(0, 0, 50, 900, 3 * second, -hour),
      isStored: pick(true, false)
    }),
    () => pick("unavailable", "unavailable", "wait 5 s", "wait 1 h", "refused", "defect", "interrupt")
  )()

const commandOf = (random: Random, { hasStore, moves }: Setting): Command => {
  const { below, next, pick } = random
  const kind = below(53 + 2 * moves)
  if (kind >= 50 + 2 * moves) {
    if (!hasStore) return { do: "get" }
    if (next() < 0.2) return { do: "resume" }
    return {
      do: "see",
      error: pick("unavailable", "refused"),
      failures: pick(1, 2, 3, 8),
      remaining: pick(0, 0, 500, second, 40 * second, day),
      isBinding: pick(true, true, false)
    }
  }
  if (kind < 12) return { do: "get" }
  if (kind < 16) return { do: "refresh" }
  if (kind < 20) return { do: "invalidate", which: pick("current", "current", "old", "unknown") }
  if (kind < 31) return { do: "land", result: resultOf(random), draw: drawOf(random) }
  if (kind < 34 && hasStore) {
    return {
      do: "adopt",
      isNewer: pick(true, true, false),
      life: pick(...lives),
      age: pick(0, 0.3, next(), 1.1),
      draw: drawOf(random)
    }
  }
  if (kind < 35 && hasStore) return { do: "clear" }
  if (kind < 36 && next() < 0.15) return { do: "close" }
  if (kind < 42) return { do: "advance", by: pick(() => below(900), () => below(minute), () => below(2 * hour))() }
  if (kind < 50) {
    const edge = pick<Edge>(
      "stale",
      "stale",
      "expired",
      "back-off",
      "cool-down",
      "interval",
      "failed refresh",
      "window"
    )
    return { do: "advanceTo", edge, by: pick(-1, 0, 0, 1) }
  }
  if (next() < 0.4) return { do: "stepBack" }
  return kind % 2 === 0
    ? { do: "step", by: pick(-hour, -5 * minute, -30 * second, -second, second, 30 * second, 5 * minute, hour) }
    : { do: "suspend", by: pick(second, 30 * second, 5 * minute, hour, 30 * day) }
}

interface History {
  readonly setting: Setting
  readonly commands: ReadonlyArray<Command>
}

const historyOf = (seed: number): History => {
  const random = randomOf(seed)
  const setting = settingOf(random)
  return { setting, commands: Arr.makeBy(30 + random.below(31), () => commandOf(random, setting)) }
}

const never = Number.NEGATIVE_INFINITY

// ---------------------------------------------------------------------------------------------------------------------
// What the rules say of the past
// ---------------------------------------------------------------------------------------------------------------------

/** Both clocks, and the time that has really gone by. */
interface Now extends Instant.Instant {
  readonly real: number
}

/** The token that the source holds, valid or expired. */
interface Held {
  readonly token: AccessToken.AccessToken
  readonly staleAfter: number
  readonly expiredAfter: number
  /** When the source looked at the clocks last, and how old the token was then by the clock that shows more (S10). */
  readonly lookedAt: Now
  readonly age: number
  /** How old the token really was then. */
  readonly realAge: number
  /** By how much a step back and a suspend between two looks have hidden the age from both clocks. */
  readonly hidden: number
  readonly failures: number
  readonly notBefore: number
}

interface Pause {
  readonly cause: Cause.Cause<TokenError.TokenError>
  readonly until: number
}

/** What has happened so far, as the rules tell it: each invariant compares the machine with this. */
interface Past {
  readonly held: Held | undefined
  /** The last failure without a valid token, how long its server asked to be left alone, and how many came before. */
  readonly coolDown: Pause & { readonly leftAloneUntil: number; readonly failures: number } | undefined
  readonly failedRefresh: Pause | undefined
  readonly lastForcedAt: number
  readonly lastRejectedAt: number
  /** The token that each request must name until another one is accepted. */
  readonly mustName: { readonly token: AccessToken.AccessToken | undefined } | undefined
  readonly newest: AccessToken.AccessToken | undefined
  readonly generation: number
  readonly issuedAt: number
  /** The flights up to this one were launched before the store was cleared. */
  readonly voidUpTo: number
  readonly lastId: number
  readonly isClosed: boolean
}

const nothing: Past = {
  held: undefined,
  coolDown: undefined,
  failedRefresh: undefined,
  lastForcedAt: never,
  lastRejectedAt: never,
  mustName: undefined,
  newest: undefined,
  generation: never,
  issuedAt: never,
  voidUpTo: -1,
  lastId: -1,
  isClosed: false
}

type Machine = typeof State.transition

/** One step of the machine, or a `get` that was answered without one. */
interface Step {
  readonly machine: Machine
  readonly setting: Setting
  /** The past before this step. */
  readonly past: Past
  readonly before: State.State
  readonly event: State.Event
  readonly now: Now
  readonly after: State.State
  readonly reply: State.Reply
  /** Whether a `get` was answered without the machine (S1). */
  readonly isDecided: boolean
  /** How many steps the history has had before: what takes long is not checked at each. */
  readonly count: number
}

interface Seen extends Step {
  /** The past with this step. */
  readonly next: Past
}

const ageOf = ({ age, lookedAt }: Held, now: Now): number => age + Instant.elapsed(lookedAt, now)

const isHeldValid = (held: Held | undefined, now: Now): held is Held =>
  held !== undefined && ageOf(held, now) < held.expiredAfter

const isHeldStale = (held: Held, now: Now): boolean => ageOf(held, now) >= held.staleAfter

const expiredAfterOf = ({ expiryMargin }: State.Policy, life: number): number =>
  life - Math.min(expiryMargin, life / 10)

const staleAfterOf = (policy: State.Policy, life: number, draw: number): number =>
  Math.min(
    Math.max(0, life * (policy.refreshAt + policy.jitter * (2 * draw - 1))),
    expiredAfterOf(policy, life) - Math.min(10 * second, life / 20)
  )

/** S5: a life counts from the token's time of issue, unless that is still to come. */
const heldFrom = (policy: State.Policy, token: AccessToken.AccessToken, now: Now, draw: number): Held => {
  const age = Math.max(0, now.wall - token.issuedAt.epochMillis)
  return {
    token,
    staleAfter: staleAfterOf(policy, lifetime(token), draw),
    expiredAfter: expiredAfterOf(policy, lifetime(token)),
    lookedAt: now,
    age,
    realAge: age,
    hidden: 0,
    failures: 0,
    notBefore: now.monotonic + Math.min(second, lifetime(token) / 2) // S15
  }
}

const isFailure = (reply: State.Reply): reply is Exit.Failure<never, TokenError.TokenError> => reply._tag === "Failure"
const isSuccess = (reply: State.Reply): reply is Exit.Success<AccessToken.AccessToken, never> =>
  reply._tag === "Success"

const hasLaunched = ({ after, before }: Step): boolean =>
  after.flight !== undefined && after.flight.id !== before.flight?.id

const hasLaunchedInBackground = (step: Step): boolean => hasLaunched(step) && step.after.flight?.isBackground === true

/** Whether the machine looks at the clocks in this step, and keeps what they show. */
const isLook = ({ before: { flight }, event: { _tag }, isDecided }: Step): boolean =>
  (_tag === "Get" && !isDecided) || _tag === "Look" || (_tag === "Refresh" && flight === undefined) ||
  (_tag === "Land" && flight !== undefined) || (_tag === "Defer" && flight !== undefined) || _tag === "Learn" ||
  _tag === "Resume"

/** The time that the real clock has gone on since the last look beyond what both other clocks show. */
const hiddenSince = (since: Now, now: Now): number => Math.max(0, now.real - since.real - Instant.elapsed(since, now))

const looked = (held: Held, now: Now): Held => ({
  ...held,
  lookedAt: now,
  age: ageOf(held, now),
  realAge: held.realAge + now.real - held.lookedAt.real,
  hidden: held.hidden + hiddenSince(held.lookedAt, now)
})

const accepted = (
  { setting: { policy }, now, past }: Step,
  { generation, token }: { readonly token: AccessToken.AccessToken; readonly generation: number | undefined },
  draw: number
): Past => ({
  ...past,
  held: heldFrom(policy, token, now, draw),
  coolDown: undefined,
  failedRefresh: undefined,
  mustName: undefined,
  newest: token,
  generation: Math.max(past.generation, generation ?? never),
  issuedAt: generation === undefined ? Math.max(past.issuedAt, token.issuedAt.epochMillis) : past.issuedAt
})

/** S6 where there is a valid token, and otherwise S7. */
const failed = (
  { before: { flight }, now, past, setting: { policy } }: Step,
  cause: Cause.Cause<TokenError.TokenError>,
  draw: number
): Past => {
  const error = cause._tag === "Fail" ? cause.error : undefined
  const retryAfter = Math.min(policy.maxRetryAfter, requestedWait(error)) // E7
  const after = (wait: number) => now.monotonic + Math.max(retryAfter, wait)
  const failedRefresh = flight?.mustAsk === true
    ? { cause, until: now.monotonic + policy.minRefreshInterval }
    : past.failedRefresh
  if (flight !== undefined && flight.id <= past.voidUpTo) return past // M4
  if (isHeldValid(past.held, now)) {
    const { failures } = past.held
    const notBefore = Math.max(
      past.held.notBefore,
      after(Math.ceil(draw * Math.min(30 * second, second * 2 ** failures)))
    )
    return { ...past, failedRefresh, held: { ...past.held, failures: failures + 1, notBefore } }
  }
  if (flight?.isBackground === true) return { ...past, failedRefresh, held: undefined }
  const failures = past.coolDown === undefined ? 0 : past.coolDown.failures + 1
  const { base, max, maxNotRetryable } = policy.coolDown
  const longest = error?.retryable === true ? max : maxNotRetryable
  const until = after(Math.round((0.8 + 0.4 * draw) * Math.min(longest, base * 2 ** failures)))
  const coolDown = {
    cause,
    until: Math.max(until, past.coolDown?.until ?? never),
    leftAloneUntil: Math.max(after(0), past.coolDown?.leftAloneUntil ?? never),
    failures
  }
  return { ...past, failedRefresh, held: undefined, coolDown }
}

/** As long as a failure of the source's own may hold it back, whose server has asked for no wait. */
const longestWait = ({ coolDown: { max, maxNotRetryable } }: State.Policy, { error }: StoredFailure): number =>
  1.2 * (error.retryable ? max : maxNotRetryable)

/** T8: another's failure counts as one's own, and holds for as long as one's own may. */
const learned = ({ now, past, setting: { policy } }: Step, failure: StoredFailure): Past => {
  const until = now.monotonic + Math.min(Duration.toMillis(failure.remaining), longestWait(policy, failure))
  if (isHeldValid(past.held, now)) {
    const { failures, notBefore } = past.held
    const held = {
      ...past.held,
      failures: Math.max(failures, failure.failures),
      notBefore: Math.max(notBefore, until)
    }
    return { ...past, held }
  }
  if (!failure.isBinding) return past
  const coolDown = {
    cause: Cause.fail(failure.error),
    until: Math.max(until, past.coolDown?.until ?? never),
    leftAloneUntil: past.coolDown?.leftAloneUntil ?? never,
    failures: Math.max(failure.failures - 1, past.coolDown?.failures ?? 0)
  }
  return { ...past, coolDown }
}

const landed = (step: Step, exit: Exit.Exit<State.Obtained, TokenError.TokenError>, draw: number): Past => {
  const { before: { flight }, now: { monotonic }, past } = step
  if (Exit.isFailure(exit)) return failed(step, exit.cause, draw)
  const next = accepted(step, exit.value, draw)
  return {
    ...next,
    held: flight !== undefined && flight.id <= past.voidUpTo ? undefined : next.held,
    lastForcedAt: flight?.isForced === true ? monotonic : past.lastForcedAt
  }
}

/** The past with what the step shows of the clocks. */
const withLook = (step: Step): Past => {
  const { after: { current, flight }, now, past } = step
  const held = past.held !== undefined && isLook(step) ? looked(past.held, now) : past.held
  const lastId = Math.max(past.lastId, current?.id ?? -1, flight?.id ?? -1)
  return held === past.held && lastId === past.lastId ? past : { ...past, held, lastId }
}

/** The past with one step more. */
const later = (step: Step): Past => {
  const { before, event, now, reply } = step
  const past = withLook(step)
  if (past.isClosed) return past
  switch (event._tag) {
    case "Refresh":
      return hasLaunched(step) ? { ...past, mustName: { token: past.newest } } : past
    case "Invalidate": {
      const isCurrent = before.current !== undefined && text(before.current.token) === text(event.token)
      const seen = isCurrent ? { ...past, lastRejectedAt: now.monotonic } : past
      return reply._tag === "Done"
        ? { ...seen, held: undefined, mustName: { token: event.token }, lastForcedAt: now.monotonic }
        : seen
    }
    case "Land":
      return landed({ ...step, past }, event.exit, event.draw)
    case "Adopt":
      return reply._tag === "Done" ? accepted({ ...step, past }, event.stored, event.draw) : past
    case "Learn":
      return learned({ ...step, past }, event.failure)
    case "Defer":
      return before.flight === undefined || before.flight.id <= past.voidUpTo
        ? past
        : learned({ ...step, past }, event.failure)
    case "Resume": {
      const held = past.held && { ...past.held, failures: 0, notBefore: now.monotonic }
      return { ...past, held, coolDown: undefined, failedRefresh: undefined }
    }
    case "Clear":
      return { ...past, held: undefined, coolDown: undefined, failedRefresh: undefined, voidUpTo: past.lastId }
    case "Close":
      return { ...past, held: undefined, isClosed: true }
    default:
      return past
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What holds in every history
// ---------------------------------------------------------------------------------------------------------------------

/** Whether a step keeps a rule. */
type Invariant = (seen: Seen) => boolean

/** Whether the machine itself answers a `get`. */
const isGet = ({ event, isDecided }: Seen): boolean => event._tag === "Get" && !isDecided

/** Whether this is a caller's event without a valid token and without a flight. */
const hasNothing = ({ before, now, past }: Seen): boolean =>
  !past.isClosed && before.flight === undefined && !isHeldValid(past.held, now)

const isRenewable = ({ now, past: { held } }: Seen): boolean =>
  isHeldValid(held, now) && isHeldStale(held, now) && now.monotonic >= held.notBefore

/** Whether a failure is that of a pause, and says how long the pause lasts (S7). A defect says no more than it did. */
const isUnsent = (cause: Cause.Cause<TokenError.TokenError>, pause: Pause, now: Now): boolean => {
  if (cause._tag !== "Fail" || pause.cause._tag !== "Fail") return Equal.equals(cause, pause.cause)
  const { _tag, coolDown } = cause.error
  return _tag === pause.cause.error._tag && coolDown !== undefined &&
    Duration.toMillis(coolDown) === pause.until - now.monotonic
}

const farTomorrow = granted("tomorrow", Date.UTC(2200, 0), hour)

const invariants = {
  /** S2: only its end ends a flight, and no other one is launched until then. */
  atMostOneFlight: ({ after, before, event, past: { isClosed } }) =>
    before.flight === undefined ||
    (event._tag === "Land" || (event._tag === "Defer" && !isClosed)
      ? after.flight === undefined
      : after.flight?.id === before.flight.id),

  /** A caller that joins waits for a flight that is there. */
  joinMeansFlight: ({ after, reply }) => reply._tag !== "Join" || after.flight !== undefined,

  /** The interpreter knows by their ids which fibers belong to a token or a flight, so no id may come twice. */
  idsNeverRepeat: ({ after, before, past: { lastId } }) => {
    const token = after.current?.id ?? before.current?.id
    const flight = after.flight?.id ?? before.flight?.id
    return (token === before.current?.id || (token !== undefined && token > lastId && token !== flight)) &&
      (flight === before.flight?.id || (flight !== undefined && flight > lastId))
  },

  /**
   * S5, S10: the token of a reply is the one that the source holds, and neither clock shows that it has expired. A
   * `get` in its window reads only the wall clock: the monotonic clock may show then that the token has expired, but by
   * less than it has gone further than the wall clock since the last look.
   */
  noTokenPastItsEnd: ({ isDecided, now, past: { held }, reply }) => {
    if (!isSuccess(reply)) return true
    if (held === undefined || reply.value !== held.token) return false
    const late = ageOf(held, now) - held.expiredAfter
    const { lookedAt } = held
    return late < (isDecided ? Math.max(0, now.monotonic - lookedAt.monotonic - (now.wall - lookedAt.wall)) : 0)
  },

  /** S5, S10: the same of `peek`, which reads both clocks. */
  noPeekPastTheEnd: (seen) => {
    const { after: { current }, next: { held }, now } = seen
    return current === undefined || !State.isValid(current, now) || isHeldValid(held, now)
  },

  /**
   * S10: by the real time, no reply is a token that has expired for longer than `checkEvery`. What both clocks hide
   * comes on top.
   */
  noTokenOutlivesItsLife: ({ isDecided, now, past: { held }, reply, setting: { policy } }) => {
    if (!isSuccess(reply) || held === undefined) return true
    const late = held.realAge + now.real - held.lookedAt.real - held.expiredAfter
    const hidden = held.hidden + hiddenSince(held.lookedAt, now)
    return late < hidden + (isDecided ? policy.checkEvery : 0)
  },

  /** S10: the sleeper wakes when something has to be decided, and at least each `checkEvery`. */
  sleeperDoesNotOversleep: (seen) => {
    const { after: { current }, event, next: { held }, now, setting: { policy } } = seen
    if (event._tag !== "Look" || current === undefined || held === undefined) return true
    const pause = State.untilNextLook(policy, current, now)
    const untilStale = Math.max(held.staleAfter - held.age, held.notBefore - now.monotonic)
    const most = Math.min(policy.checkEvery, held.expiredAfter - held.age, untilStale > 0 ? untilStale : Infinity)
    return pause > 0 && pause <= most
  },

  /** S1: what a `get` in its window yields is what the machine would reply, as long as both clocks go on together. */
  decidedIsWhatGetWouldReply: (seen) => {
    const { after, count, machine, next: { held }, now, setting: { policy } } = seen
    const { current } = after
    if (current === undefined || held === undefined || !State.isDecided(current, now.wall)) return true
    if (now.wall - held.lookedAt.wall !== now.monotonic - held.lookedAt.monotonic) return true
    const last = Math.ceil(current.window.until - now.wall) - 1
    const passed = [last, 0, Math.floor(last / 2)][count % 3] ?? last
    const [state, reply] = machine(policy, after, { _tag: "Get" }, {
      wall: now.wall + passed,
      monotonic: now.monotonic + passed
    })
    return reply === current.exit && state.flight?.id === after.flight?.id
  },

  /** S1: a `get` that got a token decides the next one, if a timer looks at both clocks meanwhile (S10). */
  getIsDecidedNext: ({ after: { current }, event, now, reply, setting: { policy } }) =>
    event._tag !== "Get" || !isSuccess(reply) || current === undefined ||
    State.untilNextLook(policy, current, now) < 1 ||
    State.isDecided(current, now.wall) === (policy.background === "timer"),

  /** S4: no token is renewed in the background before it is stale. */
  noRenewalBeforeStale: (seen) =>
    !hasLaunchedInBackground(seen) || (seen.past.held !== undefined && isHeldStale(seen.past.held, seen.now)),

  /** S6: nor before the back-off after a failure has passed, of which Retry-After is a floor. */
  noRenewalInTheBackOff: (seen) =>
    !hasLaunchedInBackground(seen) || seen.event._tag === "Resume" ||
    seen.now.monotonic >= (seen.past.held?.notBefore ?? never),

  /** S11: nor by a timer while the token is not used. */
  noRenewalWhileIdle: (seen) => !hasLaunched(seen) || seen.event._tag !== "Look" || !seen.event.isIdle,

  /** S4: a stale token is renewed by the next `get` or look. */
  staleIsRenewed: (seen) => {
    const { before, event, isDecided } = seen
    const mayRenew = (event._tag === "Get" && !isDecided) || (event._tag === "Look" && !event.isIdle)
    return !mayRenew || before.flight !== undefined || !isRenewable(seen) || hasLaunchedInBackground(seen)
  },

  /** S6, T8: a failure takes no valid token away, and starts no cool-down; nor does one of another source. */
  failureKeepsTheToken: ({ after, before, event, now, past }) =>
    (event._tag !== "Defer" && event._tag !== "Learn" && (event._tag !== "Land" || Exit.isSuccess(event.exit))) ||
    !isHeldValid(past.held, now) ||
    (after.current?.token === past.held.token && after.current.id === before.current?.id &&
      after.coolDown === before.coolDown),

  /** S7: without a token, `get` yields the error of the last failure until the cool-down ends, and sends nothing. */
  coolDownHolds: (seen) => {
    const { now, past: { coolDown }, reply } = seen
    if (!isGet(seen) || !hasNothing(seen) || coolDown === undefined || now.monotonic >= coolDown.until) return true
    return isFailure(reply) && isUnsent(reply.cause, coolDown, now) && !hasLaunched(seen)
  },

  /** S7: and it does not end before the time that the server asked for. */
  retryAfterIsAFloor: (seen) =>
    !isGet(seen) || !hasNothing(seen) || !hasLaunched(seen) ||
    seen.now.monotonic >= (seen.past.coolDown?.leftAloneUntil ?? never),

  /** S7: after it, and where there has been no failure, `get` sends a request. */
  coolDownEnds: (seen) => {
    const { after, now, past: { coolDown }, reply } = seen
    if (!isGet(seen) || !hasNothing(seen) || now.monotonic < (coolDown?.until ?? never)) return true
    return hasLaunched(seen) && after.flight?.isBackground === false && reply._tag === "Join"
  },

  /** S6, S7: a flight is a single attempt beside a valid token, and after a failure without one. */
  singleAfterFailure: (seen) => {
    const { after: { flight }, past: { coolDown } } = seen
    return !hasLaunched(seen) || flight?.isSingle === (flight?.isBackground === true || coolDown !== undefined)
  },

  /** T8: who makes no request because of another source's failure is told so, and how long that holds. */
  deferredIsTold: ({ before, event, now, past, reply, setting: { policy } }) => {
    if (event._tag !== "Defer" || before.flight === undefined || past.isClosed) return true
    const wait = Math.min(Duration.toMillis(event.failure.remaining), longestWait(policy, event.failure))
    const pause = { cause: Cause.fail(event.failure.error), until: now.monotonic + wait }
    return isFailure(reply) && isUnsent(reply.cause, pause, now)
  },

  /** S8: `Invalidate` changes nothing unless its token is the current one. */
  onlyTheCurrentIsInvalidated: ({ after, before, event }) =>
    event._tag !== "Invalidate" ||
    (before.current !== undefined && text(before.current.token) === text(event.token)) ||
    (after.current?.id === before.current?.id && after.mustReplace === before.mustReplace &&
      after.throttle.interval === before.throttle.interval &&
      after.throttle.lastRejectedAt === before.throttle.lastRejectedAt),

  /** S9: tokens are forced at least `minRefreshInterval` apart, and no `refresh` comes sooner after one that failed. */
  forcedAreApart: (seen) => {
    const { event, now, past, reply, setting: { policy } } = seen
    const isApart = now.monotonic - past.lastForcedAt >= policy.minRefreshInterval
    if (event._tag === "Invalidate") return reply._tag !== "Done" || isApart
    if (event._tag !== "Refresh" || !hasLaunched(seen)) return true
    return now.monotonic >= (past.failedRefresh?.until ?? never) && (isApart || !isHeldValid(past.held, now))
  },

  /** S9: a `refresh` that sends nothing yields the token of the last one, or its error. */
  refreshYieldsTheLast: (seen) => {
    const { after, event, now, past, reply } = seen
    if (event._tag !== "Refresh" || past.isClosed) return true
    if (reply._tag === "Join") return seen.before.flight !== undefined || after.flight?.mustAsk === true
    return isFailure(reply)
      ? past.failedRefresh !== undefined && isUnsent(reply.cause, past.failedRefresh, now) &&
        now.monotonic < past.failedRefresh.until
      : now.monotonic - past.lastForcedAt < after.throttle.interval
  },

  /** S9: a rejection long after the last one starts with the shortest interval again. */
  penaltyDecays: ({ after, event, now, past: { lastRejectedAt }, reply, setting: { policy } }) =>
    event._tag !== "Invalidate" || reply._tag !== "Done" ||
    now.monotonic - lastRejectedAt < 2 * Math.max(30 * second, policy.minRefreshInterval) ||
    after.throttle.interval === policy.minRefreshInterval,

  /** S9: the interval grows to 30 s at most, unless the option is longer. */
  intervalIsBounded: ({ after: { throttle }, setting: { policy } }) =>
    throttle.interval >= policy.minRefreshInterval &&
    throttle.interval <= Math.max(30 * second, policy.minRefreshInterval),

  /**
   * A2: the token that was rejected, or that there was when `refresh` was called, is named until the next one is
   * accepted. That may be the same one again, if the server has no other: by then the interpreter has asked twice.
   */
  rejectedIsNamed: (seen) => {
    const { after: { mustReplace, newest }, next: { isClosed, mustName } } = seen
    if (isClosed) return true
    return mustReplace === (mustName !== undefined) &&
      (mustName?.token === undefined || (newest.token !== undefined && text(newest.token) === text(mustName.token)))
  },

  /**
   * T6: a stored token is adopted if, and only if, it is newer than each that the source has had, and not yet stale.
   */
  onlyNewerIsAdopted: ({ before, event, now, past, reply, setting: { policy } }) => {
    if (event._tag !== "Adopt" || past.isClosed) return true
    const { generation, token } = event.stored
    const isNewer = generation > past.generation && token.issuedAt.epochMillis > past.issuedAt
    const isFresh = Math.max(0, now.wall - token.issuedAt.epochMillis) < staleAfterOf(policy, lifetime(token), 0.5)
    return (reply._tag === "Done") === (before.flight === undefined && isNewer && isFresh)
  },

  /** M4: what was asked for before the store was cleared is not kept. */
  voidIsNotKept: ({ after, before, event, past }) =>
    event._tag === "Clear"
      ? after.current === undefined
      : event._tag !== "Land" || before.flight === undefined || before.flight.id > past.voidUpTo ||
        after.current === undefined,

  /** A token that lands is the one that callers get from then on. */
  landedIsKept: ({ after, before, event, past }) =>
    event._tag !== "Land" || Exit.isFailure(event.exit) || before.flight === undefined ||
    before.flight.id <= past.voidUpTo || past.isClosed || after.current?.token === event.exit.value.token,

  /** S3: a source that is closed holds no token and launches nothing. */
  closedDoesNothing: (seen) => !seen.next.isClosed || (seen.after.current === undefined && !hasLaunched(seen)),

  /** Wherever the source is: after a wait, two requests that succeed are enough to have a token. */
  canRecover: (seen) => {
    const { count, machine, next, now, setting: { policy } } = seen
    if (next.isClosed || count % 8 !== 0) return true
    const then = { wall: now.wall + 400 * day, monotonic: now.monotonic + 400 * day }
    let state = seen.after
    for (let requests = 0; requests <= 2; requests++) {
      const [asked, reply] = machine(policy, state, { _tag: "Get" }, then)
      if (isSuccess(reply)) return true
      const exit = Exit.succeed({ token: farTomorrow, generation: undefined, isRequested: true, failure: undefined })
      state = machine(policy, asked, { _tag: "Land", exit, draw: 0.5 }, then)[0]
    }
    return false
  }
} satisfies Record<string, Invariant>

type Name = keyof typeof invariants

type Checked = ReadonlyArray<readonly [Name, Invariant]>

const all: Checked = Record.toEntries(invariants)

// ---------------------------------------------------------------------------------------------------------------------
// The driver
// ---------------------------------------------------------------------------------------------------------------------

/** Freezes what the machine may not change. Tokens and exits remember their hashes, so they stay as they are. */
const freeze = <A extends object>(value: A): void => {
  Object.freeze(value)
  for (const key in value) {
    const part: unknown = value[key]
    if (typeof part !== "object" || part === null || Object.isFrozen(part)) continue
    if (Object.getPrototypeOf(part) === Object.prototype) freeze(part)
  }
}

/** A step as a failed test shows it. What repeats itself is left out. */
const print = (seen: Seen): string => {
  const parts = Struct.pick(seen, "past", "before", "event", "now", "after", "reply", "isDecided")
  const isLeftOut = new Set(["exit", "some", "scopes", "tokenType"])
  return Object.entries(parts)
    .map(([name, part]) => `${name}: ${JSON.stringify(part, (key, value) => isLeftOut.has(key) ? undefined : value)}`)
    .join("\n")
}

interface Violation {
  /** All invariants that the step breaks; a machine that throws breaks `isPure`. */
  readonly names: ReadonlyArray<Name | "isPure">
  readonly details: string
}

const failures: Record<Failure, Exit.Exit<never, TokenError.TokenError>> = {
  "unavailable": Exit.fail(unavailable()),
  "wait 5 s": Exit.fail(unavailable(5 * second)),
  "wait 1 h": Exit.fail(unavailable(hour)),
  "refused": Exit.fail(refused),
  "defect": Exit.die("a defect"),
  "interrupt": Exit.interrupt(FiberId.none)
}

/** The most looks of the sleeper in one command: more of them only take time. */
const mostLooks = 8

/** What watches the current token: it sleeps until a time of the monotonic clock, or until the flight lands. */
type Sleeper = { readonly until: number } | undefined

/** The result, or what was thrown. */
const attempt = <A>(run: () => A): A | string => {
  try {
    return run()
  } catch (error) {
    return String(error)
  }
}

/** Plays a history as `TokenSource` would, up to the first step that breaks an invariant. */
const play = (
  machine: Machine,
  { commands, setting }: History,
  checked: Checked = all
): Violation | undefined => {
  const { hasStore, idleAfter, policy } = setting
  let violation: Violation | undefined
  const broken: Array<Name> = []
  let count = 0
  let now: Now = { wall: Date.UTC(2026, 0, 1), monotonic: 5 * second, real: 0 }
  let state = State.initial(policy)
  let past = nothing
  let sleeper: Sleeper
  let usedAt = now.wall
  /** The callers who wait for the flight. */
  let joined = new Set<"Get" | "Refresh">()
  /** Those who came after the store was cleared. */
  let joinedLate = new Set<"Get" | "Refresh">()
  const handedOut: Array<AccessToken.AccessToken> = []
  let tokens = 0
  let generation = 0

  const observe = (event: State.Event, after: State.State, reply: State.Reply, isDecided: boolean) => {
    const seen = {
      machine,
      setting,
      past,
      before: state,
      event,
      now,
      after,
      reply,
      isDecided,
      count: count++,
      next: past
    }
    seen.next = past = later(seen)
    for (const [name, holds] of checked) {
      if (!holds(seen)) broken.push(name)
    }
    if (broken.length > 0) violation ??= { names: broken, details: print(seen) }
  }

  const step = (event: State.Event): void => {
    if (violation !== undefined) return
    const before = state
    const result = attempt(() => machine(policy, before, event, now))
    if (typeof result === "string") {
      violation = { names: ["isPure"], details: result }
      return
    }
    const [after, reply] = result
    if (after !== before) freeze(after)
    observe(event, after, reply, false)
    state = after
    if (reply._tag === "Success") handedOut.push(reply.value)
    if (reply._tag === "Join" && (event._tag === "Get" || event._tag === "Refresh")) {
      ;(state.flight?.isVoid === true ? joinedLate : joined).add(event._tag)
    }
    if (state.current?.id !== before.current?.id) {
      sleeper = undefined
      if (state.current !== undefined && policy.background === "timer") watch(state.current)
    }
  }

  const watch = ({ token }: State.Current): void => {
    usedAt = Math.min(usedAt, now.wall)
    step({ _tag: "Look", isIdle: now.wall - usedAt >= (idleAfter ?? lifetime(token)) })
    if (state.current === undefined) return
    sleeper = { until: now.monotonic + Math.ceil(State.untilNextLook(policy, state.current, now)) }
  }

  const call = (event: "Get" | "Refresh"): void => {
    const { current } = state
    usedAt = now.wall
    if (event === "Refresh" || current === undefined || !State.isDecided(current, now.wall)) step({ _tag: event })
    else if (violation === undefined) observe({ _tag: event }, state, current.exit, true)
  }

  const land = (exit: Exit.Exit<State.Obtained, TokenError.TokenError>, draw: number): void => {
    const waiting = joined
    const late = joinedLate
    const wasBackground = state.flight?.isBackground === true
    joined = new Set()
    joinedLate = new Set()
    step({ _tag: "Land", exit, draw })
    if (sleeper !== undefined) sleeper = { until: now.monotonic }
    if (Exit.isSuccess(exit) && waiting.size > 0) handedOut.push(exit.value.token)
    // Who has joined a background flight that fails decides anew (S6).
    if (Exit.isFailure(exit) && wasBackground) waiting.forEach(call)
    // Who came after the store was cleared asks anew in any case (M4).
    late.forEach(call)
  }

  const defer = (failure: StoredFailure): void => {
    const again = [...state.flight?.isBackground === true ? joined : [], ...joinedLate]
    joined = new Set()
    joinedLate = new Set()
    step({ _tag: "Defer", failure })
    if (sleeper !== undefined) sleeper = { until: now.monotonic }
    again.forEach(call)
  }

  const move = (wall: number, monotonic: number, real: number): void => {
    now = { wall: now.wall + wall, monotonic: now.monotonic + monotonic, real: now.real + real }
  }

  const advance = (by: number): void => {
    const end = now.monotonic + by
    for (let looks = 0; looks < mostLooks && sleeper !== undefined && sleeper.until <= end; looks++) {
      const left = sleeper.until - now.monotonic
      move(left, left, left)
      if (state.current !== undefined) watch(state.current)
    }
    const left = sleeper !== undefined ? Math.min(end, sleeper.until) - now.monotonic : end - now.monotonic
    move(left, left, left)
  }

  const until = (edge: Edge): number => {
    const { coolDown, current, failedRefresh, throttle } = state
    switch (edge) {
      case "stale":
        return current === undefined ? 0 : current.validity.staleAfter - Instant.elapsed(current.validity.begin, now)
      case "expired":
        return current === undefined ? 0 : current.validity.expiredAfter - Instant.elapsed(current.validity.begin, now)
      case "back-off":
        return (current?.notBefore ?? 0) - now.monotonic
      case "cool-down":
        return (coolDown?.until ?? 0) - now.monotonic
      case "interval":
        return throttle.lastForcedAt + throttle.interval - now.monotonic
      case "failed refresh":
        return (failedRefresh?.until ?? 0) - now.monotonic
      case "window":
        return (current?.window.until ?? 0) - now.wall
    }
  }

  const obtained = ({ age, isStored, life, text }: Success): State.Obtained => ({
    token: granted(text === "same" ? `token-${tokens}` : `token-${++tokens}`, now.wall - age, life),
    generation: hasStore && isStored ? ++generation : undefined,
    isRequested: true,
    failure: undefined
  })

  const obey = (command: Command): void => {
    switch (command.do) {
      case "get":
        return call("Get")
      case "refresh":
        return call("Refresh")
      case "invalidate": {
        const tokens = { current: state.current?.token ?? handedOut.at(-1), old: handedOut.at(-2), unknown: undefined }
        return step({ _tag: "Invalidate", token: tokens[command.which] ?? granted("unknown", now.wall, hour) })
      }
      case "land": {
        const { draw, result } = command
        if (state.flight === undefined) return
        return land(typeof result === "string" ? failures[result] : Exit.succeed(obtained(result)), draw)
      }
      case "adopt": {
        const { age, draw, isNewer, life } = command
        const token = granted(`token-${++tokens}`, now.wall - Math.round(age * life), life)
        return step({ _tag: "Adopt", stored: { token, generation: isNewer ? ++generation : generation }, draw })
      }
      case "see": {
        const { error, failures, isBinding, remaining } = command
        const { flight } = state
        if (flight === undefined || flight.mustAsk) return
        const stored = {
          failures,
          isBinding,
          error: error === "refused" ? refused : unavailable(),
          remaining: Duration.millis(remaining),
          generation: ++generation
        }
        const entry = { token: Option.none(), failure: Option.some(stored) }
        return State.view(policy, state, flight, entry, now).isHeldBack
          ? defer(stored)
          : step({ _tag: "Learn", failure: stored })
      }
      case "resume":
        return step({ _tag: "Resume" })
      case "clear":
        return step({ _tag: "Clear" })
      case "close":
        return step({ _tag: "Close" })
      case "advance":
        return advance(command.by)
      case "advanceTo":
        return advance(Math.max(0, Math.min(400 * day, Math.ceil(until(command.edge)) + command.by)))
      case "step":
        return move(command.by, 0, 0)
      case "stepBack":
        return move(Math.min(0, (state.current?.window.from || now.wall) - now.wall), 0, 0)
      case "suspend":
        return move(command.by, 0, command.by)
    }
  }

  freeze(state)
  if (setting.start === "eager") step({ _tag: "Start" })
  for (const command of commands) {
    if (violation === undefined) obey(command)
  }
  return violation
}

/** The same history without the commands that the violation does not need. */
const shortest = (machine: Machine, { commands, setting }: History, name: Violation["names"][number]): History => {
  const isViolated = (commands: ReadonlyArray<Command>) =>
    play(machine, { setting, commands })?.names.includes(name) === true
  const needed = Arr.reduceRight(commands, commands, (needed, _, n) => {
    const without = Arr.remove(needed, n)
    return isViolated(without) ? without : needed
  })
  // What an earlier command needed may have gone with it.
  return needed.length < commands.length
    ? shortest(machine, { setting, commands: needed }, name)
    : { setting, commands }
}

/** The first history of a seed that breaks an invariant, and which. */
const search = (machine: Machine, seed: number, runs: number, checked?: Checked) => {
  for (let run = 0; run < runs; run++) {
    const history = historyOf(seed + run)
    const violation = play(machine, history, checked)
    if (violation !== undefined) return { run, history, violation }
  }
  return undefined
}

const isCI = process.env["CI"] !== undefined
const runs = isCI ? 30_000 : 20_000
const block = 2_000
/** Each run plays others. The title shows which. */
const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000)

describe("The state machine of a token source", () => {
  // In blocks: a test that occupies the thread for a minute breaks the runner's own time limit (test/turn.ts).
  it.each(Arr.makeBy(runs / block, (n) => seed + n * block))(
    `the machine keeps its invariants in ${block} random histories from SEED=%i on (S1–S11, T6, T8, M4)`,
    (seed) => {
      const found = search(State.transition, seed, block)
      if (found === undefined) return
      const [name = "isPure"] = found.violation.names
      const history = shortest(State.transition, found.history, name)
      const { details, names } = play(State.transition, history) ?? found.violation
      expect.fail(`${names.join(", ")} (SEED=${seed + found.run})\n${JSON.stringify(history)}\n${details}`)
    }
  )
})

// ---------------------------------------------------------------------------------------------------------------------
// Machines with a fault
// ---------------------------------------------------------------------------------------------------------------------

/** A machine with a fault, and what finds it. */
interface Fault {
  readonly machine: Machine
  /** The invariant that finds the fault, even where no other one is checked. */
  readonly foundBy: Name | "isPure"
  /** Other invariants that may see it first, or in the same step. */
  readonly orBy?: ReadonlyArray<Name>
}

const real = State.transition

/** A machine that begins in another state. */
const from =
  (change: (state: State.State, event: State.Event, now: Instant.Instant) => State.State): Machine =>
  (policy, state, event, now) => real(policy, change(state, event, now), event, now)

interface Change {
  readonly policy: State.Policy
  readonly before: State.State
  readonly event: State.Event
  readonly now: Instant.Instant
  readonly after: State.State
}

/** A machine that ends in another state. */
const into = (change: (step: Change) => State.State): Machine => (policy, before, event, now) => {
  const [after, reply] = real(policy, before, event, now)
  return [change({ policy, before, event, now, after }), reply]
}

/** A machine that ends with another current token, unless there is none. */
const withCurrent = (change: (current: State.Current, step: Change) => Partial<State.Current> | undefined): Machine =>
  into((step) => {
    const { current } = step.after
    return current === undefined ? step.after : { ...step.after, current: { ...current, ...change(current, step) } }
  })

/** A machine that replies something else. */
const replying =
  (change: (reply: State.Reply, step: Change) => State.Reply): Machine => (policy, before, event, now) => {
    const [after, reply] = real(policy, before, event, now)
    return [after, change(reply, { policy, before, event, now, after })]
  }

/** A machine that takes one event for another. */
const taking =
  (change: (event: State.Event, state: State.State) => State.Event): Machine => (policy, state, event, now) =>
    real(policy, state, change(event, state), now)

const hasFailedToLand = (event: State.Event): boolean => event._tag === "Land" && Exit.isFailure(event.exit)

const faults = {
  "goes on with a flight that another's failure has ended": {
    machine: into(({ after, before, event }) => event._tag === "Defer" ? { ...after, flight: before.flight } : after),
    foundBy: "atMostOneFlight"
  },
  "forgets another's failure": {
    machine: into(({ after, before, event }) =>
      event._tag === "Defer" ? { ...after, coolDown: before.coolDown } : after
    ),
    foundBy: "coolDownHolds",
    orBy: ["singleAfterFailure", "coolDownEnds"]
  },
  "does not count another's failures": {
    machine: into(({ after, before, event }) =>
      event._tag === "Learn" ? { ...after, coolDown: before.coolDown } : after
    ),
    foundBy: "coolDownHolds",
    orBy: ["coolDownEnds"]
  },
  "renews beside another's failed renewal": {
    machine: withCurrent((_, { before: { current }, event }) =>
      event._tag === "Defer" && current !== undefined ? { notBefore: current.notBefore } : undefined
    ),
    foundBy: "noRenewalInTheBackOff",
    orBy: ["sleeperDoesNotOversleep"]
  },
  "obeys another's wait for a day": {
    machine: (policy, state, event, now) =>
      real(
        event._tag === "Defer"
          ? { ...policy, coolDown: { ...policy.coolDown, max: longest, maxNotRetryable: longest } }
          : policy,
        state,
        event,
        now
      ),
    foundBy: "deferredIsTold",
    orBy: ["coolDownEnds"]
  },
  "drops its token when another's renewal fails": {
    machine: into(({ after, event }) => event._tag === "Defer" ? { ...after, current: undefined } : after),
    foundBy: "failureKeepsTheToken"
  },
  "cools down although the process is back": {
    machine: into(({ after, before, event }) =>
      event._tag === "Resume" ? { ...after, coolDown: before.coolDown } : after
    ),
    foundBy: "coolDownEnds",
    orBy: ["singleAfterFailure"]
  },
  "backs off although the process is back": {
    machine: (policy, state, event, now) =>
      event._tag === "Resume" ? [state, { _tag: "Done" }] : real(policy, state, event, now),
    foundBy: "staleIsRenewed",
    orBy: ["coolDownEnds", "singleAfterFailure"]
  },
  "launches a flight for each `Get` without a token": {
    machine: from((state, { _tag }) => _tag === "Get" ? { ...state, flight: undefined } : state),
    foundBy: "atMostOneFlight",
    orBy: ["decidedIsWhatGetWouldReply"]
  },
  "drops the flight when the store is cleared": {
    machine: into(({ after, event }) => event._tag === "Clear" ? { ...after, flight: undefined } : after),
    foundBy: "atMostOneFlight"
  },
  "lets a caller in a cool-down wait": {
    machine: replying((reply, { event }) => event._tag === "Get" && isFailure(reply) ? { _tag: "Join" } : reply),
    foundBy: "joinMeansFlight",
    orBy: ["coolDownHolds"]
  },
  "gives a token the id of the flight that it came by": {
    machine: withCurrent(({ id }, { before, event }) =>
      event._tag === "Land" ? { id: before.flight?.id ?? id } : undefined
    ),
    foundBy: "idsNeverRepeat"
  },
  "counts no id": {
    machine: into(({ after, before }) => ({ ...after, nextId: before.nextId })),
    foundBy: "idsNeverRepeat"
  },
  "replies a token that has expired": {
    machine: (policy, before, event, now) => {
      const [after, reply] = real(policy, before, event, now)
      const isDropped = event._tag === "Get" && after.current === undefined && before.current !== undefined
      return isDropped ? [{ ...after, current: before.current }, before.current.exit] : [after, reply]
    },
    foundBy: "noTokenPastItsEnd",
    orBy: ["noTokenOutlivesItsLife", "getIsDecidedNext", "coolDownEnds"]
  },
  "forgets the age that a clock has shown": {
    machine: withCurrent(({ id, validity }, { before: { current } }) =>
      current?.id === id ? { validity: { ...validity, begin: current.validity.begin } } : undefined
    ),
    foundBy: "sleeperDoesNotOversleep",
    orBy: ["sleeperDoesNotOversleep", "noTokenPastItsEnd", "noPeekPastTheEnd"]
  },
  "counts no margin": {
    machine: withCurrent(({ token, validity }) => ({ validity: { ...validity, expiredAfter: lifetime(token) } })),
    foundBy: "noPeekPastTheEnd",
    orBy: ["noTokenPastItsEnd", "noTokenOutlivesItsLife", "sleeperDoesNotOversleep"]
  },
  "opens windows that do not end": {
    machine: withCurrent(({ window }) => ({ window: { ...window, until: Infinity } })),
    foundBy: "decidedIsWhatGetWouldReply"
  },
  "does nothing when its timer looks": {
    machine: (policy, state, event, now) =>
      event._tag === "Look" ? [state, { _tag: "Done" }] : real(policy, state, event, now),
    foundBy: "noTokenOutlivesItsLife",
    orBy: ["sleeperDoesNotOversleep", "staleIsRenewed"]
  },
  "leaves the window open when a flight fails": {
    machine: withCurrent(({ id, window }, { before: { current } }) =>
      current?.id === id && window.until === 0 ? { window: current.window } : undefined
    ),
    foundBy: "decidedIsWhatGetWouldReply"
  },
  "opens windows although no timer looks at both clocks": {
    machine: (policy, state, event, now) => real({ ...policy, background: "timer" }, state, event, now),
    foundBy: "noTokenOutlivesItsLife",
    orBy: ["getIsDecidedNext"]
  },
  "never opens a window": {
    machine: withCurrent(() => ({ window: { from: 0, until: 0 } })),
    foundBy: "getIsDecidedNext"
  },
  "takes a token for stale at half the time": {
    machine: withCurrent(({ id, validity }, { before: { current } }) =>
      current?.id === id ? undefined : { validity: { ...validity, staleAfter: validity.staleAfter / 2 } }
    ),
    foundBy: "noRenewalBeforeStale",
    orBy: ["sleeperDoesNotOversleep"]
  },
  "ignores the back-off": {
    machine: withCurrent(() => ({ notBefore: never })),
    foundBy: "noRenewalInTheBackOff",
    orBy: ["sleeperDoesNotOversleep"]
  },
  "backs off to the end of the token": {
    machine: withCurrent(({ failures }) => failures > 0 ? { notBefore: Infinity } : undefined),
    foundBy: "sleeperDoesNotOversleep",
    orBy: ["staleIsRenewed"]
  },
  "renews a token that is not used": {
    machine: taking((event) => event._tag === "Look" ? { ...event, isIdle: false } : event),
    foundBy: "noRenewalWhileIdle"
  },
  "never renews a token": {
    machine: into(({ after, before }) =>
      after.flight?.isBackground === true ? { ...after, flight: before.flight } : after
    ),
    foundBy: "staleIsRenewed"
  },
  "drops the token when its renewal fails": {
    machine: into(({ after, event }) => hasFailedToLand(event) ? { ...after, current: undefined } : after),
    foundBy: "failureKeepsTheToken"
  },
  "starts no cool-down": {
    machine: into(({ after }) => ({ ...after, coolDown: undefined })),
    foundBy: "coolDownHolds",
    orBy: ["singleAfterFailure", "retryAfterIsAFloor"]
  },
  "starts no cool-down where the token has expired while it was refreshed": {
    machine: into(({ after, before, event }) =>
      hasFailedToLand(event) && before.current !== undefined && after.current === undefined
        ? { ...after, coolDown: before.coolDown }
        : after
    ),
    foundBy: "coolDownHolds",
    orBy: ["singleAfterFailure", "retryAfterIsAFloor"]
  },
  "cuts the cool-down to its longest time": {
    machine: into(({ after, now, policy }) =>
      after.coolDown === undefined ? after : {
        ...after,
        coolDown: { ...after.coolDown, until: Math.min(after.coolDown.until, now.monotonic + policy.coolDown.max) }
      }
    ),
    foundBy: "retryAfterIsAFloor",
    orBy: ["coolDownHolds"]
  },
  "never ends a cool-down": {
    machine: into(({ after }) =>
      after.coolDown === undefined ? after : { ...after, coolDown: { ...after.coolDown, until: Infinity } }
    ),
    foundBy: "coolDownEnds",
    orBy: ["canRecover", "coolDownHolds"]
  },
  "never ends the cool-down after a refresh": {
    machine: into(({ after, before }) =>
      after.coolDown === undefined || before.flight?.mustAsk !== true
        ? after
        : { ...after, coolDown: { ...after.coolDown, until: Infinity } }
    ),
    foundBy: "canRecover",
    orBy: ["coolDownEnds"]
  },
  "invalidates whatever token there is": {
    machine: taking((event, { current }) =>
      event._tag === "Invalidate" && current !== undefined ? { ...event, token: current.token } : event
    ),
    foundBy: "onlyTheCurrentIsInvalidated",
    orBy: ["rejectedIsNamed"]
  },
  "ignores the throttle": {
    machine: from((state) => ({ ...state, throttle: { ...state.throttle, lastForcedAt: never } })),
    foundBy: "forcedAreApart"
  },
  "refreshes again although the last one has just failed": {
    machine: into(({ after }) => ({ ...after, failedRefresh: undefined })),
    foundBy: "forcedAreApart"
  },
  "replies the token to a `Refresh` although the last one has just failed": {
    machine: replying((reply, { after: { current }, event }) =>
      event._tag === "Refresh" && isFailure(reply) && current !== undefined ? current.exit : reply
    ),
    foundBy: "refreshYieldsTheLast"
  },
  "doubles the interval without an end": {
    machine: into(({ after, before: { current, throttle: { interval, lastRejectedAt } }, event, now }) =>
      event._tag === "Invalidate" && now.monotonic - lastRejectedAt < minute &&
        current !== undefined && after.current === undefined
        ? { ...after, throttle: { ...after.throttle, interval: 2 * interval } }
        : after
    ),
    foundBy: "intervalIsBounded"
  },
  "never forgets a rejection": {
    machine: from((state, { _tag }, now) =>
      _tag === "Invalidate" ? { ...state, throttle: { ...state.throttle, lastRejectedAt: now.monotonic } } : state
    ),
    foundBy: "penaltyDecays",
    orBy: ["onlyTheCurrentIsInvalidated"]
  },
  "takes a flight that meets a rejection for a forced one": {
    machine: from((state, { _tag }) =>
      _tag === "Land" && state.flight !== undefined
        ? { ...state, flight: { ...state.flight, isForced: true } }
        : state
    ),
    foundBy: "refreshYieldsTheLast"
  },
  "tries several times beside a valid token": {
    machine: into(({ after }) =>
      after.flight?.isBackground === true ? { ...after, flight: { ...after.flight, isSingle: false } } : after
    ),
    foundBy: "singleAfterFailure"
  },
  "renews tokens that are stale as they arrive without a pause": {
    machine: withCurrent(({ failures }) => failures === 0 ? { notBefore: never } : undefined),
    foundBy: "noRenewalInTheBackOff",
    orBy: ["sleeperDoesNotOversleep"]
  },
  "lets a later failure shorten an earlier wait": {
    machine: from((state, event) =>
      hasFailedToLand(event) && state.coolDown !== undefined
        ? { ...state, coolDown: { ...state.coolDown, until: 0 } }
        : state
    ),
    foundBy: "retryAfterIsAFloor",
    orBy: ["coolDownHolds"]
  },
  "keeps the cool-down when the store is cleared": {
    machine: into(({ after, before, event }) =>
      event._tag === "Clear" && !after.isClosed ? { ...after, coolDown: before.coolDown } : after
    ),
    foundBy: "coolDownEnds",
    orBy: ["singleAfterFailure"]
  },
  "does not name the token that was rejected": {
    machine: into(({ after }) => ({ ...after, mustReplace: false })),
    foundBy: "rejectedIsNamed"
  },
  "names another token after a failure": {
    machine: into(({ after, event }) => hasFailedToLand(event) ? { ...after, mustReplace: false } : after),
    foundBy: "rejectedIsNamed"
  },
  "remembers that an old token was rejected": {
    machine: into(({ after, event }) =>
      event._tag === "Invalidate" ? { ...after, throttle: { ...after.throttle, lastRejectedAt: 0 } } : after
    ),
    foundBy: "onlyTheCurrentIsInvalidated"
  },
  "adopts a token that is older": {
    machine: (policy, state, event, now) => {
      if (event._tag !== "Adopt") return real(policy, state, event, now)
      const [after, reply] = real(policy, { ...state, newest: Newest.none }, event, now)
      return [reply._tag === "Done" ? after : state, reply]
    },
    foundBy: "onlyNewerIsAdopted"
  },
  "adopts a token that is stale": {
    machine: (policy, state, event, now) => {
      if (event._tag !== "Adopt") return real(policy, state, event, now)
      const [after, reply] = real({ ...policy, refreshAt: 0.99, jitter: 0 }, state, event, now)
      if (after.current === undefined || reply._tag !== "Done") return [after, reply]
      const staleAfter = staleAfterOf(policy, lifetime(event.stored.token), event.draw)
      return [{ ...after, current: { ...after.current, validity: { ...after.current.validity, staleAfter } } }, reply]
    },
    foundBy: "onlyNewerIsAdopted"
  },
  "keeps what was requested before the store was cleared": {
    machine: from((state) =>
      state.flight === undefined ? state : { ...state, flight: { ...state.flight, isVoid: false } }
    ),
    foundBy: "voidIsNotKept",
    orBy: ["noPeekPastTheEnd", "coolDownEnds"]
  },
  "does not keep a token that came in the background": {
    machine: into(({ after, before, event }) =>
      event._tag === "Land" && before.flight?.isBackground === true && Exit.isSuccess(event.exit)
        ? { ...after, current: before.current }
        : after
    ),
    foundBy: "landedIsKept",
    orBy: ["noPeekPastTheEnd", "decidedIsWhatGetWouldReply"]
  },
  "adopts a token after it was closed": {
    machine: (policy, state, event, now) => {
      if (event._tag !== "Adopt" || !state.isClosed) return real(policy, state, event, now)
      const [after, reply] = real(policy, { ...state, isClosed: false }, event, now)
      return [{ ...after, isClosed: true }, reply]
    },
    foundBy: "closedDoesNothing",
    orBy: ["noPeekPastTheEnd"]
  },
  "forgets that it is closed": {
    machine: into(({ after }) => ({ ...after, isClosed: false })),
    foundBy: "closedDoesNothing"
  },
  "changes the state that it is given": {
    machine: (policy, state, event, now) => {
      if (event._tag === "Invalidate") Object.assign(state.throttle, { lastRejectedAt: 0 })
      return real(policy, state, event, now)
    },
    foundBy: "isPure"
  }
} satisfies Record<string, Fault>

describe("The invariants of the token source", () => {
  /** Each fault is found within so many histories, which are always the same: what is tested are the invariants. */
  const most = 4_000

  it.each(Record.toEntries<string, Fault>(faults))(
    "the invariants find a machine that %s",
    (_, { foundBy, machine, orBy = [] }) => {
      const alone = search(machine, 1, most, all.filter(([name]) => name === foundBy))
      expect(alone?.violation.names).toStrictEqual([foundBy])
      const first = search(machine, 1, most)?.violation.names
      expect([foundBy, ...orBy]).toStrictEqual(expect.arrayContaining([...first ?? ["nothing"]]))
    }
  )

  it("each invariant finds a machine that breaks it", () => {
    const found = Record.values(faults).map(({ foundBy }) => foundBy)
    expect(all.map(([name]) => name).filter((name) => !found.includes(name))).toStrictEqual([])
  })
})

// ---------------------------------------------------------------------------------------------------------------------
// Histories that broke a rule
// ---------------------------------------------------------------------------------------------------------------------

describe("Histories that once broke a rule", () => {
  const usual: Setting = {
    policy: {
      background: "timer",
      refreshAt: 0.8,
      jitter: 0.02,
      expiryMargin: 10 * second,
      minRefreshInterval: second,
      coolDown: { base: second, max: 10 * second, maxNotRetryable: minute },
      maxRetryAfter: 10 * minute,
      checkEvery: minute
    },
    idleAfter: undefined,
    start: "lazy",
    hasStore: true,
    moves: 1
  }
  const get: Command = { do: "get" }
  const landing = (result: Success | Failure): Command => ({ do: "land", result, draw: 0.5 })
  const token = (life: number): Success => ({ text: "new", life, age: 0, isStored: false })

  const histories: Record<string, History & { readonly fault: keyof typeof faults }> = {
    // A `Refresh` whose token expired while it failed counted as a background refresh that failed beside a valid token
    // (S6). The next `get` then sent a request at once, although the server had asked for an hour.
    "a `get` after a refresh that failed as the token expired waits for the cool-down (S7)": {
      fault: "starts no cool-down where the token has expired while it was refreshed",
      setting: { ...usual, policy: { ...usual.policy, background: "onDemand" } }, // a timer would have dropped it before
      commands: [
        get,
        landing(token(minute)),
        { do: "refresh" },
        { do: "advance", by: minute },
        landing("wait 1 h"),
        get
      ]
    },
    // SEED=740965: in its window a `get` read the wall clock alone, which had gone back by an hour.
    "a source without a timer yields no token that has expired by the monotonic clock (S10)": {
      fault: "opens windows although no timer looks at both clocks",
      setting: { ...usual, policy: { ...usual.policy, background: "onDemand", checkEvery: 10 * minute } },
      commands: [
        get,
        landing(token(hour)),
        { do: "advance", by: 354_064 },
        get,
        { do: "advance", by: 760 },
        { do: "advance", by: 3_900_000 },
        { do: "step", by: -3_800_000 },
        get
      ]
    },
    // The fiber that follows the store may be interrupted only after it has read a token: the source had one again.
    "a source that is closed while it reads the store takes no token (S3)": {
      fault: "adopts a token after it was closed",
      setting: usual,
      commands: [{ do: "close" }, { do: "adopt", isNewer: true, life: hour, age: 0, draw: 0.5 }]
    }
  }

  it.each(Record.toEntries(histories))("%s", (_, { fault, ...history }) => {
    expect(play(State.transition, history)).toBeUndefined()
    const found = all.filter(([name]) => name === faults[fault].foundBy)
    expect(play(faults[fault].machine, history, found)?.names).toStrictEqual([faults[fault].foundBy])
  })
})
