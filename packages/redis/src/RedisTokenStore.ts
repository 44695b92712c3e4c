/**
 * A store for the processes of a fleet, in Redis or Valkey: all sources that use the same one, for the same client and
 * the same scopes, share one token. What is stored is sealed before it gets here.
 *
 * If Redis is away, tokens still flow: each process requests its own meanwhile. The log tells so once, and once more
 * when Redis is back.
 *
 * @example
 * import { Tilia } from "@effect-tilia/core"
 * import { RedisTokenStore } from "@effect-tilia/redis"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 *
 * declare const options: Tilia.Options
 *
 * // Reads TILIA_REDIS_URL.
 * const TiliaLive = Tilia.layer(options).pipe(
 *   Layer.provide([FetchHttpClient.layer, RedisTokenStore.layerConfig()])
 * )
 *
 * @since 0.1.0
 */
import * as SlidingPubSub from "@effect-tilia/core/SlidingPubSub"
import * as StoreEngine from "@effect-tilia/core/StoreEngine"
import * as TiliaConfig from "@effect-tilia/core/TiliaConfig"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import { StoreError } from "@effect-tilia/core/TokenStore"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { hasProperty, isFunction, isRecord, isString } from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Cluster, Redis } from "ioredis"
import * as Connection from "./internal/connection.js"
import * as RedisUrl from "./internal/redisUrl.js"
import * as Scripts from "./internal/scripts.js"
import * as Status from "./internal/status.js"

/**
 * A Redis that is reached by connections of the store's own: one for commands, and one that listens.
 *
 * @since 0.1.0
 * @category models
 */
export interface UrlOptions {
  /**
   * Where Redis is, and who logs in there: `redis://user:password@host:6379/0`, or `rediss://` for TLS with a
   * certificate that Node trusts. User, password, port and database may be left out; special characters are
   * percent-encoded. A query is refused: for any other setting, give a `client`.
   */
  readonly url: string | Redacted.Redacted
  /**
   * The beginning of every key, and of the channel `${prefix}changes`. Two stores with different prefixes share
   * nothing.
   *
   * @default "tilia:"
   */
  readonly prefix?: string | undefined
}

/**
 * A Redis, or a cluster, that is reached through a client which the program has already.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientOptions {
  /**
   * A client of `ioredis`, in whatever way it reaches Redis: for a cluster, for Sentinels, or with a certificate of its
   * own. The store sends its commands through it, and opens one more connection like it, to listen. It never closes the
   * client. As long as the client is not connected, each command fails at once, and the source works without the store.
   * A `keyPrefix` of the client comes before `prefix`. The client need not be connected yet.
   */
  readonly client: Redis | Cluster
  /**
   * The beginning of every key, and of the channel `${prefix}changes`. Two stores with different prefixes share
   * nothing.
   *
   * @default "tilia:"
   */
  readonly prefix?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export type Options = UrlOptions | ClientOptions

/** How long the first connection is waited for. After that the store starts without Redis. */
const longestStart = "1 second"

/**
 * A command that takes longer has failed. A source gives up much sooner; but then it waits for a late lock for one
 * lease, to give it back (T11).
 */
const longestCommand = "4 seconds"

/** The first word of an error of Redis is its code. */
const storeError = (error: unknown): StoreError =>
  new StoreError({
    reason: error instanceof Error && error.message.startsWith("WRONGTYPE") ? "Unreadable" : "Unavailable"
  })

/** The client that commands go to. */
interface Commander {
  /** The client, if it is connected. Otherwise a command could wait in the client's queue, and be sent much later. */
  readonly client: () => Redis | Cluster | undefined
  /** The connection of this client is of no use any more. */
  readonly drop: (client: Redis | Cluster) => void
}

const handedIn = (client: Redis | Cluster): Commander => ({
  client: () => client.status === "ready" ? client : undefined,
  drop: () => {}
})

/** What all connections to one Redis have in common. */
const makeEngine = ({ client, drop }: Commander, changed: Stream.Stream<Change>, prefix: string) => {
  const evaluate = (client: Redis | Cluster, name: string, { args, script }: Scripts.Call) =>
    Effect.tryPromise({
      try: () => client.eval(script, 1, prefix + name, ...args),
      catch: (error) => {
        // After a failover this connection leads to a replica, and stays open.
        if (error instanceof Error && error.message.startsWith("READONLY")) drop(client)
        return storeError(error)
      }
    })

  const limited = <A>(client: Redis | Cluster, command: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
    Connection.inOwnFiber(
      Effect.timeoutFail(command, {
        duration: longestCommand,
        onTimeout: () => {
          drop(client)
          return new StoreError({ reason: "Slow" })
        }
      })
    )

  const connected = <A>(
    use: (client: Redis | Cluster) => Effect.Effect<A, StoreError>
  ): Effect.Effect<A, StoreError> =>
    Effect.suspend(() => {
      const current = client()
      return current === undefined ? new StoreError({ reason: "Unavailable" }) : use(current)
    })

  const look = (client: Redis | Cluster, name: string, call: Scripts.Call) =>
    Effect.flatMap(evaluate(client, name, call), (reply) =>
      Option.match(Scripts.decode(reply), {
        onNone: () => new StoreError({ reason: "Unreadable" }),
        onSome: (look) => Effect.succeed(look)
      }))

  const change = (name: string, call: Scripts.Call) =>
    connected((client) => limited(client, Effect.asVoid(evaluate(client, name, call))))

  const settle = (name: string, generation: number, outcome: StoreEngine.Outcome) =>
    change(name, Scripts.settled(generation, outcome, `${prefix}changes`, name))

  const engine: StoreEngine.StoreEngine = {
    read: (name) =>
      connected((client) => limited(client, look(client, name, Scripts.read))).pipe(
        Effect.filterOrFail(({ isUnreadable }) => !isUnreadable, () => new StoreError({ reason: "Unreadable" })),
        Effect.map(({ row }) => row)
      ),
    lock: (name) =>
      connected((client) =>
        Effect.flatMap(
          Effect.forkDaemon(Effect.interruptible(look(client, name, Scripts.lock))),
          (fiber) =>
            Effect.onError(
              limited(client, Fiber.join(fiber)),
              // Redis may give the lock to a process that does not wait for it any more. That gives it back (T11).
              () =>
                Fiber.join(fiber).pipe(
                  Effect.flatMap(({ generation }) =>
                    generation > 0 ? settle(name, generation, StoreEngine.Abandoned()) : Effect.void
                  ),
                  Effect.ignore,
                  Effect.interruptible,
                  Effect.forkDaemon
                )
            )
        )
      ).pipe(
        Effect.map(({ generation, remaining, row }) =>
          generation > 0
            ? StoreEngine.Acquired({ generation, row })
            : StoreEngine.Held({ remaining: Duration.millis(remaining) })
        )
      ),
    settle,
    renew: (name, generation) => change(name, Scripts.renewed(generation)),
    changes: (name) =>
      changed.pipe(
        Stream.filter((change) => change === everything || change === name),
        Stream.as(undefined)
      )
  }
  return engine
}

/** What may have changed without a message: every name. */
const everything = Symbol()

/** A name, or `everything`. */
type Change = string | typeof everything

/** Any node of a cluster tells what happens on each of them. */
const anyNode = (client: Redis | Cluster): Redis => {
  if (!("nodes" in client)) return client
  const nodes = client.nodes()
  const node = nodes[Math.floor(Math.random() * nodes.length)]
  if (node === undefined) throw new Error("NO_NODES are known.")
  return node
}

/** Listens, through a connection of its own, and again whenever that was lost. */
const listen = (
  opening: Connection.Opening,
  channel: string,
  status: Status.Part
): Effect.Effect<Stream.Stream<Change>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const changes = yield* SlidingPubSub.make<Change>(256)
    const runSync = Runtime.runSync(yield* Effect.runtime<never>())
    yield* Effect.forkScoped(Effect.interruptible(Connection.keepOpen({
      ...opening,
      greet: (redis) => {
        redis.on("message", (_, name) => runSync(changes.publish(name)))
        return redis.subscribe(channel)
      },
      onUp: () => Effect.zipRight(changes.publish(everything), status.up),
      onDown: status.down,
      onFailure: status.failed
    })))
    return changes.subscribe
  })

/** A connection of our own for commands. */
const command = (
  opening: Connection.Opening,
  prefix: string,
  status: Status.Part
): Effect.Effect<Commander, never, Scope.Scope> =>
  Effect.gen(function*() {
    let current: Redis | undefined
    yield* Effect.forkScoped(Effect.interruptible(Connection.keepOpen({
      ...opening,
      greet: (redis) => redis.eval(Scripts.greeting, 1, `${prefix}effect-tilia`),
      onUp: (redis) => {
        current = redis
        return status.up
      },
      onDown: Effect.suspend(() => {
        current = undefined
        return status.down
      }),
      onFailure: status.failed
    })))
    return {
      client: () => current?.status === "ready" ? current : undefined,
      drop: (client) => {
        client.disconnect()
      }
    }
  })

/** Until a client that was handed in is connected. */
const ready = (client: Redis | Cluster): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (client.status === "ready") return resume(Effect.void)
    const onReady = () => resume(Effect.void)
    client.once("ready", onReady)
    // A client that is set to connect with its first command would never get one.
    if (client.status === "wait") client.connect().catch(() => {})
    return Effect.sync(() => client.off("ready", onReady))
  })

/** Options that were validated. */
type Validated =
  & { readonly prefix: string }
  & ({ readonly client: Redis | Cluster } | { readonly place: RedisUrl.Place })

/** Of this package's ioredis, or of another copy or version. */
const isClient = (client: unknown): client is Redis | Cluster =>
  hasProperty(client, "status") && hasProperty(client, "eval") && isFunction(client.eval)

/** The options may come from JavaScript. The error quotes none of them. */
const validate = (options: unknown): Either.Either<Validated, InvalidInputError> => {
  const invalid = (setting: keyof UrlOptions | keyof ClientOptions, expected: string) =>
    Either.left(new InvalidInputError({ setting, expected }))
  const { client, prefix = "tilia:", url } = isRecord(options) ? options : {}
  if (!isString(prefix)) return invalid("prefix", "a text")
  if (client !== undefined) {
    return isClient(client) ? Either.right({ client, prefix }) : invalid("client", "a client of ioredis")
  }
  const text = Redacted.isRedacted(url) ? Redacted.value(url) : url
  return Option.match(isString(text) ? RedisUrl.parse(text) : Option.none(), {
    onNone: () => invalid("url", RedisUrl.expected),
    onSome: (place) => Either.right({ place, prefix })
  })
}

/**
 * The engine. It is ready when Redis is, and after a second in any case: a Redis that is away is no error. When the
 * scope closes, its own connections are closed at once.
 *
 * Fails with an `InvalidInputError` if an option is wrong, as a `url` that is not one of a Redis. The error names the
 * option and does not quote it. A `client` that is `undefined` was not given.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<StoreEngine.StoreEngine, InvalidInputError, Scope.Scope> =>
  Effect.gen(function*() {
    const validated = yield* validate(options)
    const { prefix } = validated
    const channel = `${prefix}changes`
    if ("client" in validated) {
      const { client } = validated
      const status = yield* Status.make(1)
      const make = () => anyNode(client).duplicate(Connection.options)
      const changes = yield* listen({ make, logIn: () => Promise.resolve() }, channel, status.part)
      yield* Connection.inOwnFiber(
        Effect.timeoutOption(Effect.zipRight(ready(client), status.allUp), longestStart)
      )
      return makeEngine(handedIn(client), changes, prefix)
    }
    const { login, server } = validated.place
    const opening: Connection.Opening = {
      make: () => new Redis({ ...server, ...Connection.options }),
      logIn: (redis) => Connection.logIn(redis, login)
    }
    const status = yield* Status.make(2)
    const changes = yield* listen(opening, channel, status.part)
    const commander = yield* command(opening, prefix, status.part)
    yield* Connection.inOwnFiber(Effect.timeoutOption(status.allUp, longestStart))
    return makeEngine(commander, changes, prefix)
  })

/**
 * The engine as a Layer: with it, `Tilia.layer` and every `TokenSource` of the fleet share one token.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<StoreEngine.StoreEngine, InvalidInputError> =>
  Layer.scoped(StoreEngine.StoreEngine, make(options))

const variable = "TILIA_REDIS_URL"

/**
 * `TILIA_REDIS_URL`, which is a secret if it contains a password.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<UrlOptions> = Config.map(
  Config.mapOrFail(Config.string(variable), (url) =>
    Option.isSome(RedisUrl.parse(url))
      ? Either.right(Redacted.make(url))
      : Either.left(TiliaConfig.invalid(variable, `must be ${RedisUrl.expected}`))),
  (url) => ({ url })
)

/**
 * The engine of `layer`, with options from the configuration; without an argument, those of `config`. Fails with a
 * `ConfigError` if a setting is missing, or if the URL is not that of a Redis. The error does not quote it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: TiliaConfig.Input<UrlOptions> = config
): Layer.Layer<StoreEngine.StoreEngine, ConfigError> => TiliaConfig.layer(options, layer)
