import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { RedisTokenStore } from "../src/index.js"
import { recorded } from "./support/logs.js"
import * as RedisServer from "./support/redisServer.js"
import { countChanges, grant, tokenIn } from "./support/store.js"

/** The rules in the README, as Redis takes them. */
const rules = /^ACL SETUSER tilia (.*)$/m.exec(readFileSync(new URL("../README.md", import.meta.url), "utf8"))?.[1]
  ?.split(" ") ?? []

it.scopedLive("a user with the rights of the README, and no others, can use the store (row 100)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    yield* server.command("ACL", "SETUSER", "tilia", ...rules)
    const url = `redis://tilia:secret@127.0.0.1:${server.port}`
    const store = yield* RedisTokenStore.make({ url })
    const other = yield* RedisTokenStore.make({ url })
    const changes = yield* countChanges(other, "name")
    yield* server.command("SET", "tilia:name", "of another type")
    const generation = yield* grant(store, "name", "text")
    expect(yield* tokenIn(other, "name")).toBe("text")
    yield* store.renew("name", generation)
    const got = yield* store.lock("name")
    if (got._tag === "Acquired") yield* store.renew("name", got.generation)
    yield* RedisServer.until(Effect.sync(() => changes() > 0))
    expect(String(yield* server.command("ACL", "LOG"))).toBe("")
  }))

it.scopedLive("each of the rights of the README is needed (row 100)", () =>
  Effect.gen(function*() {
    const server = yield* RedisServer.make()
    const commands = rules.filter((rule) => rule.startsWith("+") && rule !== "+hello")
    expect(commands.length).toBeGreaterThan(5)
    for (const command of commands) {
      yield* server.command("ACL", "SETUSER", "tilia", "reset", ...rules, command.replace("+", "-"))
      yield* server.command("ACL", "LOG", "RESET")
      yield* server.command("FLUSHALL")
      yield* server.command("SET", "tilia:name", "of another type")
      yield* Effect.scoped(Effect.gen(function*() {
        const store = yield* RedisTokenStore.make({ url: `redis://tilia:secret@127.0.0.1:${server.port}` })
        yield* Effect.ignore(grant(store, "name", "text"))
        const got = yield* store.lock("name")
        if (got._tag === "Acquired") yield* store.renew("name", got.generation)
      })).pipe(Effect.ignore)
      expect(String(yield* server.command("ACL", "LOG")), command).toContain(command.slice(1))
    }
  }).pipe(Effect.provide(recorded().layer)))
