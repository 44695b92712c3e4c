/*
 * A fleet without computers: some processes with the real state machine of a token source, an engine, a token server,
 * and what disturbs them, on a virtual clock. What happens is drawn from a seed, and the same plan always plays the
 * same. All times are in milliseconds.
 */
import type { AccessToken } from "@effect-tilia/core"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Instant from "../../../../src/Instant.js"
import { issuedAgo } from "../../../../src/internal/accessToken.js"
import * as State from "../../../../src/internal/tokenSource/state.js"
import type { Entry } from "../../../../src/TokenStore.js"
import { granted, unavailable } from "../../../support/grants.js"
import { type Random, randomOf } from "../random.js"
import * as Engine from "./engine.js"
import * as Flight from "./flight.js"

// ---------------------------------------------------------------------------------------------------------------------
// Plans
// ---------------------------------------------------------------------------------------------------------------------

/** What disturbs a fleet. `who` is the number of a process. */
export type Disturbance =
  /** The process dies, and another one takes its place. */
  | { readonly do: "crash"; readonly at: number; readonly who: number; readonly for: number }
  /** The process ends as it should: it gives up its lock. */
  | { readonly do: "close"; readonly at: number; readonly who: number; readonly for: number }
  /** The process stands still, and then goes on as if nothing had happened. */
  | { readonly do: "pause"; readonly at: number; readonly who: number; readonly for: number }
  /** The network of the process is bad: each command is treated like this, about every second one. */
  | {
    readonly do: "network"
    readonly at: number
    readonly who: number
    readonly for: number
    readonly how: "executed late" | "answered late" | "never executed" | "never answered"
    readonly by: number
  }
  /** What others settle is not announced to this process. */
  | { readonly do: "deaf"; readonly at: number; readonly who: number; readonly for: number }
  | { readonly do: "engine away"; readonly at: number; readonly for: number }
  | { readonly do: "flush"; readonly at: number }
  | { readonly do: "engine's clock"; readonly at: number; readonly by: number }
  | { readonly do: "outage"; readonly at: number; readonly for: number }
  | { readonly do: "slow server"; readonly at: number; readonly for: number; readonly by: number }
  /** The API rejects the token that is the newest one now, from all processes that use it. */
  | { readonly do: "reject"; readonly at: number }
  | { readonly do: "refresh"; readonly at: number; readonly who: number }
  | { readonly do: "refresh everywhere"; readonly at: number }

export interface Plan {
  readonly seed: number
  readonly processes: number
  readonly duration: number
  /** The lifetime of a token. */
  readonly life: number
  /** The longest way of a command, and of its reply. */
  readonly latency: number
  /** How long the server takes at most. */
  readonly server: number
  /** The longest pause between two callers of a process. */
  readonly calls: number
  readonly background: "timer" | "onDemand"
  readonly disturbances: ReadonlyArray<Disturbance>
}

/** The longest time that the server takes when it is slow. */
export const slowest = 40_000

const disturbanceOf = ({ below, pick }: Random, { duration, processes }: Omit<Plan, "disturbances">): Disturbance => {
  // Often when the fleet starts: then it requests a token.
  const at = pick(() => below(1_500), () => below(duration), () => below(duration))()
  const who = below(processes)
  return pick<() => Disturbance>(
    () => ({ do: "crash", at, who, for: pick(10, 1_000, 5_000) }),
    () => ({ do: "close", at, who, for: pick(10, 1_000, 5_000) }),
    () => ({ do: "pause", at, who, for: pick(100, 1_000, 4_000, 10_000, 30_000) }),
    () => ({
      do: "network",
      at,
      who,
      for: pick(500, 2_000, 5_000),
      how: pick("executed late", "answered late", "never executed", "never answered"),
      by: pick(100, 300, 1_000, 2_500, 4_000)
    }),
    () => ({ do: "deaf", at, who, for: pick(2_000, 10_000, 30_000) }),
    () => ({ do: "engine away", at, for: pick(500, 3_000, 10_000) }),
    () => ({ do: "flush", at }),
    () => ({ do: "engine's clock", at, by: pick(-500, -50, 50, 500) }),
    () => ({ do: "outage", at, for: pick(2_000, 10_000, 20_000) }),
    () => ({ do: "slow server", at, for: pick(1_000, 5_000), by: pick(2_000, 5_000, 12_000, slowest) }),
    () => ({ do: "reject", at }),
    () => ({ do: "refresh", at, who }),
    () => ({ do: "refresh everywhere", at })
  )()
}

export const planOf = (seed: number): Plan => {
  const random = randomOf(seed)
  const { pick } = random
  const plan: Omit<Plan, "disturbances"> = {
    seed,
    processes: pick(2, 2, 3, 3, 3, 4, 4, 5, 6, 8),
    duration: pick(6_000, 6_000, 6_000, 10_000, 25_000),
    life: pick(6_000, 10_000, 20_000),
    latency: pick(2, 10, 60),
    server: pick(20, 300, 2_000),
    calls: pick(1_500, 4_000, 8_000),
    background: pick("timer", "timer", "onDemand")
  }
  const count = pick(0, 1, 1, 2, 3, 5)
  return { ...plan, disturbances: Array.from({ length: count }, () => disturbanceOf(random, plan)) }
}

// ---------------------------------------------------------------------------------------------------------------------
// Bounds
// ---------------------------------------------------------------------------------------------------------------------

/** Random numbers that decide about pauses are not smaller than this, so that there is a shortest pause. */
const leastDraw = 0.2

/** How many pauses, each at least `least(n)` long, begin within a time. */
const pausesIn = (time: number, least: (n: number) => number): number => {
  let [count, spent] = [0, 0]
  while (spent < time) spent += least(count++)
  return count
}

/**
 * How many requests one process alone makes at most in an outage that lasts so long: while its token is valid (S6), and
 * when it has none (S7).
 */
export const aloneInOutage = (time: number): number =>
  1 + pausesIn(time, (n) => leastDraw * Math.min(30_000, 1_000 * 2 ** n)) +
  pausesIn(time, (n) => (0.8 + 0.4 * leastDraw) * Math.min(10_000, 1_000 * 2 ** n))

/** The shortest time from the issue of a token to its renewal. */
const renewedAfter = ({ life }: Plan): number => 0.78 * life

/**
 * How many requests a disturbance may cost, beside the one per lifetime.
 *
 * | disturbance | requests |
 * | --- | --- |
 * | a crash, a close | 1: what was requested is lost |
 * | a pause | 1: the process loses its lock, and another one asks |
 * | a command that is lost or late | 1: the process asks past the store, or its token does not get there |
 * | a lock that is held for 33 s, as by a request that takes so long | 1 for each process that waits |
 * | an engine that is away | each process for itself, 1 for each lifetime |
 * | a flush, a step of the engine's clock | 1: a lock is lost, or the token is |
 * | a rejected token, a `refresh` | 1: it asks for that |
 * | a `refresh` everywhere | 1 for each process that finds no other one asking |
 * | an outage | what it costs one process alone |
 *
 * Commands and long waits are counted as they happen.
 */
export const allowance = (plan: Plan): number =>
  plan.disturbances.reduce((sum, disturbance) => {
    switch (disturbance.do) {
      case "engine away":
        return sum + plan.processes * (1 + Math.ceil(disturbance.for / renewedAfter(plan)))
      case "refresh everywhere":
        return sum + plan.processes
      case "outage":
      case "network":
      case "deaf":
      case "slow server":
        return sum
      default:
        return sum + 1
    }
  }, 0)

/** A flight of callers, or of the background that they join, and then one of theirs: each waits, asks and settles. */
export const longestAnswer = 2 * (33_000 + slowest + 1_500)

// ---------------------------------------------------------------------------------------------------------------------
// Playing
// ---------------------------------------------------------------------------------------------------------------------

export const rules: Flight.Rules = {
  patience: 5,
  longestWait: 33_000,
  look: { minimum: 50, maximum: Engine.lease },
  renewInterval: 1_000,
  usesLocks: true,
  givesBackLate: true,
  givesBack: true,
  leavesFailures: true,
  looksUnderLock: true,
  joins: true,
  view: State.view
}

/** What a fleet consists of: the real thing, or one with a fault. */
export interface Fleet {
  readonly engine: Engine.Engine
  readonly rules: Flight.Rules
  readonly transition: typeof State.transition
}

export const real: Fleet = { engine: Engine.real, rules, transition: State.transition }

export type Name =
  | Parameters<Engine.Complain>[0]
  | "requestsAreUnderLocks"
  | "oneRequestPerLock"
  | "noRequestDespiteToken"
  | "refreshesAreShared"
  | "theServerIsLeftAlone"
  | "outagesCostWhatOneProcessCosts"
  | "onePerLifetime"
  | "rejectedStaysRejected"
  | "noExpiredToken"
  | "commandsAreBounded"
  | "waitingIsBounded"
  | "waitersLookAgain"
  | "callersAreAnswered"

export const names: ReadonlyArray<Name> = [
  "generationsGrow",
  "locksExclude",
  "leasesEnd",
  "lateWritersDoNothing",
  "outcomesReplace",
  "locksAreGivenBack",
  "requestsAreUnderLocks",
  "oneRequestPerLock",
  "noRequestDespiteToken",
  "refreshesAreShared",
  "theServerIsLeftAlone",
  "outagesCostWhatOneProcessCosts",
  "onePerLifetime",
  "rejectedStaysRejected",
  "noExpiredToken",
  "commandsAreBounded",
  "waitingIsBounded",
  "waitersLookAgain",
  "callersAreAnswered"
]

export interface Violation {
  readonly name: Name
  readonly what: string
}

const down = unavailable()

interface Event {
  readonly at: number
  readonly order: number
  readonly process: Process | undefined
  readonly life: number
  readonly fire: () => void
}

interface Caller {
  readonly since: number
  readonly frozenBefore: number
}

interface RunningFlight {
  readonly flight: State.Flight
  readonly draw: number
  readonly wanted: Flight.Wanted
  readonly since: number
  readonly frozenBefore: number
  phase: Flight.Phase
  /** Counts the steps: what belongs to an earlier one is ignored. */
  count: number
  phaseSince: number
  phaseFrozenBefore: number
  /** Why it may ask past the store. */
  excuse: string | undefined
  /** From when on it must share what another process has stored: it knew of that process, and of what was there. */
  joinedAt: number | undefined
  /** Takes the reply to the lock command, if that was given up. */
  giveBackLate: (() => void) | undefined
  readonly callers: Array<Caller>
}

/** What really is with a token. */
interface Truth {
  readonly text: string
  readonly issuedAt: number
  readonly expiresAt: number
  /** How much older it looks in the store: as long as its process waited for the lock's reply (T7). */
  looksOlderBy: number
  storedAt: number | undefined
}

interface Process {
  readonly who: number
  /** How far its clocks are from the real one. */
  readonly offset: number
  /** Which life it lives: each crash begins a new one. */
  life: number
  isUp: boolean
  frozenUntil: number
  frozenFor: number
  state: State.State
  flight: RunningFlight | undefined
  usedAt: number
  isFollowing: boolean
  isHinted: boolean
  readonly rejected: Set<string>
  readonly seenFailures: Set<number>
  newestIssue: number
  largestGeneration: number
}

interface Request {
  readonly process: Process
  readonly life: number
  readonly lock: Engine.LockRecord | undefined
}

type Reply =
  | { readonly is: "row"; readonly row: Engine.Row; readonly engine: number; readonly executedAt: number }
  | { readonly is: "acquired"; readonly row: Engine.Row; readonly engine: number; readonly generation: number }
  | { readonly is: "held"; readonly remaining: number }
  | { readonly is: "done" }
  | { readonly is: "error" }

interface Reading {
  readonly engine: number
  readonly asked: Instant.Instant
  readonly answered: Instant.Instant
}

/** Generations are times of our days, as they are in a real engine. */
const start = 1_700_000_000_000

/** Plays a plan, and yields the first violation of the invariants that are wanted. `log` takes what happens. */
export const play = (
  fleet: Fleet,
  plan: Plan,
  wantedNames?: ReadonlySet<Name>,
  log?: Array<string>
): Violation | undefined => {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0 // the traces of the errors that callers get cost as much as all the rest
  try {
    return played(fleet, plan, wantedNames, log)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

const played = (
  fleet: Fleet,
  plan: Plan,
  wantedNames: ReadonlySet<Name> | undefined,
  log: Array<string> | undefined
): Violation | undefined => {
  const { below, next } = randomOf(plan.seed ^ 0x5bd1e995)
  const { engine, rules } = fleet
  const policy: State.Policy = {
    background: plan.background,
    refreshAt: 0.8,
    jitter: 0.02,
    expiryMargin: 10_000,
    minRefreshInterval: 1_000,
    coolDown: { base: 1_000, max: 10_000, maxNotRetryable: 60_000 },
    maxRetryAfter: 600_000,
    checkEvery: 60_000
  }
  let violation: Violation | undefined
  let now = 0

  const note = (what: () => string): void => {
    log?.push(`${String(now).padStart(6)} ${what()}`)
  }
  const complain = (name: Name, what: string): void => {
    if (violation !== undefined || wantedNames?.has(name) === false) return
    violation = { name, what: `${what} at ${now} ms` }
    note(() => `${name}: ${what}`)
  }

  // Time ---------------------------------------------------------------------------------------------------------

  const heap: Array<Event> = []
  let order = 0
  const isBefore = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order)
  const push = (event: Event): void => {
    let n = heap.push(event) - 1
    while (n > 0) {
      const parent = (n - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, event)) break
      heap[n] = above
      n = parent
    }
    heap[n] = event
  }
  const pop = (): Event | undefined => {
    const first = heap[0]
    const moved = heap.pop()
    if (first === undefined || moved === undefined || heap.length === 0) return first
    let n = 0
    while (true) {
      let child = 2 * n + 1
      let below = heap[child]
      if (below === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, below)) {
        child++
        below = right
      }
      if (isBefore(moved, below)) break
      heap[n] = below
      n = child
    }
    heap[n] = moved
    return first
  }

  /** In the world, whatever happens to the processes. */
  const inWorld = (after: number, fire: () => void): void =>
    push({ at: now + after, order: order++, process: undefined, life: 0, fire })
  /** In the process, if it lives its present life then, and once it is not frozen. */
  const inProcess = (process: Process, after: number, fire: () => void, life = process.life): void =>
    push({ at: now + after, order: order++, process, life, fire })

  const active = <K extends Disturbance["do"]>(kind: K, who?: number): Extract<Disturbance, { do: K }> | undefined => {
    for (const disturbance of plan.disturbances) {
      if (
        disturbance.do === kind && "for" in disturbance && disturbance.at <= now &&
        now < disturbance.at + disturbance.for &&
        (who === undefined || ("who" in disturbance && disturbance.who === who))
      ) return disturbance as Extract<Disturbance, { do: K }>
    }
    return undefined
  }

  const clockOf = ({ offset }: Process): Instant.Instant => ({
    wall: start + now + offset,
    monotonic: now + offset + 1_000_000
  })

  // The engine -----------------------------------------------------------------------------------------------------

  let row = Engine.empty
  let engineOffset = 0
  let setBackBy = 0
  const engineNow = () => start + now + engineOffset
  const clerk = Engine.makeClerk(complain)
  const truths = new Map<string, Truth>()
  let disturbed = 0

  const announce = (): void => {
    for (const process of processes) {
      if (active("deaf", process.who) === undefined) inProcess(process, 1 + below(plan.latency), () => hinted(process))
    }
  }

  type Command =
    | { readonly do: "read" | "lock" }
    | { readonly do: "renew"; readonly generation: number }
    | { readonly do: "settle"; readonly generation: number; readonly written: Engine.Written }

  const execute = (who: number, command: Command, excuse: string | undefined): Reply => {
    const time = engineNow()
    switch (command.do) {
      case "read":
        return { is: "row", row, engine: time, executedAt: now }
      case "lock": {
        const result = engine.lock(row, time)
        if ("remaining" in result) {
          clerk.held(time)
          return { is: "held", remaining: result.remaining }
        }
        const before = row
        row = result.row
        clerk.granted(result.generation, who, time, excuse)
        note(() => `engine: lock ${result.generation - start} for ${who}`)
        return { is: "acquired", row: before, engine: time, generation: result.generation }
      }
      case "settle": {
        const before = row
        row = engine.settle(before, command.generation, command.written)
        clerk.settled(before, row, command.generation, who, command.written)
        note(() =>
          `engine: ${who} settles ${command.generation - start}, ${command.written.is}${
            before === row ? ", too late" : ""
          }`
        )
        if (row !== before) announce()
        if (row !== before && command.written.is === "granted") {
          const truth = truths.get(Redacted.value(command.written.token.value))
          if (truth !== undefined) truth.storedAt = now
        }
        return { is: "done" }
      }
      case "renew": {
        const before = row
        row = engine.renew(before, command.generation, time)
        clerk.renewed(before, row, command.generation, time)
        return { is: "done" }
      }
    }
  }

  /**
   * Gives a command. `reply` runs in the process when the reply comes, however late that is; `gaveUp` runs if it takes
   * too long. Yields whether the command is disturbed.
   */
  const send = (
    process: Process,
    command: Command,
    on: { readonly reply: (reply: Reply, reading: Reading) => void; readonly gaveUp: () => void }
  ): string | undefined => {
    const asked = clockOf(process)
    const life = process.life
    const network = active("network", process.who)
    const how = network !== undefined && next() < 0.5 ? network.how : undefined
    const by = network?.by ?? 0
    const there = 1 + below(plan.latency) + (how === "executed late" ? by : 0)
    const back = 1 + below(plan.latency) + (how === "answered late" ? by : 0)
    if (how !== undefined) {
      disturbed++
      note(() => `${process.who}: ${command.do} is ${how}`)
    }
    const holds = clerk.last?.holder === process.who ? clerk.last : undefined
    if (how !== undefined && holds !== undefined && command.do !== "read") clerk.excuse(how)
    let isOver = false
    const reply = (reply: Reply, back: number): void =>
      inProcess(process, back, () => {
        isOver = true
        on.reply(reply, { engine: "engine" in reply ? reply.engine : 0, asked, answered: clockOf(process) })
      }, life)
    const isUnheard = how === "never answered" || (how !== undefined && there + back > 250 + Engine.lease)
    if (how !== "never executed") {
      inWorld(there, () => {
        if (active("engine away") !== undefined) {
          if (holds !== undefined && command.do !== "read") clerk.excuse("the engine is away")
          return reply({ is: "error" }, 1)
        }
        const isGone = !process.isUp || process.life !== life
        const excuse = isGone
          ? "its process is gone"
          : isUnheard
          ? how
          : now < process.frozenUntil
          ? "its process is frozen"
          : undefined
        const answer = execute(process.who, command, excuse)
        if (how !== "never answered") reply(answer, back)
      })
    }
    const tick = (n: number): void =>
      inProcess(process, 50, () => {
        if (isOver) return
        if (n < rules.patience) return tick(n + 1)
        isOver = true
        on.gaveUp()
      })
    tick(1)
    return how
  }

  // What is kept, in the times of a process ---------------------------------------------------------------------

  const elapsed = (from: Instant.Instant, to: Instant.Instant) => to.monotonic - from.monotonic

  /** As `internal/sealedTokenStore/content.ts` does. */
  const entryOf = (row: Engine.Row, reading: Reading): Entry => {
    const latest = reading.engine + elapsed(reading.asked, reading.answered)
    return {
      token: Option.map(row.token, ({ generation, issuedAt, token }) => ({
        token: issuedAgo(token, Math.max(0, latest - issuedAt), reading.answered),
        generation
      })),
      failure: Option.map(row.failure, ({ until, ...failure }) => ({
        ...failure,
        remaining: Duration.millis(Math.max(0, until - latest))
      }))
    }
  }

  const writtenOf = (outcome: Flight.Outcome, reading: Reading, now: Instant.Instant): Engine.Written => {
    switch (outcome.is) {
      case "granted": {
        const earliest = reading.engine + elapsed(reading.answered, now)
        const age = Math.max(0, now.wall - outcome.token.issuedAt.epochMillis)
        return { is: "granted", token: outcome.token, issuedAt: earliest - age }
      }
      case "failed": {
        const latest = reading.engine + elapsed(reading.asked, now)
        return {
          is: "failed",
          failure: outcome.failure,
          until: latest + Duration.toMillis(outcome.failure.remaining)
        }
      }
      case "abandoned":
        return outcome
    }
  }

  // The server -----------------------------------------------------------------------------------------------------

  const requests = new Set<Request>()
  let tokens = 0
  const failedAt = new Map<Disturbance, number>()

  /** Whether the process that asks is still there. */
  const isUnderWay = ({ life, process }: Request): boolean => process.isUp && process.life === life

  /** Whether a process may ask now. */
  const judge = (process: Process, running: RunningFlight, lock: Engine.LockRecord | undefined): void => {
    if (lock === undefined) {
      if (running.excuse === undefined) {
        complain("requestsAreUnderLocks", `${process.who} asks without a reason past the store`)
      }
      return
    }
    if (lock.excuse !== undefined) return
    for (const other of requests) {
      if (other.lock !== undefined && other.lock.excuse === undefined && isUnderWay(other)) {
        complain("oneRequestPerLock", `${process.who} asks while ${other.process.who} does`)
      }
    }
    const { flight, joinedAt = Number.POSITIVE_INFINITY } = running
    const token = Option.getOrUndefined(row.token)
    const truth = token && truths.get(Redacted.value(token.token.value))
    const isFreshAndNew = token !== undefined && truth !== undefined && token.generation > process.largestGeneration &&
      truth.issuedAt > process.newestIssue + 1_500 && !process.rejected.has(truth.text) &&
      now - truth.issuedAt + truth.looksOlderBy < 0.8 * plan.life - 2_500
    if (flight.mustAsk) {
      if (isFreshAndNew && (truth.storedAt ?? 0) > joinedAt && process.frozenFor === running.frozenBefore) {
        complain("refreshesAreShared", `${process.who} asks although it has waited for ${truth.text}`)
      }
      return
    }
    if (isFreshAndNew) complain("noRequestDespiteToken", `${process.who} asks although the store has ${truth.text}`)
    const failure = Option.getOrUndefined(row.failure)
    if (
      failure !== undefined && failure.generation > (token?.generation ?? 0) &&
      failure.until - engineNow() > 1_500 && !process.seenFailures.has(failure.generation) &&
      (failure.isBinding || flight.isBackground)
    ) complain("theServerIsLeftAlone", `${process.who} asks in the cool-down of ${failure.generation - start}`)
  }

  const request = (process: Process, running: RunningFlight, generation: number | undefined): void => {
    const { life } = process
    const lock = generation === undefined ? undefined : clerk.lockOf(generation)
    judge(process, running, lock)
    const asked: Request = { process, life, lock }
    requests.add(asked)
    const outage = active("outage")
    const issuedAt = now
    const wall = clockOf(process).wall
    const takes = 1 + below(plan.server) + (active("slow server")?.by ?? 0)
    note(() =>
      `${process.who}: asks ${
        lock === undefined ? "past the store" : `under ${lock.generation - start}`
      }, for ${takes} ms`
    )
    if (outage !== undefined && lock !== undefined && !running.flight.mustAsk) {
      failedAt.set(outage, (failedAt.get(outage) ?? 0) + 1)
    }
    const count = running.count
    inWorld(takes, () => {
      requests.delete(asked)
      const answer = (requested: Flight.Requested) =>
        inProcess(process, 1, () => input(process, running, count, { is: "requested", requested }), life)
      if (outage !== undefined) return answer(Either.left(down))
      const text = `token-${++tokens}`
      // The server issues it when it answers.
      truths.set(text, { text, issuedAt, expiresAt: now + plan.life, looksOlderBy: 0, storedAt: undefined })
      answer(Either.right(granted(text, wall, plan.life)))
    })
  }

  // Flights --------------------------------------------------------------------------------------------------------

  const readings = new Map<number, Reading>()

  const settle = (process: Process, generation: number, outcome: Flight.Outcome, done: () => void): void => {
    const reading = readings.get(generation)
    if (reading === undefined) return
    if (outcome.is === "granted") {
      const truth = truths.get(Redacted.value(outcome.token.value))
      if (truth !== undefined) truth.looksOlderBy = elapsed(reading.asked, reading.answered)
    }
    send(process, { do: "settle", generation, written: writtenOf(outcome, reading, clockOf(process)) }, {
      reply: done,
      gaveUp: done
    })
  }

  /** The commands of a flight, and what their replies mean for it. */
  const command = (process: Process, running: RunningFlight, kind: "read" | "lock"): void => {
    const { count } = running
    let isGivenUp = false
    if (kind === "lock") {
      running.giveBackLate = () => {
        isGivenUp = true
      }
    }
    let givenUpAt = 0
    const excuse = send(process, { do: kind }, {
      reply: (reply, reading) => {
        if (reply.is === "acquired") readings.set(reply.generation, reading)
        if (kind === "lock" && reply.is === "acquired" && isGivenUp) {
          if (now - givenUpAt <= Engine.lease) settle(process, reply.generation, { is: "abandoned" }, () => {})
          return
        }
        switch (reply.is) {
          case "row":
            if (running.phase.step === "join") running.joinedAt = reply.executedAt
            return input(process, running, count, { is: "entry", entry: entryOf(reply.row, reading) })
          case "acquired":
            return input(process, running, count, {
              is: "acquired",
              lock: { generation: reply.generation },
              entry: entryOf(reply.row, reading)
            })
          case "held":
            running.joinedAt ??= now + 2 * plan.latency
            return input(process, running, count, { is: "held", remaining: reply.remaining })
          default:
            running.excuse ??= "the engine is away"
            return input(process, running, count, { is: "store error" })
        }
      },
      gaveUp: () => {
        givenUpAt = now
        input(process, running, count, { is: "store error" })
      }
    })
    running.excuse ??= excuse
  }

  const renew = (process: Process, running: RunningFlight, count: number, generation: number): void =>
    inProcess(process, rules.renewInterval, () => {
      if (running.count !== count) return
      const again = () => renew(process, running, count, generation)
      send(process, { do: "renew", generation }, { reply: again, gaveUp: again })
    })

  const bounded = (process: Process, running: RunningFlight): void => {
    const { step } = running.phase
    const frozen = process.frozenFor - running.phaseFrozenBefore
    const took = now - running.phaseSince - frozen
    if (["read", "lock", "join", "settle", "give back"].includes(step) && took > 250) {
      complain("commandsAreBounded", `${process.who}: "${step}" took ${took} ms`)
    }
    if (step === "wait" && took > Engine.lease) {
      complain("waitersLookAgain", `${process.who} did not look again for ${took} ms`)
    }
    if (["read", "lock", "join", "wait"].includes(step)) {
      const waited = now - running.since - (process.frozenFor - running.frozenBefore)
      if (waited > 33_000) complain("waitingIsBounded", `${process.who} has waited for a lock for ${waited} ms`)
      if (waited >= 33_000) running.excuse ??= "it has waited long enough"
    }
  }

  const input = (process: Process, running: RunningFlight, count: number, input: Flight.Input): void => {
    if (running.count === count) take(process, running, Flight.advance(running.wanted, running.phase, input))
  }

  const take = (process: Process, running: RunningFlight, [phase, ...actions]: Flight.Step): void => {
    if (phase !== running.phase) {
      if (running.phase.step !== phase.step || actions.length > 0) {
        bounded(process, running)
        running.phaseSince = now
        running.phaseFrozenBefore = process.frozenFor
        running.count++
      }
      running.phase = phase
    }
    for (const action of actions) {
      switch (action.do) {
        case "read":
        case "lock":
          command(process, running, action.do)
          break
        case "give back late":
          running.giveBackLate?.()
          break
        case "settle": {
          const { count } = running
          settle(
            process,
            action.lock.generation,
            action.outcome,
            () => input(process, running, count, { is: "settled" })
          )
          break
        }
        case "sleep": {
          const { count } = running
          if (action.millis < Number.POSITIVE_INFINITY) {
            inProcess(process, action.millis, () => input(process, running, count, { is: "slept" }))
          }
          break
        }
        case "request":
          if (action.before !== undefined) step(process, { _tag: "Learn", failure: action.before })
          request(process, running, action.lock?.generation)
          if (action.lock !== undefined) renew(process, running, running.count, action.lock.generation)
          break
        case "end":
          land(process, running, action.ending)
      }
    }
  }

  const land = (process: Process, running: RunningFlight, ending: Flight.Ending): void => {
    process.flight = undefined
    const reply = Either.match(ending, {
      onLeft: (error) => {
        const exit = Exit.fail(error)
        step(process, { _tag: "Land", exit, draw: running.draw })
        return exit
      },
      onRight: (result) => {
        if ("heldBackBy" in result) {
          process.seenFailures.add(result.heldBackBy.generation)
          return step(process, { _tag: "Defer", failure: result.heldBackBy })
        }
        took(process, result.token, result.generation)
        step(process, { _tag: "Land", exit: Exit.succeed(result), draw: running.draw })
        return Exit.succeed(result.token)
      }
    })
    for (const caller of running.callers) answer(process, caller, reply, running)
    if (process.state.current !== undefined) watch(process, process.state.current.id, 0)
  }

  /** Notes what a process has had, as far as it is told by generations and real times. */
  const took = (process: Process, { value }: AccessToken.AccessToken, generation = 0): void => {
    process.newestIssue = Math.max(process.newestIssue, truths.get(Redacted.value(value))?.issuedAt ?? 0)
    process.largestGeneration = Math.max(process.largestGeneration, generation)
  }

  // Sources --------------------------------------------------------------------------------------------------------

  let waiting = 0

  const step = (process: Process, event: State.Event): State.Reply => {
    const before = process.state
    const [after, reply] = fleet.transition(policy, before, event, clockOf(process))
    process.state = after
    const { current } = after
    if (current !== undefined && current.id !== before.current?.id) {
      const text = Redacted.value(current.token.value)
      note(() => `${process.who}: has ${text}`)
      if (process.rejected.has(text)) complain("rejectedStaysRejected", `${process.who} takes ${text} again`)
      watch(process, current.id, 0)
    }
    if (after.flight !== undefined && after.flight.id !== before.flight?.id) launch(process, after.flight)
    return reply
  }

  const launch = (process: Process, flight: State.Flight): void => {
    const draw = leastDraw + (1 - leastDraw) * next()
    const wanted: Flight.Wanted = {
      rules,
      mustAsk: flight.mustAsk,
      view: (entry) => rules.view(policy, process.state, flight, entry, clockOf(process)),
      failureToShare: (error) => State.failureToShare(policy, process.state, error, clockOf(process), draw)
    }
    const running: RunningFlight = {
      flight,
      draw,
      wanted,
      since: now,
      frozenBefore: process.frozenFor,
      phase: { step: "end" },
      count: 0,
      phaseSince: now,
      phaseFrozenBefore: process.frozenFor,
      excuse: undefined,
      joinedAt: undefined,
      giveBackLate: undefined,
      callers: []
    }
    process.flight = running
    note(() =>
      `${process.who}: flight${flight.isBackground ? " in the background" : ""}${
        flight.mustAsk ? " that must ask" : ""
      }`
    )
    inProcess(process, 0, () => {
      take(process, running, Flight.begin(wanted))
      if (rules.longestWait === Number.POSITIVE_INFINITY) return
      inProcess(process, rules.longestWait, () => {
        if (["read", "lock", "join", "wait", "give back"].includes(running.phase.step)) {
          running.excuse ??= "it has waited long enough"
          disturbed++
          input(process, running, running.count, { is: "waited longest" })
        }
      })
    })
  }

  /** Looks at the clocks when the token is due (S4). */
  const watch = (process: Process, id: number, after: number): void => {
    if (plan.background !== "timer") return
    inProcess(process, after, () => {
      if (process.state.current?.id !== id || process.flight !== undefined) return // the flight's end looks again
      const clock = clockOf(process)
      step(process, { _tag: "Look", isIdle: clock.wall - process.usedAt >= plan.life })
      const { current } = process.state
      if (current?.id !== id || process.flight !== undefined) return
      watch(process, id, Math.max(1, Math.ceil(State.untilNextLook(policy, current, clock))))
    })
  }

  const answer = (process: Process, caller: Caller, reply: State.Reply, joined?: RunningFlight): void => {
    if (reply._tag === "Failure" && joined?.flight.isBackground === true) return call(process, caller)
    waiting--
    const took = now - caller.since - (process.frozenFor - caller.frozenBefore)
    if (took > longestAnswer) complain("callersAreAnswered", `a caller of ${process.who} waited for ${took} ms`)
    if (reply._tag !== "Success") return
    const text = Redacted.value(reply.value.value)
    const truth = truths.get(text)
    if (process.rejected.has(text)) complain("rejectedStaysRejected", `${process.who} hands ${text} out again`)
    // Who has waited for a token as long as it lives gets it: its process stood still, or the server was that slow.
    const isOverslept = joined !== undefined && now - joined.since >= plan.life
    // An engine's clock that was set back makes tokens look younger. The margin covers one step.
    if (truth === undefined || truth.expiresAt + Math.max(0, setBackBy - 500) > now) return
    note(() => `${process.who}: hands ${text} out, which has expired`)
    if (!isOverslept) complain("noExpiredToken", `${process.who} hands ${text} out`)
  }

  const call = (process: Process, caller: Caller, event: "Get" | "Refresh" = "Get"): void => {
    const { wall } = clockOf(process)
    process.usedAt = wall
    const { current } = process.state
    if (event === "Get" && current !== undefined && State.isDecided(current, wall)) {
      return answer(process, caller, current.exit)
    }
    const reply = step(process, { _tag: event })
    if (reply._tag === "Join") process.flight?.callers.push(caller)
    else answer(process, caller, reply)
  }

  const callSoon = (process: Process): void =>
    inProcess(process, 1 + below(plan.calls), () => {
      if (now >= plan.duration) return
      waiting++
      call(process, { since: now, frozenBefore: process.frozenFor })
      callSoon(process)
    })

  /** Another process has settled a lock: work that is done at once, and at most once in 50 ms (T9). */
  const hinted = (process: Process): void => {
    process.isHinted = true
    if (process.isFollowing) return
    process.isFollowing = true
    follow(process)
  }

  const follow = (process: Process): void => {
    process.isFollowing = process.isHinted
    if (!process.isHinted) return
    process.isHinted = false
    const { flight: running, state: { coolDown, current, flight } } = process
    if (running !== undefined) input(process, running, running.count, { is: "woken" })
    const again = () => inProcess(process, 50, () => follow(process))
    if (flight !== undefined || (current === undefined && coolDown === undefined)) return again()
    send(process, { do: "read" }, {
      reply: (reply, reading) => {
        if (reply.is === "row") adopt(process, entryOf(reply.row, reading))
        again()
      },
      gaveUp: again
    })
  }

  const adopt = (process: Process, { token }: Entry): void => {
    if (Option.isNone(token)) return
    const reply = step(process, { _tag: "Adopt", stored: token.value, draw: leastDraw + (1 - leastDraw) * next() })
    if (reply._tag === "Done") took(process, token.value.token, token.value.generation)
  }

  // Disturbances ---------------------------------------------------------------------------------------------------

  const end = (process: Process): void => {
    if (clerk.last?.holder === process.who) clerk.excuse("its process has ended")
    waiting -= process.flight?.callers.length ?? 0
    process.flight = undefined
    process.isUp = false
    process.life++
  }

  const boot = (process: Process): void => {
    if (process.isUp) return
    process.isUp = true
    process.state = State.initial(policy)
    process.rejected.clear()
    process.seenFailures.clear()
    process.newestIssue = 0
    process.largestGeneration = 0
    process.isFollowing = false
    process.isHinted = false
    callSoon(process)
  }

  const invalidate = (process: Process, token: AccessToken.AccessToken): void => {
    if (step(process, { _tag: "Invalidate", token })._tag === "Done") {
      process.rejected.add(Redacted.value(token.value))
      note(() => `${process.who}: rejects ${Redacted.value(token.value)}`)
    }
  }

  const refresh = (process: Process): void => {
    if (!process.isUp) return
    inProcess(process, 0, () => {
      waiting++
      call(process, { since: now, frozenBefore: process.frozenFor }, "Refresh")
    })
  }

  const disturb = (disturbance: Disturbance): void => {
    note(() => JSON.stringify(disturbance))
    const process = "who" in disturbance ? processes[disturbance.who] : undefined
    switch (disturbance.do) {
      case "crash":
        if (process === undefined || !process.isUp) return
        end(process)
        return inWorld(disturbance.for, () => boot(process))
      case "close": {
        if (process === undefined || !process.isUp || process.frozenUntil > now) return
        const phase = process.flight?.phase
        if (phase?.step === "request" && phase.lock !== undefined) {
          settle(process, phase.lock.generation, { is: "abandoned" }, () => {})
        }
        end(process)
        return inWorld(disturbance.for, () => boot(process))
      }
      case "pause":
        if (process === undefined || process.frozenUntil > now) return
        if (clerk.last?.holder === process.who) clerk.excuse("its process is frozen")
        process.frozenUntil = now + disturbance.for
        process.frozenFor += disturbance.for
        return
      case "flush":
        clerk.flushed()
        row = Engine.empty
        return
      case "engine's clock":
        clerk.excuse("the engine's clock was set")
        engineOffset += disturbance.by
        setBackBy += Math.max(0, -disturbance.by)
        return
      case "engine away":
        return clerk.excuse("the engine is away")
      case "reject": {
        const text = `token-${tokens}`
        for (const process of processes) {
          inProcess(process, below(1_000), () => {
            const token = process.state.current?.token
            if (token !== undefined && Redacted.value(token.value) === text) invalidate(process, token)
          })
        }
        return
      }
      case "refresh":
        return process === undefined ? undefined : refresh(process)
      case "refresh everywhere":
        return processes.forEach(refresh)
    }
  }

  const processes: ReadonlyArray<Process> = Array.from({ length: plan.processes }, (_, who) => ({
    who,
    offset: below(120_000) - 60_000,
    life: 0,
    isUp: false,
    frozenUntil: 0,
    frozenFor: 0,
    state: State.initial(policy),
    flight: undefined,
    usedAt: 0,
    isFollowing: false,
    isHinted: false,
    rejected: new Set<string>(),
    seenFailures: new Set<number>(),
    newestIssue: 0,
    largestGeneration: 0
  }))
  for (const process of processes) boot(process)
  for (const disturbance of plan.disturbances) inWorld(disturbance.at, () => disturb(disturbance))

  while (violation === undefined) {
    const event = pop()
    if (event === undefined) break
    now = Math.max(now, event.at)
    if (now >= plan.duration && (waiting <= 0 || now > plan.duration + longestAnswer)) break
    const { process } = event
    if (process === undefined) {
      event.fire()
      continue
    }
    if (process.life !== event.life) continue
    if (process.frozenUntil > now) push({ ...event, at: process.frozenUntil, order: order++ })
    else event.fire()
  }
  if (waiting > 0) complain("callersAreAnswered", `${waiting} callers wait for ever`)

  const lifetimes = 1 + Math.floor(now / renewedAfter(plan))
  if (tokens > lifetimes + allowance(plan) + disturbed) {
    complain(
      "onePerLifetime",
      `${tokens} requests for ${lifetimes} lifetimes and ${allowance(plan) + disturbed} disturbances`
    )
  }
  for (const [outage, count] of failedAt) {
    const bound = aloneInOutage("for" in outage ? outage.for : 0)
    if (count > bound + allowance(plan) + disturbed) {
      complain("outagesCostWhatOneProcessCosts", `${count} requests in an outage, where one process makes ${bound}`)
    }
  }
  return violation
}
