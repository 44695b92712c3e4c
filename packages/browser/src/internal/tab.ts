/*
 * One tab as a state machine: what it knows, what can happen to it, and what it then does. It is pure, so that tables
 * and random histories of many tabs can test it. `BrowserTokenStore` runs it, over `internal/tabs.ts`.
 *
 * Every tab has a replica of everything, and hears of each change once (T10). A tab that comes later asks the *keeper*,
 * which is the tab that holds the keeper's lock. What is sent to a tab arrives there in the order in which the browser
 * has taken it. So a tab that has just got the lock for a token sends a message to itself. When that is back, the tab
 * has heard of everything that was settled before, and a tab that settles frees its lock when its own is back.
 *
 * All times are in milliseconds.
 */
import type * as Instant from "@effect-tilia/core/Instant"
import type { Change, Entry, Outcome } from "@effect-tilia/core/TokenStore"
import * as Message from "./message.js"
import * as Replica from "./replica.js"

/** One of the browser's locks that this tab asks for. `call` says for whom; the keeper's lock is for nobody. */
export interface WebLock {
  /**
   * - `Keeper`: the right to answer those that come later.
   * - `Token`: the right to request a token.
   * - `Thief`: the right to take a `Token` lock by force, so that several tabs do not take it from each other.
   */
  readonly of: "Keeper" | "Token" | "Thief"
  readonly key: string
  readonly call: number
}

/** How a lock is asked for: only if it is free, as soon as it is free, or even from the tab that holds it. */
export type Mode = "ifAvailable" | "queue" | "steal"

/** What a source is doing. */
type Call =
  | { readonly _tag: "Read"; readonly key: string }
  | {
    readonly _tag: "Lock"
    readonly key: string
    /** The newest that the tab knew when it began. */
    readonly known: number
    /**
     * - `Try`: asks for the lock, if it is free.
     * - `Contend`: the holder's lease is over; asks for the right to take the lock by force.
     * - `Confirm`: has that right, and waits: a holder that is awake may still be heard of.
     * - `Steal`: takes the lock by force.
     * - `CatchUp`: has the lock, and waits for its echo.
     * - `AskAll`: has the lock, but the keeper has not answered; waits for an answer of any tab.
     */
    readonly step: "Try" | "Contend" | "Confirm" | "Steal" | "CatchUp" | "AskAll"
  }
  | {
    readonly _tag: "Settle"
    readonly held: Held
    readonly outcome: Outcome
    /**
     * - `Check`: waits for its echo: a tab that was frozen may have lost the lock, or the store was cleared.
     * - `Free`: has told the others, and waits for its echo: all of them hear of it before they can have the lock.
     */
    readonly step: "Check" | "Free"
  }

/** A lock that this tab has, and that its source has been given. */
interface Held {
  readonly lock: WebLock
  readonly generation: number
  /** When the other tabs were last told, on the monotonic clock; never if there was nothing to ask the server for. */
  readonly saidAt: number
}

export interface Tab {
  /** The channel on which only this tab listens. */
  readonly channel: string
  readonly replicas: ReadonlyMap<string, Replica.Replica>
  /** The largest generation that the tab has heard of. */
  readonly largest: number
  /** Everything with this generation or a smaller one is void: the store was cleared (M4). */
  readonly cleared: number
  /** Every failure with this generation or a smaller one is void: this tab is back from where nothing could succeed. */
  readonly forgiven: number
  readonly isKeeper: boolean
  /**
   * Names the time since when what this tab knows is complete: the channel of the first tab, handed on to each later
   * one. It ends when the last tab is closed.
   */
  readonly era: string
  /** Whether the tab knows what the others know: it was the first, or one of them has answered. */
  readonly isInformed: boolean
  /** Whether it is so early that the keeper may still answer. */
  readonly isPatient: boolean
  /** Whether the page is back from the back-forward cache, and the others have not told what it has missed (B1). */
  readonly isRestored: boolean
  readonly calls: ReadonlyMap<number, Call>
  readonly held: ReadonlyMap<number, Held>
}

/** How a call ends. */
export type Reply =
  | { readonly _tag: "Entry"; readonly entry: Entry }
  | { readonly _tag: "Acquired"; readonly lock: number; readonly generation: number; readonly entry: Entry }
  | { readonly _tag: "Held"; readonly remaining: number }
  | { readonly _tag: "Done" }
  | { readonly _tag: "Refused" }

/** What the tab does. */
export type Command =
  /** Sends a message to all other tabs. */
  | { readonly _tag: "Post"; readonly message: Message.Message }
  /** Sends a message to the keeper. */
  | { readonly _tag: "Ask"; readonly message: Message.Message }
  /** Sends a message to the tab, perhaps this one, that listens on this channel. */
  | { readonly _tag: "Tell"; readonly channel: string; readonly message: Message.Message }
  | { readonly _tag: "Acquire"; readonly lock: WebLock; readonly mode: Mode }
  /** Frees a lock, or stops waiting for it; then ends the call. */
  | { readonly _tag: "Release"; readonly lock: WebLock; readonly reply?: number }
  /** Comes back after `patience` milliseconds. */
  | { readonly _tag: "Wait"; readonly call: number; readonly step: string }
  | { readonly _tag: "Reply"; readonly call: number; readonly reply: Reply }
  | { readonly _tag: "Publish"; readonly key: string | undefined; readonly change: Change }

export type Event =
  /** The tab joins the others. */
  | { readonly _tag: "Join" }
  | { readonly _tag: "Heard"; readonly message: Message.Message }
  | { readonly _tag: "Granted"; readonly lock: WebLock; readonly mode: Mode }
  /** Another tab holds the lock. */
  | { readonly _tag: "Busy"; readonly lock: WebLock }
  /** The browser gives no locks. */
  | { readonly _tag: "Refused"; readonly lock: WebLock }
  /** Another tab has taken the lock by force. */
  | { readonly _tag: "Lost"; readonly lock: WebLock }
  /** The time of a `Wait` is over. */
  | { readonly _tag: "Waited"; readonly call: number; readonly step: string }
  | { readonly _tag: "Read"; readonly call: number; readonly key: string }
  | { readonly _tag: "Lock"; readonly call: number; readonly key: string }
  | { readonly _tag: "Settle"; readonly call: number; readonly lock: number; readonly outcome: Outcome }
  | { readonly _tag: "Renew"; readonly lock: number }
  /** Nobody waits for the call any more. */
  | { readonly _tag: "Forget"; readonly call: number }
  | { readonly _tag: "Clear" }
  /** The page is online again, or visible again (B1). */
  | { readonly _tag: "Resume" }
  /** The page is left, perhaps for the back-forward cache. */
  | { readonly _tag: "Leave" }
  /** The page is back from the back-forward cache (B1). */
  | { readonly _tag: "Restore" }

export type Step = readonly [Tab, ReadonlyArray<Command>]

/**
 * How long a tab waits for another one, which may be asleep, and for its echo. A source skips a store that takes 250
 * milliseconds for a command (T2).
 */
export const patience = 100

/** As many sets of scopes as `TokenSources` keeps (S17). Without a bound, anyone could fill the memory. */
const mostKeys = 100

const noCall = -1
const keeper: WebLock = { of: "Keeper", key: "", call: noCall }

export const initial = (channel: string): Tab => ({
  channel,
  replicas: new Map(),
  largest: 0,
  cleared: 0,
  forgiven: 0,
  isKeeper: false,
  era: channel,
  isInformed: false,
  isPatient: true,
  isRestored: false,
  calls: new Map(),
  held: new Map()
})

const step = (tab: Tab, ...commands: ReadonlyArray<Command>): Step => [tab, commands]

const andThen = ([tab, commands]: Step, next: (tab: Tab) => Step): Step => {
  const [after, more] = next(tab)
  return [after, [...commands, ...more]]
}

const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V | undefined): ReadonlyMap<K, V> => {
  const next = new Map(map)
  next.delete(key)
  if (value !== undefined) next.set(key, value)
  return next
}

const replicaOf = (tab: Tab, key: string): Replica.Replica => tab.replicas.get(key) ?? Replica.empty

const withReplica = (tab: Tab, key: string, replica: Replica.Replica): Tab => {
  if (replica === tab.replicas.get(key)) return tab
  const replicas = withEntry(tab.replicas, key, replica)
  const [oldest] = replicas.keys()
  return {
    ...tab,
    replicas: replicas.size > mostKeys && oldest !== undefined ? withEntry(replicas, oldest, undefined) : replicas
  }
}

const withCall = (tab: Tab, call: number, value: Call | undefined): Tab => ({
  ...tab,
  calls: withEntry(tab.calls, call, value)
})

const withHeld = (tab: Tab, call: number, value: Held | undefined): Tab => ({
  ...tab,
  held: withEntry(tab.held, call, value)
})

const noted = (tab: Tab, generation: number): Tab => generation > tab.largest ? { ...tab, largest: generation } : tab

const publish = (key: string | undefined, change: Change): Command => ({ _tag: "Publish", key, change })

const end = (tab: Tab, call: number, reply: Reply): Step =>
  step(withCall(tab, call, undefined), { _tag: "Reply", call, reply })

const entryReply = (tab: Tab, key: string, now: Instant.Instant): Reply => ({
  _tag: "Entry",
  entry: Replica.toEntry(replicaOf(tab, key), now)
})

/** Takes what is newer than what the tab knows (T3, T8). */
const learn = (tab: Tab, { failure, key, token }: Message.News, now: Instant.Instant): Tab => {
  const before = replicaOf(tab, key)
  const withToken = token === undefined
    ? before
    : Replica.withToken(before, Message.toToken(token, now), tab.cleared)
  const after = failure === undefined
    ? withToken
    : Replica.withFailure(withToken, Message.toFailure(failure, now), Math.max(tab.cleared, tab.forgiven))
  return after === before ? tab : withReplica(tab, key, after)
}

/** Drops everything that was requested before a tab has cleared the store with this generation (M4). */
const clearUpTo = (tab: Tab, generation: number): Step => {
  if (generation <= tab.cleared) return step(tab)
  const replicas = new Map<string, Replica.Replica>()
  for (const [key, replica] of tab.replicas) replicas.set(key, Replica.clearedUpTo(replica, generation))
  return step({ ...noted(tab, generation), cleared: generation, replicas }, publish(undefined, "Cleared"))
}

const hasNothingUpTo = ({ replicas }: Tab, generation: number): boolean =>
  Array.from(replicas.values()).every(({ failure, token }) =>
    [failure, token].every((known) => known === undefined || known.generation > generation)
  )

/** Goes through the calls that are under way. */
const forEachCall = (tab: Tab, next: (tab: Tab, call: number, current: Call) => Step): Step =>
  Array.from(tab.calls).reduce(
    (before: Step, [call, current]) => andThen(before, (tab) => next(tab, call, current)),
    step(tab)
  )

/** The tab has waited for the keeper's answer long enough, or does not need it any more. */
const stopWaiting = (tab: Tab, now: Instant.Instant): Step =>
  forEachCall(
    { ...tab, isPatient: false, isRestored: false },
    (tab, call, current) => current._tag === "Read" ? end(tab, call, entryReply(tab, current.key, now)) : step(tab)
  )

/** The same, without an answer. While a page was away, the store may have been cleared (B1). */
const giveUpWaiting = (tab: Tab, now: Instant.Instant): Step =>
  andThen(
    tab.isRestored ? step(tab, publish(undefined, "Cleared")) : step(tab),
    (tab) => stopWaiting(tab, now)
  )

/** The question to the keeper, from a tab that is not the keeper itself. */
const ask = ({ channel, isKeeper }: Tab): ReadonlyArray<Command> =>
  isKeeper ? [] : [{ _tag: "Ask", message: { _tag: "Asked", channel, ofAll: false } }]

const answer = (tab: Tab, channel: string, now: Instant.Instant): Command => ({
  _tag: "Tell",
  channel,
  message: {
    _tag: "Answered",
    era: tab.era,
    largest: tab.largest,
    cleared: tab.cleared,
    news: Array.from(tab.replicas, ([key, replica]) => Message.toNews(key, replica, now))
  }
})

const echo = (tab: Tab, call: number, step: string): ReadonlyArray<Command> => [
  { _tag: "Tell", channel: tab.channel, message: { _tag: "Echo", call, step } },
  { _tag: "Wait", call, step }
]

/** The tab after it has learned that no other one knows anything. */
const first = (tab: Tab): Tab => ({ ...tab, isInformed: true, era: tab.channel })

const token = (key: string, call: number): WebLock => ({ of: "Token", key, call })
const thief = (key: string, call: number): WebLock => ({ of: "Thief", key, call })

type LockCall = Call & { readonly _tag: "Lock" }

/** Frees what a source that does not wait any more may have. */
const releases = ({ key }: LockCall, call: number): ReadonlyArray<Command> => [
  { _tag: "Release", lock: token(key, call) },
  { _tag: "Release", lock: thief(key, call) }
]

const proceed = (tab: Tab, call: number, lock: LockCall, next: LockCall["step"], ...commands: ReadonlyArray<Command>) =>
  step(withCall(tab, call, { ...lock, step: next }), ...commands)

const endHeld = (tab: Tab, call: number, { key }: LockCall, now: Instant.Instant): Step =>
  end(tab, call, { _tag: "Held", remaining: Replica.leaseLeft(replicaOf(tab, key), now) })

/** Another tab holds the lock: the source waits, unless that tab has been silent for a whole lease (T3). */
const busy = (before: Tab, call: number, lock: LockCall, now: Instant.Instant): Step => {
  const replica = Replica.seenBusy(replicaOf(before, lock.key), now)
  const tab = withReplica(before, lock.key, replica)
  return lock.step === "Try" && Replica.leaseLeft(replica, now) === 0
    ? proceed(tab, call, lock, "Contend", { _tag: "Acquire", lock: thief(lock.key, call), mode: "ifAvailable" })
    : endHeld(tab, call, lock, now)
}

/** The lock, with a generation larger than any before. The others are told, unless there is news for the source. */
const acquired = (tab: Tab, call: number, { key, known }: LockCall, now: Instant.Instant): Step => {
  const before = replicaOf(tab, key)
  const hasNews = Replica.newest(before) > known
  const generation = Replica.nextGeneration(tab.largest, now)
  const replica = Replica.heldBy({ ...before, holder: undefined }, generation, now.monotonic)
  const lock = token(key, call)
  const held = withHeld(withReplica(noted(tab, generation), key, replica), call, {
    lock,
    generation,
    saidAt: hasNews ? Number.NEGATIVE_INFINITY : now.monotonic
  })
  return andThen(
    hasNews ? step(held) : step(held, { _tag: "Post", message: { _tag: "Locked", key, generation, sentAt: now.wall } }),
    (tab) => end(tab, call, { _tag: "Acquired", lock: call, generation, entry: Replica.toEntry(replica, now) })
  )
}

/** Keeps the outcome, and tells the others. */
const tellOutcome = (
  before: Tab,
  call: number,
  settling: Call & { readonly _tag: "Settle" },
  now: Instant.Instant
): Step => {
  const { held: { generation, lock: { key }, saidAt }, outcome } = settling
  const replica = replicaOf(before, key)
  const written = !Message.isPlausible(generation, now) // the wall clock was set back
    ? replica
    : outcome._tag === "Granted"
    ? Replica.withToken(replica, Replica.fromAccessToken(outcome.token, generation, now), before.cleared)
    : outcome._tag === "Failed"
    ? Replica.withFailure(replica, Replica.fromFailure(outcome.failure, generation, now), before.cleared)
    : replica
  const tab = withReplica(before, key, Replica.freedBy(written, generation))
  const news = Message.toNews(
    key,
    {
      token: written.token === replica.token ? undefined : written.token,
      failure: written.failure === replica.failure ? undefined : written.failure
    },
    now
  )
  const isKnown = saidAt !== Number.NEGATIVE_INFINITY || written !== replica
  return step(
    withCall(tab, call, { ...settling, step: "Free" }),
    ...(isKnown ? [{ _tag: "Post", message: { ...news, _tag: "Settled", generation } } as const] : []),
    publish(key, "Settled"),
    ...echo(tab, call, "Free")
  )
}

/** The call has its echo, or has waited for it or for an answer long enough. */
const advance = (tab: Tab, call: number, now: Instant.Instant): Step => {
  const current = tab.calls.get(call)
  if (current?._tag === "Settle") {
    return current.step === "Check"
      ? tellOutcome(tab, call, current, now)
      : step(withCall(tab, call, undefined), { _tag: "Release", lock: current.held.lock, reply: call })
  }
  if (current?._tag !== "Lock") return step(tab)
  const { key } = current
  switch (current.step) {
    case "Confirm":
      return Replica.leaseLeft(replicaOf(tab, key), now) === 0
        ? proceed(tab, call, current, "Steal", { _tag: "Acquire", lock: token(key, call), mode: "steal" })
        : andThen(step(tab, { _tag: "Release", lock: thief(key, call) }), (tab) => endHeld(tab, call, current, now))
    case "CatchUp":
      if (tab.isInformed) return acquired(tab, call, current, now)
      return proceed( // only a tab that holds a lock takes the keepership, so not all of them do at once
        tab,
        call,
        current,
        "AskAll",
        { _tag: "Post", message: { _tag: "Asked", channel: tab.channel, ofAll: true } },
        ...(tab.isKeeper ? [] : [{ _tag: "Acquire", lock: keeper, mode: "steal" } as const]),
        { _tag: "Wait", call, step: "AskAll" }
      )
    case "AskAll":
      return acquired(tab.isInformed ? tab : first(tab), call, current, now)
    default:
      return step(tab)
  }
}

const answered = (
  before: Tab,
  message: Message.Message & { readonly _tag: "Answered" },
  now: Instant.Instant
): Step => {
  const { cleared, era, news } = message
  const isOfOthers = before.isRestored && before.era !== era // no tab has heard all that this one has missed (B1)
  const tab: Tab = { ...before, era: before.isInformed ? before.era : era, isInformed: true }
  const taken = news.reduce(
    (before: Step, news) =>
      andThen(before, (before) => {
        const after = learn(before, news, now)
        return after === before ? step(before) : step(after, publish(news.key, "Settled"))
      }),
    // A tab that is new has nothing to drop, and its source nothing to do with a logout before its time.
    hasNothingUpTo(tab, cleared) && !tab.isRestored ? step(clearUpTo(tab, cleared)[0]) : clearUpTo(tab, cleared)
  )
  return andThen(
    andThen(taken, (tab) => isOfOthers ? giveUpWaiting(tab, now) : stopWaiting(tab, now)),
    (tab) =>
      forEachCall(
        tab,
        (tab, call, current) =>
          current._tag === "Lock" && current.step === "AskAll" ? advance(tab, call, now) : step(tab)
      )
  )
}

/** The same, unless the call is further already. */
const advanceFrom = (
  tab: Tab,
  from: { readonly call: number; readonly step: string },
  now: Instant.Instant
): Step => {
  const current = tab.calls.get(from.call)
  return current !== undefined && current._tag !== "Read" && current.step === from.step
    ? advance(tab, from.call, now)
    : step(tab)
}

const heard = (before: Tab, message: Message.Message, now: Instant.Instant): Step => {
  const largest = Message.largestGeneration(message)
  if (!Message.isPlausible(largest, now)) return step(before)
  const tab = noted(before, largest)
  switch (message._tag) {
    case "Locked": {
      const saidAt = now.monotonic - Message.since(message.sentAt, now)
      return step(
        withReplica(tab, message.key, Replica.heldBy(replicaOf(tab, message.key), message.generation, saidAt))
      )
    }
    case "Settled": {
      const { generation, key } = message
      const learned = learn(tab, message, now)
      return step(
        withReplica(learned, key, Replica.freedBy(replicaOf(learned, key), generation)),
        publish(key, "Settled")
      )
    }
    case "Cleared":
      return clearUpTo(tab, message.generation)
    case "Asked": {
      const isAsked = tab.isInformed && message.channel !== tab.channel &&
        (!message.ofAll || tab.cleared > 0 || tab.replicas.size > 0)
      return isAsked ? step(tab, answer(tab, message.channel, now)) : step(tab)
    }
    case "Answered":
      return answered(tab, message, now)
    case "Echo":
      return advanceFrom(tab, message, now)
  }
}

const granted = (tab: Tab, lock: WebLock, mode: Mode, now: Instant.Instant): Step => {
  if (lock.of === "Keeper") {
    const isFirst = mode === "ifAvailable" // there is nobody else
    return isFirst ? giveUpWaiting(first({ ...tab, isKeeper: true }), now) : step({ ...tab, isKeeper: true })
  }
  const current = tab.calls.get(lock.call)
  if (current?._tag !== "Lock") return step(tab, { _tag: "Release", lock }) // its source has left
  if (lock.of === "Thief") {
    return proceed(tab, lock.call, current, "Confirm", { _tag: "Wait", call: lock.call, step: "Confirm" })
  }
  return proceed(
    tab,
    lock.call,
    current,
    "CatchUp",
    ...(current.step === "Steal" ? [{ _tag: "Release", lock: thief(current.key, lock.call) } as const] : []),
    ...echo(tab, lock.call, "CatchUp")
  )
}

const lost = (tab: Tab, lock: WebLock, now: Instant.Instant): Step => {
  if (lock.of === "Keeper") return step({ ...tab, isKeeper: false }, { _tag: "Acquire", lock, mode: "queue" })
  if (lock.of === "Thief") return step(tab)
  return forEachCall(withHeld(tab, lock.call, undefined), (tab, call, current) => {
    if (current._tag === "Settle" && current.held.lock.call === lock.call) return end(tab, call, { _tag: "Done" })
    return current._tag === "Lock" && call === lock.call ? endHeld(tab, call, current, now) : step(tab)
  })
}

const settle = (tab: Tab, call: number, lock: number, outcome: Outcome): Step => {
  const held = tab.held.get(lock)
  if (held === undefined) return end(tab, call, { _tag: "Done" }) // settled, or lost to another tab (T3)
  return step(
    withCall(withHeld(tab, lock, undefined), call, { _tag: "Settle", held, outcome, step: "Check" }),
    ...echo(tab, call, "Check")
  )
}

const renew = (tab: Tab, lock: number, now: Instant.Instant): Step => {
  const held = tab.held.get(lock)
  if (held === undefined) return step(tab)
  const { generation, lock: { key } } = held
  const renewed = withReplica(tab, key, Replica.heldBy(replicaOf(tab, key), generation, now.monotonic))
  return Replica.isSilentTooLong(held.saidAt, now)
    ? step(withHeld(renewed, lock, { ...held, saidAt: now.monotonic }), {
      _tag: "Post",
      message: { _tag: "Locked", key, generation, sentAt: now.wall }
    })
    : step(renewed)
}

/** Frees all locks, for the other tabs, and for the back-forward cache, which takes no page that has one. */
const leave = (tab: Tab, now: Instant.Instant): Step => {
  const held = Array.from(tab.held.values())
  const freed = step(
    { ...tab, isKeeper: false, held: new Map() },
    { _tag: "Release", lock: keeper },
    ...held.flatMap(({ generation, lock }): ReadonlyArray<Command> => [
      { _tag: "Post", message: { _tag: "Settled", key: lock.key, generation } },
      { _tag: "Release", lock }
    ])
  )
  return andThen(freed, (tab) =>
    forEachCall(tab, (tab, call, current) => {
      if (current._tag === "Settle") return andThen(advance(tab, call, now), (tab) => advance(tab, call, now))
      return current._tag === "Lock"
        ? andThen(endHeld(tab, call, current, now), (tab) => step(tab, ...releases(current, call)))
        : step(tab)
    }))
}

const join = (tab: Tab): Step =>
  step(
    { ...tab, isPatient: true },
    { _tag: "Acquire", lock: keeper, mode: "ifAvailable" },
    { _tag: "Wait", call: noCall, step: "Join" }
  )

const withoutFailures = (tab: Tab): Tab => {
  const replicas = new Map<string, Replica.Replica>()
  for (const [key, replica] of tab.replicas) replicas.set(key, { ...replica, failure: undefined })
  return { ...tab, replicas, forgiven: tab.largest }
}

const restore = (tab: Tab): Step => {
  const emptied: Tab = { ...tab, replicas: new Map(), forgiven: tab.largest, isInformed: false, isRestored: true }
  return andThen(join(emptied), (tab) => step(tab, publish(undefined, "Resumed")))
}

const act = (tab: Tab, event: Event, now: Instant.Instant): Step => {
  switch (event._tag) {
    case "Join":
      return join(tab)
    case "Heard":
      return heard(tab, event.message, now)
    case "Granted":
      return granted(tab, event.lock, event.mode, now)
    case "Busy": {
      const { lock } = event
      if (lock.of === "Keeper") return step(tab, { _tag: "Acquire", lock, mode: "queue" }, ...ask(tab))
      const current = tab.calls.get(lock.call)
      return current?._tag === "Lock" ? busy(tab, lock.call, current, now) : step(tab)
    }
    case "Refused":
      return tab.calls.has(event.lock.call)
        ? end(tab, event.lock.call, { _tag: "Refused" })
        : step(tab)
    case "Lost":
      return lost(tab, event.lock, now)
    case "Waited":
      return event.call === noCall ? giveUpWaiting(tab, now) : advanceFrom(tab, event, now)
    case "Read":
      return tab.isInformed || !tab.isPatient
        ? end(tab, event.call, entryReply(tab, event.key, now))
        : step(withCall(tab, event.call, { _tag: "Read", key: event.key }))
    case "Lock": {
      const { call, key } = event
      const known = Replica.newest(replicaOf(tab, key))
      return step(
        withCall(tab, call, { _tag: "Lock", key, known, step: "Try" }),
        { _tag: "Acquire", lock: token(key, call), mode: "ifAvailable" }
      )
    }
    case "Settle":
      return settle(tab, event.call, event.lock, event.outcome)
    case "Renew":
      return renew(tab, event.lock, now)
    case "Forget": {
      const current = tab.calls.get(event.call)
      if (current === undefined || current._tag === "Settle") return step(tab) // a lock must be freed
      const without = withCall(tab, event.call, undefined)
      return current._tag === "Read" ? step(without) : step(without, ...releases(current, event.call))
    }
    case "Clear": {
      const generation = Replica.nextGeneration(tab.largest, now)
      return andThen(
        clearUpTo(tab, generation),
        (tab) => step(tab, { _tag: "Post", message: { _tag: "Cleared", generation } })
      )
    }
    case "Resume":
      return step(withoutFailures(tab), ...ask(tab), publish(undefined, "Resumed"))
    case "Leave":
      return leave(tab, now)
    case "Restore":
      return restore(tab)
  }
}

/**
 * What becomes of the tab when something happens, and what it does then. If the wall clock was set back by more than a
 * day, all generations are implausible, and so is what has them.
 */
export const transition = (tab: Tab, event: Event, now: Instant.Instant): Step =>
  Message.isPlausible(tab.largest, now)
    ? act(tab, event, now)
    : act({ ...tab, replicas: new Map(), largest: 0, cleared: 0, forgiven: 0 }, event, now)
