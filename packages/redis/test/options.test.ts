import { leakProbe } from "@effect-tilia/testing"
import { expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { Redis } from "ioredis"
import { RedisTokenStore } from "../src/index.js"
import * as RedisServer from "./support/redisServer.js"
import { grant, tokenIn } from "./support/store.js"

const refused = [
  "",
  "localhost:6379",
  "http://:hunter2@localhost",
  "redis://",
  "redis://:hunter2@",
  "redis://:hunter2@localhost/zero",
  "redis://:hunter2@localhost/0/1",
  "redis://:hunter2@localhost:99999",
  "redis://:hunter2@localhost?enableOfflineQueue=true",
  "redis://:hunter2%@localhost",
  "redis://:hunter2#@localhost",
  "redis://:hunter2/@localhost"
]

it.effect("a URL that is not one of a Redis is refused, and no error shows its password (E2)", () =>
  Effect.gen(function*() {
    for (const text of refused) {
      for (const url of [text, Redacted.make(text)]) {
        const { exit, leaks } = yield* leakProbe(
          Effect.scoped(Effect.flip(RedisTokenStore.make({ url }))),
          ["hunter2"]
        )
        expect(exit, text).toMatchObject({ _tag: "Success", value: { _tag: "InvalidInputError", setting: "url" } })
        expect(leaks).toStrictEqual([])
      }
      const { exit, leaks } = yield* leakProbe(
        Effect.scoped(Effect.flip(Layer.build(RedisTokenStore.layerConfig()))).pipe(
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["TILIA_REDIS_URL", text]])))
        ),
        ["hunter2"]
      )
      expect(JSON.stringify(exit), text).toContain("TILIA_REDIS_URL")
      expect(leaks).toStrictEqual([])
    }
  }))

it.effect("options that only JavaScript can give are refused, and the error names the one that is wrong (E2)", () =>
  Effect.gen(function*() {
    const url = "redis://127.0.0.1"
    const wrong: ReadonlyArray<readonly [setting: string, options: unknown]> = [
      ["url", undefined],
      ["url", null],
      ["url", "redis://127.0.0.1"],
      ["url", {}],
      ["url", { url: 5 }],
      ["url", { url: Redacted.make(5) }],
      ["client", { client: {} }],
      ["client", { client: null }],
      ["client", { url, client: "redis://127.0.0.1" }],
      ["prefix", { url, prefix: {} }],
      ["prefix", { url, prefix: null }]
    ]
    for (const [setting, options] of wrong) {
      const made: ReturnType<typeof RedisTokenStore.make> = Reflect.apply(RedisTokenStore.make, undefined, [options])
      const error = yield* Effect.flip(Effect.scoped(made))
      expect(error, JSON.stringify(options)).toMatchObject({ _tag: "InvalidInputError", setting })
    }
  }))

it.scopedLive("a client that is undefined is one that was not given", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const client: Redis | undefined = undefined
    const store = yield* RedisTokenStore.make({ url: server.url, client, prefix: undefined })
    yield* grant(store, "name", "text")
    expect(yield* server.command("EXISTS", "tilia:name")).toBe(1)
  }))

it.effect("a missing TILIA_REDIS_URL is named", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(Effect.scoped(Layer.build(RedisTokenStore.layerConfig())))
    expect(String(error)).toContain("TILIA_REDIS_URL")
  }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))))

it.scopedLive("user, password, port and database of the URL are used, with percent-encoded characters (row 100)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    yield* server.command("ACL", "SETUSER", "a:user@", "on", ">p@ss/word#?", "~*", "&*", "+@all")
    const login = `${encodeURIComponent("a:user@")}:${encodeURIComponent("p@ss/word#?")}`
    const url = `redis://${login}@127.0.0.1:${server.port}/7`
    const store = yield* RedisTokenStore.make({ url: Redacted.make(url) })
    yield* grant(store, "name", "text")
    expect(yield* server.command("EXISTS", "tilia:name")).toBe(0)
    yield* server.command("SELECT", 7)
    expect(yield* server.command("EXISTS", "tilia:name")).toBe(1)
  }))

it.scopedLive("stores with different prefixes share neither rows nor changes (T5)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const [one, other] = [
      yield* RedisTokenStore.make({ url: server.url, prefix: "one:" }),
      yield* RedisTokenStore.make({ url: server.url, prefix: "" })
    ]
    yield* grant(one, "name", "text")
    expect(yield* tokenIn(other, "name")).toBe(undefined)
    expect(yield* server.command("KEYS", "*")).toStrictEqual(["one:name"])
  }))

it.scopedLive("nothing that the store prints while Redis comes and goes shows its login (row 100)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    yield* server.command("ACL", "SETUSER", "hunter1", "on", ">hunter2", "~*", "&*", "+@all")
    const right = `redis://hunter1:hunter2@127.0.0.1:${server.port}`
    const wrong = `redis://hunter1:hunter2wrong@127.0.0.1:${server.port}`
    const { leaks } = yield* leakProbe(
      Effect.scoped(Effect.gen(function*() {
        const store = yield* RedisTokenStore.make({ url: right })
        yield* grant(store, "name", "text")
        yield* RedisTokenStore.make({ url: wrong })
        yield* server.kill
        yield* Effect.sleep("500 millis")
        yield* Effect.ignore(store.read("name"))
        yield* server.start
        yield* Effect.sleep("500 millis")
        return [store, yield* Effect.exit(store.lock("name"))]
      })),
      ["hunter1", "hunter2", "127.0.0.1"]
    )
    expect(leaks).toStrictEqual([])
  }))
