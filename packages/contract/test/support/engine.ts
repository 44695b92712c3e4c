import { StoreEngine, TokenStore } from "@effect-tilia/core"
import { Duration, Effect, Option, Schedule, Stream } from "effect"

interface Stored {
  readonly generation: number
  /** In milliseconds of the database's time; 0 if nobody holds the lock. */
  readonly lockedUntil: number
  readonly token?: StoreEngine.Sealed
  readonly failure?: StoreEngine.Sealed
}

/** A database of rows with versions: of two that write on the same version, one is refused. */
export interface Database {
  readonly get: (key: string) => Promise<{ now: number; version: number; value: Stored | undefined }>
  readonly put: (key: string, ifVersion: number, value: Stored) => Promise<boolean>
}

export const makeEngine = (database: Database): StoreEngine.StoreEngine => {
  const lease = Duration.toMillis(TokenStore.lease)
  const toRow = ({ failure, token }: Stored, now: number): StoreEngine.Row => ({
    now,
    token: Option.fromNullable(token),
    failure: Option.fromNullable(failure)
  })
  const attempt = <A>(command: () => Promise<A>) =>
    Effect.tryPromise({ try: command, catch: () => new TokenStore.StoreError({ reason: "Unavailable" }) })
  const get = (name: string) =>
    Effect.map(attempt(() => database.get(name)), ({ now, value = { generation: 0, lockedUntil: 0 }, version }) => ({
      now,
      stored: value,
      version
    }))

  /** Writes what `change` makes of a row, and begins anew if another process was faster. */
  const update = <A>(name: string, change: (stored: Stored, now: number) => readonly [A, Stored?]) =>
    get(name).pipe(
      Effect.flatMap(({ now, stored, version }) => {
        const [result, next] = change(stored, now)
        const written = next === undefined ? Effect.succeed(true) : attempt(() => database.put(name, version, next))
        return Effect.map(written, (isWritten) => ({ isWritten, result }))
      }),
      Effect.repeat({ until: ({ isWritten }) => isWritten }),
      Effect.map(({ result }) => result)
    )

  return {
    read: (name) => Effect.map(get(name), ({ now, stored }) => toRow(stored, now)),
    lock: (name) =>
      update<StoreEngine.Acquisition>(name, (stored, now) => {
        const remaining = stored.lockedUntil - now
        if (remaining > 0) return [StoreEngine.Held({ remaining: Duration.millis(remaining) })]
        const generation = Math.max(stored.generation + 1, now)
        return [
          StoreEngine.Acquired({ generation, row: toRow(stored, now) }),
          { ...stored, generation, lockedUntil: now + lease }
        ]
      }),
    settle: (name, generation, outcome) =>
      update(name, (stored) => {
        if (stored.generation !== generation) return [undefined]
        const free = { ...stored, lockedUntil: 0 }
        if (outcome._tag === "Abandoned") return [undefined, free]
        const sealed = { text: outcome.text, generation }
        return outcome._tag === "Failed"
          ? [undefined, { ...free, failure: sealed }]
          : [undefined, { generation, lockedUntil: 0, token: sealed }]
      }),
    renew: (name, generation) =>
      update(name, (stored, now) =>
        stored.generation === generation && stored.lockedUntil > 0
          ? [undefined, { ...stored, lockedUntil: now + lease }]
          : [undefined]),
    // This database tells nobody of a change, so whoever waits looks again.
    changes: (name) =>
      Stream.repeatEffectWithSchedule(Effect.option(get(name)), Schedule.spaced("200 millis")).pipe(
        Stream.map(Option.match({ onNone: () => 0, onSome: ({ version }) => version })),
        Stream.changes,
        Stream.drop(1),
        Stream.as(undefined)
      )
  }
}
