/*
 * What the tabs of an origin need from the browser: locks by Web Locks, and messages by BroadcastChannel. In a browser
 * that lacks either, a tab is alone.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { keeperChannel, type Mode, type WebLock } from "./tab.js"

/** What happens to a lock that this tab has asked for. */
export type LockEvent =
  | { readonly _tag: "Granted"; readonly lock: WebLock; readonly mode: Mode }
  | { readonly _tag: "Busy" | "Refused" | "Lost"; readonly lock: WebLock }

interface Listener {
  readonly onMessage: (message: unknown) => void
  readonly onLock: (event: LockEvent) => void
}

export interface Tabs {
  /** Asks for a lock. A request for a lock that this tab waits for already takes its place. */
  readonly acquire: (lock: WebLock, mode: Mode) => void
  /** Frees a lock, or stops waiting for it. */
  readonly release: (lock: WebLock, done: () => void) => void
  /** Sends a message to all other tabs. */
  readonly post: (message: unknown) => void
  /** Sends a message to the tabs that listen on this channel. */
  readonly tell: (channel: string, message: unknown) => void
  /** Whether this tab listens on the keeper's channel. */
  readonly listenAsKeeper: (isKeeper: boolean) => void
  /**
   * Opens the channels, or closes them. The browser throws a page out of the back-forward cache if the page hears a
   * message there. So a page that is left closes its channels until it comes back.
   */
  readonly listen: (isHere: boolean) => void
}

const idOf = ({ call, of }: WebLock): string => `${of} ${call}`

const nameOf = ({ key, of }: WebLock): string => `${of} ${key}`

/** A tab that shares nothing with the others. */
const makeAlone = ({ onLock, onMessage }: Listener): Tabs => {
  const holders = new Map<string, WebLock>()
  return {
    acquire: (lock, mode) => {
      const holder = holders.get(nameOf(lock))
      if (holder !== undefined && mode !== "steal") return onLock({ _tag: "Busy", lock })
      holders.set(nameOf(lock), lock)
      if (holder !== undefined) onLock({ _tag: "Lost", lock: holder })
      onLock({ _tag: "Granted", lock, mode })
    },
    release: (lock, done) => {
      if (holders.get(nameOf(lock))?.call === lock.call) holders.delete(nameOf(lock))
      done()
    },
    post: () => {},
    tell: (_channel, message) => onMessage(message), // it is alone, so it tells itself
    listenAsKeeper: () => {},
    listen: () => {}
  }
}

/** A lock that this tab has or waits for. */
interface Request {
  /** Frees the lock, or stops waiting. */
  readonly end: () => void
  /** When the browser is done with it. */
  readonly settled: Promise<unknown>
}

const makeShared = (
  group: string,
  channel: string,
  locks: LockManager,
  { onLock, onMessage }: Listener
): Tabs & { readonly leave: () => void } => {
  const requests = new Map<string, Request>()

  const open = (name: string): BroadcastChannel => {
    const channel = new BroadcastChannel(name)
    channel.onmessage = ({ data }: MessageEvent<unknown>) => onMessage(data)
    return channel
  }
  let all: BroadcastChannel | undefined = open(group)
  let own: BroadcastChannel | undefined = open(`${group} ${channel}`)
  let asked: BroadcastChannel | undefined
  let hasLeft = false

  const close = () => {
    for (const channel of [all, own, asked]) channel?.close()
    all = own = asked = undefined
  }

  const end = (id: string): Promise<unknown> | undefined => {
    const request = requests.get(id)
    requests.delete(id) // first, so that its end is no event
    request?.end()
    return request?.settled
  }

  const acquire = (lock: WebLock, mode: Mode) => {
    const id = idOf(lock)
    void end(id)
    if (hasLeft) return onLock({ _tag: "Refused", lock })
    const aborted = new AbortController()
    let free = () => {}
    const freed = new Promise<void>((resolve) => {
      free = resolve
    })
    const options: LockOptions = mode === "queue" ? { signal: aborted.signal } : { [mode]: true }
    let isGranted = false
    const settled = locks.request(`${group} ${nameOf(lock)}`, options, (granted) => {
      if (requests.get(id) !== request) return
      if (granted === null) {
        requests.delete(id)
        return onLock({ _tag: "Busy", lock })
      }
      isGranted = true
      onLock({ _tag: "Granted", lock, mode })
      return freed
    }).catch(() => {
      if (requests.get(id) !== request) return
      requests.delete(id)
      onLock({ _tag: isGranted ? "Lost" : "Refused", lock })
    })
    const request: Request = {
      end: () => {
        free()
        aborted.abort()
      },
      settled
    }
    requests.set(id, request)
  }

  return {
    acquire,
    release: (lock, done) => {
      const settled = end(idOf(lock))
      if (settled === undefined) done()
      else void settled.then(done)
    },
    post: (message) => all?.postMessage(message),
    tell: (channel, message) => {
      if (all === undefined) return
      const there = new BroadcastChannel(`${group} ${channel}`)
      there.postMessage(message)
      there.close()
    },
    listenAsKeeper: (isKeeper) => {
      asked?.close()
      asked = isKeeper && all !== undefined ? open(`${group} ${keeperChannel}`) : undefined
    },
    listen: (isHere) => {
      close()
      if (!isHere || hasLeft) return
      all = open(group)
      own = open(`${group} ${channel}`)
    },
    leave: () => {
      hasLeft = true
      for (const id of requests.keys()) void end(id)
      close()
    }
  }
}

/** Which tabs share: those of one mediator and one principal. A text that shows neither, and that is as unique. */
const hashOf = (group: string): Promise<string> =>
  crypto.subtle.digest("SHA-256", new TextEncoder().encode(group)).then((hash) =>
    Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("")
  )

/** Another version speaks another language, or keeps to other rules. */
const version = 1

/**
 * Joins the tabs of this group until the scope ends. A tab without a group is alone. So is a tab of an old browser, a
 * page that came over plain HTTP (it has no Web Locks), and a page that may not open a channel.
 */
export const join = (
  group: string | undefined,
  channel: string,
  listener: Listener
): Effect.Effect<Tabs, never, Scope.Scope> =>
  Effect.suspend(() => {
    const { BroadcastChannel, navigator }: Partial<typeof globalThis> = globalThis
    const { locks }: Partial<Navigator> = navigator ?? {}
    if (group === undefined || locks === undefined || BroadcastChannel === undefined) {
      return Effect.succeed(makeAlone(listener))
    }
    const joined = Effect.flatMap(
      Effect.tryPromise(() => hashOf(group)),
      (hash) => Effect.try(() => makeShared(`@effect-tilia/browser ${version} ${hash}`, channel, locks, listener))
    )
    return Effect.acquireRelease(joined, ({ leave }) => Effect.sync(leave)).pipe(
      Effect.catchAll(() => Effect.succeed(makeAlone(listener)))
    )
  })
