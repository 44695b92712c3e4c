/*
 * An endpoint over credentials, HTTP clients and policies that hang, interrupt themselves, die, or are none (E6, S7).
 */
import { ClientCredentials, RetryPolicy, TokenEndpoint, type TokenError } from "@effect-tilia/core"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { clientId, clientSecret } from "./fixtures/vendorSample.js"
import { mocked, requestToken, token } from "./support/mocked.js"
import { placesToThrow, throwing } from "./support/spans.js"

const once = { retry: { maxAttempts: 1 } }

/** The end of an effect that must have come to it by now. */
const endOf = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.map(Fiber.poll(fiber), Option.getOrElse(() => expect.fail("It has not ended.")))

const never = <A>(): Effect.Effect<A> => Effect.never

describe("Callers that cannot be interrupted (E6, row 160)", () => {
  it.scoped("requestToken ends in time as the acquisition of a resource (E6, row 160)", () =>
    Effect.gen(function*() {
      let isClosed = false
      const { layer } = yield* mocked(() => Effect.onInterrupt(Effect.never, () => Effect.sync(() => isClosed = true)))
      const fiber = yield* requestToken.pipe(
        (acquire) => Effect.acquireRelease(acquire, () => Effect.void),
        Effect.flip,
        Effect.provide(layer(once)),
        Effect.fork
      )
      yield* TestClock.adjust("10 seconds")
      expect(yield* endOf(fiber)).toMatchObject({ value: { _tag: "TokenTimeoutError" } })
      expect(isClosed).toBe(true)
    }))

  it.scoped("requestToken ends in time in a finalizer (E6, row 160)", () =>
    Effect.gen(function*() {
      const { layer } = yield* mocked(() => Effect.never)
      const { requestToken } = yield* Effect.provide(TokenEndpoint.TokenEndpoint, layer({ ...once }))
      const scope = yield* Scope.make()
      yield* Scope.addFinalizer(scope, Effect.ignore(requestToken(["user_info"])))
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("10 seconds")
      yield* endOf(closing)
    }))
})

describe("Work that cannot be interrupted (E6, row 161)", () => {
  const credentials = (current: Effect.Effect<ClientCredentials.Options>) => ClientCredentials.layerEffect(current)
  const vault = Effect.succeed({ clientId, clientSecret })
  const session = <A, B>(connect: Effect.Effect<A>, disconnect: Effect.Effect<B>) =>
    Effect.scoped(Effect.zipRight(Effect.acquireRelease(connect, () => disconnect), vault))
  const stubborn = [
    ["credentials", credentials(Effect.uninterruptible(never()))],
    ["a session with a vault that never begins", credentials(session(Effect.never, Effect.void))],
    ["a session with a vault that never ends", credentials(session(Effect.void, Effect.never))]
  ] as const

  it.scoped.each(stubborn)(
    "an attempt ends in time although %s cannot be interrupted (E6, row 161)",
    ([, credentials]) =>
      Effect.gen(function*() {
        const { layer } = yield* mocked(() => Effect.never)
        const fiber = yield* Effect.fork(Effect.flip(Effect.provide(requestToken, layer(once, credentials))))
        yield* TestClock.adjust("10 seconds")
        expect(yield* endOf(fiber)).toMatchObject({ value: { _tag: "TokenTimeoutError" } })
      })
  )

  it.scoped("an attempt ends in time although the HTTP client cannot be interrupted (E6, row 161)", () =>
    Effect.gen(function*() {
      const { layer } = yield* mocked(() => Effect.never, () => HttpClient.make(() => Effect.uninterruptible(never())))
      const fiber = yield* Effect.fork(Effect.flip(Effect.provide(requestToken, layer(once))))
      yield* TestClock.adjust("10 seconds")
      expect(yield* endOf(fiber)).toMatchObject({ value: { _tag: "TokenTimeoutError" } })
    }))
})

describe("Retry policies that hang (E6, E7)", () => {
  it.scoped("a policy that does not decide ends with the last error as the budget does (E6, row 169)", () =>
    Effect.gen(function*() {
      const { layer, received } = yield* mocked(() => ({ status: 503, body: "" }))
      const retry = Schedule.tapInput(Schedule.recurs(2), () => Effect.never)
      const fiber = yield* Effect.fork(Effect.flip(Effect.provide(requestToken, layer({ retry, budget: "5 seconds" }))))
      yield* TestClock.adjust("5 seconds")
      expect(yield* endOf(fiber)).toMatchObject({ value: { _tag: "ServiceUnavailableError", attempts: 1 } })
      expect(received).toHaveLength(1)
    }))
})

describe("Work that interrupts itself (S7, row 163)", () => {
  it.effect("an HTTP client that interrupts itself is a transport failure, which is retried (E7, row 163)", () =>
    Effect.gen(function*() {
      let calls = 0
      const { layer } = yield* mocked(
        () => ({ body: token }),
        (client) =>
          HttpClient.transform(client, (effect) => Effect.suspend(() => ++calls < 2 ? Effect.interrupt : effect))
      )
      const error = yield* Effect.flip(Effect.provide(requestToken, layer(once)))
      expect(error).toMatchObject({ _tag: "TokenTransportError", reason: "Other", attempts: 1 })
      calls = 0
      const fiber = yield* Effect.fork(Effect.provide(requestToken, layer()))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      expect(calls).toBe(2)
    }))

  it.effect("credentials that interrupt themselves are a CredentialsError, which is retryable (row 163)", () =>
    Effect.gen(function*() {
      const { layer, received } = yield* mocked(() => ({ body: token }))
      const error = yield* requestToken.pipe(
        Effect.provide(layer(once, ClientCredentials.layerEffect(Effect.interrupt))),
        Effect.flip
      )
      expect(error).toMatchObject({ _tag: "CredentialsError", retryable: true })
      expect(received).toStrictEqual([])
    }))
})

/** What a program in JavaScript may return, which no type stops. */
const untyped = (
  value: unknown
): { readonly current: ClientCredentials.Options; readonly error: TokenError.CredentialsError } =>
  JSON.parse(JSON.stringify({ current: value, error: value }))

describe("Credentials that are none (E2, row 174)", () => {
  const wiped = Redacted.make(clientSecret)
  Redacted.unsafeWipe(wiped)

  it.effect.each(
    [
      ["nothing", untyped(null).current, "credentials"],
      ["a text", untyped("swordfish").current, "credentials"],
      ["a number", untyped(5).current, "credentials"],
      ["an empty object", untyped({}).current, "clientId"],
      ["a secret that was wiped", { clientId, clientSecret: wiped }, "clientSecret"]
    ] as const
  )(
    "%s in place of credentials is an InvalidInputError that names the setting (E2, row 174)",
    ([, current, setting]) =>
      Effect.gen(function*() {
        const { layer, received } = yield* mocked(() => ({ body: token }))
        const credentials = ClientCredentials.layerEffect(Effect.succeed(current))
        const error = yield* Effect.flip(Effect.provide(requestToken, layer({}, credentials)))
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
        expect(error.message).not.toContain("swordfish")
        expect(received).toStrictEqual([])
      })
  )

  it.effect.each(["vault down", 5, null])(
    "credentials that fail with %j die, and the defect says why (row 174)",
    (value) =>
      Effect.gen(function*() {
        const { layer } = yield* mocked(() => ({ body: token }))
        const credentials = ClientCredentials.layerEffect(Effect.fail(untyped(value).error))
        const exit = yield* Effect.exit(Effect.provide(requestToken, layer({ retry: RetryPolicy.none }, credentials)))
        expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("must fail with a CredentialsError")
      })
  )
})

it.effect.each(placesToThrow)(
  "a tracer that throws at `%s` changes no result of requestToken (O2, row 164)",
  (place) =>
    Effect.gen(function*() {
      const tracer = yield* throwing(place)
      const { layer } = yield* mocked((_, index) => index === 0 ? { body: token } : { status: 404 })
      const calls = Effect.provide(Effect.all([Effect.either(requestToken), Effect.flip(requestToken)]), layer(once))
      const [granted, refused] = yield* Effect.withTracer(calls, tracer)
      expect(granted._tag).toBe("Right")
      expect(refused).toMatchObject({ _tag: "UnexpectedResponseError", status: 404 })
    })
)
