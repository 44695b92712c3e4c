import { engineContract } from "@effect-tilia/contract/engineContract"
import * as StoreEngine from "@effect-tilia/core/StoreEngine"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { RedisTokenStore } from "../src/index.js"
import { clusterClient } from "./support/cluster.js"
import * as RedisServer from "./support/redisServer.js"
import { shared } from "./support/shared.js"
import { countChanges, grant, tokenIn } from "./support/store.js"

const store = (cluster: RedisServer.RedisCluster) =>
  Effect.flatMap(clusterClient(cluster), (client) => RedisTokenStore.make({ client }))

const whole = await shared(RedisServer.makeCluster)

engineContract("Redis cluster", Layer.scoped(StoreEngine.StoreEngine, store(whole)))

/** Names of which each node of the cluster has some. */
const names = Array.from({ length: 12 }, (_, n) => `name-${n}`)

/** A command may fail while the cluster fails over: then a source works without the store (T2). */
const soon = Effect.retry(Schedule.spaced("50 millis").pipe(Schedule.upTo("10 seconds")))

it.scopedLive("a failover of the cluster loses no row, lowers no generation and silences no change (T3, row 100)", () =>
  Effect.gen(function*() {
    const cluster = yield* RedisServer.makeCluster
    const make = store(cluster)
    const one = yield* make
    const other = yield* make
    const before = yield* Effect.forEach(names, (name) => grant(one, name, `before-${name}`))
    yield* Effect.forEach(cluster.replicas, RedisServer.failOver, { discard: true })
    yield* Effect.forEach(names, (name, n) =>
      Effect.gen(function*() {
        const changes = yield* countChanges(other, name)
        const seen = changes()
        expect(yield* soon(tokenIn(other, name))).toBe(`before-${name}`)
        expect(yield* soon(grant(one, name, `after-${name}`))).toBeGreaterThan(Number(before[n]))
        expect(yield* soon(tokenIn(other, name))).toBe(`after-${name}`)
        yield* RedisServer.until(Effect.sync(() => changes() > seen), `the change of ${name}`)
      }))
  }))

it.scopedLive("every process hears of changes again after a node was killed that it listened to (T2, row 100)", () =>
  Effect.gen(function*() {
    const cluster = yield* RedisServer.makeCluster
    const make = store(cluster)
    const stores = yield* Effect.replicateEffect(make, 6) // each listens to a node of its choice
    const changes = yield* Effect.forEach(stores, (store) => countChanges(store, "name"))
    yield* cluster.replicas[0]?.kill ?? Effect.void
    const seen = changes.map((count) => count())
    yield* RedisServer.until(Effect.gen(function*() {
      yield* Effect.ignore(Effect.scoped(Effect.flatMap(make, (store) => grant(store, "name", "text"))))
      return changes.every((count, n) => count() > Number(seen[n]))
    }))
  }))
