/*
 * The token source's state machine, as tables: what each event does to each kind of state. Each row names the whole
 * change; what a row does not name stays as it was. Times are in seconds. Random histories: state.model.test.ts.
 */
import { type AccessToken, type TokenError } from "@effect-tilia/core"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import type { Instant } from "../../../src/Instant.js"
import * as State from "../../../src/internal/tokenSource/state.js"
import type { Stored, StoredFailure } from "../../../src/TokenStore.js"
import { granted, refused, unavailable } from "../../support/grants.js"

const { text } = TestAccessToken

const policy: State.Policy = {
  refreshAt: 0.8,
  jitter: 0.02,
  expiryMargin: 10_000,
  minRefreshInterval: 1000,
  coolDown: { base: 1000, max: 10_000, maxNotRetryable: 60_000 },
  maxRetryAfter: 600_000,
  background: "timer",
  checkEvery: 60_000
}

/** When the histories begin, by two clocks that started apart. */
const begin: Instant = { wall: Date.UTC(2026, 0, 1), monotonic: 5000 }

/** An instant so many seconds later. The wall clock may be ahead of that or behind. */
const at = (seconds: number, ahead = 0): Instant => ({
  wall: begin.wall + 1000 * (seconds + ahead),
  monotonic: begin.monotonic + 1000 * seconds
})

/** A token that lives for 100 seconds. With a draw of 0.5 it is stale at 80, and it counts as expired at 90. */
const token = (text: string, issuedAt = 0): AccessToken.AccessToken => granted(text, at(issuedAt).wall, 100_000)

const a = token("a")

const get: State.Event = { _tag: "Get" }
const refresh: State.Event = { _tag: "Refresh" }
const start: State.Event = { _tag: "Start" }
const look: State.Event = { _tag: "Look", isIdle: false }
const idleLook: State.Event = { _tag: "Look", isIdle: true }
const clear: State.Event = { _tag: "Clear" }
const close: State.Event = { _tag: "Close" }
const invalidate = (token: AccessToken.AccessToken): State.Event => ({ _tag: "Invalidate", token })
const land = (token: AccessToken.AccessToken, generation?: number): State.Event => ({
  _tag: "Land",
  exit: Exit.succeed({ token, generation, isRequested: true, failure: undefined }),
  draw: 0.5
})
/** A flight that fails. If the token is still valid, half of the longest back-off is drawn. */
const fail = (error: TokenError.TokenError = unavailable()): State.Event => ({
  _tag: "Land",
  exit: Exit.fail(error),
  draw: 0.5
})
const adopt = (token: AccessToken.AccessToken, generation: number): State.Event => ({
  _tag: "Adopt",
  stored: { token, generation },
  draw: 0.5
})

/** The state after these events at these times. */
const after = (before: State.State, ...events: ReadonlyArray<readonly [seconds: number, event: State.Event]>) =>
  events.reduce((state, [seconds, event]) => State.transition(policy, state, event, at(seconds))[0], before)

const none = State.initial(policy)
const requesting = after(none, [0, get])
const holding = after(requesting, [0, land(a)])
const refreshing = after(holding, [10, refresh])
const renewing = after(holding, [80, get])
const backingOff = after(renewing, [81, fail()]) // until 81.5
const refreshed = after(refreshing, [11, land(token("b", 10))]) // no other one is forced until 12
const refreshFailed = after(refreshing, [11, fail()]) // until 12
const invalidated = after(holding, [10, invalidate(a)]) // no other one is forced until 11
const cooling = after(requesting, [0, fail()]) // until 1
const voided = after(requesting, [0, clear])
const closed = after(holding, [10, close])
const closedInFlight = after(refreshing, [11, close])

/** A time of the monotonic clock in seconds, if it is one. */
const seconds = (time: number | undefined): number | undefined =>
  time === undefined || !Number.isFinite(time) ? undefined : (time - begin.monotonic) / 1000

/** A background flight is always a single attempt. */
const flightOf = ({ isBackground, isSingle, isVoid, mustAsk }: State.Flight): string =>
  [
    ...(isVoid ? ["void"] : []),
    ...(isSingle !== isBackground ? ["single"] : []),
    isBackground ? "background" : mustAsk ? "forced" : "foreground"
  ].join(" ")

/** What a state knows, but for the windows, ids and ages, which have tables of their own. */
const factsOf = (
  { coolDown, current, failedRefresh, flight, isClosed, mustReplace, newest, throttle }: State.State
) => ({
  token: current && text(current.token),
  failures: current?.failures || undefined,
  notBefore: current === undefined || current.failures === 0 ? undefined : seconds(current.notBefore),
  flight: flight && flightOf(flight),
  coolDown: seconds(coolDown?.until),
  failedRefresh: seconds(failedRefresh?.until),
  newest: newest.token && text(newest.token),
  generation: Number.isFinite(newest.generation) ? newest.generation : undefined,
  mustReplace,
  forcedAt: seconds(throttle.lastForcedAt),
  interval: throttle.interval / 1000,
  rejectedAt: seconds(throttle.lastRejectedAt),
  isClosed
})

type Changes = Partial<ReturnType<typeof factsOf>>

const changes = (before: State.State, after: State.State): Changes => {
  const old: Record.ReadonlyRecord<string, unknown> = factsOf(before)
  return Record.filter(factsOf(after), (fact, name) => fact !== old[name])
}

const nameOf = (reply: State.Reply): string => {
  if (reply._tag === "Success") return text(reply.value)
  if (reply._tag !== "Failure") return reply._tag
  const error = Option.getOrUndefined(Cause.failureOption(reply.cause))
  return error?._tag ?? (Cause.isInterrupted(reply.cause) ? "interrupted" : "defect")
}

type Row = readonly [
  title: string,
  when: readonly [before: State.State, event: State.Event, now: Instant],
  then: readonly [reply: string, changes: Changes]
]

const rows = (...rows: ReadonlyArray<Row>) =>
  it.each(rows)("%s", (_, [before, event, now], [reply, changed]) => {
    const [after, actual] = State.transition(policy, before, event, now)
    expect({ reply: nameOf(actual), changes: changes(before, after) }).toStrictEqual({ reply, changes: changed })
  })

/** A token that goes leaves nothing of what was counted for it. */
const dropped = { token: undefined } as const

describe("Get", () => {
  rows(
    [
      "a Get without a token launches a flight and joins it (S2)",
      [none, get, at(0)],
      ["Join", { flight: "foreground" }]
    ],
    ["a Get while a flight is under way joins it (S2)", [requesting, get, at(1)], ["Join", {}]],
    ["a Get with a fresh token gets it (S1)", [holding, get, at(10)], ["a", {}]],
    ["a Get a moment before the token is stale launches nothing (S4)", [holding, get, at(79.999)], ["a", {}]],
    [
      "a Get with a stale token gets it and launches a background flight (S4)",
      [holding, get, at(80)],
      ["a", { flight: "background" }]
    ],
    ["a Get with a stale token launches no second flight (S2)", [renewing, get, at(85)], ["a", {}]],
    ["a Get with a stale token launches no flight beside a refresh (S2)", [refreshing, get, at(85)], ["a", {}]],
    ["a Get with a fresh token gets it while it is refreshed (S9)", [refreshing, get, at(11)], ["a", {}]],
    ["a Get with a stale token launches nothing in the back-off (S6)", [backingOff, get, at(81.499)], ["a", {}]],
    [
      "a Get with a stale token launches a background flight after the back-off (S6)",
      [backingOff, get, at(81.5)],
      ["a", { flight: "background" }]
    ],
    ["a Get a moment before the token expires gets it (S5)", [renewing, get, at(89.999)], ["a", {}]],
    [
      "a Get with an expired token drops it, launches a flight and joins it (S5)",
      [holding, get, at(90)],
      ["Join", { ...dropped, flight: "foreground" }]
    ],
    ["a Get with an expired token joins the background flight (S6)", [renewing, get, at(90)], ["Join", dropped]],
    [
      "a Get with an expired token launches a flight although it was backing off (S6)",
      [backingOff, get, at(90)],
      ["Join", { ...dropped, failures: undefined, notBefore: undefined, flight: "foreground" }]
    ],
    [
      "a Get with a token that was older than its life when it landed drops it (S5)",
      [after(requesting, [95, land(a)]), get, at(95)],
      ["Join", { ...dropped, flight: "foreground" }]
    ],
    [
      "a Get in a cool-down gets its error and launches nothing (S7)",
      [cooling, get, at(0.999)],
      ["ServiceUnavailableError", {}]
    ],
    [
      "a Get after a cool-down launches a single attempt and joins it (S7)",
      [cooling, get, at(1)],
      ["Join", { flight: "single foreground" }]
    ],
    [
      "a Get in a cool-down joins a flight that a Refresh has launched (S2)",
      [after(cooling, [0.5, refresh]), get, at(0.6)],
      ["Join", {}]
    ],
    [
      "a Get after an Invalidate launches a flight that names the rejected token (A2)",
      [invalidated, get, at(10)],
      ["Join", { flight: "foreground" }]
    ],
    // The interpreter asks again when that flight has landed (M4).
    ["a Get after a Clear joins the flight that was under way (S2)", [voided, get, at(1)], ["Join", {}]],
    ["a Get after a Close is interrupted (S3)", [closed, get, at(11)], ["interrupted", {}]],
    ["a Get after a Close in mid flight is interrupted (S3)", [closedInFlight, get, at(11)], ["interrupted", {}]]
  )
})

describe("Refresh", () => {
  const forces = { flight: "forced", mustReplace: true } as const

  rows(
    ["a Refresh without a token launches a flight that asks the server (S9)", [none, refresh, at(0)], ["Join", forces]],
    [
      "a Refresh with a fresh token launches a flight and keeps the token (S9)",
      [holding, refresh, at(10)],
      ["Join", forces]
    ],
    ["a Refresh with a stale token launches that one flight (S9)", [holding, refresh, at(80)], ["Join", forces]],
    ["a Refresh with an expired token drops it (S5)", [holding, refresh, at(90)], ["Join", { ...dropped, ...forces }]],
    ["a Refresh joins a foreground flight (S2)", [requesting, refresh, at(1)], ["Join", {}]],
    ["a Refresh joins a background flight (S2)", [renewing, refresh, at(81)], ["Join", {}]],
    ["a Refresh joins another refresh (S2)", [refreshing, refresh, at(11)], ["Join", {}]],
    ["a Refresh joins a flight that is void (S2)", [voided, refresh, at(1)], ["Join", {}]],
    ["a Refresh within the interval gets the token of the last one (S9)", [refreshed, refresh, at(11.999)], ["b", {}]],
    ["a Refresh after the interval launches a flight (S9)", [refreshed, refresh, at(12)], ["Join", forces]],
    [
      "a Refresh soon after one that failed gets its error (S9)",
      [refreshFailed, refresh, at(11.999)],
      ["ServiceUnavailableError", {}]
    ],
    [
      "a Refresh an interval after one that failed launches a flight (S9)",
      [refreshFailed, refresh, at(12)],
      ["Join", { flight: "forced" }]
    ],
    [
      "a Refresh within the interval launches a flight if there is no token (S9)",
      [invalidated, refresh, at(10.5)],
      ["Join", { flight: "forced" }]
    ],
    [
      "a Refresh is not held up by a cool-down, and is a single attempt (S7)",
      [cooling, refresh, at(0.5)],
      ["Join", { ...forces, flight: "single forced" }]
    ],
    ["a Refresh is not held up by a back-off (S6)", [backingOff, refresh, at(81.1)], ["Join", forces]],
    ["a Refresh after a Close is interrupted (S3)", [closed, refresh, at(11)], ["interrupted", {}]]
  )
})

describe("Invalidate", () => {
  const forces = { ...dropped, mustReplace: true } as const
  const rejectedInTime = after(refreshed, [11.5, invalidate(token("b"))])
  const rejectedTwice = after(rejectedInTime, [12, invalidate(token("b"))], [12, get], [13, land(token("c", 12))])

  rows(
    ["an Invalidate without a token is ignored (S8)", [none, invalidate(a), at(0)], ["Ignored", {}]],
    [
      "an Invalidate of the fresh token drops it (S8)",
      [holding, invalidate(a), at(10)],
      ["Done", { ...forces, forcedAt: 10 }]
    ],
    [
      "an Invalidate of the stale token drops it (S8)",
      [holding, invalidate(a), at(80)],
      ["Done", { ...forces, forcedAt: 80 }]
    ],
    [
      "an Invalidate of a token with the same text drops it (S8)",
      [holding, invalidate(token("a", 5)), at(10)],
      ["Done", { ...forces, forcedAt: 10 }]
    ],
    ["an Invalidate of another token is ignored (S8)", [holding, invalidate(token("b")), at(10)], ["Ignored", {}]],
    ["an Invalidate of the token before is ignored (S8)", [refreshed, invalidate(a), at(20)], ["Ignored", {}]],
    [
      "an Invalidate of a token that was invalidated is ignored (S8)",
      [invalidated, invalidate(a), at(20)],
      ["Ignored", {}]
    ],
    [
      "an Invalidate drops the token while it is renewed (S8)",
      [renewing, invalidate(a), at(81)],
      ["Done", { ...forces, forcedAt: 81 }]
    ],
    [
      "an Invalidate within the interval is ignored and remembered (S9)",
      [refreshed, invalidate(token("b")), at(11.999)],
      ["Ignored", { rejectedAt: 11.999 }]
    ],
    [
      "an Invalidate after the interval drops the token (S9)",
      [refreshed, invalidate(token("b")), at(12)],
      ["Done", { ...forces, forcedAt: 12 }]
    ],
    [
      "an Invalidate after a token that was rejected within the interval doubles the interval (S9)",
      [rejectedInTime, invalidate(token("b")), at(12)],
      ["Done", { ...forces, forcedAt: 12, interval: 2, rejectedAt: undefined }]
    ],
    [
      "an Invalidate of a token that was good for its interval starts with the shortest interval again (S9)",
      [rejectedTwice, invalidate(token("c")), at(15)],
      ["Done", { ...forces, forcedAt: 15, interval: 1 }]
    ],
    [
      "an Invalidate ten hours after a storm is the first one (S9, row 127)",
      [after(rejectedTwice, [14, invalidate(token("c"))]), invalidate(token("c")), at(36_000)],
      ["Done", { ...forces, forcedAt: 36_000, interval: 1, rejectedAt: undefined }]
    ],
    [
      "an Invalidate soon after a refresh that failed drops the token (S9)",
      [refreshFailed, invalidate(a), at(11.5)],
      ["Done", { ...dropped, failures: undefined, notBefore: undefined, forcedAt: 11.5 }]
    ],
    ["an Invalidate in a cool-down is ignored (S8)", [cooling, invalidate(a), at(0.5)], ["Ignored", {}]],
    ["an Invalidate after a Close changes nothing (S3)", [closed, invalidate(a), at(11)], ["interrupted", {}]]
  )
})

describe("Start", () => {
  rows(
    ["a Start launches the first flight", [none, start, at(0)], ["Join", { flight: "foreground" }]],
    ["a Start after a Close launches nothing (S3)", [after(none, [0, close]), start, at(0)], ["interrupted", {}]]
  )
})

describe("Look", () => {
  rows(
    ["a Look without a token does nothing", [none, look, at(0)], ["Done", {}]],
    ["a Look at a fresh token does nothing (S4)", [holding, look, at(79.999)], ["Done", {}]],
    [
      "a Look at a stale token launches a background flight (S4)",
      [holding, look, at(80)],
      ["Done", { flight: "background" }]
    ],
    [
      "a Look at a stale token launches nothing while a flight is under way (S2)",
      [refreshing, look, at(80)],
      ["Done", {}]
    ],
    ["a Look at a stale token launches nothing in the back-off (S6)", [backingOff, look, at(81.499)], ["Done", {}]],
    [
      "a Look at a stale token launches a flight after the back-off (S6)",
      [backingOff, look, at(81.5)],
      ["Done", { flight: "background" }]
    ],
    ["a Look at a stale token launches nothing while it is not used (S11)", [holding, idleLook, at(80)], ["Done", {}]],
    ["a Look at an expired token drops it and launches nothing (S5)", [holding, look, at(90)], ["Done", dropped]],
    ["a Look at an expired token drops it while it is not used (S11)", [holding, idleLook, at(90)], ["Done", dropped]],
    ["a Look at an expired token leaves the background flight alone (S2)", [renewing, look, at(90)], ["Done", dropped]],
    ["a Look after a Close does nothing (S3)", [closed, look, at(90)], ["interrupted", {}]]
  )
})

describe("Land, when the flight has got a token", () => {
  const lands = { flight: undefined } as const

  rows(
    ["a Land without a flight is ignored", [holding, land(token("b")), at(10)], ["Ignored", {}]],
    [
      "a Land with the first token makes it the current one",
      [requesting, land(a), at(1)],
      ["Done", { ...lands, token: "a", newest: "a" }]
    ],
    [
      "a Land with a token of the background makes it the current one (S4)",
      [renewing, land(token("b", 80)), at(81)],
      ["Done", { ...lands, token: "b", newest: "b" }]
    ],
    [
      "a Land with a token that a Refresh has forced starts the interval (S9)",
      [refreshing, land(token("b", 10)), at(11)],
      ["Done", { ...lands, token: "b", newest: "b", mustReplace: false, forcedAt: 11 }]
    ],
    [
      "a Land with the token that replaces a rejected one starts the interval (S9)",
      [after(invalidated, [10, get]), land(token("b", 10)), at(11)],
      ["Done", { ...lands, token: "b", newest: "b", mustReplace: false, forcedAt: 11 }]
    ],
    // The interpreter has asked once more by then (A2): the server has no other token.
    [
      "a Land with the same token as before takes it",
      [after(invalidated, [10, get]), land(a), at(11)],
      ["Done", { ...lands, token: "a", mustReplace: false, forcedAt: 11 }]
    ],
    [
      "a Land with a token after failures ends the back-off (S6)",
      [after(backingOff, [82, get]), land(token("b", 82)), at(83)],
      ["Done", { ...lands, token: "b", newest: "b", failures: undefined, notBefore: undefined }]
    ],
    [
      "a Land with a token ends the cool-down (S7)",
      [after(cooling, [1, get]), land(token("a", 1)), at(2)],
      ["Done", { ...lands, token: "a", newest: "a", coolDown: undefined }]
    ],
    [
      "a Land with a token ends the time in which a Refresh yields an error (S9)",
      [after(refreshFailed, [11, invalidate(a)], [11.1, get]), land(token("b", 11)), at(11.2)],
      ["Done", { ...lands, token: "b", newest: "b", failedRefresh: undefined, mustReplace: false, forcedAt: 11.2 }]
    ],
    [
      "a Land with a token of the store remembers its generation (T6)",
      [requesting, land(a, 7), at(1)],
      ["Done", { ...lands, token: "a", newest: "a", generation: 7 }]
    ],
    [
      "a Land of a void flight keeps no token, and remembers that it was had (M4)",
      [voided, land(a, 7), at(1)],
      ["Done", { ...lands, newest: "a", generation: 7 }]
    ],
    [
      "a Land of a void flight in the background keeps no token (M4)",
      [after(renewing, [81, clear]), land(token("b", 80)), at(82)],
      ["Done", { ...lands, newest: "b" }]
    ],
    [
      "a Land after a Close keeps no token (S3)",
      [closedInFlight, land(token("b", 10)), at(12)],
      ["Done", { ...lands, newest: "b", mustReplace: false, forcedAt: 12 }]
    ]
  )
})

describe("Land, when the flight has failed", () => {
  const lands = { flight: undefined } as const
  const exit = (exit: Exit.Exit<never, TokenError.TokenError>): State.Event => ({ _tag: "Land", exit, draw: 0.5 })
  const forcedWithoutToken = after(none, [0, refresh])

  rows(
    [
      "a failed Land without a token starts a cool-down (S7)",
      [requesting, fail(), at(1)],
      ["Done", { ...lands, coolDown: 2 }]
    ],
    [
      "a second failed Land doubles the cool-down (S7)",
      [after(cooling, [1, get]), fail(), at(2)],
      ["Done", { ...lands, coolDown: 4 }]
    ],
    [
      "a failed Land starts a cool-down although trying again is of no use (S7)",
      [requesting, fail(refused), at(1)],
      ["Done", { ...lands, coolDown: 2 }]
    ],
    [
      "a Land with a defect starts a cool-down (S7)",
      [requesting, exit(Exit.die("a defect")), at(1)],
      ["Done", { ...lands, coolDown: 2 }]
    ],
    [
      "a Land that was interrupted starts a cool-down (S7)",
      [requesting, exit(Exit.interrupt(FiberId.none)), at(1)],
      ["Done", { ...lands, coolDown: 2 }]
    ],
    [
      "a cool-down is as long as Retry-After at least (S7)",
      [requesting, fail(unavailable(90_000)), at(1)],
      ["Done", { ...lands, coolDown: 91 }]
    ],
    [
      "a cool-down is not cut by a shorter Retry-After (S7)",
      [requesting, fail(unavailable(10)), at(1)],
      ["Done", { ...lands, coolDown: 2 }]
    ],
    [
      "a later failure does not shorten a cool-down (S7)",
      [after(requesting, [0, fail(unavailable(90_000))], [1, refresh]), fail(), at(1)],
      ["Done", { ...lands, failedRefresh: 2 }]
    ],
    [
      "a Retry-After of a day is obeyed for ten minutes (E7, row 124)",
      [requesting, fail(unavailable(86_400_000)), at(1)],
      ["Done", { ...lands, coolDown: 601 }]
    ],
    [
      "a failed Land in the background keeps the token and backs off (S6)",
      [renewing, fail(), at(81)],
      ["Done", { ...lands, failures: 1, notBefore: 81.5 }]
    ],
    [
      "a second failed Land in the background backs off for twice as long (S6)",
      [after(backingOff, [82, get]), fail(), at(83)],
      ["Done", { ...lands, failures: 2, notBefore: 84 }]
    ],
    [
      "a back-off is as long as Retry-After at least (S6)",
      [renewing, fail(unavailable(5000)), at(81)],
      ["Done", { ...lands, failures: 1, notBefore: 86 }]
    ],
    [
      "a later failure does not shorten a back-off (S6)",
      [after(holding, [10, refresh], [11, fail(unavailable(30_000))], [12, refresh]), fail(), at(13)],
      ["Done", { ...lands, failures: 2, failedRefresh: 14 }]
    ],
    [
      "a back-off is ten minutes at most, although Retry-After is a day (E7)",
      [renewing, fail(unavailable(86_400_000)), at(81)],
      ["Done", { ...lands, failures: 1, notBefore: 681 }]
    ],
    [
      "a failed Refresh beside a valid token backs off and starts no cool-down (S7)",
      [refreshing, fail(), at(11)],
      ["Done", { ...lands, failures: 1, notBefore: 11.5, failedRefresh: 12 }]
    ],
    [
      "a failed Refresh without a token starts a cool-down (S7)",
      [forcedWithoutToken, fail(), at(1)],
      ["Done", { ...lands, coolDown: 2, failedRefresh: 2 }]
    ],
    [
      "a failed Land in the background, whose token has expired meanwhile, starts no cool-down (S6)",
      [renewing, fail(), at(90)],
      ["Done", { ...lands, ...dropped }]
    ],
    // Found by state.model.test.ts: it counted as a failure beside a valid token, and the next `get` sent a request.
    [
      "a failed Refresh, whose token has expired meanwhile, starts a cool-down (S7)",
      [refreshing, fail(), at(90)],
      ["Done", { ...lands, ...dropped, coolDown: 91, failedRefresh: 91 }]
    ],
    [
      "a failed Land leaves the rejected token to be named (A2)",
      [after(invalidated, [10, get]), fail(), at(11)],
      ["Done", { ...lands, coolDown: 12 }]
    ],
    [
      "a failed Land of a void flight starts no cool-down (M4)",
      [voided, fail(), at(1)],
      ["Done", lands]
    ],
    [
      "a failed Land after a Close launches nothing (S3)",
      [closedInFlight, exit(Exit.interrupt(FiberId.none)), at(11)],
      ["Done", { ...lands, coolDown: 12, failedRefresh: 12 }]
    ]
  )
})

describe("Adopt", () => {
  const shared = after(requesting, [0, land(a, 7)])

  rows(
    [
      "an Adopt without a token takes the stored one (T6)",
      [none, adopt(a, 7), at(10)],
      ["Done", { token: "a", newest: "a", generation: 7 }]
    ],
    [
      "an Adopt takes a token with a larger generation (T6)",
      [shared, adopt(token("b", 5), 8), at(10)],
      ["Done", { token: "b", newest: "b", generation: 8 }]
    ],
    [
      "an Adopt ignores a token of the same generation (T6)",
      [shared, adopt(token("b", 5), 7), at(10)],
      ["Ignored", {}]
    ],
    [
      "an Adopt ignores a token of an older generation (T6)",
      [shared, adopt(token("b", 5), 6), at(10)],
      ["Ignored", {}]
    ],
    [
      "an Adopt ignores a token that was issued before one had past the store (T6)",
      [holding, adopt(token("b", 0), 9), at(10)],
      ["Ignored", {}]
    ],
    [
      "an Adopt takes a token that was issued after one had past the store (T6)",
      [holding, adopt(token("b", 1), 9), at(10)],
      ["Done", { token: "b", newest: "b", generation: 9 }]
    ],
    [
      "an Adopt takes a token a moment before it is stale (T6)",
      [none, adopt(a, 7), at(79.999)],
      ["Done", { token: "a", newest: "a", generation: 7 }]
    ],
    ["an Adopt ignores a stale token (T6)", [none, adopt(a, 7), at(80)], ["Ignored", {}]],
    ["an Adopt ignores an expired token (T6)", [none, adopt(a, 7), at(90)], ["Ignored", {}]],
    ["an Adopt is ignored while a flight is under way (S2)", [requesting, adopt(a, 7), at(1)], ["Ignored", {}]],
    [
      "an Adopt ends a cool-down (T6)",
      [cooling, adopt(a, 7), at(0.5)],
      ["Done", { token: "a", newest: "a", generation: 7, coolDown: undefined }]
    ],
    [
      "an Adopt replaces a rejected token, and starts no interval (A2)",
      [invalidated, adopt(token("b", 10), 7), at(11)],
      ["Done", { token: "b", newest: "b", generation: 7, mustReplace: false }]
    ],
    [
      "an Adopt ignores a token that was had by a void flight (M4)",
      [after(voided, [1, land(a, 7)]), adopt(a, 7), at(2)],
      ["Ignored", {}]
    ],
    // Found by state.model.test.ts: a change of the store that was read as the source closed gave it a token again.
    ["an Adopt after a Close takes nothing (S3)", [closed, adopt(token("b", 10), 7), at(11)], ["interrupted", {}]]
  )
})

/** What the store tells of another source's failed request: its error is final, and it has been the third in a row. */
const told = (remaining: number, isBinding = true): StoredFailure => ({
  error: refused,
  failures: 3,
  remaining: Duration.seconds(remaining),
  isBinding,
  generation: 1
})

describe("Learn and Defer, by the failures of other sources (T8)", () => {
  const learn = (failure: StoredFailure): State.Event => ({ _tag: "Learn", failure })
  const defer = (failure: StoredFailure): State.Event => ({ _tag: "Defer", failure })

  rows(
    [
      "a Learn counts another's failures, and the flight goes on (T8)",
      [requesting, learn(told(0)), at(1)],
      ["Done", { coolDown: 1 }]
    ],
    [
      "a failed Land after a Learn doubles another's cool-down (T8)",
      [after(requesting, [1, learn(told(0))]), fail(refused), at(2)],
      ["Done", { flight: undefined, coolDown: 10 }]
    ],
    ["a Learn of a failed renewal changes nothing without a token (T8)", [requesting, learn(told(0, false)), at(1)], [
      "Done",
      {}
    ]],
    [
      "a Learn beside a valid token counts its failures (T8)",
      [renewing, learn(told(0, false)), at(81)],
      ["Done", { failures: 3, notBefore: 81 }]
    ],
    [
      "a Learn whose token has expired meanwhile begins to count a cool-down (T8)",
      [renewing, learn(told(0)), at(90)],
      ["Done", { ...dropped, coolDown: 90 }]
    ],
    [
      "a Defer ends the flight and starts the cool-down of the other source (T8)",
      [requesting, defer(told(5)), at(1)],
      ["InvalidClientError", { flight: undefined, coolDown: 6 }]
    ],
    [
      "a Defer does not shorten a cool-down (T8)",
      [after(cooling, [1, get], [1, fail(unavailable(90_000))], [91, get]), defer(told(0.1)), at(91)],
      ["InvalidClientError", { flight: undefined, coolDown: 91.1 }]
    ],
    [
      "a Defer of a renewal keeps the token and backs off (T8)",
      [renewing, defer(told(5, false)), at(81)],
      ["InvalidClientError", { flight: undefined, failures: 3, notBefore: 86 }]
    ],
    [
      "a Defer of a renewal whose token has expired meanwhile starts no cool-down unless it is binding (T8)",
      [renewing, defer(told(5, false)), at(90)],
      ["InvalidClientError", { ...dropped, flight: undefined }]
    ],
    [
      "a Defer holds for as long as a failure of its own may, whatever the store says (T2, T8)",
      [requesting, defer(told(1e9)), at(1)],
      ["InvalidClientError", { flight: undefined, coolDown: 73 }]
    ],
    ["a Defer of a void flight starts no cool-down (M4)", [voided, defer(told(5)), at(1)], [
      "InvalidClientError",
      { flight: undefined }
    ]],
    ["a Defer without a flight is ignored", [holding, defer(told(5)), at(10)], ["Ignored", {}]],
    ["a Defer after a Close changes nothing (S3)", [closedInFlight, defer(told(5)), at(11)], ["interrupted", {}]]
  )
})

describe("Resume (B1)", () => {
  const resume: State.Event = { _tag: "Resume" }

  rows(
    ["a Resume without a token does nothing", [none, resume, at(0)], ["Done", {}]],
    ["a Resume with a fresh token does nothing", [holding, resume, at(10)], ["Done", {}]],
    ["a Resume ends the cool-down", [cooling, resume, at(0.5)], ["Done", { coolDown: undefined }]],
    [
      "a Resume ends the time in which a Refresh gets the last error",
      [refreshFailed, resume, at(11.1)],
      ["Done", { failedRefresh: undefined, failures: undefined, notBefore: undefined }]
    ],
    [
      "a Resume renews a stale token at once, although the last renewal has failed",
      [backingOff, resume, at(81.1)],
      ["Done", { failures: undefined, notBefore: undefined, flight: "background" }]
    ],
    ["a Resume drops an expired token", [holding, resume, at(90)], ["Done", dropped]],
    ["a Resume after a Close changes nothing (S3)", [closed, resume, at(11)], ["interrupted", {}]]
  )
})

describe("What a flight sees in the store (T6, T8)", () => {
  const flight = (isBackground: boolean): State.Flight => ({
    id: 0,
    isBackground,
    isSingle: isBackground,
    isForced: false,
    mustAsk: false,
    isVoid: false
  })
  const stored = (token: AccessToken.AccessToken, generation = 1) => ({ token, generation })

  it.each<
    readonly [
      title: string,
      when: readonly [
        entry: { readonly token?: Stored; readonly failure?: StoredFailure },
        isBackground: boolean,
        seconds: number
      ],
      then: string
    ]
  >([
    ["nothing", [{}, false, 0], "ask"],
    ["a fresh token", [{ token: stored(a) }, false, 79.9], "fresh"],
    ["a token that is due", [{ token: stored(a) }, false, 80], "ask, due"],
    ["an expired token", [{ token: stored(a) }, false, 90], "ask"],
    ["a failure in its cool-down", [{ failure: told(1) }, false, 0], "held back"],
    ["a failure after its cool-down", [{ failure: told(0) }, false, 0], "ask, failed before"],
    ["a failed renewal, for a caller without a token", [{ failure: told(1, false) }, false, 0], "ask, failed before"],
    ["a failed renewal, for a renewal", [{ failure: told(1, false) }, true, 0], "held back"],
    [
      "a failed renewal and a token that is due",
      [{ token: stored(a, 0), failure: told(1, false) }, false, 80],
      "held back, due"
    ],
    ["a failure and an expired token", [{ token: stored(a, 0), failure: told(1) }, false, 90], "held back"],
    ["a failure and a newer token that is due", [{ token: stored(a, 2), failure: told(1) }, false, 80], "ask, due"],
    ["a failure and a token of the same generation", [{ token: stored(a, 1), failure: told(1) }, false, 90], "ask"]
  ])("%s (T6, T8)", (_, [{ failure, token }, isBackground, seconds], then) => {
    const entry = { token: Option.fromNullable(token), failure: Option.fromNullable(failure) }
    const view = State.view(policy, none, flight(isBackground), entry, at(seconds))
    const told = view.fresh !== undefined ? ["fresh"] : [
      view.isHeldBack ? "held back" : "ask",
      ...(view.valid !== undefined ? ["due"] : []),
      ...(view.failure !== undefined && !view.isHeldBack ? ["failed before"] : [])
    ]
    expect(told.join(", ")).toBe(then)
  })
})

it("a failure holds a source back only once, although its store counts it down never (T8)", () => {
  const failure = told(5)
  const entry = { token: Option.none(), failure: Option.some(failure) }
  const deferred = after(requesting, [1, { _tag: "Defer", failure }], [6, get])
  const isHeldBack = (failure: StoredFailure) =>
    deferred.flight && State.view(policy, deferred, deferred.flight, { ...entry, failure: Option.some(failure) }, at(6))
      .isHeldBack
  expect(isHeldBack(failure)).toBe(false)
  expect(isHeldBack({ ...failure, generation: 2 })).toBe(true)
})

describe("What a flight that fails leaves for others (T8)", () => {
  it.each<readonly [string, State.State, number, object | undefined]>([
    ["of the first failure", requesting, 1, { failures: 1, remaining: Duration.seconds(1), isBinding: true }],
    [
      "of the second in a row",
      after(cooling, [1, get]),
      2,
      { failures: 2, remaining: Duration.seconds(2), isBinding: true }
    ],
    ["of a renewal", renewing, 81, { failures: 1, remaining: Duration.millis(500), isBinding: false }],
    ["of a refresh beside a valid token", refreshing, 11, {
      failures: 1,
      remaining: Duration.millis(500),
      isBinding: false
    }],
    ["of a renewal whose token has expired meanwhile", renewing, 90, undefined],
    ["of a void flight", voided, 1, undefined]
  ])("what a source will do itself is what it tells %s (T8)", (_, state, seconds, failure) => {
    expect(State.failureToShare(policy, state, unavailable(), at(seconds), 0.5)).toEqual(
      failure && { ...failure, error: unavailable() }
    )
  })
})

describe("Clear and Close", () => {
  rows(
    ["a Clear without a token does nothing", [none, clear, at(0)], ["Done", {}]],
    ["a Clear drops the token (M4)", [holding, clear, at(10)], ["Done", dropped]],
    [
      "a Clear makes a foreground flight void (M4)",
      [requesting, clear, at(1)],
      ["Done", { flight: "void foreground" }]
    ],
    [
      "a Clear makes a background flight void and drops the token (M4)",
      [renewing, clear, at(81)],
      ["Done", { ...dropped, flight: "void background" }]
    ],
    [
      "a Clear makes a refresh void and drops the token (M4)",
      [refreshing, clear, at(11)],
      ["Done", { ...dropped, flight: "void forced" }]
    ],
    ["a Clear ends the cool-down (S7)", [cooling, clear, at(0.5)], ["Done", { coolDown: undefined }]],
    [
      "a Clear ends the time in which a Refresh gets the last error (S9)",
      [refreshFailed, clear, at(11.1)],
      ["Done", { ...dropped, failures: undefined, notBefore: undefined, failedRefresh: undefined }]
    ],
    ["a Clear leaves the rejected token to be named (A2)", [invalidated, clear, at(10)], ["Done", {}]],
    ["a Clear after a Close changes nothing (S3)", [closedInFlight, clear, at(11)], ["interrupted", {}]],
    ["a Close without a token closes the source (S3)", [none, close, at(0)], ["Done", { isClosed: true }]],
    ["a Close drops the token (S3)", [holding, close, at(10)], ["Done", { ...dropped, isClosed: true }]],
    ["a Close leaves the flight to be landed (S3)", [requesting, close, at(1)], ["Done", { isClosed: true }]],
    ["a second Close changes nothing (S3)", [closed, close, at(11)], ["interrupted", {}]]
  )
})

describe("clocks that do not go on together (S10)", () => {
  const looked = after(holding, [60, look])
  const lookedWhileAhead = State.transition(policy, holding, look, at(10, 40))[0]

  rows(
    [
      "a Get finds a token expired that is so by the wall clock alone (S10)",
      [holding, get, at(10, 80)],
      ["Join", { ...dropped, flight: "foreground" }]
    ],
    [
      "a Get finds a token expired that is so by the monotonic clock alone (S10)",
      [holding, get, at(90, -3600)],
      ["Join", { ...dropped, flight: "foreground" }]
    ],
    [
      "a Get finds a token stale that is so by the wall clock alone (S10)",
      [holding, get, at(10, 70)],
      ["a", { flight: "background" }]
    ],
    [
      "a Get adds a suspend to the age that a look has seen (S10)",
      [looked, get, at(70, 20)],
      ["Join", { ...dropped, flight: "foreground" }]
    ],
    [
      "a Get keeps the age that a look has seen, though the wall clock went back since (S10)",
      [lookedWhileAhead, get, at(50)],
      ["Join", { ...dropped, flight: "foreground" }]
    ],
    [
      "a Land takes a token that seems to be issued later for a new one (S10)",
      [requesting, land(token("a", 3600)), at(1)],
      ["Done", { flight: undefined, token: "a", newest: "a" }]
    ],
    [
      "a Get finds such a token expired after its life by the monotonic clock (S10)",
      [after(requesting, [1, land(token("a", 3600))]), get, at(91)],
      ["Join", { ...dropped, flight: "foreground" }]
    ]
  )
})

describe("the window in which a Get is decided (S1)", () => {
  const got = after(holding, [10, get])

  it.each<[string, State.State, Instant, boolean]>([
    ["a window begins with the Get that opens it (S1)", got, at(10), true],
    ["a window ends after checkEvery (S10)", got, at(70), false],
    ["a window is open a moment before that (S1)", got, at(69.999), true],
    ["a window is closed to a wall clock that was set back before its beginning (S10)", got, at(11, -2), false],
    ["a window ends when the token is stale (S4)", after(holding, [60, get]), at(80), false],
    ["a window is open a moment before the token is stale (S1)", after(holding, [60, get]), at(79.999), true],
    ["a window ends when the token expires, if a flight is under way (S5)", renewing, at(90), false],
    ["a window is open a moment before the token expires, if a flight is under way (S1)", renewing, at(89.999), true],
    ["a window ends when the back-off does (S6)", after(backingOff, [81.1, get]), at(81.5), false],
    ["a window is open in the back-off (S1)", after(backingOff, [81.1, get]), at(81.499), true],
    ["a window is opened by a Look, too (S1)", after(holding, [10, look]), at(20), true],
    ["no window is open before the first Get (S1)", holding, at(0), false],
    ["no window is open after a failure (S6)", after(refreshing, [10, get], [11, fail()]), at(11), false],
    [
      "no window is open after an idle Look at a stale token, so that the next Get renews it (S11)",
      after(holding, [80, idleLook]),
      at(80),
      false
    ],
    ["no window is open after a Refresh of a stale token", after(holding, [80, refresh]), at(80), false]
  ])("%s", (_, { current }, { wall }, isDecided) => {
    expect(current !== undefined && State.isDecided(current, wall)).toBe(isDecided)
  })

  it("two Gets in a row get the very same reply (S1)", () => {
    const [, reply] = State.transition(policy, got, get, at(11))
    expect(reply).toBe(got.current?.exit)
  })
})

describe("an error that a caller gets without a request (S7)", () => {
  /** What the reply says of a request that is not made. */
  const unsent = (before: State.State, event: State.Event, seconds: number) => {
    const [, reply] = State.transition(policy, before, event, at(seconds))
    const error = reply._tag === "Failure" ? Option.getOrUndefined(Cause.failureOption(reply.cause)) : undefined
    return error?.coolDown === undefined
      ? undefined
      : { tag: error._tag, wait: Duration.toMillis(error.coolDown), message: error.message }
  }

  it.each<[string, State.State, State.Event, number, string, number]>([
    [
      "a Get in a cool-down is told how long it lasts (S7, row 126)",
      cooling,
      get,
      0.25,
      "ServiceUnavailableError",
      750
    ],
    [
      "a Refresh is told when the next one may be made (S9)",
      refreshFailed,
      refresh,
      11.5,
      "ServiceUnavailableError",
      500
    ]
  ])("%s", (_, before, event, seconds, tag, wait) => {
    const told = unsent(before, event, seconds)
    expect(told).toMatchObject({ tag, wait })
    expect(told?.message).toMatch(new RegExp(`Nothing was sent: the next request may be made in ${wait}ms\\.$`))
  })

  it("a Get in a cool-down after a defect dies of that", () => {
    const died = after(requesting, [0, { _tag: "Land", exit: Exit.die("a defect"), draw: 0.5 }])
    expect(nameOf(State.transition(policy, died, get, at(0.5))[1])).toBe("defect")
  })
})

describe("renewals that succeed (S15)", () => {
  /** Of its 100 seconds it is stale as it arrives. */
  const old = after(requesting, [85, land(a)])

  rows(
    ["a token that is stale as it arrives is not renewed at once (S15)", [old, look, at(85.999)], ["Done", {}]],
    [
      "a token that is stale as it arrives is renewed after a second (S15)",
      [old, look, at(86)],
      ["Done", { flight: "background" }]
    ]
  )

  it("tokens of one second are renewed half a second apart (S15)", () => {
    const short = granted("short", at(0).wall, 1000)
    const { current } = after(requesting, [0, land(short)])
    expect(seconds(current?.notBefore)).toBe(0.5)
  })
})

describe("a source without a timer (S10)", () => {
  it("looks at both clocks at each Get, since the wall clock alone may have gone back", () => {
    const onDemand = { ...policy, background: "onDemand" } as const
    const [{ current }] = State.transition(onDemand, holding, get, at(10))
    expect(current && State.isDecided(current, at(10).wall)).toBe(false)
  })
})

describe("a sleeper's pause (S10)", () => {
  it.each<[string, State.State, number, number]>([
    ["a sleeper looks again after checkEvery (S10)", holding, 10, 60],
    ["a sleeper looks again when the token is stale (S4)", holding, 50, 30],
    ["a sleeper looks again when the back-off ends (S6)", backingOff, 81.1, 0.4],
    ["a sleeper looks again when a stale token expires (S5)", after(holding, [80, idleLook]), 80, 10]
  ])("%s", (_, { current }, seconds, pause) => {
    expect(current && State.untilNextLook(policy, current, at(seconds))).toBeCloseTo(pause * 1000, 3)
  })
})

describe("peek", () => {
  it.each<[string, Instant, boolean]>([
    ["a fresh token is valid", at(10), true],
    ["a stale token is valid (S4)", at(80), true],
    ["an expired token is not valid, although no look has dropped it yet (S5)", at(90), false],
    ["a token that has expired by the wall clock alone is not valid (S10)", at(10, 80), false]
  ])("%s", (_, now, isValid) => {
    expect(Predicate.isNotUndefined(holding.current) && State.isValid(holding.current, now)).toBe(isValid)
  })
})

describe("ids", () => {
  it("tokens and flights share one count, so that no id comes twice", () => {
    const ids = [requesting.flight, holding.current, renewing.flight, backingOff.current].map((part) => part?.id)
    expect(ids).toStrictEqual([0, 1, 2, 1])
  })
})
