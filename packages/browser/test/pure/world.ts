/*
 * A browser with many tabs, without a browser: the real state machine of each tab, over channels and locks that are
 * played by a queue of events in time. What a history does is drawn from a seed, so each one can be repeated.
 *
 * The browser takes the messages of one tab in order, and hands them to another tab in the order in which it has taken
 * them. Locks go another way, so a lock may be faster or slower than a message. A frozen tab keeps its locks, and what
 * it receives waits for it. When it thaws, its timers fire before that. A killed tab loses its locks. The source in
 * each tab does what `internal/tokenSource/sharing.ts` of `core` does.
 */
import { AccessToken } from "@effect-tilia/core/AccessToken"
import type * as Instant from "@effect-tilia/core/Instant"
import * as Scopes from "@effect-tilia/core/Scopes"
import { TokenTransportError } from "@effect-tilia/core/TokenError"
import { Abandoned, type Entry, Failed, Granted, type Outcome } from "@effect-tilia/core/TokenStore"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Utils from "effect/Utils"
import * as Message from "../../src/internal/message.js"
import * as Replica from "../../src/internal/replica.js"
import * as Tab from "../../src/internal/tab.js"

/** What a history is made of. All times are in milliseconds. */
export interface Plan {
  readonly seed: number
  readonly tabs: number
  /** How long the history lasts, before everything is well again. */
  readonly duration: number
  /** The longest way of a message, or of a lock. */
  readonly delay: number
  /** How long the mediator takes at most. */
  readonly mediator: number
  readonly lifetime: number
  /** How many there are of each. */
  readonly clears: number
  readonly freezes: number
  readonly kills: number
  readonly restores: number
  readonly losses: number
  readonly clockSteps: number
  readonly hostile: number
  /** From when until when the mediator fails. */
  readonly outage: readonly [number, number] | undefined
}

/** What came of it. */
export interface Result {
  /** What must not happen. */
  readonly problems: ReadonlyArray<string>
  readonly requests: number
  /** Requests that began although another one was under way, or although there was a token that was still new. */
  readonly needless: number
  readonly outcomes: number
  readonly tabs: number
  readonly deliveries: number
  /** How often a source asked past its store. */
  readonly skips: number
}

/** What a test may break. */
export interface Faults {
  readonly transition?: typeof Tab.transition
}

const scopes = Schema.decodeSync(Scopes.Scopes)("user_info")
const key = Scopes.key(scopes)
const lease = 3000

interface LockRequest {
  readonly tab: Simulated
  readonly lock: Tab.WebLock
  readonly mode: Tab.Mode
  isOver: boolean
}

interface WebLockState {
  holder: LockRequest | undefined
  queue: Array<LockRequest>
}

interface Request {
  readonly id: number
  readonly generation: number | undefined
  readonly acquiredAt: number
  readonly startedAt: number
  endedAt: number | undefined
  wasGranted: boolean
}

interface Flight {
  isVoid: boolean
  readonly startedAt: number
  wake: (() => void) | undefined
}

interface Simulated {
  readonly id: number
  readonly channel: string
  state: Tab.Tab
  isAlive: boolean
  isFrozen: boolean
  isAway: boolean
  thawedAt: number
  restoredAt: number
  /** What arrived while it was frozen: timers first. */
  readonly timers: Array<() => void>
  readonly tasks: Array<() => void>
  readonly messages: Array<() => void>
  readonly requests: Map<string, LockRequest>
  readonly replies: Map<number, (reply: Tab.Reply) => void>
  calls: number
  /** When the last of its messages, or of its locks, arrive on each way. */
  readonly last: Map<string, number>
  // What its source knows.
  current: {
    readonly generation: number | undefined
    readonly id: number
    readonly refreshAt: number
    readonly expiresAt: number
  } | undefined
  newest: number
  coolDownUntil: number
  flight: Flight | undefined
  waiting: Array<{ readonly since: number }>
  largestRead: number
}

const idOf = ({ call, of }: Tab.WebLock): string => `${of} ${call}`
const nameOf = ({ key, of }: Tab.WebLock): string => `${of} ${key}`

const failure = new TokenTransportError({ reason: "Other", tokenUrl: "/token", attempts: 1 })

/** Plays one history. */
export const play = (plan: Plan, { transition = Tab.transition }: Faults = {}): Result => {
  const random = new Utils.PCGRandom(plan.seed)
  const between = (least: number, most: number) => least + Math.floor(random.number() * (most - least + 1))
  const pick = <A>(items: ReadonlyArray<A>): A | undefined => items[between(0, items.length - 1)]

  // Time: a heap of what happens, in order of time, and of when it was planned.
  const heap: Array<{ readonly at: number; readonly order: number; readonly act: () => void }> = []
  let time = 0
  let order = 0
  let wallOffset = 1_700_000_000_000
  const isBefore = (one: number, other: number) => {
    const a = heap[one]
    const b = heap[other]
    return a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order))
  }
  const swap = (one: number, other: number) => {
    const a = heap[one]
    const b = heap[other]
    if (a !== undefined && b !== undefined) {
      heap[one] = b
      heap[other] = a
    }
  }
  const at = (when: number, act: () => void) => {
    heap.push({ at: when, order: order++, act })
    for (let n = heap.length - 1; n > 0 && isBefore(n, (n - 1) >> 1); n = (n - 1) >> 1) swap(n, (n - 1) >> 1)
  }
  const next = () => {
    swap(0, heap.length - 1)
    const event = heap.pop()
    for (let n = 0;;) {
      const child = isBefore(2 * n + 2, 2 * n + 1) ? 2 * n + 2 : 2 * n + 1
      if (!isBefore(child, n)) return event
      swap(n, child)
      n = child
    }
  }
  const after = (delay: number, act: () => void) => at(time + delay, act)
  const now = (): Instant.Instant => ({ wall: wallOffset + time, monotonic: time })

  const problems: Array<string> = []
  const tabs: Array<Simulated> = []
  const locks = new Map<string, WebLockState>()
  const requests: Array<Request> = []
  const clears: Array<{ readonly time: number }> = []
  const grantedGenerations = new Set<number>()
  let deliveries = 0
  let needless = 0
  let outcomes = 0
  let skips = 0
  let isWell = false

  const isFrom = (tab: Simulated) => tab.isAlive && !tab.isAway

  /** Runs what a tab does, now or when it thaws. */
  const inTab = (tab: Simulated, kind: "timers" | "tasks" | "messages", act: () => void) => {
    if (!tab.isAlive) return
    if (tab.isFrozen) tab[kind].push(act)
    else act()
  }

  /** One way to a tab or from it, on which nothing overtakes. */
  const onWay = (tab: Simulated, way: string, act: () => void) => {
    const when = Math.max(tab.last.get(way) ?? 0, time + between(0, plan.delay))
    tab.last.set(way, when)
    at(when, act)
  }

  const deliver = (tab: Simulated, message: Message.Message) => {
    if (tab.isAway) return // a page in the back-forward cache receives nothing
    deliveries++
    onWay(
      tab,
      "messages in",
      () => inTab(tab, "messages", () => tab.isAway || dispatch(tab, { _tag: "Heard", message }))
    )
  }

  const send = (from: Simulated, isFor: (tab: Simulated) => boolean, message: Message.Message) =>
    onWay(
      from,
      "messages out",
      () => tabs.filter((tab) => tab.isAlive && isFor(tab)).forEach((tab) => deliver(tab, message))
    )

  // The locks.
  const stateOf = (name: string): WebLockState => {
    const found = locks.get(name)
    if (found !== undefined) return found
    const state: WebLockState = { holder: undefined, queue: [] }
    locks.set(name, state)
    return state
  }

  const tell = (request: LockRequest, event: Tab.Event) =>
    onWay(request.tab, "locks in", () =>
      inTab(request.tab, "tasks", () => {
        const { lock, tab } = request
        if (tab.requests.get(idOf(lock)) !== request) return
        if (event._tag !== "Granted") tab.requests.delete(idOf(lock))
        dispatch(tab, event)
      }))

  const grant = (name: string, request: LockRequest) => {
    const state = stateOf(name)
    state.holder = request
    tell(request, { _tag: "Granted", lock: request.lock, mode: request.mode })
  }

  const end = (name: string, request: LockRequest) => {
    const state = stateOf(name)
    request.isOver = true
    state.queue = state.queue.filter((queued) => queued !== request)
    if (state.holder !== request) return
    state.holder = undefined
    const first = state.queue.shift()
    if (first !== undefined) grant(name, first)
  }

  const ask = (name: string, request: LockRequest) => {
    const state = stateOf(name)
    if (request.isOver || !request.tab.isAlive) return
    if (request.mode === "queue" && (state.holder !== undefined || state.queue.length > 0)) {
      state.queue.push(request)
    } else if (request.mode === "ifAvailable" && (state.holder !== undefined || state.queue.length > 0)) {
      tell(request, { _tag: "Busy", lock: request.lock })
    } else {
      const { holder } = state
      if (holder !== undefined) {
        holder.isOver = true
        tell(holder, { _tag: "Lost", lock: holder.lock })
      }
      grant(name, request)
    }
  }

  const release = (tab: Simulated, lock: Tab.WebLock, done: () => void) => {
    const request = tab.requests.get(idOf(lock))
    tab.requests.delete(idOf(lock))
    if (request === undefined) return done()
    onWay(tab, "locks out", () => {
      end(nameOf(lock), request)
      onWay(tab, "locks in", () => inTab(tab, "tasks", done))
    })
  }

  const perform = (tab: Simulated, command: Tab.Command) => {
    switch (command._tag) {
      case "Post":
        return send(tab, (other) => other !== tab, command.message)
      case "Tell": {
        const { channel, message } = command
        const listens = (other: Simulated) =>
          channel === Tab.keeperChannel ? other.state.isKeeper : other.channel === channel
        return send(tab, listens, message)
      }
      case "Acquire": {
        const { lock, mode } = command
        const before = tab.requests.get(idOf(lock))
        if (before !== undefined) onWay(tab, "locks out", () => end(nameOf(lock), before))
        const request: LockRequest = { tab, lock, mode, isOver: false }
        tab.requests.set(idOf(lock), request)
        return onWay(tab, "locks out", () => ask(nameOf(lock), request))
      }
      case "Release": {
        const { lock, reply } = command
        return release(tab, lock, () => {
          if (reply !== undefined) answer(tab, reply, { _tag: "Done" })
        })
      }
      case "Wait": {
        const { call, step } = command
        return after(Replica.patience, () => inTab(tab, "timers", () => dispatch(tab, { _tag: "Waited", call, step })))
      }
      case "Reply":
        return answer(tab, command.call, command.reply)
      case "Publish":
        return after(0, () => inTab(tab, "tasks", () => follow(tab, command.change)))
    }
  }

  const answer = (tab: Simulated, call: number, reply: Tab.Reply) => {
    const resume = tab.replies.get(call)
    tab.replies.delete(call)
    resume?.(reply)
  }

  const dispatch = (tab: Simulated, event: Tab.Event) => {
    if (!tab.isAlive) return
    const [state, commands] = transition(tab.state, event, now())
    tab.state = state
    for (const command of commands) perform(tab, command)
  }

  // The source of a tab.

  /** Runs a command of the store, but not for longer than 250 milliseconds of the tab's own time (T2). */
  const command = (
    tab: Simulated,
    event: (call: number) => Tab.Event,
    resume: (reply: Tab.Reply | undefined) => void
  ) => {
    const call = tab.calls++
    let isOver = false
    let ticks = 0
    tab.replies.set(call, (reply) => {
      if (isOver) return
      isOver = true
      resume(reply)
    })
    const tick = () =>
      after(50, () =>
        inTab(tab, "timers", () => {
          if (isOver) return
          if (++ticks < 5) return tick()
          isOver = true
          tab.replies.delete(call)
          dispatch(tab, { _tag: "Forget", call })
          resume(undefined)
        }))
    tick()
    dispatch(tab, event(call))
  }

  const read = (tab: Simulated, resume: (entry: Entry | undefined) => void) =>
    command(tab, (call) => ({ _tag: "Read", call, key }), (reply) => {
      const entry = reply?._tag === "Entry" ? reply.entry : undefined
      if (entry !== undefined) checkEntry(tab, entry)
      resume(entry)
    })

  /** What a tab reads was not cleared long ago, and is not older than what it has read before. */
  const checkEntry = (tab: Simulated, { token }: Entry) => {
    if (Option.isNone(token)) return
    const { generation, token: { value } } = token.value
    const request = requests[Number(Redacted.value(value))]
    if (request !== undefined) checkCleared(tab, request)
    if (generation < tab.largestRead) problems.push("an older token replaced a newer one")
    tab.largestRead = Math.max(tab.largestRead, generation)
  }

  /** A tab that is awake has heard that the store was cleared. */
  const checkCleared = (tab: Simulated, { acquiredAt }: Request) => {
    const wasCleared = clears.some((clear) => acquiredAt < clear.time && clear.time + 4 * plan.delay + 5 < time)
    if (wasCleared && time > tab.thawedAt + 4 * plan.delay) problems.push("a token that was cleared came back")
  }

  const follow = (tab: Simulated, change: "Settled" | "Cleared" | "Resumed") => {
    if (change === "Cleared") {
      tab.current = undefined
      tab.coolDownUntil = 0
      if (tab.flight !== undefined) tab.flight.isVoid = true
    }
    if (change === "Resumed") tab.coolDownUntil = 0
    tab.flight?.wake?.()
    if (tab.flight === undefined && tab.current !== undefined) {
      read(tab, (entry) => {
        const stored = entry === undefined ? undefined : freshIn(tab, entry)
        if (stored !== undefined && tab.flight === undefined) accept(tab, stored.generation, stored.id, stored.issuedAt)
      })
    }
  }

  const freshIn = (tab: Simulated, { token }: Entry) => {
    if (Option.isNone(token)) return undefined
    const { generation, token: { expiresAt, issuedAt, value } } = token.value
    const isFresh = generation > tab.newest && now().wall < issuedAt.epochMillis + 0.8 * plan.lifetime &&
      expiresAt.epochMillis > now().wall
    return isFresh ? { generation, id: Number(Redacted.value(value)), issuedAt: issuedAt.epochMillis } : undefined
  }

  const accept = (tab: Simulated, generation: number | undefined, id: number, issuedAt: number) => {
    const age = Math.max(0, now().wall - issuedAt)
    tab.current = {
      generation,
      id,
      refreshAt: time - age + Math.floor(plan.lifetime * (0.78 + 0.1 * random.number())),
      expiresAt: time - age + plan.lifetime
    }
    if (generation !== undefined) tab.newest = Math.max(tab.newest, generation)
    tab.coolDownUntil = 0
    // A renewal in the background.
    after(
      Math.max(1, tab.current.refreshAt - time),
      () => inTab(tab, "timers", () => tab.current?.id === id && fly(tab))
    )
  }

  const isHeldBack = ({ failure }: Entry): number =>
    Option.match(failure, {
      onNone: () => 0,
      onSome: ({ isBinding, remaining }) => isBinding ? Duration.toMillis(remaining) : 0
    })

  const fly = (tab: Simulated) => {
    if (tab.flight !== undefined || !isFrom(tab)) return
    const flight: Flight = { isVoid: false, startedAt: time, wake: undefined }
    tab.flight = flight

    const land = (outcome: "token" | "failure" | "held back") => {
      if (tab.flight !== flight) return
      tab.flight = undefined
      const failed = outcome !== "token" && !flight.isVoid
      if (failed && plan.outage === undefined) problems.push("a caller failed although the mediator did not")
      if (flight.isVoid) {
        tab.current = undefined
        if (tab.waiting.length > 0) return fly(tab)
      }
      tab.waiting = []
    }

    const take = (entry: Entry): boolean => {
      const stored = freshIn(tab, entry)
      if (stored !== undefined) {
        accept(tab, stored.generation, stored.id, stored.issuedAt)
        land("token")
        return true
      }
      const wait = isHeldBack(entry)
      if (wait === 0) return false
      tab.coolDownUntil = time + wait
      land("held back")
      return true
    }

    const request = (
      lock: { readonly lock: number; readonly generation: number } | undefined,
      acquiredAt: number
    ) => {
      const mine: Request = {
        id: requests.length,
        generation: lock?.generation,
        acquiredAt,
        startedAt: time,
        endedAt: undefined,
        wasGranted: false
      }
      const lastClear = Math.max(-1, ...clears.map(({ time }) => time))
      if (
        requests.some(({ acquiredAt, endedAt, startedAt, wasGranted }) =>
          acquiredAt > lastClear &&
          (endedAt === undefined || (wasGranted && time - startedAt < 0.75 * plan.lifetime))
        )
      ) needless++
      requests.push(mine)
      const issuedAt = now().wall
      let isOver = false
      const renewals = () =>
        after(lease / 3, () =>
          inTab(tab, "timers", () => {
            if (isOver || lock === undefined) return
            dispatch(tab, { _tag: "Renew", lock: lock.lock })
            renewals()
          }))
      renewals()
      after(between(1, plan.mediator), () => {
        mine.endedAt ??= time
        const isDown = !isWell && plan.outage !== undefined && time >= plan.outage[0] && time < plan.outage[1]
        mine.wasGranted = !isDown && tab.isAlive
        inTab(tab, "tasks", () => {
          isOver = true
          const outcome: Outcome = isDown
            ? Failed({ failure: { error: failure, failures: 1, remaining: Duration.millis(1000), isBinding: true } })
            : Granted({
              token: new AccessToken({
                value: Redacted.make(String(mine.id)),
                tokenType: "Bearer",
                scopes,
                issuedAt: DateTime.unsafeMake(issuedAt),
                expiresAt: DateTime.unsafeMake(issuedAt + plan.lifetime)
              }, { disableValidation: true })
            })
          outcomes++
          const done = () => {
            if (isDown) {
              tab.coolDownUntil = time + 1000
              return land("failure")
            }
            accept(tab, lock?.generation, mine.id, issuedAt)
            if (flight.isVoid) tab.current = undefined
            land("token")
          }
          if (lock === undefined) return done()
          if (!isDown && grantedGenerations.has(lock.generation)) problems.push("two tokens have the same generation")
          grantedGenerations.add(lock.generation)
          command(
            tab,
            (call) => ({
              _tag: "Settle",
              call,
              lock: lock.lock,
              outcome: flight.isVoid && isDown ? Abandoned() : outcome
            }),
            done
          )
        })
      })
    }

    const skip = () => {
      skips++
      request(undefined, time)
    }

    const look = () => {
      if (tab.flight !== flight) return
      if (time - flight.startedAt > 20_000) {
        problems.push("a caller waited for 20 seconds")
        return skip()
      }
      read(tab, (entry) => {
        if (entry === undefined) return skip()
        if (take(entry)) return
        let wasWoken = false
        flight.wake = () => {
          wasWoken = true
        }
        command(tab, (call) => ({ _tag: "Lock", call, key }), (reply) => {
          switch (reply?._tag) {
            case "Acquired": {
              const { entry, generation, lock } = reply
              checkEntry(tab, entry)
              if (freshIn(tab, entry) === undefined && isHeldBack(entry) === 0) {
                return request({ lock, generation }, time)
              }
              return command(tab, (call) => ({ _tag: "Settle", call, lock, outcome: Abandoned() }), () => {
                if (!take(entry)) look()
              })
            }
            case "Held": {
              let isOver = false
              const again = () => {
                if (isOver) return
                isOver = true
                flight.wake = undefined
                look()
              }
              flight.wake = () => after(1, () => inTab(tab, "timers", again))
              if (wasWoken) flight.wake()
              return after(Math.min(3000, Math.max(50, reply.remaining)), () => inTab(tab, "timers", again))
            }
            default:
              return skip()
          }
        })
      })
    }
    look()
  }

  const get = (tab: Simulated) =>
    inTab(tab, "timers", () => {
      if (!isFrom(tab)) return
      const request = tab.current && requests[tab.current.id]
      if (request !== undefined && time > tab.restoredAt + Replica.patience) checkCleared(tab, request)
      if (tab.current !== undefined && time < tab.current.expiresAt) {
        return time >= tab.current.refreshAt
          ? fly(tab)
          : undefined
      }
      tab.current = undefined
      if (time < tab.coolDownUntil) return
      tab.waiting.push({ since: time })
      fly(tab)
    })

  // The history.

  const open = () => {
    const channel = `tab-${tabs.length}`
    const tab: Simulated = {
      id: tabs.length,
      channel,
      state: Tab.initial(channel),
      isAlive: true,
      isFrozen: false,
      isAway: false,
      thawedAt: Number.NEGATIVE_INFINITY,
      restoredAt: Number.NEGATIVE_INFINITY,
      timers: [],
      tasks: [],
      messages: [],
      requests: new Map(),
      replies: new Map(),
      calls: 0,
      last: new Map(),
      current: undefined,
      newest: 0,
      coolDownUntil: 0,
      flight: undefined,
      waiting: [],
      largestRead: 0
    }
    tabs.push(tab)
    dispatch(tab, { _tag: "Join" })
    const use = () => {
      get(tab)
      if (tab.isAlive && !isWell) after(between(100, plan.lifetime / 2), use)
    }
    after(between(0, 5), use)
    return tab
  }

  const kill = (tab: Simulated) => {
    tab.isAlive = false
    if (tab.flight !== undefined) {
      for (const request of requests) if (request.endedAt === undefined) markKilled(tab, request)
    }
    for (const request of tab.requests.values()) {
      request.isOver = true
      after(between(1, 1 + plan.delay), () => end(nameOf(request.lock), request))
    }
  }
  /** Its request is no longer under way. */
  const markKilled = (_tab: Simulated, request: Request) => {
    request.endedAt = time
  }

  const thaw = (tab: Simulated) => {
    if (!tab.isFrozen) return
    tab.isFrozen = false
    tab.thawedAt = time
    for (const act of [...tab.timers.splice(0), ...tab.tasks.splice(0), ...tab.messages.splice(0)]) act()
  }

  const living = () => tabs.filter(({ isAlive, isAway, isFrozen }) => isAlive && !isAway && !isFrozen)
  const someday = (times: number, act: (tab: Simulated) => void) => {
    for (let n = 0; n < times; n++) {
      at(between(50, plan.duration), () => {
        const tab = pick(living())
        if (tab !== undefined) act(tab)
      })
    }
  }

  for (let n = 0; n < plan.tabs; n++) at(random.number() < 0.6 ? between(0, 20) : between(0, plan.duration), open)
  someday(plan.clears, (tab) => {
    clears.push({ time })
    dispatch(tab, { _tag: "Clear" })
  })
  someday(plan.freezes, (tab) => {
    tab.isFrozen = true
    after(between(10, 6000), () => thaw(tab))
  })
  someday(plan.kills, kill)
  someday(plan.restores, (tab) => {
    dispatch(tab, { _tag: "Leave" })
    tab.isAway = true
    tab.isFrozen = true
    after(between(10, 6000), () => {
      tab.isAway = false
      tab.messages.length = 0 // it did not hear what was said meanwhile
      tab.largestRead = 0
      dispatch(tab, { _tag: "Restore" })
      thaw(tab)
      tab.thawedAt = Number.NEGATIVE_INFINITY // it may not rely on what it has not heard
      tab.restoredAt = time
    })
  })
  someday(plan.losses, (tab) => {
    // The browser takes a lock away.
    for (const request of [...tab.requests.values()]) {
      const state = stateOf(nameOf(request.lock))
      if (state.holder !== request) continue
      tell(request, { _tag: "Lost", lock: request.lock })
      end(nameOf(request.lock), request)
    }
  })
  someday(plan.clockSteps, () => {
    wallOffset += between(-5000, 5000)
  })
  someday(plan.hostile, (tab) => {
    const numbers = [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 53 - 1,
      -1,
      0.5,
      0,
      now().wall + 2 * 86_400_000,
      now().wall
    ]
    const number = () => pick(numbers) ?? 0
    const raw = pick<unknown>([
      { _tag: "Cleared", generation: 2 ** 53 - 1 },
      { _tag: "Cleared", generation: now().wall + 2 * 86_400_000 },
      { _tag: "Locked", key, generation: number() },
      { _tag: "Locked", key: "", generation: number() },
      { _tag: "Locked", key: "b,a", generation: 1 },
      { _tag: "Settled", key, generation: number() },
      { _tag: "Answered", era: "x", largest: 0, cleared: 2 ** 53 - 1, news: [] },
      { _tag: "Asked", channel: "nobody", ofAll: random.number() < 0.5 },
      { _tag: "Echo", call: between(0, 20), step: pick(["CatchUp", "Check", "Free"]) }
    ])
    Either.map(Message.decode(raw), (message) => deliver(tab, message))
  })

  const runUntil = (when: number) => {
    for (let first = heap[0]; first !== undefined && first.at <= when; first = heap[0]) {
      const event = next()
      if (event === undefined) return
      time = event.at
      event.act()
    }
    time = when
  }

  runUntil(plan.duration)
  // Everything is well again: every tab that is left gets a token, and nothing is left undone.
  isWell = true
  runUntil(plan.duration + 6000)
  for (const tab of tabs) thaw(tab)
  runUntil(plan.duration + 14_000)
  for (const tab of tabs) get(tab)
  runUntil(plan.duration + 24_000)
  for (const tab of tabs.filter(isFrom)) {
    if (tab.waiting.length > 0) problems.push("a caller waits for ever")
    if (tab.flight === undefined && tab.replies.size > 0) problems.push("a command waits for ever")
    if (tab.state.held.size > 0 && tab.flight === undefined) problems.push("a lock is held for ever")
  }
  return { problems, requests: requests.length, needless, outcomes, tabs: tabs.length, deliveries, skips }
}
