/*
 * A flight over a store, step by step as `internal/tokenSource/sharing.ts` makes it, without Effect: each step is a
 * value, and `advance` says what the flight does next. Its steps have the names that they have there. Pure.
 */
import type { AccessToken, TokenError } from "@effect-tilia/core"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as State from "../../../../src/internal/tokenSource/state.js"
import type { Entry, Failure, StoredFailure } from "../../../../src/TokenStore.js"

/** What a flight and its source obey. A fault is a set of rules of which one is wrong. All times in milliseconds. */
export interface Rules {
  /** A command that takes longer than so many ticks of 50 ms is slow (T2). */
  readonly patience: number
  /** How long a flight waits for a lock (T2). */
  readonly longestWait: number
  /** The least and the longest time before a flight that waits for a lock looks again (T11). */
  readonly look: { readonly minimum: number; readonly maximum: number }
  readonly renewInterval: number
  /** Whether the request is made under the lock (T1). */
  readonly usesLocks: boolean
  /** Whether a lock that comes after its command was given up is given back (T11). */
  readonly givesBackLate: boolean
  /** Whether a lock that is not needed any more is given back. */
  readonly givesBack: boolean
  /** Whether a failure is left for others (T8). */
  readonly leavesFailures: boolean
  /** Whether the entry that comes with the lock is looked at. */
  readonly looksUnderLock: boolean
  /** Whether a flight that must ask shares the token of one that it finds under way (S2). */
  readonly joins: boolean
  readonly view: typeof State.view
}

export interface Lock {
  readonly generation: number
}

export type Outcome =
  | { readonly is: "granted"; readonly token: AccessToken.AccessToken }
  | { readonly is: "failed"; readonly failure: Failure }
  | { readonly is: "abandoned" }

export type Result = State.Obtained | { readonly heldBackBy: StoredFailure }

export type Ending = Either.Either<Result, TokenError.TokenError>

export type Requested = Either.Either<AccessToken.AccessToken, TokenError.TokenError>

/** The generation of what was stored as a flight that must ask found another flight under way. */
type Joined = number | undefined

export type Phase =
  /** `resultOrLock` reads the store. */
  | { readonly step: "read"; readonly joined: Joined }
  /** `resultOrLock` asks for the lock. */
  | { readonly step: "lock"; readonly isWoken: boolean; readonly joined: Joined }
  /** `resultOrLock` must ask, and reads which token there is before that of the flight under way. */
  | { readonly step: "join"; readonly isWoken: boolean; readonly remaining: number }
  /** `resultOrLock` waits for a lock that another process holds. */
  | { readonly step: "wait"; readonly joined: Joined }
  /** `resultOrLock` has the lock, but does not need it. */
  | { readonly step: "give back"; readonly result: Result }
  /** `underLock` asks the server; without a lock, `alone` does. */
  | { readonly step: "request"; readonly lock: Lock | undefined }
  /** `underLock` leaves what came of it. */
  | { readonly step: "settle"; readonly lock: Lock; readonly requested: Requested }
  /** `obtain` looks for a stored token that will do, after a failure. */
  | { readonly step: "read again"; readonly error: TokenError.TokenError }
  | { readonly step: "end" }

export type Input =
  | { readonly is: "entry"; readonly entry: Entry }
  | { readonly is: "acquired"; readonly lock: Lock; readonly entry: Entry }
  | { readonly is: "held"; readonly remaining: number }
  | { readonly is: "settled" }
  /** The command failed, or took too long. */
  | { readonly is: "store error" }
  /** Another source has settled the lock. */
  | { readonly is: "woken" }
  | { readonly is: "slept" }
  | { readonly is: "waited longest" }
  | { readonly is: "requested"; readonly requested: Requested }

export type Action =
  | { readonly do: "read" | "lock" | "give back late" }
  | { readonly do: "settle"; readonly lock: Lock; readonly outcome: Outcome }
  | { readonly do: "sleep"; readonly millis: number }
  | { readonly do: "request"; readonly lock: Lock | undefined; readonly before: StoredFailure | undefined }
  | { readonly do: "end"; readonly ending: Ending }

export type Step = readonly [Phase, ...Array<Action>]

/** What a flight wants, as in `sharing.ts`. */
export interface Wanted {
  readonly rules: Rules
  readonly mustAsk: boolean
  readonly view: (entry: Entry) => State.View
  readonly failureToShare: (error: TokenError.TokenError) => Failure | undefined
}

const adopted = (stored: NonNullable<State.View["valid"]>, failure?: TokenError.TokenError): Result => ({
  ...stored,
  isRequested: false,
  failure
})

const resultIn = ({ failure, fresh, isHeldBack, valid }: State.View, { mustAsk }: Wanted): Result | undefined => {
  if (fresh !== undefined) return adopted(fresh)
  if (failure === undefined || !(isHeldBack || mustAsk)) return undefined
  return valid === undefined ? { heldBackBy: failure } : adopted(valid, failure.error)
}

const end = (ending: Ending): Step => [{ step: "end" }, { do: "end", ending }]

const ask = (lock: Lock | undefined, before: StoredFailure | undefined): Step => [
  { step: "request", lock },
  { do: "request", lock, before }
]

const toLock = ({ rules }: Wanted, joined: Joined): Step =>
  rules.usesLocks ? [{ step: "lock", isWoken: false, joined }, { do: "lock" }] : ask(undefined, undefined)

/** What a flight makes of an entry. To one that must ask, what was there before it joined another one is not there. */
const see = ({ mustAsk, view }: Wanted, joined: Joined, { failure, token }: Entry): State.View => {
  const concerns = ({ generation }: { readonly generation: number }) =>
    !mustAsk || (joined !== undefined && generation > joined)
  return view({ token: Option.filter(token, concerns), failure: Option.filter(failure, concerns) })
}

/** A turn of `resultOrLock`. */
const turn = (wanted: Wanted, joined: Joined): Step =>
  wanted.mustAsk && joined === undefined ? toLock(wanted, joined) : [{ step: "read", joined }, { do: "read" }]

/** The beginning of `resultOrLock`. */
export const begin = (wanted: Wanted): Step => turn(wanted, undefined)

/** The lock is held: the flight waits, unless it was settled meanwhile. */
const held = (wanted: Wanted, joined: Joined, isWoken: boolean, remaining: number): Step => {
  if (isWoken) return turn(wanted, joined)
  const { maximum, minimum } = wanted.rules.look
  return [{ step: "wait", joined }, { do: "sleep", millis: Math.min(maximum, Math.max(minimum, remaining)) }]
}

const acquired = (wanted: Wanted, joined: Joined, lock: Lock, entry: Entry): Step => {
  const { rules } = wanted
  const seen = rules.looksUnderLock ? see(wanted, joined, entry) : undefined
  const result = seen && resultIn(seen, wanted)
  if (result === undefined) return ask(lock, seen?.failure)
  return rules.givesBack
    ? [{ step: "give back", result }, { do: "settle", lock, outcome: { is: "abandoned" } }]
    : end(Either.right(result))
}

const outcomeOf = ({ failureToShare, rules }: Wanted, requested: Requested): Outcome => {
  if (Either.isRight(requested)) return { is: "granted", token: requested.right }
  const failure = rules.leavesFailures ? failureToShare(requested.left) : undefined
  return failure === undefined ? { is: "abandoned" } : { is: "failed", failure }
}

const ended = ({ mustAsk }: Wanted, lock: Lock | undefined, requested: Requested): Step => {
  if (Either.isRight(requested)) {
    return end(Either.right({
      token: requested.right,
      generation: lock?.generation,
      isRequested: true,
      failure: undefined
    }))
  }
  return mustAsk
    ? end(Either.left(requested.left))
    : [{ step: "read again", error: requested.left }, { do: "read" }]
}

/** What the flight does next. What does not concern its step changes nothing. */
export const advance = (wanted: Wanted, phase: Phase, input: Input): Step => {
  const { rules } = wanted
  switch (phase.step) {
    case "read": {
      if (input.is === "store error" || input.is === "waited longest") return ask(undefined, undefined)
      if (input.is !== "entry") return [phase]
      const result = resultIn(see(wanted, phase.joined, input.entry), wanted)
      return result === undefined ? toLock(wanted, phase.joined) : end(Either.right(result))
    }
    case "lock":
      switch (input.is) {
        case "woken":
          return [{ ...phase, isWoken: true }]
        case "acquired":
          return acquired(wanted, phase.joined, input.lock, input.entry)
        case "held":
          return wanted.mustAsk && rules.joins && phase.joined === undefined
            ? [{ step: "join", isWoken: phase.isWoken, remaining: input.remaining }, { do: "read" }]
            : held(wanted, phase.joined, phase.isWoken, input.remaining)
        case "store error":
        case "waited longest": {
          const [next, ...actions] = ask(undefined, undefined)
          return [next, ...(rules.givesBackLate ? [{ do: "give back late" } as const] : []), ...actions]
        }
        default:
          return [phase]
      }
    case "join":
      switch (input.is) {
        case "woken":
          return [{ ...phase, isWoken: true }]
        case "entry": {
          const { failure, token } = input.entry
          const known = [...Option.toArray(failure), ...Option.toArray(token)]
          const joined = Math.max(0, ...known.map(({ generation }) => generation))
          return held(wanted, joined, phase.isWoken, phase.remaining)
        }
        case "store error":
        case "waited longest":
          return ask(undefined, undefined)
        default:
          return [phase]
      }
    case "wait":
      if (input.is === "waited longest") return ask(undefined, undefined)
      return input.is === "woken" || input.is === "slept" ? turn(wanted, phase.joined) : [phase]
    case "give back":
      if (input.is === "waited longest") return ask(undefined, undefined)
      return input.is === "settled" || input.is === "store error" ? end(Either.right(phase.result)) : [phase]
    case "request": {
      if (input.is !== "requested") return [phase]
      const { lock } = phase
      const { requested } = input
      return lock === undefined
        ? ended(wanted, undefined, requested)
        : [{ step: "settle", lock, requested }, { do: "settle", lock, outcome: outcomeOf(wanted, requested) }]
    }
    case "settle":
      return input.is === "settled" || input.is === "store error"
        ? ended(wanted, phase.lock, phase.requested)
        : [phase]
    case "read again": {
      if (input.is === "store error") return end(Either.left(phase.error))
      if (input.is !== "entry") return [phase]
      const { valid } = wanted.view(input.entry)
      return end(
        valid === undefined
          ? Either.left(phase.error)
          : Either.right({ ...valid, isRequested: true, failure: phase.error })
      )
    }
    case "end":
      return [phase]
  }
}
