/*
 * A connection of our own to Redis, which is opened again whenever it ends. ioredis can do that too, but then it sends
 * commands anew that were given up long ago, knows no jitter in version 5, and waits for ever on a server that accepts
 * the connection and says nothing. So each ioredis client here lives for one connection.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { Redis, RedisOptions } from "ioredis"

/** How each client of our own is set, whatever the client is set to that it is a duplicate of. */
export const options = {
  lazyConnect: true,
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
  // A command that was given up must not be sent later.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  // A user of Redis who may do no more than needed may not send INFO and CLIENT. ioredis would print that.
  enableReadyCheck: false,
  disableClientInfo: true,
  readOnly: false,
  // Of a peer that vanished without a word, the system tells after 20 seconds.
  keepAlive: 10_000,
  // `disconnect` on a server that hangs waits for this long before it destroys the socket; by default 2 seconds.
  disconnectTimeout: 100
} satisfies RedisOptions

/** How long it may take to open a connection, to log in and to make the first command. */
const patience = "2 seconds"

/** Milliseconds between two attempts: doubling, and drawn from the upper half, so that no fleet returns as one. */
const delay = (failures: number) =>
  Effect.map(Random.next, (random) => Math.round(Math.min(2000, 100 * 2 ** failures) * (0.5 + random / 2)))

/** In a region that cannot be interrupted, as a finalizer, no time limit holds: the effect gets a fiber of its own. */
export const inOwnFiber = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(
    Effect.forkDaemon(Effect.interruptible(effect)),
    (fiber) => Effect.onInterrupt(Fiber.join(fiber), () => Fiber.interruptFork(fiber))
  )

const ended = (redis: Redis): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (redis.status === "end") return resume(Effect.void)
    const onEnd = () => resume(Effect.void)
    redis.once("end", onEnd)
    return Effect.sync(() => redis.off("end", onEnd))
  })

/** Never by `quit`, which waits for a server that is away (row 100). */
const close = (redis: Redis): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (redis.status === "end") return Effect.void
    redis.disconnect()
    return Effect.asVoid(inOwnFiber(Effect.timeoutOption(ended(redis), "1 second")))
  })

/**
 * Why there is no connection, in a word of the system or of the server, as ECONNREFUSED or WRONGPASS. The rest of an
 * error's text is not ours to print: it may quote the user's name.
 */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return "unknown reason"
  const code = "code" in error && typeof error.code === "string" ? error.code : error.message
  return /^[A-Z][A-Z_]{2,30}\b/.exec(code)?.[0] ?? "unknown reason"
}

/** Who logs in, and to which database. An empty text is one that was not given. */
export interface Login {
  readonly username: string
  readonly password: string
  readonly database: number
}

/**
 * Logs in and selects the database. ioredis can do that too, but most failures of its AUTH, and each one of its SELECT,
 * leave the connection open: as another user, or with database 0 (row 100).
 */
export const logIn = async (redis: Redis, { database, password, username }: Login): Promise<void> => {
  if (username !== "") await redis.auth(username, password)
  else if (password !== "") await redis.auth(password)
  if (database !== 0) await redis.select(database)
}

/** How a connection is opened. */
export interface Opening {
  /** A new client, with the options above, that is not connected yet. May throw. */
  readonly make: () => Redis
  /** What comes before the first command. Its failure fails the connection. */
  readonly logIn: (redis: Redis) => Promise<void>
}

/** What one of our connections is for. */
export interface Purpose extends Opening {
  /** The first command. Only its success shows that Redis is of use. */
  readonly greet: (redis: Redis) => Promise<unknown>
  /** The connection can be used from now on. */
  readonly onUp: (redis: Redis) => Effect.Effect<void>
  /** It cannot be used any more. Follows each `onUp`. */
  readonly onDown: Effect.Effect<void>
  /** An attempt to connect has failed. */
  readonly onFailure: (reason: string) => Effect.Effect<void>
}

const connected = ({ greet, logIn, make }: Purpose): Effect.Effect<Redis, string, Scope.Scope> =>
  Effect.gen(function*() {
    let first: unknown
    const redis = yield* Effect.acquireRelease(
      Effect.try({
        try: () => {
          const redis = make()
          // Without a listener ioredis prints the error. The first one says more than those that follow from it.
          redis.on("error", (error) => {
            first ??= error
          })
          return redis
        },
        catch: reasonOf
      }),
      close
    )
    yield* Effect.tryPromise({
      try: () => redis.connect().then(() => logIn(redis)).then(() => greet(redis)),
      catch: (error) => reasonOf(first ?? error)
    }).pipe(
      Effect.timeoutFail({ duration: patience, onTimeout: () => "no answer" })
    )
    return redis
  })

/** Keeps a connection for this purpose, until it is interrupted. */
export const keepOpen = (purpose: Purpose): Effect.Effect<never> => {
  const { onDown, onFailure, onUp } = purpose
  return Effect.gen(function*() {
    let failures = 0
    while (true) {
      yield* connected(purpose).pipe(
        Effect.flatMap((redis) => {
          failures = 0
          return Effect.acquireUseRelease(onUp(redis), () => ended(redis), () => onDown)
        }),
        Effect.scoped,
        Effect.catchAll((reason) => {
          failures++
          return onFailure(reason)
        })
      )
      yield* Effect.flatMap(delay(failures), Effect.sleep)
    }
  })
}
