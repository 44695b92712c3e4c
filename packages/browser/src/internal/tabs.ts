/*
 * The tabs of an origin, by Web Locks and BroadcastChannel; or one that is for itself, where a browser lacks either.
 */
import { StoreError } from "@effect-tilia/core/TokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

/** A lock that is had. */
export interface Turn {
  /** Whether another tab has taken it. */
  readonly isLost: () => boolean
  readonly end: Effect.Effect<void>
}

export interface Tabs {
  /** The lock of that name, unless somebody has it; or, with `force`, even so. */
  readonly take: (name: string, force: boolean) => Effect.Effect<Option.Option<Turn>, StoreError>
  /** How many others there are, asleep ones too. */
  readonly others: Effect.Effect<number, StoreError>
  readonly say: (message: unknown) => void
}

const unavailable = new StoreError({ reason: "Unavailable" })

const alone = (): Tabs => {
  const turns = new Map<string, Turn>()
  return {
    take: (name, force) =>
      Effect.sync(() => {
        if (turns.has(name) && !force) return Option.none()
        const turn: Turn = {
          isLost: () => turns.get(name) !== turn,
          end: Effect.sync(() => void (turn.isLost() || turns.delete(name)))
        }
        turns.set(name, turn)
        return Option.some(turn)
      }),
    others: Effect.succeed(0),
    say: () => {}
  }
}

const among = (name: string, locks: LockManager, channel: BroadcastChannel): Tabs & { readonly leave: () => void } => {
  /** Each tab holds a lock of its own for as long as it is there: so others can count it, even asleep. */
  const presence = `${name} `
  const own = presence + crypto.randomUUID()
  /** What ends each lock that this tab holds; whoever has left holds none any more. */
  const held = new Set<() => void>()
  let isThere = true

  const hold = () =>
    new Promise<void>((resolve) => {
      if (isThere) held.add(resolve)
      else resolve()
    })
  locks.request(own, hold).catch(() => {}) // then no lock is to be had here at all, as `take` will find

  return {
    take: (lock, force) =>
      Effect.async((resume) => {
        let isWanted = true
        let isLost = false
        const settled: Promise<void> = locks.request(
          `${name}/${lock}`,
          force ? { steal: true } : { ifAvailable: true },
          (granted) => {
            if (granted === null || !isWanted || !isThere) return resume(Effect.succeedNone)
            return new Promise<void>((resolve) => {
              held.add(resolve)
              const end = Effect.promise(() => {
                held.delete(resolve)
                resolve()
                return settled
              })
              resume(Effect.succeedSome({ isLost: () => isLost, end }))
            })
          }
        ).then(() => {}, () => {
          isLost = true // stolen; or, before it was had, refused: a page may be in a frame that has no storage
          resume(Effect.fail(unavailable))
        })
        return Effect.sync(() => {
          isWanted = false
        })
      }),
    others: Effect.tryPromise({ try: () => locks.query(), catch: () => unavailable }).pipe(
      Effect.map(({ held = [] }) => held.filter(({ name = "" }) => name.startsWith(presence) && name !== own).length)
    ),
    say: (message) => {
      if (isThere) channel.postMessage(message)
    },
    leave: () => {
      isThere = false
      channel.close()
      held.forEach((end) => end())
    }
  }
}

/**
 * Joins the tabs that use that name, until the scope ends, and hears what they say. A page without Web Locks is for
 * itself: an old browser's, or one that came over plain HTTP. So is one that is not allowed a channel.
 */
export const join = (
  name: string | undefined,
  hear: (message: unknown, answer: Tabs["say"]) => void
): Effect.Effect<Tabs, never, Scope.Scope> =>
  Effect.suspend(() => {
    const { BroadcastChannel: Channel, navigator }: Partial<typeof globalThis> = globalThis
    const { locks }: Partial<Navigator> = navigator ?? {}
    if (name === undefined || locks === undefined || Channel === undefined) return Effect.succeed(alone())
    const joined = Effect.try(() => {
      const channel = new Channel(name)
      channel.onmessage = ({ data }: MessageEvent<unknown>) => hear(data, (message) => channel.postMessage(message))
      return among(name, locks, channel)
    })
    return Effect.acquireRelease(joined, ({ leave }) => Effect.sync(leave)).pipe(
      Effect.catchAll(() => Effect.succeed(alone()))
    )
  })
