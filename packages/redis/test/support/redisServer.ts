/*
 * Real servers of Redis or Valkey, on free ports of loopback. They keep nothing on disk, and end with the scope.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { env } from "node:process"
import { freePort, isExecutable, placesOf } from "../../../../test/programs.js"

const candidates = [
  ...(env["REDIS_SERVER_BIN"] === undefined ? [] : [env["REDIS_SERVER_BIN"]]),
  ...placesOf("redis-server", "valkey-server")
]

/** What to do if there is no server. */
export const advice = "no Redis found: apt-get install redis-server, or name a redis-server in REDIS_SERVER_BIN"

/** The program; `undefined` if there is none. In CI that is an error, so that no test is skipped. */
export const binary = (): string | undefined => {
  const found = candidates.find(isExecutable)
  if (found === undefined && env["CI"] !== undefined) throw new Error(advice)
  return found
}

class ServerError extends Data.TaggedError("ServerError")<{ readonly message: string }> {}

export interface RedisServer {
  readonly port: number
  readonly url: string
  /** Sends one command, over a connection that lives as long as the server's scope. */
  readonly command: (name: string, ...args: ReadonlyArray<string | number>) => Effect.Effect<unknown, ServerError>
  /** The process stands still: connections stay open, and nothing is answered. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
  /** Kills the process, and waits until it is gone. */
  readonly kill: Effect.Effect<void>
  /** Starts it (anew) on its port. */
  readonly start: Effect.Effect<void, ServerError>
}

export interface Options {
  /** More arguments for the server. */
  readonly args?: ReadonlyArray<string>
  /** Whether it is to be started later. */
  readonly isAway?: boolean
}

/** A server, started unless told otherwise. */
export const make = (options: Options = {}): Effect.Effect<RedisServer, ServerError, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* Effect.promise(freePort)
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "tilia-redis-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    )
    let child: ChildProcess | undefined

    const kill: Effect.Effect<void> = Effect.async((resume) => {
      const running = child
      child = undefined
      if (running === undefined || running.exitCode !== null || running.signalCode !== null) return resume(Effect.void)
      running.once("exit", () => resume(Effect.void))
      running.kill("SIGKILL")
    })
    yield* Effect.addFinalizer(() => kill)

    const admin = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const redis = new Redis({ port, host: "127.0.0.1", lazyConnect: true, retryStrategy: () => 20 })
        redis.on("error", () => {})
        return redis
      }),
      (redis) => Effect.sync(() => redis.disconnect())
    )

    const command: RedisServer["command"] = (name, ...args) =>
      Effect.tryPromise({
        try: () => admin.call(name, ...args),
        catch: (error) => new ServerError({ message: String(error) })
      })

    const signal = (signal: NodeJS.Signals) => Effect.asVoid(Effect.sync(() => child?.kill(signal)))

    const start = Effect.gen(function*() {
      const file = binary()
      if (file === undefined) return yield* new ServerError({ message: advice })
      child = spawn(file, [
        ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"],
        ...["--enable-debug-command", "yes", "--hz", "100"],
        ...(options.args ?? [])
      ], { stdio: "ignore" })
      yield* command("PING").pipe(Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.upTo("10 seconds"))))
    })

    if (options.isAway !== true) yield* start
    return {
      port,
      url: `redis://127.0.0.1:${port}`,
      command,
      freeze: signal("SIGSTOP"),
      thaw: signal("SIGCONT"),
      kill,
      start
    }
  })

/** A cluster: three masters, and a replica of each. */
export interface RedisCluster {
  readonly masters: ReadonlyArray<RedisServer>
  readonly replicas: ReadonlyArray<RedisServer>
}

/** Repeats a check until it holds. The error says what did not happen. */
export const until = <E>(check: Effect.Effect<boolean, E>, what = "it"): Effect.Effect<void, ServerError> =>
  check.pipe(
    Effect.filterOrFail((holds) => holds),
    Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.upTo("20 seconds"))),
    Effect.mapError(() => new ServerError({ message: `${what} did not happen within 20 seconds` })),
    Effect.asVoid
  )

/** Makes a replica the master of its slots. A cluster may drop the request, as when two replicas ask at once. */
export const failOver = ({ command }: RedisServer): Effect.Effect<void, ServerError> => {
  const isMaster = Effect.map(command("ROLE"), (role) => String(role).startsWith("master"))
  const request = Effect.zipRight(Effect.ignore(command("CLUSTER", "FAILOVER")), Effect.sleep("500 millis"))
  return until(Effect.tap(isMaster, (isMaster) => isMaster ? Effect.void : request), "the failover")
}

export const makeCluster: Effect.Effect<RedisCluster, ServerError, Scope.Scope> = Effect.gen(function*() {
  const node = Effect.gen(function*() {
    const bus = yield* Effect.promise(freePort)
    const args = ["--cluster-enabled", "yes", "--cluster-port", String(bus), "--cluster-node-timeout", "2000"]
    const server = yield* make({ args })
    return { server, bus }
  })
  const nodes = yield* Effect.replicateEffect(node, 6)
  const servers = nodes.map(({ server }) => server)
  const masters = servers.slice(0, 3)
  const replicas = servers.slice(3)
  const slots = [[0, 5460], [5461, 10922], [10923, 16383]] as const
  yield* Effect.forEach(servers, ({ command }, n) => command("CLUSTER", "SET-CONFIG-EPOCH", n + 1), { discard: true })
  yield* Effect.forEach(slots, (range, n) => masters[n]?.command("CLUSTER", "ADDSLOTSRANGE", ...range) ?? Effect.void)
  yield* Effect.forEach(
    nodes.slice(1),
    ({ bus, server }) => servers[0]?.command("CLUSTER", "MEET", "127.0.0.1", server.port, bus) ?? Effect.void
  )
  const says =
    (text: string, count: number, ...command: [string, ...Array<string>]) => ({ command: run }: RedisServer) =>
      until(Effect.map(run(...command), (reply) => String(reply).split(text).length - 1 >= count))
  yield* Effect.forEach(servers, says("connected", 6, "CLUSTER", "NODES"), { discard: true })
  yield* Effect.forEach(
    replicas,
    ({ command }, n) =>
      Effect.flatMap(
        masters[n]?.command("CLUSTER", "MYID") ?? Effect.void,
        (id) => command("CLUSTER", "REPLICATE", String(id))
      ),
    { discard: true }
  )
  yield* Effect.forEach(servers, says("cluster_state:ok", 1, "CLUSTER", "INFO"), { discard: true })
  yield* Effect.forEach(replicas, says("master_link_status:up", 1, "INFO", "replication"), { discard: true })
  yield* Effect.forEach(servers, says("slave ", 3, "CLUSTER", "NODES"), { discard: true })
  return { masters, replicas }
})
