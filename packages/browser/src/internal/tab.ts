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

/** One of the browser's locks that this tab asks for. `call` is the call that needs it; the keeper's lock has none. */
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
  /**
   * Whether this tab has cleared the store before it knew what the others have. If the wall clock was set back, that
   * may have larger generations, and is to be cleared, too.
   */
  readonly mustClearAgain: boolean
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
  /** Sends a message to the tab, perhaps this one, that listens on this channel: the keeper, too, has one. */
  | { readonly _tag: "Tell"; readonly channel: string; readonly message: Message.Message }
  | { readonly _tag: "Acquire"; readonly lock: WebLock; readonly mode: Mode }
  /** Frees a lock, or stops waiting for it; then ends the call. */
  | { readonly _tag: "Release"; readonly lock: WebLock; readonly reply?: number }
  /** Comes back after `Replica.patience` milliseconds. */
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
  /** The caller does not wait for the call any more. */
  | { readonly _tag: "Forget"; readonly call: number }
  | { readonly _tag: "Clear" }
  /** The page is online again, or visible again (B1). */
  | { readonly _tag: "Resume" }
  /** The page is left, perhaps for the back-forward cache. */
  | { readonly _tag: "Leave" }
  /** The page is back from the back-forward cache (B1). */
  | { readonly _tag: "Restore" }

export type Step = readonly [Tab, ReadonlyArray<Command>]

/** The channel on which the keeper listens. */
export const keeperChannel = "keeper"

/** As many sets of scopes as `TokenSources` keeps (S17). Without a bound, anyone could fill the memory. */
const mostKeys = 100

const noCall = -1
const keeper: WebLock = { of: "Keeper", key: "", call: noCall }

export const initial = (channel: string): Tab => ({
  channel,
  replicas: new Map(),
  largest: 0,
  cleared: 0,
  mustClearAgain: false,
  forgiven: 0,
  isKeeper: false,
  era: channel,
  isInformed: false,
  isPatient: true,
  isRestored: false,
  calls: new Map(),
  held: new Map()
})

const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V | undefined): ReadonlyMap<K, V> => {
  const next = new Map(map)
  next.delete(key)
  if (value !== undefined) next.set(key, value)
  return next
}

const mapValues = <K, V>(map: ReadonlyMap<K, V>, change: (value: V) => V): ReadonlyMap<K, V> =>
  new Map(Array.from(map, ([key, value]) => [key, change(value)]))

const token = (key: string, call: number): WebLock => ({ of: "Token", key, call })
const thief = (key: string, call: number): WebLock => ({ of: "Thief", key, call })

type LockCall = Call & { readonly _tag: "Lock" }
type SettleCall = Call & { readonly _tag: "Settle" }

/**
 * What becomes of the tab when something happens, and what it does then. The functions in it change `tab`, its next
 * state, and add to `commands`.
 */
export const transition = (before: Tab, event: Event, now: Instant.Instant): Step => {
  // If the wall clock was set back by more than a day, all generations are implausible, and so is what has them.
  let tab: Tab = Message.isPlausible(before.largest, now)
    ? before
    : { ...before, replicas: new Map(), largest: 0, cleared: 0, forgiven: 0 }
  const commands: Array<Command> = []

  const change = (fields: Partial<Tab>) => {
    tab = { ...tab, ...fields }
  }
  const run = (...more: ReadonlyArray<Command>) => {
    commands.push(...more)
  }
  const tell = (channel: string, message: Message.Message) => run({ _tag: "Tell", channel, message })
  const post = (message: Message.Message) => run({ _tag: "Post", message })
  const publish = (change: Change, key?: string) => run({ _tag: "Publish", key, change })
  const acquire = (lock: WebLock, mode: Mode) => run({ _tag: "Acquire", lock, mode })
  const release = (lock: WebLock) => run({ _tag: "Release", lock })
  const wait = (call: number, step: string) => run({ _tag: "Wait", call, step })

  /** The call waits for a message to this tab itself, behind all that was sent to it before. */
  const echo = (call: number, step: string) => {
    tell(tab.channel, { _tag: "Echo", call, step })
    wait(call, step)
  }

  const setCall = (call: number, value: Call | undefined) => change({ calls: withEntry(tab.calls, call, value) })
  const setHeld = (call: number, value: Held | undefined) => change({ held: withEntry(tab.held, call, value) })
  const note = (generation: number) => change({ largest: Math.max(tab.largest, generation) })

  const replicaOf = (key: string): Replica.Replica => tab.replicas.get(key) ?? Replica.empty
  const setReplica = (key: string, replica: Replica.Replica) => {
    const replicas = withEntry(tab.replicas, key, replica)
    const [oldest = key] = replicas.keys()
    change({ replicas: replicas.size > mostKeys ? withEntry(replicas, oldest, undefined) : replicas })
  }

  const end = (call: number, reply: Reply) => {
    setCall(call, undefined)
    run({ _tag: "Reply", call, reply })
  }
  const endRead = (call: number, key: string) =>
    end(call, { _tag: "Entry", entry: Replica.toEntry(replicaOf(key), now) })
  const endHeld = (call: number, key: string) =>
    end(call, { _tag: "Held", remaining: Replica.leaseLeft(replicaOf(key), now) })

  /** Takes what is newer than what the tab knows, and tells whether something was (T3, T8). */
  const learn = ({ failure, key, token }: Message.News): boolean => {
    const before = replicaOf(key)
    let after = before
    if (token !== undefined) after = Replica.withToken(after, Message.toToken(token, now), tab.cleared)
    if (failure !== undefined) {
      after = Replica.withFailure(after, Message.toFailure(failure, now), Math.max(tab.cleared, tab.forgiven))
    }
    if (after !== before) setReplica(key, after)
    return after !== before
  }

  /** Drops everything that was requested before a tab has cleared the store with this generation (M4). */
  const clearUpTo = (generation: number) => {
    if (generation <= tab.cleared) return
    note(generation)
    change({
      cleared: generation,
      replicas: mapValues(tab.replicas, (replica) => Replica.clearedUpTo(replica, generation))
    })
    publish("Cleared")
  }

  /** Drops everything that this tab knows of, and tells the others. */
  const clear = () => {
    const generation = Replica.nextGeneration(tab.largest, now)
    clearUpTo(generation)
    post({ _tag: "Cleared", generation })
  }

  /** The tab has waited for the keeper's answer long enough, or does not need it any more. */
  const stopWaiting = () => {
    change({ isPatient: false, isRestored: false, mustClearAgain: false })
    for (const [call, current] of tab.calls) if (current._tag === "Read") endRead(call, current.key)
  }

  /** The same, without an answer. While a page was away, the store may have been cleared (B1). */
  const giveUpWaiting = () => {
    if (tab.isRestored) publish("Cleared")
    stopWaiting()
  }

  /** The tab has learned that no other one knows anything. */
  const beFirst = () => change({ isInformed: true, era: tab.channel })

  /** Asks the keeper, unless this tab is the keeper. */
  const ask = () => {
    if (!tab.isKeeper) tell(keeperChannel, { _tag: "Asked", channel: tab.channel, ofAll: false })
  }

  const join = () => {
    change({ isPatient: true })
    acquire(keeper, "ifAvailable")
    wait(noCall, "Join")
  }

  const proceed = (call: number, current: LockCall, step: LockCall["step"]) => setCall(call, { ...current, step })

  /** Another tab holds the lock: the source waits, unless that tab has been silent for a whole lease (T3). */
  const busy = (call: number, current: LockCall) => {
    const { key, step } = current
    setReplica(key, Replica.seenBusy(replicaOf(key), now))
    if (step !== "Try" || Replica.leaseLeft(replicaOf(key), now) > 0) return endHeld(call, key)
    proceed(call, current, "Contend")
    acquire(thief(key, call), "ifAvailable")
  }

  const announce = (call: number, held: Held) => {
    const { generation, lock: { key } } = held
    setHeld(call, { ...held, saidAt: now.monotonic })
    post({ _tag: "Locked", key, generation, sentAt: now.wall })
  }

  /** The lock, with a generation larger than any before. The others are told, unless there is news for the source. */
  const acquired = (call: number, { key, known }: LockCall) => {
    const generation = Replica.nextGeneration(tab.largest, now)
    const before = replicaOf(key)
    const held = { lock: token(key, call), generation, saidAt: Number.NEGATIVE_INFINITY }
    note(generation)
    setReplica(key, Replica.heldBy({ ...before, holder: undefined }, generation, now.monotonic))
    setHeld(call, held)
    if (Replica.newest(before) <= known) announce(call, held)
    end(call, { _tag: "Acquired", lock: call, generation, entry: Replica.toEntry(before, now) })
  }

  /** Keeps the outcome, and tells the others. */
  const tellOutcome = (call: number, settling: SettleCall) => {
    const { held: { generation, lock: { key }, saidAt }, outcome } = settling
    const before = replicaOf(key)
    let after = before
    if (Message.isPlausible(generation, now)) { // or else the wall clock was set back
      if (outcome._tag === "Granted") {
        after = Replica.withToken(before, Replica.fromAccessToken(outcome.token, generation, now), tab.cleared)
      } else if (outcome._tag === "Failed") {
        after = Replica.withFailure(before, { generation, failure: outcome.failure, since: now }, tab.cleared)
      }
    }
    setReplica(key, Replica.freedBy(after, generation, now))
    setCall(call, { ...settling, step: "Free" })
    if (saidAt >= 0 || after !== before) {
      const token = after.token === before.token ? undefined : after.token
      const failure = after.failure === before.failure ? undefined : after.failure
      post({ ...Message.toNews(key, { token, failure }, now), _tag: "Settled", generation })
    }
    publish("Settled", key)
    echo(call, "Free")
  }

  /** The call has its echo, or has waited for it or for an answer long enough. */
  const advance = (call: number, step: string) => {
    const current = tab.calls.get(call)
    if (current === undefined || current._tag === "Read" || current.step !== step) return // it is further already
    if (current._tag === "Settle") {
      if (current.step === "Check") return tellOutcome(call, current)
      setCall(call, undefined)
      return run({ _tag: "Release", lock: current.held.lock, reply: call })
    }
    const { key } = current
    switch (current.step) {
      case "Confirm":
        if (Replica.leaseLeft(replicaOf(key), now) === 0) {
          proceed(call, current, "Steal")
          return acquire(token(key, call), "steal")
        }
        release(thief(key, call))
        return endHeld(call, key)
      case "CatchUp":
        if (tab.isInformed) return acquired(call, current)
        proceed(call, current, "AskAll")
        post({ _tag: "Asked", channel: tab.channel, ofAll: true })
        wait(call, "AskAll")
        // Only a tab that holds a lock takes the keepership, so that not all of them do it at once.
        if (!tab.isKeeper) acquire(keeper, "steal")
        return
      case "AskAll":
        if (!tab.isInformed) beFirst()
        return acquired(call, current)
    }
  }

  const answered = ({ cleared, era, news }: Message.Message & { readonly _tag: "Answered" }) => {
    const hasMissed = tab.isRestored && tab.era !== era // no tab has heard all that this one has missed (B1)
    // A tab that is new has nothing to drop, and its source nothing to do with a logout before its time.
    if (!tab.isRestored && tab.replicas.size === 0) change({ cleared: Math.max(tab.cleared, cleared) })
    else clearUpTo(cleared)
    if (!tab.isInformed) change({ era, isInformed: true })
    for (const each of news) if (learn(each)) publish("Settled", each.key)
    if (tab.mustClearAgain && Array.from(tab.replicas.values()).some((replica) => Replica.newest(replica) > 0)) clear()
    if (hasMissed) giveUpWaiting()
    else stopWaiting()
    for (const call of tab.calls.keys()) advance(call, "AskAll")
  }

  const heard = (message: Message.Message) => {
    const largest = Message.largestGeneration(message)
    if (!Message.isPlausible(largest, now)) return
    note(largest)
    switch (message._tag) {
      case "Locked": {
        const saidAt = now.monotonic - Message.since(message.sentAt, now)
        return setReplica(message.key, Replica.heldBy(replicaOf(message.key), message.generation, saidAt))
      }
      case "Settled": {
        const { generation, key } = message
        learn(message)
        setReplica(key, Replica.freedBy(replicaOf(key), generation, now))
        return publish("Settled", key)
      }
      case "Cleared":
        return clearUpTo(message.generation)
      case "Asked": {
        const { channel, ofAll } = message
        const { cleared, era, isInformed, largest, replicas } = tab
        if (!isInformed || channel === tab.channel || (ofAll && cleared === 0 && replicas.size === 0)) return
        const news = Array.from(replicas, ([key, replica]) => Message.toNews(key, replica, now))
        return tell(channel, { _tag: "Answered", era, largest, cleared, news })
      }
      case "Answered":
        return answered(message)
      case "Echo":
        return advance(message.call, message.step)
    }
  }

  const granted = (lock: WebLock, mode: Mode) => {
    const { call, key, of } = lock
    if (of === "Keeper") {
      change({ isKeeper: true })
      if (mode !== "ifAvailable") return
      giveUpWaiting() // there is nobody else
      return beFirst()
    }
    const current = tab.calls.get(call)
    if (current?._tag !== "Lock") return release(lock) // its source has left
    if (of === "Thief") {
      proceed(call, current, "Confirm")
      return wait(call, "Confirm")
    }
    proceed(call, current, "CatchUp")
    if (current.step === "Steal") release(thief(key, call))
    echo(call, "CatchUp")
  }

  const lost = ({ call: lost, of }: WebLock) => {
    if (of === "Keeper") {
      change({ isKeeper: false })
      return acquire(keeper, "queue")
    }
    if (of === "Thief") return
    setHeld(lost, undefined)
    for (const [call, current] of tab.calls) {
      if (current._tag === "Settle" && current.held.lock.call === lost) end(call, { _tag: "Done" })
      if (current._tag === "Lock" && call === lost) endHeld(call, current.key)
    }
  }

  /** Frees what a source that does not wait any more may have. */
  const releaseAll = (call: number, { key }: LockCall) => {
    release(token(key, call))
    release(thief(key, call))
  }

  /** Frees all locks, for the other tabs, and for the back-forward cache, which takes no page that has one. */
  const leave = () => {
    release(keeper)
    for (const { generation, lock } of tab.held.values()) {
      post({ _tag: "Settled", key: lock.key, generation })
      release(lock)
    }
    change({ isKeeper: false, held: new Map() })
    for (const [call, current] of tab.calls) {
      if (current._tag === "Lock") {
        releaseAll(call, current)
        endHeld(call, current.key)
      }
      if (current._tag === "Settle") {
        advance(call, "Check")
        advance(call, "Free")
      }
    }
  }

  const act = () => {
    switch (event._tag) {
      case "Join":
        return join()
      case "Heard":
        return heard(event.message)
      case "Granted":
        return granted(event.lock, event.mode)
      case "Busy": {
        const { lock } = event
        if (lock.of === "Keeper") {
          acquire(lock, "queue")
          return ask()
        }
        const current = tab.calls.get(lock.call)
        return current?._tag === "Lock" ? busy(lock.call, current) : undefined
      }
      case "Refused":
        return end(event.lock.call, { _tag: "Refused" })
      case "Lost":
        return lost(event.lock)
      case "Waited":
        return event.call === noCall ? giveUpWaiting() : advance(event.call, event.step)
      case "Read":
        return tab.isInformed || !tab.isPatient
          ? endRead(event.call, event.key)
          : setCall(event.call, { _tag: "Read", key: event.key })
      case "Lock": {
        const { call, key } = event
        setCall(call, { _tag: "Lock", key, known: Replica.newest(replicaOf(key)), step: "Try" })
        return acquire(token(key, call), "ifAvailable")
      }
      case "Settle": {
        const { call, lock, outcome } = event
        const held = tab.held.get(lock)
        if (held === undefined) return end(call, { _tag: "Done" }) // settled, or lost to another tab (T3)
        setHeld(lock, undefined)
        setCall(call, { _tag: "Settle", held, outcome, step: "Check" })
        return echo(call, "Check")
      }
      case "Renew": {
        const held = tab.held.get(event.lock)
        if (held === undefined) return
        const { generation, lock: { key }, saidAt } = held
        setReplica(key, Replica.heldBy(replicaOf(key), generation, now.monotonic))
        return Replica.isSilentTooLong(saidAt, now) ? announce(event.lock, held) : undefined
      }
      case "Forget": {
        const current = tab.calls.get(event.call)
        if (current?._tag === "Settle") return // its lock must be freed
        setCall(event.call, undefined)
        return current?._tag === "Lock" ? releaseAll(event.call, current) : undefined
      }
      case "Clear":
        change({ mustClearAgain: !tab.isInformed })
        return clear()
      case "Resume":
        change({
          replicas: mapValues(tab.replicas, (replica) => ({ ...replica, failure: undefined })),
          forgiven: tab.largest
        })
        ask()
        return publish("Resumed")
      case "Leave":
        return leave()
      case "Restore":
        change({ replicas: new Map(), forgiven: tab.largest, isInformed: false, isRestored: true })
        join()
        return publish("Resumed")
    }
  }
  act()
  return [tab, commands]
}
