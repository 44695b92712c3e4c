/*
 * The process of Memory.ts, with --expose-gc. It says what one of each kind of thing keeps, in bytes.
 */
import * as Tilia from "@effect-tilia/core/Tilia"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { setTimeout } from "node:timers/promises"
import * as Cache from "./Cache.js"
import * as FakeServer from "./FakeServer.js"
import type { Kept } from "./Memory.js"

/** How often each kind is measured. A first time loads and compiles what all of a kind share. */
const rounds = Number(process.argv[2])
const hour = 3_600_000

/** Makes many, and says how to let go of them. */
interface Kind {
  readonly name: string
  readonly count: number
  readonly make: (count: number) => Promise<{ readonly kept: unknown; readonly letGo: () => Promise<unknown> }>
  /** Whether what is left after they have gone is measured, in place of what they keep. */
  readonly measuresRest?: boolean
}

const body = JSON.stringify({
  access_token: "a".repeat(500),
  token_type: "Bearer",
  expires_in: "3600",
  scope: "user_info"
})
const headers = { "content-type": "application/json", "content-length": String(body.length) }

const granting = HttpClient.make((request) =>
  Effect.sync(() => HttpClientResponse.fromWeb(request, new Response(body, { headers })))
)

const options: Tilia.Options = {
  environment: { authUrl: "https://127.0.0.1", apiOrigins: ["https://127.0.0.1"] },
  ...Sandbox.wellKnown,
  scopes: ["user_info"]
}
const makeTenant = Tilia.make(options)

/** Each tenant is made by a fiber of its own, as the first request of a tenant makes it. */
const tenants = (name: string, make: Effect.Effect<unknown, unknown, HttpClient.HttpClient | Scope.Scope>): Kind => ({
  name,
  count: 200,
  make: async (count) => {
    const scope = await Effect.runPromise(Scope.make())
    const one = make.pipe(Scope.extend(scope), Effect.provideService(HttpClient.HttpClient, granting))
    const kept: Array<unknown> = []
    for (let n = 0; n < count; n++) kept.push(await Effect.runPromise(one))
    return { kept, letGo: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
  }
})

/** Tenants of another library, each with a token. */
const peers = (make: (server: FakeServer.FakeServer, dueAfter: number) => Cache.Cache): Kind => {
  const server = FakeServer.make()
  return {
    name: make(server, hour).name,
    count: 200,
    make: async (count) => {
      const kept = Array.from({ length: count }, () => make(server, hour))
      for (const { get } of kept) await get()
      return { kept, letGo: () => Promise.resolve() }
    }
  }
}

const fibers = (name: string, wait: Effect.Effect<unknown, unknown>): Kind => ({
  name,
  count: 5_000,
  make: (count) => {
    const kept = Array.from({ length: count }, () => Effect.runFork(wait))
    return Promise.resolve({ kept, letGo: () => Effect.runPromise(Fiber.interruptAll(kept)) })
  }
})

/** A heap is as small as it gets after some collections, since finalizers and timers take turns of their own. */
const heap = async (): Promise<number> => {
  for (let turn = 0; turn < 3; turn++) {
    await setTimeout(5)
    globalThis.gc?.()
  }
  return process.memoryUsage().heapUsed
}

const measure = async ({ count, make, measuresRest = false }: Kind): Promise<number> => {
  const before = await heap()
  let made: Awaited<ReturnType<Kind["make"]>> | undefined = await make(count)
  const during = await heap()
  await made.letGo()
  made = undefined
  return ((measuresRest ? await heap() : during) - before) / count
}

const all = Effect.gen(function*() {
  if (globalThis.gc === undefined) return yield* Effect.dieMessage("It needs --expose-gc")
  const silent = HttpClient.make(() => Effect.never)
  // Its request outlives the measurement, which takes some seconds.
  const { source } = yield* Effect.provideService(
    Tilia.make({ ...options, attemptTimeout: "1 hour", budget: "1 hour" }),
    HttpClient.HttpClient,
    silent
  )
  yield* Effect.forkDaemon(source.get)
  const deferred = yield* Deferred.make<never>()
  const kinds = [
    tenants("a tenant, not used yet", makeTenant),
    tenants("a tenant with a token", Effect.tap(makeTenant, ({ source }) => source.get)),
    ...[Cache.azure, Cache.google, Cache.simpleOauth2].map(peers),
    fibers("a fiber at a Deferred", Deferred.await(deferred)),
    fibers("a caller that waits", source.get),
    { ...fibers("a caller that gave up", source.get), measuresRest: true }
  ]
  const kept: Array<Kept> = []
  for (const kind of kinds) {
    yield* Effect.promise(() => measure(kind))
    const bytes = yield* Effect.forEach(
      Array.from({ length: rounds }),
      () => Effect.promise(() => measure(kind))
    )
    kept.push({ name: kind.name, bytes })
  }
  process.send?.(kept)
}).pipe(Effect.scoped)

process.once("disconnect", () => process.exit())
Effect.runPromise(all).then(() => process.disconnect(), (error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})
