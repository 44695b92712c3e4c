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
import {
  Acquired,
  type Acquisition,
  type Change,
  Held,
  type Lock,
  StoreError,
  TokenStore
} from "@effect-tilia/core/TokenStore"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Message from "./internal/message.js"
import * as Replica from "./internal/replica.js"
import * as Tab from "./internal/tab.js"
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

const unavailable = Effect.fail(new StoreError({ reason: "Unavailable" }))

/** The name of the tabs that share, the same whether the mediator is given by a path or by its whole URL (M4, T5). */
const groupOf = ({ mediatorUrl, principal }: Options): string | undefined => {
  if (principal === undefined) return undefined
  const { location }: Partial<typeof globalThis> = globalThis
  const wholeUrl = Either.try(() => new URL(mediatorUrl, location?.href).href)
  return JSON.stringify([Either.isRight(wholeUrl) ? wholeUrl.right : mediatorUrl, principal])
}

/** What the browser tells a page that goes and comes back (B1). */
const pageEvents = (
  dispatch: (event: Tab.Event) => void,
  listen: (isHere: boolean) => void
): Effect.Effect<void, never, Scope.Scope> => {
  const { addEventListener: on, document, removeEventListener: off }: Partial<typeof globalThis> = globalThis
  if (on === undefined || off === undefined) return Effect.void
  const listeners = {
    online: () => dispatch({ _tag: "Resume" }),
    visibilitychange: () => document?.visibilityState === "visible" && dispatch({ _tag: "Resume" }),
    pagehide: () => {
      dispatch({ _tag: "Leave" })
      listen(false)
    },
    pageshow: (event: Event) => {
      if (!("persisted" in event) || event.persisted !== true) return
      listen(true)
      dispatch({ _tag: "Restore" })
    }
  }
  return Effect.acquireRelease(
    Effect.sync(() => Object.entries(listeners).forEach(([type, listener]) => on(type, listener))),
    () => Effect.sync(() => Object.entries(listeners).forEach(([type, listener]) => off(type, listener)))
  )
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
  const channel = yield* Effect.sync(() => crypto.getRandomValues(new Uint32Array(4)).join("-"))

  // Plain variables, not Refs: each event is handled synchronously, with everything that it causes.
  let tab = Tab.initial(channel)
  let calls = 0
  const replies = new Map<number, (reply: Tab.Reply) => void>()
  const events: Array<Tab.Event> = []

  const reply = (call: number, reply: Tab.Reply) => {
    replies.get(call)?.(reply)
    replies.delete(call)
  }

  const perform = (command: Tab.Command) => {
    switch (command._tag) {
      case "Post":
        return tabs.post(Message.encode(command.message))
      case "Tell":
        return tabs.tell(command.channel, Message.encode(command.message))
      case "Acquire":
        return tabs.acquire(command.lock, command.mode)
      case "Release": {
        const { reply: call } = command
        return tabs.release(command.lock, () => call !== undefined && reply(call, { _tag: "Done" }))
      }
      case "Wait": {
        const { call, step } = command
        return void setTimeout(() => dispatch({ _tag: "Waited", call, step }), Replica.patience)
      }
      case "Reply":
        return reply(command.call, command.reply)
      case "Publish":
        return Effect.runSync(changes.publish(command))
    }
  }

  /** The only place that changes the state. What a command causes at once is handled after the other commands. */
  const dispatch = (event: Tab.Event) => {
    if (events.push(event) > 1) return
    try {
      for (const event of events) {
        const [after, commands] = Tab.transition(tab, event, Instant.unsafeNow(clock))
        if (after.isKeeper !== tab.isKeeper) tabs.listenAsKeeper(after.isKeeper)
        tab = after
        commands.forEach(perform)
      }
    } finally {
      events.length = 0
    }
  }

  const tabs = yield* Tabs.join(groupOf(options), channel, {
    onMessage: (data) => Either.map(Message.decode(data), (message) => dispatch({ _tag: "Heard", message })),
    onLock: dispatch
  })
  yield* pageEvents(dispatch, tabs.listen)
  dispatch({ _tag: "Join" })

  const call = (event: (call: number) => Tab.Event): Effect.Effect<Tab.Reply> =>
    Effect.async((resume) => {
      const call = calls++
      replies.set(call, (reply) => resume(Effect.succeed(reply)))
      dispatch(event(call))
      return Effect.sync(() => {
        replies.delete(call)
        dispatch({ _tag: "Forget", call })
      })
    })

  const makeLock = (lock: number, generation: number): Lock => ({
    generation,
    settle: (outcome) => Effect.asVoid(call((call) => ({ _tag: "Settle", call, lock, outcome }))),
    renew: Effect.sync(() => dispatch({ _tag: "Renew", lock }))
  })

  return {
    read: (scopes) =>
      Effect.flatMap(
        call((call) => ({ _tag: "Read", call, key: Scopes.key(scopes) })),
        (reply) => reply._tag === "Entry" ? Effect.succeed(reply.entry) : unavailable
      ),
    lock: (scopes) =>
      Effect.flatMap(call((call) => ({ _tag: "Lock", call, key: Scopes.key(scopes) })), (
        reply
      ): Effect.Effect<Acquisition, StoreError> => {
        switch (reply._tag) {
          case "Acquired":
            return Effect.succeed(Acquired({ lock: makeLock(reply.lock, reply.generation), entry: reply.entry }))
          case "Held":
            return Effect.succeed(Held({ remaining: Duration.millis(reply.remaining) }))
          default:
            return unavailable
        }
      }),
    changes: (scopes) =>
      changes.subscribe.pipe(
        Stream.filter(({ key }) => key === undefined || key === Scopes.key(scopes)),
        Stream.map(({ change }) => change)
      ),
    clear: Effect.sync(() => dispatch({ _tag: "Clear" }))
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
  options: TiliaConfig.Input<Options>
): Layer.Layer<BrowserTokenStore | TokenStore, ConfigError> => TiliaConfig.layer(options, layer)
