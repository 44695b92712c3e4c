/*
 * A program of a user, for `scripts/peers.mjs`: against a sandbox, it gets a token, makes authorized calls, shares the
 * token through Redis (if the socket of one is named), and does without a database that is away.
 */
import { AuthorizedHttpClient } from "@effect-tilia/core"
import { NodeTilia } from "@effect-tilia/node"
import { RedisTokenStore } from "@effect-tilia/redis"
import { Sandbox } from "@effect-tilia/sandbox"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import { SqlTokenStore } from "@effect-tilia/sql"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as SqlClient from "@effect/sql/SqlClient"
import * as SqlError from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import { Effect, Layer, Logger, LogLevel } from "effect"
import { Redis } from "ioredis"
import assert from "node:assert/strict"
import { argv } from "node:process"

const [socket] = argv.slice(2)

/** A database of which every connection fails. */
const away = Layer.effect(
  SqlClient.SqlClient,
  SqlClient.make({
    acquirer: Effect.fail(new SqlError.SqlError({ cause: undefined, message: "away" })),
    compiler: Statement.makeCompilerSqlite(),
    spanAttributes: []
  })
).pipe(Layer.provide(Reactivity.layer))

const redis = Effect.acquireRelease(
  Effect.sync(() => new Redis(socket ?? "")),
  (client) => Effect.sync(() => client.disconnect())
).pipe(Effect.map((client) => RedisTokenStore.layer({ client })), Layer.unwrapScoped)

/**
 * How many token requests two processes make for one authorized call each.
 *
 * @template E
 * @param {Layer.Layer<import("@effect-tilia/core/StoreEngine").StoreEngine, E> | undefined} store
 */
const requestsOfTwo = (store) =>
  Effect.gen(function*() {
    const { url } = yield* NodeSandbox.NodeSandbox
    const { received } = yield* Sandbox.Sandbox
    const tilia = NodeTilia.layer({
      ...Sandbox.wellKnown,
      environment: { authUrl: url, apiOrigins: [url] },
      scopes: ["user_info"],
      store
    })
    const call = Effect.gen(function*() {
      const http = yield* AuthorizedHttpClient.AuthorizedHttpClient
      const response = yield* http.get(`${url}/whoami`)
      assert.equal(response.status, 200, yield* response.text)
    }).pipe(Effect.provide(Layer.fresh(tilia)))
    yield* call
    yield* call
    return (yield* received).filter(({ path }) => path === "/token").length
  }).pipe(Effect.provide(NodeSandbox.layer()))

NodeRuntime.runMain(
  Effect.gen(function*() {
    assert.equal(yield* requestsOfTwo(undefined), 2)
    assert.equal(yield* requestsOfTwo(SqlTokenStore.layer().pipe(Layer.provide(away))), 2)
    if (socket !== undefined) assert.equal(yield* requestsOfTwo(redis), 1)
    yield* Effect.log(`A token, and calls with it${socket === undefined ? "" : "; shared through Redis"}`)
  }).pipe(Logger.withMinimumLogLevel(LogLevel.Info))
)
