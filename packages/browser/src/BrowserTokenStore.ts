/**
 * One token for all tabs of a page's origin. The tabs agree by Web Locks and BroadcastChannel: only one of them asks
 * the mediator, and the others get its token. Each tab keeps the token in its memory, and in no storage of the browser.
 *
 * @example
 * import { BrowserTokenStore } from "@effect-tilia/browser"
 * import { Effect } from "effect"
 *
 * const Store = BrowserTokenStore.layer({ mediatorUrl: "/tilia/token", principal: "account-1234" })
 *
 * const logOut = Effect.gen(function*() {
 *   const store = yield* BrowserTokenStore.BrowserTokenStore
 *   yield* store.clear
 * })
 *
 * @since 0.1.0
 */
import * as Instant from "@effect-tilia/core/Instant"
import * as Scopes from "@effect-tilia/core/Scopes"
import * as SlidingPubSub from "@effect-tilia/core/SlidingPubSub"
import * as TiliaConfig from "@effect-tilia/core/TiliaConfig"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import { type Change, type Lock, TokenStore } from "@effect-tilia/core/TokenStore"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Message from "./internal/message.js"
import * as TabReplica from "./internal/tabReplica.js"
import * as Tabs from "./internal/tabs.js"

/**
 * Which tabs share a token: those with the same principal and the same mediator.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The mediator's URL, as in the options of `TokenMediator`. A path and the whole URL that it stands for are the same
   * mediator.
   */
  readonly mediatorUrl: string | URL
  /**
   * The user who is logged in, by a name that no other user has, as the id of the account. An empty text is an
   * `InvalidInputError`. Without a principal, no tab shares its token.
   *
   * @default no principal
   */
  readonly principal?: string | undefined
}

/**
 * The store that the tabs of an origin share.
 *
 * @since 0.1.0
 * @category models
 */
export interface BrowserTokenStore extends TokenStore {
  /** Removes all tokens from all tabs, for a logout. A token that was requested before it is not shared afterwards. */
  readonly clear: Effect.Effect<void>
}

/**
 * The store of the tabs as a service of its own, for its `clear`.
 *
 * @since 0.1.0
 * @category tags
 */
export const BrowserTokenStore: Context.Tag<BrowserTokenStore, BrowserTokenStore> = Context.GenericTag(
  "@effect-tilia/browser/BrowserTokenStore"
)

/** What this tab knows about the token for one set of scopes. */
interface Entry {
  replica: TabReplica.TabReplica | undefined
  holder: TabReplica.Holder | undefined
  /** When this tab last asked the others for the token, in milliseconds of the monotonic clock. */
  askedAt: number
  /** Completes when the last question needs no more answers. */
  answers: Deferred.Deferred<undefined> | undefined
}

/** A question to the other tabs that still waits for answers. */
interface Question {
  /** How many tabs have not answered yet. */
  missing: number
  readonly answers: Deferred.Deferred<undefined>
}

/**
 * How long a tab waits for answers, because one of the others may be asleep. A source skips a store that takes 250
 * milliseconds (T2).
 */
const answerTimeout = "100 millis"

/** The name of the tabs that share, the same whether the mediator is given by a path or by its whole URL (M4, T5). */
const groupOf = ({ mediatorUrl, principal }: Options): string | undefined => {
  if (principal === undefined) return undefined
  const { location }: Partial<typeof globalThis> = globalThis
  const url = String(mediatorUrl)
  const wholeUrl = URL.canParse(url, location?.href) ? new URL(url, location?.href).href : url
  return `@effect-tilia ${JSON.stringify([wholeUrl, principal])}`
}

/**
 * A store that belongs to the other tabs' stores until the scope ends. An empty `principal` is an `InvalidInputError`.
 * In a browser without Web Locks or BroadcastChannel, the tab shares nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (
  options: Options
) => Effect.Effect<BrowserTokenStore, InvalidInputError, Scope.Scope> = Effect.fnUntraced(function*(options) {
  if (options.principal === "") {
    return yield* new InvalidInputError({ setting: "principal", expected: "the name of who is logged in, not empty" })
  }
  const clock = yield* Effect.clock
  const changes = yield* SlidingPubSub.make<{ readonly key: string | undefined; readonly change: Change }>(256)
  const publish = (key: string | undefined, change: Change) => Effect.runSync(changes.publish({ key, change }))

  // Plain variables, not Refs: each message is handled synchronously, with all changes that it causes.
  const entries = new Map<string, Entry>()
  const questions = new Map<string, Question>()
  let largestGeneration = 0
  let clearedGeneration = 0

  const entryOf = (key: string): Entry => {
    const found = entries.get(key)
    if (found !== undefined) return found
    const entry: Entry = {
      replica: undefined,
      holder: undefined,
      askedAt: Number.NEGATIVE_INFINITY,
      answers: undefined
    }
    entries.set(key, entry)
    return entry
  }

  const noteGeneration = (generation: number) => {
    largestGeneration = Math.max(largestGeneration, generation)
  }

  /** Keeps a token if it is newer than this tab's. Returns whether it is. */
  const keepIfNewer = (key: string, replica: TabReplica.TabReplica): boolean => {
    const entry = entryOf(key)
    noteGeneration(replica.generation)
    if (!TabReplica.isReplacedBy(entry.replica, replica.generation, clearedGeneration)) return false
    entry.replica = replica
    publish(key, "Written")
    return true
  }

  /** Drops every token that was requested before a tab cleared the store with this generation (M4). */
  const clearUpTo = (generation: number) => {
    if (generation <= clearedGeneration) return
    clearedGeneration = generation
    noteGeneration(generation)
    for (const entry of entries.values()) {
      if (entry.replica !== undefined && entry.replica.generation <= generation) entry.replica = undefined
    }
    publish(undefined, "Cleared")
  }

  const noteLocked = (key: string, generation: number, now: Instant.Instant) => {
    const entry = entryOf(key)
    noteGeneration(generation)
    entry.holder = TabReplica.afterAnnouncement(entry.holder, generation, now)
  }

  const noteReleased = (key: string, generation: number) => {
    const entry = entryOf(key)
    if (entry.holder !== undefined && entry.holder.generation <= generation) entry.holder = undefined
  }

  const noteAnswer = (id: string, isNewer: boolean) => {
    const question = questions.get(id)
    if (question === undefined) return
    question.missing--
    // All tabs receive the same tokens: one that knows a newer token knows the newest.
    if (isNewer || question.missing <= 0) Deferred.unsafeDone(question.answers, Effect.succeed(undefined))
  }

  const handle = (message: Message.Message, answer: (message: Message.Message) => void) => {
    const now = Instant.unsafeNow(clock)
    switch (message._tag) {
      case "Locked":
        return noteLocked(message.key, message.generation, now)
      case "Released":
        return noteReleased(message.key, message.generation)
      case "Written": {
        keepIfNewer(message.key, Message.fromWire(message.token, now))
        return
      }
      case "Asked": {
        const { replica } = entryOf(message.key)
        return answer({
          ...message,
          _tag: "Answered",
          cleared: clearedGeneration,
          ...(replica !== undefined && { token: Message.toWire(replica, now) })
        })
      }
      case "Answered": {
        clearUpTo(message.cleared)
        const isNewer = message.token !== undefined &&
          keepIfNewer(message.key, Message.fromWire(message.token, now))
        return noteAnswer(message.question, isNewer)
      }
      case "Cleared":
        return clearUpTo(message.generation)
    }
  }

  const tabs = yield* Tabs.join(groupOf(options), (data, answer) => {
    const message = Option.getOrUndefined(Message.decode(data))
    if (message !== undefined) handle(message, (message) => answer(Message.encode(message)))
  })
  const broadcast = (message: Message.Message) => tabs.broadcast(Message.encode(message))

  const awaitAnswers = (answers: Deferred.Deferred<undefined>) =>
    Effect.timeoutOption(Deferred.await(answers), answerTimeout)

  /** Asks the other tabs for a token that this one may have missed. A tab that is alone does not wait (T1). */
  const askOthers = (key: string, answers: Deferred.Deferred<undefined>) =>
    Effect.gen(function*() {
      const missing = yield* tabs.countOthers
      if (missing === 0) return
      const question = crypto.randomUUID()
      questions.set(question, { missing, answers })
      broadcast({ _tag: "Asked", key, question })
      yield* Effect.ensuring(awaitAnswers(answers), Effect.sync(() => questions.delete(question)))
    }).pipe(Effect.ensuring(Deferred.succeed(answers, undefined)))

  const read = (scopes: Scopes.Scopes) =>
    Effect.gen(function*() {
      const key = Scopes.key(scopes)
      const entry = entryOf(key)
      const before = Instant.unsafeNow(clock)
      if (TabReplica.isQuestionDue(entry.replica, entry.askedAt, before)) {
        entry.askedAt = before.monotonic
        entry.answers = yield* Deferred.make<undefined>()
        yield* askOthers(key, entry.answers)
      } else if (entry.answers !== undefined) {
        yield* awaitAnswers(entry.answers)
      }
      const { replica } = entry
      const now = Instant.unsafeNow(clock)
      return replica === undefined || TabReplica.isExpired(replica, now)
        ? Option.none()
        : Option.some({ token: TabReplica.toAccessToken(replica, now), generation: replica.generation })
    })

  const makeLock = (key: string, webLock: Tabs.WebLock): Lock => {
    const generation = TabReplica.nextGeneration(largestGeneration, Instant.unsafeNow(clock))
    /** A tab that has lost the lock announces and writes nothing: both are up to the next holder (T3). */
    const announce = () => {
      if (webLock.isLost()) return
      noteLocked(key, generation, Instant.unsafeNow(clock))
      broadcast({ _tag: "Locked", key, generation })
    }
    announce()
    return {
      generation,
      write: (token) =>
        Effect.sync(() => {
          if (webLock.isLost()) return
          const now = Instant.unsafeNow(clock)
          const replica = TabReplica.fromAccessToken(token, generation, now)
          if (keepIfNewer(key, replica)) broadcast({ _tag: "Written", key, token: Message.toWire(replica, now) })
        }),
      renew: Effect.sync(announce),
      release: Effect.gen(function*() {
        // The next holder may take its generation from the wall clock, which must have passed this generation (T3).
        if (Instant.unsafeNow(clock).wall <= generation) yield* Effect.sleep("2 millis")
        yield* webLock.release
        noteReleased(key, generation)
        broadcast({ _tag: "Released", key, generation })
      })
    }
  }

  /** Whether the holder's lease is over. A holder that this tab does not know gets a whole lease from now (T3). */
  const isLeaseOver = (key: string): boolean => {
    const now = Instant.unsafeNow(clock)
    const entry = entryOf(key)
    entry.holder ??= TabReplica.unknownHolder(now)
    return TabReplica.isLeaseOver(entry.holder, now)
  }

  /** Steals the lock under a second lock, so that several waiting tabs do not steal it from each other (T3). */
  const steal = (key: string) =>
    Effect.acquireUseRelease(
      tabs.acquire(`${key} by force`, "ifAvailable"),
      (right) =>
        Option.isSome(right) && isLeaseOver(key)
          ? Effect.map(tabs.acquire(key, "steal"), Option.map((webLock) => makeLock(key, webLock)))
          : Effect.succeedNone,
      (right) => Option.isSome(right) ? right.value.release : Effect.void
    )

  const lock = (scopes: Scopes.Scopes) =>
    Effect.gen(function*() {
      const key = Scopes.key(scopes)
      const free = yield* tabs.acquire(key, "ifAvailable")
      if (Option.isSome(free)) return Option.some(makeLock(key, free.value))
      return isLeaseOver(key) ? yield* steal(key) : Option.none()
    })

  return {
    read,
    lock,
    changes: (scopes) =>
      changes.subscribe.pipe(
        Stream.filter(({ key }) => key === undefined || key === Scopes.key(scopes)),
        Stream.map(({ change }) => change)
      ),
    clear: Effect.sync(() => {
      const generation = TabReplica.nextGeneration(largestGeneration, Instant.unsafeNow(clock))
      clearUpTo(generation)
      broadcast({ _tag: "Cleared", generation })
    })
  }
})

/**
 * The store as a Layer, both as `BrowserTokenStore` and as the `TokenStore` of a `TokenSource`: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<BrowserTokenStore | TokenStore, InvalidInputError> =>
  Layer.scopedContext(
    Effect.map(make(options), (store) => Context.make(BrowserTokenStore, store).pipe(Context.add(TokenStore, store)))
  )

/**
 * The store with options from the configuration. Whatever is missing or wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<BrowserTokenStore | TokenStore, ConfigError> => TiliaConfig.layer(options, layer)
