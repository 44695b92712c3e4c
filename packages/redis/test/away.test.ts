/*
 * A Redis that is away, slow or strange: what each costs (T2, row 100). No command is retried here: that a source works
 * on without its store is tested in core.
 */
import { StoreError } from "@effect-tilia/core/TokenStore"
import { expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { RedisTokenStore } from "../src/index.js"
import { recorded } from "./support/logs.js"
import * as RedisServer from "./support/redisServer.js"
import { countChanges, grant, granted, tokenIn } from "./support/store.js"

const unavailable = new StoreError({ reason: "Unavailable", isLogged: true })
const unreadable = new StoreError({ reason: "Unreadable" })

const away = (reason: string) =>
  `WARN Redis is away (${reason}): until it is back, each process requests tokens for itself.`
const back = "INFO Redis is back: tokens are shared again."

const commandWorks = (store: Effect.Effect.Success<ReturnType<typeof RedisTokenStore.make>>) =>
  RedisServer.until(Effect.as(store.read("name"), true))

it.scopedLive("a Redis that is away at the start costs a second, and is used once it is there (T2, row 100)", () => {
  const { layer, lines } = recorded()
  return Effect.gen(function*() {
    const server = yield* RedisServer.make({ isAway: true })
    const [took, store] = yield* Effect.timed(RedisTokenStore.make({ url: server.url }))
    expect(Duration.toMillis(took)).toBeGreaterThanOrEqual(990)
    expect(Duration.toMillis(took)).toBeLessThan(1500)
    const changes = yield* countChanges(store, "name")
    for (const command of [store.read("name"), store.lock("name"), store.renew("name", 1)]) {
      const [took, error] = yield* Effect.timed(Effect.flip<unknown, unknown, never>(command))
      expect(error).toStrictEqual(unavailable)
      expect(Duration.toMillis(took)).toBeLessThan(50)
    }
    yield* server.start
    yield* commandWorks(store)
    yield* grant(store, "name", "text")
    expect(yield* tokenIn(store, "name")).toBe("text")
    yield* RedisServer.until(Effect.sync(() => changes() > 0))
    expect(lines).toStrictEqual([away("ECONNREFUSED"), back])
  }).pipe(Effect.provide(layer))
})

it.scopedLive("a Redis that is restarted is used again, and all processes are told to look (T2, row 100)", () => {
  const { layer, lines } = recorded()
  return Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const store = yield* RedisTokenStore.make({ url: server.url })
    const first = yield* grant(store, "name", "text")
    const changes = yield* countChanges(store, "another name")
    yield* server.kill
    yield* RedisServer.until(Effect.sync(() => lines.length > 0))
    expect(yield* Effect.flip(store.read("name"))).toStrictEqual(unavailable)
    expect(changes()).toBe(0)
    yield* server.start
    yield* commandWorks(store)
    yield* RedisServer.until(Effect.sync(() => changes() > 0))
    // It has lost everything, and generations grow all the same (T3).
    expect(yield* tokenIn(store, "name")).toBe(undefined)
    expect(yield* grant(store, "name", "text")).toBeGreaterThan(first)
    yield* server.kill
    yield* RedisServer.until(Effect.sync(() => lines.length > 2))
    yield* server.start
    yield* RedisServer.until(Effect.sync(() => lines.length > 3))
    expect(lines).toStrictEqual([away("ECONNREFUSED"), back, away("ECONNREFUSED"), back])
  }).pipe(Effect.provide(layer))
})

it.scopedLive("connections that the server closes are opened again, without a line in the log (row 100)", () => {
  const { layer, lines } = recorded()
  return Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const store = yield* RedisTokenStore.make({ url: server.url })
    const changes = yield* countChanges(store, "name")
    yield* server.command("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal")
    yield* server.command("CLIENT", "KILL", "TYPE", "pubsub")
    yield* RedisServer.until(Effect.sync(() => changes() > 0))
    yield* commandWorks(store)
    expect(lines).toStrictEqual([])
  }).pipe(Effect.provide(layer))
})

it.scopedLive("commands to a Redis that hangs fail within 4 seconds, and later ones at once (T2, row 100)", () => {
  const { layer, lines } = recorded()
  return Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const store = yield* RedisTokenStore.make({ url: server.url })
    yield* server.freeze
    const [took, errors] = yield* Effect.timed(Effect.all([
      Effect.flip(store.read("name")),
      Effect.flip(store.lock("name")),
      Effect.flip(store.renew("name", 1)),
      Effect.flip(Effect.uninterruptible(store.read("name")))
    ], { concurrency: "unbounded" }))
    expect(Duration.toMillis(took)).toBeGreaterThanOrEqual(3990)
    expect(Duration.toMillis(took)).toBeLessThan(5000)
    expect(errors.map(({ reason }) => reason)).toContain("Slow")
    const [later, error] = yield* Effect.timed(Effect.flip(store.read("name")))
    expect(error).toStrictEqual(unavailable)
    expect(Duration.toMillis(later)).toBeLessThan(50)
    yield* RedisServer.until(Effect.sync(() => lines.length > 0))
    yield* server.thaw
    yield* commandWorks(store)
    yield* RedisServer.until(Effect.sync(() => lines.length > 1))
    expect(lines).toStrictEqual([away("no answer"), back])
  }).pipe(Effect.provide(layer))
})

for (
  const [state, freeze] of [
    ["is there", () => Effect.void],
    ["hangs", ({ freeze }: RedisServer.RedisServer) => freeze],
    ["is away", ({ kill }: RedisServer.RedisServer) => kill]
  ] as const
) {
  it.scopedLive(`closing the store takes less than a second while Redis ${state} (T2, row 100)`, () =>
    Effect.gen(function*() {
      const server = yield* RedisServer.make()
      const scope = yield* Scope.make()
      const store = yield* Scope.extend(RedisTokenStore.make({ url: server.url }), scope)
      yield* freeze(server)
      const waiting = yield* Effect.fork(Effect.exit(store.read("name")))
      yield* Effect.sleep("100 millis")
      const [took] = yield* Effect.timed(Effect.uninterruptible(Scope.close(scope, Exit.void)))
      expect(Duration.toMillis(took)).toBeLessThan(1000)
      yield* Fiber.join(waiting)
      expect(yield* Effect.flip(store.read("name"))).toStrictEqual(unavailable)
      yield* server.thaw
    }).pipe(Effect.provide(recorded().layer)))
}

it.scopedLive("a store that is built in an uninterruptible region waits for a second, not for ever (S3, row 100)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    yield* server.freeze
    const [took, store] = yield* Effect.timed(Effect.uninterruptible(RedisTokenStore.make({ url: server.url })))
    expect(Duration.toMillis(took)).toBeLessThan(1500)
    expect(yield* Effect.flip(store.read("name"))).toStrictEqual(unavailable)
  }))

it.scopedLive("a password that Redis refuses is a Redis that is away, told by its code alone (row 100)", () => {
  const { layer, lines } = recorded()
  return Effect.gen(function*() {
    const server = yield* RedisServer.make()
    yield* server.command("ACL", "SETUSER", "default", "resetpass", ">correct")
    const store = yield* RedisTokenStore.make({ url: `redis://:incorrect@127.0.0.1:${server.port}` })
    expect(yield* Effect.flip(store.lock("name"))).toStrictEqual(unavailable)
    yield* Effect.sleep("1 second")
    expect(lines).toStrictEqual([away("WRONGPASS")])
    const same = yield* RedisTokenStore.make({ url: `redis://default:correct@127.0.0.1:${server.port}` })
    yield* grant(same, "name", "text")
  }).pipe(Effect.provide(layer))
})

const refusals: ReadonlyArray<readonly [what: string, setUp: ReadonlyArray<string>, login: string, code: string]> = [
  ["a password where none is needed", [], ":hunter2@", "ERR"],
  ["a user that does not exist", [], "user:hunter2@", "WRONGPASS"],
  ["a database that does not exist", [], "/99", "ERR"],
  ["a missing password", ["resetpass", ">hunter2"], "", "NOAUTH"],
  ["a database that the user may not select", ["-select"], "/1", "NOPERM"]
]

for (const [what, setUp, login, code] of refusals) {
  it.scopedLive(`${what} is a Redis that is away, told once by its code, and no other database is used (row 100)`, () => {
    const { layer, lines } = recorded()
    return Effect.gen(function*() {
      const server = yield* RedisServer.make()
      yield* server.command("ACL", "SETUSER", "default", ...setUp)
      const [user, database = ""] = login.includes("@") ? [login] : ["", login]
      const store = yield* RedisTokenStore.make({ url: `redis://${user}127.0.0.1:${server.port}${database}` })
      expect(yield* Effect.flip(store.lock("name"))).toStrictEqual(unavailable)
      yield* Effect.sleep("1 second")
      expect(yield* Effect.flip(store.lock("name"))).toStrictEqual(unavailable)
      expect(lines).toStrictEqual([away(code)])
      expect(yield* server.command("DBSIZE")).toBe(0)
    }).pipe(Effect.provide(layer))
  })
}

for (const login of [":realpw@", "default:realpw@", "tilia:secret@"]) {
  it.scopedLive(`${login} logs in and uses database 3 of a server with requirepass (row 100)`, () => {
    const { layer, lines } = recorded()
    return Effect.gen(function*() {
      const server = yield* RedisServer.make()
      yield* server.command("ACL", "SETUSER", "tilia", "on", ">secret", "~*", "&*", "+@all")
      yield* server.command("CONFIG", "SET", "requirepass", "realpw")
      const url = `redis://${login}127.0.0.1:${server.port}/3`
      const [store, other] = [yield* RedisTokenStore.make({ url }), yield* RedisTokenStore.make({ url })]
      const changes = yield* countChanges(other, "name")
      yield* grant(store, "name", "text")
      expect(yield* tokenIn(other, "name")).toBe("text")
      yield* RedisServer.until(Effect.sync(() => changes() > 0))
      expect(yield* server.command("DBSIZE")).toBe(0)
      expect(lines).toStrictEqual([])
    }).pipe(Effect.provide(layer))
  })
}

it.scopedLive("a replica is a Redis that is away until it is made a master (T2, row 100)", () => {
  const { layer, lines } = recorded()
  return Effect.gen(function*() {
    const [master, replica] = [yield* RedisServer.make(), yield* RedisServer.make()]
    yield* replica.command("REPLICAOF", "127.0.0.1", master.port)
    const store = yield* RedisTokenStore.make({ url: replica.url })
    for (let n = 0; n < 10; n++) {
      expect(yield* Effect.flip(store.lock("name"))).toStrictEqual(unavailable)
      yield* Effect.sleep("100 millis")
    }
    expect(lines).toStrictEqual([away("READONLY")])
    yield* replica.command("REPLICAOF", "NO", "ONE")
    yield* commandWorks(store)
    yield* RedisServer.until(Effect.sync(() => lines.length > 1))
    yield* grant(store, "name", "text")
    yield* replica.command("REPLICAOF", "127.0.0.1", master.port)
    expect(yield* Effect.flip(store.lock("name"))).toStrictEqual(unavailable)
    yield* RedisServer.until(Effect.sync(() => lines.length > 2))
    expect(lines).toStrictEqual([away("READONLY"), back, away("READONLY")])
  }).pipe(Effect.provide(layer))
})

it.scopedLive("a flush between the commands of a lock costs a request, and no generation comes twice (T3, row 100)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const store = yield* RedisTokenStore.make({ url: server.url })
    let last = 0
    for (let n = 0; n < 50; n++) {
      const got = yield* store.lock("name")
      expect(got._tag).toBe("Acquired")
      if (got._tag !== "Acquired") return
      expect(got.generation).toBeGreaterThan(last)
      last = got.generation
      yield* server.command("FLUSHALL")
      // The lock is one that Redis does not know any more: nothing is written.
      yield* store.renew("name", last)
      yield* store.settle("name", last, granted("text"))
      expect(yield* server.command("EXISTS", "tilia:name")).toBe(0)
      yield* Effect.sleep("1 millis")
    }
  }))

it.scopedLive("a lock that was given up and granted later is given back, so that others get it at once (T11, row 100)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const store = yield* RedisTokenStore.make({ url: server.url })
    const other = yield* RedisTokenStore.make({ url: server.url })
    yield* server.command("CLIENT", "PAUSE", 1500, "ALL")
    const changes = yield* countChanges(other, "name")
    // As a source does: it gives up after 250 milliseconds, and this fiber is interrupted.
    yield* Effect.flip(Effect.timeout(store.lock("name"), "250 millis"))
    yield* RedisServer.until(Effect.sync(() => changes() > 0))
    expect((yield* other.lock("name"))._tag).toBe("Acquired")
  }))

it.scopedLive("a lock that is granted late reaches the fiber that still waits for it (T11, row 100)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const store = yield* RedisTokenStore.make({ url: server.url })
    yield* server.command("CLIENT", "PAUSE", 3000, "ALL")
    expect((yield* store.lock("name"))._tag).toBe("Acquired")
  }))

it.scopedLive("a key of another type, or a damaged row, is unreadable until the next lock replaces it (row 101)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const store = yield* RedisTokenStore.make({ url: server.url })
    const now = Date.now()
    const planted: ReadonlyArray<readonly [string, ...ReadonlyArray<string | number>]> = [
      ["SET", "a text"],
      ["LPUSH", "a list"],
      ["HSET", "token", "text"],
      ["HSET", "token", "text", "tokenGeneration", "garbage"],
      ["HSET", "failure", "text", "failureGeneration", "-1"],
      ["HSET", "failure", "text", "failureGeneration", "1.5"]
    ]
    for (const [n, [command, ...args]] of planted.entries()) {
      const name = `unreadable-${n}`
      yield* server.command(command, `tilia:${name}`, ...args)
      expect(yield* Effect.flip(store.read(name)), name).toStrictEqual(unreadable)
      yield* grant(store, name, "new")
      expect(yield* tokenIn(store, name), name).toBe("new")
      expect(yield* server.command("PTTL", `tilia:${name}`)).toBeGreaterThan(0)
    }
    const numbers = ["garbage", "nan", "inf", "-inf", "1e300", "-5", "", String(now + 2 * 86_400_000), `${now}.5`]
    for (const [n, number] of numbers.entries()) {
      const name = `number-${n}`
      yield* server.command("HSET", `tilia:${name}`, "generation", number, "lockedUntil", number)
      yield* store.read(name)
      const generation = yield* grant(store, name, "new")
      expect(Number.isSafeInteger(generation), number).toBe(true)
      expect(Math.abs(generation - now), number).toBeLessThan(10_000)
      expect(yield* tokenIn(store, name), number).toBe("new")
    }
  }))

it.scopedLive("a text that is too long to be ours is not fetched, and is replaced by the next token (T2, row 101)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const store = yield* RedisTokenStore.make({ url: server.url })
    const sent = Effect.map(
      server.command("INFO", "stats"),
      (info) => Number(/total_net_output_bytes:(\d+)/.exec(String(info))?.[1])
    )
    yield* grant(store, "name", "old")
    const long = "x".repeat(5_000_000)
    yield* server.command("HSET", "tilia:name", "token", long, "tokenGeneration", long, "generation", long)
    const before = yield* sent
    expect(yield* Effect.flip(store.read("name"))).toStrictEqual(unreadable)
    yield* grant(store, "name", "new")
    expect(yield* tokenIn(store, "name")).toBe("new")
    expect((yield* sent) - before).toBeLessThan(50_000)
  }))

it.scopedLive("a lock that ends later than a lease from now is free: the clock was set back (T3)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const store = yield* RedisTokenStore.make({ url: server.url })
    const generation = Date.now() + 3_600_000
    yield* server.command("HSET", "tilia:name", "generation", generation, "lockedUntil", generation + 3000)
    expect(yield* store.lock("name")).toMatchObject({ _tag: "Acquired", generation: generation + 1 })
    expect((yield* store.lock("name"))._tag).toBe("Held")
  }))

it.scopedLive("a row lives as long as its longest-lived text, and a lock that nobody settles for a minute (T11)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const store = yield* RedisTokenStore.make({ url: server.url })
    const left = Effect.map(server.command("PTTL", "tilia:name"), (left) => Math.ceil(Number(left) / 1000))
    const got = yield* store.lock("name")
    if (got._tag !== "Acquired") return expect(got._tag).toBe("Acquired")
    expect(yield* left).toBe(60)
    const settle = (tag: "Granted" | "Failed", keepFor: Duration.DurationInput) =>
      store.settle("name", got.generation, { _tag: tag, text: "text", keepFor: Duration.decode(keepFor) })
    yield* settle("Granted", "5 minutes")
    expect(yield* left).toBe(300)
    yield* settle("Failed", "2 minutes")
    expect(yield* left).toBe(300)
    yield* settle("Failed", "10 minutes")
    expect(yield* left).toBe(600)
    yield* settle("Granted", Duration.infinity)
    expect(yield* left).toBeGreaterThan(10 * 365 * 86_400)
  }))
