/*
 * What the tabs of an origin need from the browser: locks by Web Locks, and messages by BroadcastChannel. In a browser
 * that lacks either, a tab is alone.
 */
import { StoreError } from "@effect-tilia/core/TokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

/** A lock that this tab has acquired. */
export interface WebLock {
  /** Whether this tab has lost the lock, because another tab has stolen it. */
  readonly isLost: () => boolean
  readonly release: Effect.Effect<void>
}

/** How a lock is acquired: only if it is free, or even from the tab that holds it. */
export type AcquireMode = "ifAvailable" | "steal"

export interface Tabs {
  /** Acquires the lock of this name, without waiting. `None` if another tab holds it and it is not stolen. */
  readonly acquire: (name: string, mode: AcquireMode) => Effect.Effect<Option.Option<WebLock>, StoreError>
  /** How many other tabs there are. It counts tabs that sleep, too. */
  readonly countOthers: Effect.Effect<number, StoreError>
  /** Sends a message to all other tabs. */
  readonly broadcast: (message: unknown) => void
}

const unavailable = new StoreError({ reason: "Unavailable" })

/** A tab that shares nothing with the others. */
const makeAlone = (): Tabs => {
  const locks = new Map<string, WebLock>()
  return {
    acquire: (name, mode) =>
      Effect.sync(() => {
        if (locks.has(name) && mode !== "steal") return Option.none()
        const lock: WebLock = {
          isLost: () => locks.get(name) !== lock,
          release: Effect.sync(() => {
            if (!lock.isLost()) locks.delete(name)
          })
        }
        locks.set(name, lock)
        return Option.some(lock)
      }),
    countOthers: Effect.succeed(0),
    broadcast: () => {}
  }
}

const makeShared = (
  group: string,
  locks: LockManager,
  channel: BroadcastChannel
): Tabs & { readonly leave: () => void } => {
  /** Each tab holds a lock of its own while it exists, so that the others can count it even while it sleeps. */
  const presencePrefix = `${group} `
  const ownPresence = presencePrefix + crypto.randomUUID()
  /** Each function releases one of the locks that this tab holds. */
  const releases = new Set<() => void>()
  let hasLeft = false

  const holdUntilLeave = () =>
    new Promise<void>((resolve) => {
      if (hasLeft) resolve()
      else releases.add(resolve)
    })
  locks.request(ownPresence, holdUntilLeave).catch(() => {}) // if no lock works here, `acquire` fails and reports it

  return {
    acquire: (name, mode) =>
      Effect.async((resume) => {
        let isInterrupted = false
        let isLost = false
        const settled: Promise<void> = locks.request(
          `${group}/${name}`,
          mode === "steal" ? { steal: true } : { ifAvailable: true },
          (granted) => {
            if (granted === null || isInterrupted || hasLeft) return resume(Effect.succeedNone)
            return new Promise<void>((resolve) => {
              releases.add(resolve)
              const release = Effect.promise(() => {
                releases.delete(resolve)
                resolve()
                return settled
              })
              resume(Effect.succeedSome({ isLost: () => isLost, release }))
            })
          }
        ).then(() => {}, () => {
          // Either the lock was stolen, and `resume` has been called before and does nothing. Or the lock was refused
          // from the start, as in a frame without access to storage.
          isLost = true
          resume(Effect.fail(unavailable))
        })
        return Effect.sync(() => {
          isInterrupted = true
        })
      }),
    countOthers: Effect.tryPromise({ try: () => locks.query(), catch: () => unavailable }).pipe(
      Effect.map(({ held = [] }) =>
        held.filter(({ name = "" }) => name.startsWith(presencePrefix) && name !== ownPresence).length
      )
    ),
    broadcast: (message) => {
      if (!hasLeft) channel.postMessage(message)
    },
    leave: () => {
      hasLeft = true
      channel.close()
      releases.forEach((release) => release())
    }
  }
}

/**
 * Joins the tabs of this group until the scope ends, and passes their messages to `onMessage`. A tab without a group is
 * alone. So is a tab of an old browser, a page that came over plain HTTP (it has no Web Locks), and a page that may not
 * open a channel.
 */
export const join = (
  group: string | undefined,
  onMessage: (message: unknown, answer: Tabs["broadcast"]) => void
): Effect.Effect<Tabs, never, Scope.Scope> =>
  Effect.suspend(() => {
    const { BroadcastChannel: Channel, navigator }: Partial<typeof globalThis> = globalThis
    const { locks }: Partial<Navigator> = navigator ?? {}
    if (group === undefined || locks === undefined || Channel === undefined) return Effect.succeed(makeAlone())
    const joined = Effect.try(() => {
      const channel = new Channel(group)
      channel.onmessage = ({ data }: MessageEvent<unknown>) =>
        onMessage(data, (message) => channel.postMessage(message))
      return makeShared(group, locks, channel)
    })
    return Effect.acquireRelease(joined, ({ leave }) => Effect.sync(leave)).pipe(
      Effect.catchAll(() => Effect.succeed(makeAlone()))
    )
  })
