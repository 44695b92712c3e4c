/*
 * A client that was handed in: it stays the user's.
 */
import { StoreError } from "@effect-tilia/core/TokenStore"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Redis, type RedisOptions } from "ioredis"
import { RedisTokenStore } from "../src/index.js"
import { recorded } from "./support/logs.js"
import * as RedisServer from "./support/redisServer.js"
import { countChanges, grant, tokenIn } from "./support/store.js"

const unavailable = new StoreError({ reason: "Unavailable" })

const clientOf = (server: RedisServer.RedisServer, options: RedisOptions = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const client = new Redis({ port: server.port, host: "127.0.0.1", ...options })
      client.on("error", () => {})
      return client
    }),
    (client) => Effect.sync(() => client.disconnect())
  )

/** How many listeners a client has for each event. */
const listeners = (client: Redis) =>
  Object.fromEntries(client.eventNames().map((name) => [String(name), client.listenerCount(name)]))

it.scopedLive("a client that was handed in is neither closed nor changed, and is used by its owner too (row 100)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const client = yield* clientOf(server)
    yield* Effect.promise(() => client.ping())
    const before = listeners(client)
    const scope = yield* Scope.make()
    const store = yield* Scope.extend(RedisTokenStore.make({ client }), scope)
    yield* grant(store, "name", "text")
    yield* Scope.close(scope, Exit.void)
    expect(client.status).toBe("ready")
    expect(yield* Effect.promise(() => client.get("another key"))).toBe(null)
    expect(listeners(client)).toStrictEqual(before)
    yield* RedisServer.until(
      Effect.map(server.command("CLIENT", "LIST", "TYPE", "pubsub"), (list) => String(list) === "")
    )
  }))

it.scopedLive("a store that starts without waiting longer for a client leaves no listener at it (row 100)", () =>
  Effect.gen(function*() {
    const client = yield* clientOf(yield* RedisServer.make({ isAway: true }), { retryStrategy: () => 10_000 })
    const before = listeners(client)
    yield* RedisTokenStore.make({ client })
    expect(listeners(client)).toStrictEqual(before)
  }).pipe(Effect.provide(recorded().layer)))

for (
  const [how, options] of [
    ["connects with its first command", { lazyConnect: true }],
    ["yields numbers as texts", { stringNumbers: true }],
    ["puts a prefix before each key", { keyPrefix: "app:" }],
    ["pipelines by itself", { enableAutoPipelining: true }],
    ["has no queue", { enableOfflineQueue: false }]
  ] as const
) {
  it.scopedLive(`a client that ${how} can be handed in (row 100)`, () =>
    Effect.gen(function*() {
      const server = yield* RedisServer.make()
      const store = yield* RedisTokenStore.make({ client: yield* clientOf(server, options) })
      const other = yield* RedisTokenStore.make({ client: yield* clientOf(server, options) })
      const changes = yield* countChanges(other, "name")
      yield* grant(store, "name", "text")
      expect(yield* tokenIn(other, "name")).toBe("text")
      yield* RedisServer.until(Effect.sync(() => changes() > 0))
    }))
}

it.scopedLive("commands fail at once while a client that was handed in is not connected (T2, row 100)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const client = yield* clientOf(server)
    const store = yield* RedisTokenStore.make({ client })
    yield* grant(store, "name", "text")
    yield* server.kill
    yield* RedisServer.until(Effect.sync(() => client.status !== "ready"))
    expect(yield* Effect.flip(store.lock("name"))).toStrictEqual(unavailable)
    yield* server.start
    yield* RedisServer.until(Effect.as(store.read("name"), true))
    // The command that had failed was not sent later.
    expect(yield* server.command("EXISTS", "tilia:name")).toBe(0)
  }).pipe(Effect.provide(recorded().layer)))

it.scopedLive("a lock that the client sends anew after it was given up is given back (T11, row 100)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const client = yield* clientOf(server)
    const store = yield* RedisTokenStore.make({ client })
    yield* server.command("CLIENT", "PAUSE", 600, "ALL")
    yield* Effect.flip(Effect.timeout(store.lock("name"), "250 millis"))
    // ioredis keeps the command, and sends it when it is connected again.
    client.disconnect(true)
    yield* RedisServer.until(Effect.map(server.command("HEXISTS", "tilia:name", "generation"), (has) => has === 1))
    yield* RedisServer.until(Effect.map(server.command("HEXISTS", "tilia:name", "lockedUntil"), (has) => has === 0))
    expect((yield* store.lock("name"))._tag).toBe("Acquired")
  }))
