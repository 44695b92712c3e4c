/**
 * One token for all tabs of an origin, over Web Locks and BroadcastChannel: they ask the mediator once for all of them
 * (T1), and keep the token in their memory alone (M4).
 *
 * @since 0.1.0
 */
import * as Scopes from "@effect-tilia/core/Scopes"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import { type Change, type Lock, TokenStore } from "@effect-tilia/core/TokenStore"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Known from "./internal/known.js"
import * as Listeners from "./internal/listeners.js"
import * as Message from "./internal/message.js"
import * as Tabs from "./internal/tabs.js"

/**
 * Whose tokens are shared. `principal` says who is logged in, by a name that nobody else has (an account's id): tabs
 * share only where it and `mediatorUrl` are the same. Without it, nothing is shared: each tab is for itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly mediatorUrl: string | URL
  readonly principal?: string | undefined
}

/**
 * The store of the tabs, which can be emptied: whoever logs out calls `clear`. Every tab then drops its token, and what
 * was asked for before is not shared any more, though its answer comes after.
 *
 * @since 0.1.0
 * @category tags
 */
export class BrowserTokenStore extends Context.Tag("@effect-tilia/browser/BrowserTokenStore")<
  BrowserTokenStore,
  TokenStore["Type"] & { readonly clear: Effect.Effect<void> }
>() {}

/** What a tab knows about the token for one scope set. */
interface Entry {
  kept: Known.Kept | undefined
  holder: Known.Holder | undefined
  /** When the others were last asked, by the monotonic clock, and what ends with their answers. */
  asked: number
  answers: Deferred.Deferred<undefined> | undefined
}

/** A question to the others: how many haven't answered. */
interface Question {
  missing: number
  readonly answers: Deferred.Deferred<undefined>
}

/** So long a tab waits for the answers of others, one of which may be asleep: well within T2's 250 milliseconds. */
const patience = "100 millis"

/** M4, T5: which tabs share. A mediator may be named by a path or in full. */
const nameOf = ({ mediatorUrl, principal }: Options): string | undefined => {
  const { location }: Partial<typeof globalThis> = globalThis
  const url = String(mediatorUrl)
  const full = URL.canParse(url, location?.href) ? new URL(url, location?.href).href : url
  return principal === undefined ? undefined : `@effect-tilia ${JSON.stringify([full, principal])}`
}

/**
 * Joins the other tabs until its scope ends. A `principal` that is empty is an `InvalidInputError`. In a browser
 * without Web Locks or BroadcastChannel, each tab is for itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  if (options.principal === "") {
    return yield* new InvalidInputError({ setting: "principal", expected: "the name of who is logged in, not empty" })
  }
  const clock = yield* Effect.clock
  const listeners = yield* Listeners.make<{ readonly key: string | undefined; readonly change: Change }>()

  // Plain cells, as in `TokenSource`: what reads and changes them in one step is synchronous.
  const entries = new Map<string, Entry>()
  const questions = new Map<string, Question>()
  let known = 0
  let cleared = 0

  const entryOf = (key: string): Entry => {
    const entry = entries.get(key)
    if (entry !== undefined) return entry
    const created: Entry = { kept: undefined, holder: undefined, asked: Number.NEGATIVE_INFINITY, answers: undefined }
    entries.set(key, created)
    return created
  }

  const keep = (key: string, kept: Known.Kept): boolean => {
    const entry = entryOf(key)
    known = Math.max(known, kept.generation)
    if (!Known.isNews(entry.kept, kept.generation, cleared)) return false
    entry.kept = kept
    listeners.tell({ key, change: "Written" })
    return true
  }

  const empty = (generation: number) => {
    if (generation <= cleared) return
    cleared = generation
    known = Math.max(known, generation)
    for (const entry of entries.values()) {
      if (entry.kept !== undefined && entry.kept.generation <= cleared) entry.kept = undefined
    }
    listeners.tell({ key: undefined, change: "Cleared" })
  }

  const locked = (key: string, generation: number, now: Known.Moment) => {
    const entry = entryOf(key)
    known = Math.max(known, generation)
    entry.holder = Known.heardOf(entry.holder, generation, now)
  }

  const released = (key: string, generation: number) => {
    const entry = entryOf(key)
    if (entry.holder !== undefined && entry.holder.generation <= generation) entry.holder = undefined
  }

  const answered = (question: string, isNews: boolean) => {
    const open = questions.get(question)
    if (open === undefined) return
    open.missing--
    // Every tab hears the same: who brings something new has the newest there is.
    if (isNews || open.missing <= 0) Deferred.unsafeDone(open.answers, Effect.succeed(undefined))
  }

  const hear = (message: Message.Message, answer: (message: Message.Message) => void) => {
    const now = Known.now(clock)
    switch (message._tag) {
      case "Locked":
        return locked(message.key, message.generation, now)
      case "Released":
        return released(message.key, message.generation)
      case "Written":
        return keep(message.key, Message.heard(message.token, now))
      case "Asked": {
        const { kept } = entryOf(message.key)
        return answer({
          ...message,
          _tag: "Answered",
          cleared,
          ...(kept !== undefined && { token: Message.told(kept, now) })
        })
      }
      case "Answered": {
        empty(message.cleared)
        const isNews = message.token !== undefined && keep(message.key, Message.heard(message.token, now))
        return answered(message.question, isNews)
      }
      case "Cleared":
        return empty(message.generation)
    }
  }

  const tabs = yield* Tabs.join(nameOf(options), (data, answer) => {
    const message = Option.getOrUndefined(Message.decode(data))
    if (message !== undefined) hear(message, (message) => answer(Message.encode(message)))
  })
  const say = (message: Message.Message) => tabs.say(Message.encode(message))

  const answersIn = (answers: Deferred.Deferred<undefined>) => Effect.timeoutOption(Deferred.await(answers), patience)

  /** What others know of a token, for a tab that may have missed it. */
  const ask = (key: string, answers: Deferred.Deferred<undefined>) =>
    Effect.gen(function*() {
      const missing = yield* tabs.others
      if (missing === 0) return // whoever is alone doesn't wait
      const question = crypto.randomUUID()
      questions.set(question, { missing, answers })
      say({ _tag: "Asked", key, question })
      yield* Effect.ensuring(answersIn(answers), Effect.sync(() => questions.delete(question)))
    }).pipe(Effect.ensuring(Deferred.succeed(answers, undefined)))

  const read = (scopes: Scopes.Scopes) =>
    Effect.gen(function*() {
      const key = Scopes.key(scopes)
      const entry = entryOf(key)
      const now = Known.now(clock)
      if (Known.isDoubtful(entry.kept, entry.asked, now)) {
        entry.asked = now.monotonic
        entry.answers = yield* Deferred.make<undefined>()
        yield* ask(key, entry.answers)
      } else if (entry.answers !== undefined) {
        yield* answersIn(entry.answers)
      }
      const { kept } = entry
      const then = Known.now(clock)
      return kept === undefined || Known.isOver(kept, then)
        ? Option.none()
        : Option.some({ token: Known.tokenOf(kept, then), generation: kept.generation })
    })

  const lockOf = (key: string, turn: Tabs.Turn): Lock => {
    const now = Known.now(clock)
    const generation = Known.next(known, now)
    /** T3: whoever has lost the lock leaves it, and what is written, to the next. */
    const announce = () => {
      if (turn.isLost()) return
      locked(key, generation, Known.now(clock))
      say({ _tag: "Locked", key, generation })
    }
    announce()
    return {
      generation,
      write: (token) =>
        Effect.sync(() => {
          if (turn.isLost()) return
          const now = Known.now(clock)
          const kept = Known.keptOf(token, generation, now)
          if (keep(key, kept)) say({ _tag: "Written", key, token: Message.told(kept, now) })
        }),
      renew: Effect.sync(announce),
      release: Effect.gen(function*() {
        // The next one's generation may come from the clock alone, which has to have passed this one.
        if (Known.now(clock).wall <= generation) yield* Effect.sleep("2 millis")
        yield* turn.end
        released(key, generation)
        say({ _tag: "Released", key, generation })
      })
    }
  }

  const isHolderLost = (key: string): boolean => {
    const now = Known.now(clock)
    const entry = entryOf(key)
    entry.holder ??= Known.stranger(now)
    return Known.isLost(entry.holder, now)
  }

  const lock = (scopes: Scopes.Scopes) =>
    Effect.gen(function*() {
      const key = Scopes.key(scopes)
      const free = yield* tabs.take(key, false)
      if (Option.isSome(free)) return Option.some(lockOf(key, free.value))
      if (!isHolderLost(key)) return Option.none()
      // T3: one at a time takes it by force, or several would take it from each other.
      return yield* Effect.acquireUseRelease(
        tabs.take(`${key} by force`, false),
        (force) =>
          Option.isSome(force) && isHolderLost(key)
            ? Effect.map(tabs.take(key, true), Option.map((turn) => lockOf(key, turn)))
            : Effect.succeedNone,
        (force) => Option.isSome(force) ? force.value.end : Effect.void
      )
    })

  return BrowserTokenStore.of({
    read,
    lock,
    changes: (scopes) =>
      listeners.heard.pipe(
        Stream.filter(({ key }) => key === undefined || key === Scopes.key(scopes)),
        Stream.map(({ change }) => change)
      ),
    clear: Effect.sync(() => {
      const generation = Known.next(known, Known.now(clock))
      empty(generation)
      say({ _tag: "Cleared", generation })
    })
  })
})

/**
 * The same as a Layer, for the `TokenSource` of the page. Fails with `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<BrowserTokenStore | TokenStore, InvalidInputError> =>
  Layer.scopedContext(
    Effect.map(make(options), (store) => Context.make(BrowserTokenStore, store).pipe(Context.add(TokenStore, store)))
  )
