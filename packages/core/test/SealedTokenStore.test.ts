/*
 * A store over an engine: what the engine sees, what a writer of it can do, and which entries belong to whom (T4, T5).
 */
import {
  AccessToken,
  ClientCredentials,
  Environment,
  Scopes,
  SealedTokenStore,
  StoreEngine,
  TokenEndpoint,
  TokenError,
  TokenSource,
  TokenStore
} from "@effect-tilia/core"
import { leakProbe, linesShowing, SkewClock, TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { clientId, clientSecret } from "./fixtures/vendorSample.js"

const { text } = TestAccessToken

const credentials = { clientId, clientSecret }
const rotated = { clientId, clientSecret: "cc1b2c3d-1111-4222-8333-444455556666" }
const scopes = Schema.decodeSync(Scopes.Scopes)("user_info")

interface Process {
  readonly credentials?: Layer.Layer<ClientCredentials.ClientCredentials, TokenError.InvalidInputError>
  readonly environment?: Environment.Options
}

/** A store as one process of a fleet has it. */
const storeOver = (
  engine: StoreEngine.StoreEngine,
  { credentials: own = ClientCredentials.layer(credentials), environment = Environment.staging }: Process = {}
) =>
  SealedTokenStore.layer.pipe(
    Layer.provide([own, Environment.layer(environment), Layer.succeed(StoreEngine.StoreEngine, engine)]),
    Layer.build,
    Effect.map(Context.get(TokenStore.TokenStore))
  )

const lockOf = (store: TokenStore.TokenStore, of = scopes) =>
  Effect.flatMap(
    store.lock(of),
    (result) => result._tag === "Acquired" ? Effect.succeed(result) : Effect.dieMessage("held")
  )

const write = (store: TokenStore.TokenStore, text: string, of = scopes) =>
  Effect.gen(function*() {
    const { lock } = yield* lockOf(store, of)
    yield* lock.settle(TokenStore.Granted({ token: yield* TestAccessToken.make({ text, lifetime: "1 hour" }) }))
    return lock.generation
  })

const textIn = (store: TokenStore.TokenStore, of = scopes) =>
  Effect.map(store.read(of), ({ token }) => Option.map(token, ({ token }) => text(token)))

const failure: TokenStore.Failure = {
  error: new TokenError.ServiceUnavailableError({ status: 503, attempts: 4, serverMessage: "closed for lunch" }),
  failures: 3,
  remaining: Duration.seconds(20),
  isBinding: true
}

/** An engine, and all that its users have told it. */
const spied = Effect.map(StoreEngine.makeMemory, (engine) => {
  const said: Array<unknown> = []
  const noted = <A extends ReadonlyArray<unknown>, B>(command: (...values: A) => B) => (...values: A): B => {
    said.push(values)
    return command(...values)
  }
  return {
    said,
    engine: {
      read: noted(engine.read),
      lock: noted(engine.lock),
      settle: noted(engine.settle),
      renew: noted(engine.renew),
      changes: noted(engine.changes)
    }
  }
})

/** An engine whose rows a writer has changed. */
const rewritten = (
  engine: StoreEngine.StoreEngine,
  rewrite: (row: StoreEngine.Row) => StoreEngine.Row
): StoreEngine.StoreEngine => ({
  ...engine,
  read: (name) => Effect.map(engine.read(name), rewrite),
  lock: (name) =>
    Effect.map(
      engine.lock(name),
      (result) => result._tag === "Held" ? result : StoreEngine.Acquired({ ...result, row: rewrite(result.row) })
    )
})

describe("what an engine sees (T4)", () => {
  it.scoped("an engine sees neither token nor secret, client, scopes or errors", () =>
    Effect.gen(function*() {
      const { engine, said } = yield* spied
      const store = yield* storeOver(engine)
      yield* write(store, "token-of-the-fleet")
      yield* Effect.flatMap(lockOf(store), ({ lock }) => lock.settle(TokenStore.Failed({ failure })))
      yield* store.read(scopes)
      for (const secret of [clientSecret, "token-of-the-fleet", clientId, "user_info", "staging", "lunch", "503"]) {
        expect(linesShowing(secret, said)).toStrictEqual([])
        for (const bytes of said.flat().filter((value) => typeof value === "string")) {
          expect(Buffer.from(bytes, "base64url").toString("latin1")).not.toContain(secret)
        }
      }
    }))

  it.scoped("the same token is sealed in another text each time", () =>
    Effect.gen(function*() {
      const { engine, said } = yield* spied
      const store = yield* storeOver(engine)
      yield* write(store, "same")
      yield* write(store, "same")
      const texts = JSON.stringify(said).match(/"text":"[^"]+"/g) ?? []
      expect(texts.length).toBe(2)
      expect(new Set(texts).size).toBe(2)
    }))
})

describe("what a writer of the engine can do (T4, row 101)", () => {
  const planted: ReadonlyArray<readonly [what: string, rewrite: (row: StoreEngine.Row) => StoreEngine.Row]> = [
    ["of another generation", (row) => ({
      ...row,
      token: Option.map(row.token, (it) => ({ ...it, generation: it.generation + 1 }))
    })],
    ["that is not sealed", (row) => ({
      ...row,
      token: Option.map(row.token, (it) => ({ ...it, text: JSON.stringify({ value: "planted" }) }))
    })],
    ["that is empty", (row) => ({ ...row, token: Option.map(row.token, (it) => ({ ...it, text: "" })) })],
    ["of 10 MB", (row) => ({
      ...row,
      token: Option.map(row.token, (it) => ({ ...it, text: "A".repeat(10_000_000) }))
    })],
    ["in the place of a failure", (row) => ({ ...row, failure: row.token })]
  ]

  it.scoped.each(planted)(
    "a text %s is unreadable, and the next token takes its place",
    ([, rewrite]) =>
      Effect.gen(function*() {
        const engine = yield* StoreEngine.makeMemory
        const store = yield* storeOver(engine)
        yield* write(store, "mine")
        const attacked = yield* storeOver(rewritten(engine, rewrite))
        expect(yield* Effect.flip(attacked.read(scopes))).toStrictEqual(
          new TokenStore.StoreError({ reason: "Unreadable" })
        )
        const { entry, lock } = yield* lockOf(attacked)
        expect(entry).toStrictEqual({ token: Option.none(), failure: Option.none() })
        yield* lock.settle(TokenStore.Granted({ token: yield* TestAccessToken.make({ text: "next" }) }))
        expect(yield* textIn(store)).toStrictEqual(Option.some("next"))
      })
  )

  it.scoped("a wall clock that is set back makes no token in memory look younger (T7)", () =>
    Effect.gen(function*() {
      const { clock, step } = yield* SkewClock.make
      const testClock = yield* Effect.clock
      yield* Effect.gen(function*() {
        const store = yield* storeOver(yield* StoreEngine.makeMemory)
        yield* write(store, "mine")
        yield* step(-3_600_000)
        yield* Effect.withClock(TestClock.adjust("61 minutes"), testClock)
        const left = Option.map((yield* store.read(scopes)).token, ({ token }) => token.expiresAt.epochMillis)
        expect(Option.getOrElse(left, () => 0)).toBeLessThan(clock.unsafeCurrentTimeMillis())
      }).pipe(Effect.withClock(clock))
    }))

  it.scoped("a writer cannot prolong a token by writing it again later", () =>
    Effect.gen(function*() {
      const engine = yield* StoreEngine.makeMemory
      let kept: Option.Option<StoreEngine.Sealed> = Option.none()
      const store = yield* storeOver(rewritten(engine, (row) => {
        if (Option.isNone(kept)) kept = row.token
        return { ...row, token: kept }
      }))
      yield* write(store, "old")
      expect(yield* textIn(store)).toStrictEqual(Option.some("old"))
      yield* TestClock.adjust("2 hours")
      const { token } = yield* Effect.flatten(Effect.map(store.read(scopes), ({ token }) => token))
      expect(yield* AccessToken.isExpired(token)).toBe(true)
    }))

  it.scoped("a token whose issue is later than the engine's clock shows is unreadable", () =>
    Effect.gen(function*() {
      const engine = yield* StoreEngine.makeMemory
      let late = 0
      const store = yield* storeOver(rewritten(engine, (row) => ({ ...row, now: row.now - late })))
      yield* write(store, "mine")
      late = 2_000
      expect(yield* textIn(store)).toStrictEqual(Option.some("mine"))
      late = 60_000
      expect(yield* Effect.flip(store.read(scopes))).toStrictEqual(new TokenStore.StoreError({ reason: "Unreadable" }))
    }))
})

describe("times (T7)", () => {
  it.scoped("a token is as old as the engine's clock says, and not younger than that", () =>
    Effect.gen(function*() {
      const engine = yield* StoreEngine.makeMemory
      const store = yield* storeOver(engine)
      const { lock } = yield* lockOf(store)
      yield* TestClock.adjust("1 second")
      const token = yield* TestAccessToken.make({ text: "mine", lifetime: "1 hour" })
      yield* TestClock.adjust("1 second")
      yield* lock.settle(TokenStore.Granted({ token }))
      yield* TestClock.adjust("10 minutes")
      const read = yield* Effect.flatten(Effect.map(store.read(scopes), ({ token }) => token))
      expect(read.token).toStrictEqual(token)
    }))

  it.scoped("the time in which an engine answers counts as the token's age", () =>
    Effect.gen(function*() {
      const engine = yield* StoreEngine.makeMemory
      const store = yield* storeOver(engine)
      yield* write(store, "mine")
      const isAsked = yield* Deferred.make<boolean>()
      const late = yield* storeOver({
        ...engine,
        read: (name) =>
          Deferred.succeed(isAsked, true).pipe(
            Effect.zipRight(engine.read(name)),
            Effect.zipLeft(Effect.sleep("2 seconds"))
          )
      })
      const reading = yield* Effect.fork(late.read(scopes))
      yield* Deferred.await(isAsked)
      yield* TestClock.adjust("2 seconds")
      const { token } = yield* Effect.flatten(Effect.map(Fiber.join(reading), ({ token }) => token))
      expect(Duration.toMillis(yield* AccessToken.remaining(token))).toBe(Duration.toMillis("1 hour") - 2_000)
    }))
})

describe("whose entries they are (T5)", () => {
  const others: ReadonlyArray<readonly [what: string, process: Process]> = [
    ["another secret", { credentials: ClientCredentials.layer(rotated) }],
    ["another client", { credentials: ClientCredentials.layer({ clientId: rotated.clientSecret, clientSecret }) }],
    ["another environment", { environment: Environment.production }]
  ]

  it.scoped.each(others)("a process with %s shares neither token nor lock", ([, process]) =>
    Effect.gen(function*() {
      const engine = yield* StoreEngine.makeMemory
      const mine = yield* storeOver(engine)
      const other = yield* storeOver(engine, process)
      yield* write(mine, "mine")
      yield* lockOf(mine)
      expect(yield* textIn(other)).toStrictEqual(Option.none())
      yield* lockOf(other)
    }))

  /** A vault, whose content and state a test changes. */
  const newVault = () => {
    const vault = { content: credentials, reads: 0, isDown: false }
    const layer = ClientCredentials.layerEffect(Effect.suspend(() => {
      vault.reads++
      return vault.isDown
        ? Effect.fail(new TokenError.CredentialsError({ message: "The vault is sealed.", retryable: true }))
        : Effect.succeed(vault.content)
    }))
    return { vault, layer }
  }

  it.scoped("a vault that is down does not keep a process from what is stored", () =>
    Effect.gen(function*() {
      const engine = yield* StoreEngine.makeMemory
      const { layer, vault } = newVault()
      const store = yield* storeOver(engine, { credentials: layer })
      yield* write(store, "mine")
      vault.isDown = true
      expect(yield* textIn(store)).toStrictEqual(Option.some("mine"))
      expect(vault.reads).toBe(1)
    }))

  it.scoped("while a process has no credentials yet, its store is unavailable; once it has them, it is there", () =>
    Effect.gen(function*() {
      const engine = yield* StoreEngine.makeMemory
      const { layer, vault } = newVault()
      vault.isDown = true
      const store = yield* storeOver(engine, { credentials: layer })
      expect(yield* Effect.flip(store.read(scopes))).toStrictEqual(new TokenStore.StoreError({ reason: "Unavailable" }))
      const changes = yield* Effect.fork(Stream.runHead(store.changes(scopes)))
      yield* Effect.yieldNow()
      vault.isDown = false
      expect(yield* textIn(store)).toStrictEqual(Option.none())
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* write(yield* storeOver(engine), "theirs")
      expect(yield* Fiber.join(changes)).toStrictEqual(Option.some("Settled"))
    }))

  it.scoped("a new store waits for slow credentials for a second at most", () =>
    Effect.gen(function*() {
      const engine = yield* StoreEngine.makeMemory
      const slow = ClientCredentials.layerEffect(Effect.as(Effect.sleep("1 minute"), credentials))
      const making = yield* Effect.fork(Effect.uninterruptible(storeOver(engine, { credentials: slow })))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(making)
    }))

  const neverEnds = Effect.uninterruptible(Effect.never)

  const closesAtOnce = (scope: Scope.CloseableScope) =>
    Effect.gen(function*() {
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 millis")
      expect(Option.isSome(yield* Fiber.poll(closing))).toBe(true)
    })

  it.effect("a store closes at once although its first read of the credentials cannot be interrupted (S3, row 161)", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const stuck = ClientCredentials.layerEffect(neverEnds)
      const store = storeOver(yield* StoreEngine.makeMemory, { credentials: stuck })
      const making = yield* Effect.fork(Scope.extend(store, scope))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(making)
      yield* closesAtOnce(scope)
    }))

  it.scoped("a store closes at once although a later read of the credentials cannot be interrupted (S3, row 161)", () =>
    Effect.gen(function*() {
      const engine = yield* StoreEngine.makeMemory
      const { layer, vault } = newVault()
      const environment = yield* Layer.build(layer)
      const other = yield* storeOver(engine, { credentials: Layer.succeedContext(environment) })
      const { lock } = yield* lockOf(other)
      vault.content = rotated
      yield* Context.get(environment, ClientCredentials.ClientCredentials).current
      let reads = 0
      const stuck = ClientCredentials.layerEffect(
        Effect.suspend(() => reads++ === 0 ? Effect.succeed(credentials) : neverEnds)
      )
      const scope = yield* Scope.make()
      const store = yield* Scope.extend(storeOver(engine, { credentials: stuck }), scope)
      yield* lock.settle(TokenStore.Granted({ token: yield* TestAccessToken.make({ lifetime: "1 hour" }) }))
      yield* store.read(scopes)
      yield* Effect.yieldNow()
      expect(reads).toBe(2)
      yield* closesAtOnce(scope)
    }))

  it.live("changes that die show nothing of the defect in a log (E8, O5)", () =>
    Effect.gen(function*() {
      const engine: StoreEngine.StoreEngine = {
        ...yield* StoreEngine.makeMemory,
        changes: () => Stream.die(new Error("postgres://me:swordfish@db"))
      }
      const endpoint = yield* TestTokenEndpoint.make(TestTokenEndpoint.succeed())
      const used = Effect.gen(function*() {
        const source = yield* TokenSource.make({ scopes: ["user_info"] }).pipe(
          Effect.provideService(TokenStore.TokenStore, yield* storeOver(engine)),
          Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint)
        )
        yield* source.get
        yield* Effect.sleep("20 millis")
      })
      const { leaks } = yield* leakProbe(Effect.scoped(used), ["swordfish"])
      expect(leaks).toStrictEqual([])
    }))

  it.scoped("processes whose vault has a new secret make one request for each lifetime, from the first one on", () =>
    Effect.gen(function*() {
      const engine = yield* StoreEngine.makeMemory
      const scripted = yield* TestTokenEndpoint.make(TestTokenEndpoint.succeed({ lifetime: "1 hour" }))
      const { layer, vault } = newVault()
      const process = Effect.gen(function*() {
        const environment = yield* Layer.build(layer)
        const { current } = Context.get(environment, ClientCredentials.ClientCredentials)
        const store = yield* storeOver(engine, { credentials: Layer.succeedContext(environment) })
        const endpoint: TokenEndpoint.TokenEndpoint = {
          requestToken: (...values) => Effect.zipRight(Effect.orDie(current), scripted.requestToken(...values))
        }
        return yield* TokenSource.make({ scopes: ["user_info"], background: "onDemand" }).pipe(
          Effect.provideService(TokenStore.TokenStore, store),
          Effect.provideService(TokenEndpoint.TokenEndpoint, endpoint)
        )
      })
      const processes = yield* Effect.replicateEffect(process, 8)
      const tokens = () => Effect.forEach(processes, ({ get }) => Effect.map(get, text), { concurrency: "unbounded" })
      for (let lifetime = 1; lifetime <= 4; lifetime++) {
        if (lifetime === 2) vault.content = rotated
        expect(new Set(yield* tokens()).size).toBe(1)
        expect(scripted.calls.length).toBe(lifetime)
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        yield* TestClock.adjust("59 minutes")
        yield* TestClock.adjust("2 minutes")
      }
    }))
})
