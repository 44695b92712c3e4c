import { Scopes } from "@effect-tilia/core"
import { MockHttpClient, SkewClock } from "@effect-tilia/testing"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as RoundTrip from "../../../src/internal/tokenEndpoint/roundTrip.js"
import { recordingSpans } from "../../support/spans.js"

const tokenUrl = "https://auth.example/token"
const target = { tokenUrl, requested: Effect.runSync(Scopes.make(["user_info"])), attempts: 3 }
const request = HttpClientRequest.post(tokenUrl)

/** Round trips over a client without a network, or over what was made of it. */
const mocked = (
  handle: MockHttpClient.Handler,
  adapt: (client: HttpClient.HttpClient) => HttpClient.HttpClient = (client) => client
) =>
  Effect.gen(function*() {
    const { client, received } = yield* MockHttpClient.make(handle)
    const roundTrip = yield* Effect.provideService(RoundTrip.make, HttpClient.HttpClient, adapt(client))
    return { received, roundTrip: roundTrip(request, target) }
  })

/** Round trips over fetch, whose calls are noted. */
const fetching = (
  respond: (signal: AbortSignal) => Promise<Response>,
  ...settings: ReadonlyArray<RequestInit>
) =>
  Effect.gen(function*() {
    const calls: Array<RequestInit> = []
    const signals: Array<AbortSignal> = []
    const fetch = Layer.succeed(FetchHttpClient.Fetch, (_, init = {}) => {
      calls.push(init)
      if (init.signal) signals.push(init.signal)
      return respond(init.signal ?? AbortSignal.abort())
    })
    const [made] = settings
    const make = Effect.provide(RoundTrip.make, FetchHttpClient.layer)
    const roundTrip = yield* made === undefined
      ? make
      : Effect.provideService(make, FetchHttpClient.RequestInit, made)
    return { calls, signals, roundTrip: Effect.provide(roundTrip(request, target), fetch) }
  })

/** Lets promises be settled, which no test clock drives. */
const turn = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))

describe("A round trip", () => {
  it.effect("a round trip returns the response, whatever its status", () =>
    Effect.gen(function*() {
      for (const status of [200, 302, 401, 503]) {
        const { roundTrip } = yield* mocked(() => ({ status, body: "abc" }))
        expect(yield* roundTrip).toMatchObject({ url: tokenUrl, status, body: new TextEncoder().encode("abc") })
      }
    }))

  it.effect("the response of a client that makes an error of its status is returned all the same", () =>
    Effect.gen(function*() {
      const { roundTrip } = yield* mocked(() => ({ status: 401, body: "abc" }), HttpClient.filterStatusOk)
      expect(yield* roundTrip).toMatchObject({ status: 401, body: new TextEncoder().encode("abc") })
    }))

  it.effect("a request that gets no response is a TokenTransportError that names its target (E7)", () =>
    Effect.gen(function*() {
      const { roundTrip } = yield* mocked(() => Effect.fail({ code: "ECONNREFUSED" }))
      expect(yield* Effect.flip(roundTrip)).toMatchObject({
        _tag: "TokenTransportError",
        reason: "Refused",
        tokenUrl,
        attempts: 3
      })
    }))

  it.effect("a body that breaks off is a TokenTransportError that names its target (E7)", () =>
    Effect.gen(function*() {
      const body = () => new ReadableStream({ start: (controller) => controller.error({ code: "ECONNRESET" }) })
      const { roundTrip } = yield* mocked(() => new Response(body()))
      expect(yield* Effect.flip(roundTrip)).toMatchObject({ _tag: "TokenTransportError", tokenUrl, attempts: 3 })
    }))

  it.effect.each(
    [
      ["both clocks go on alike", 0, 3000],
      ["the wall clock is set back", -60_000, 3000],
      ["the wall clock is set forward", 60_000, 63_000]
    ] as const
  )("the age counts from before the request was sent, by the larger clock, when %s (S5, S10)", (
    [, step, age]
  ) =>
    Effect.gen(function*() {
      const clocks = yield* SkewClock.make
      const { roundTrip } = yield* mocked(() => Effect.delay(Effect.succeed({ body: "abc" }), "3 seconds"))
      const fiber = yield* Effect.fork(Effect.withClock(roundTrip, clocks.clock))
      yield* TestClock.adjust("1 second")
      yield* clocks.step(step)
      yield* TestClock.adjust("2 seconds")
      expect((yield* Fiber.join(fiber)).age).toBe(age)
    }))

  it.effect("a round trip makes no span of its own and sends no trace headers (E3, E8)", () =>
    Effect.gen(function*() {
      const { spans, withTracer } = yield* recordingSpans
      const { received, roundTrip } = yield* mocked(() => ({ body: "abc" }))
      yield* Effect.withSpan(roundTrip, "mine").pipe(withTracer)
      expect(spans.map(({ name }) => name)).toStrictEqual(["mine"])
      expect(Object.keys(received[0]?.headers ?? {})).toStrictEqual([])
    }))
})

describe("The settings of fetch (E3)", () => {
  const respond = () => Promise.resolve(new Response("abc"))

  it.effect("fetch is told not to follow redirects (E3)", () =>
    Effect.gen(function*() {
      const { calls, roundTrip } = yield* fetching(respond)
      yield* roundTrip
      expect(calls).toMatchObject([{ redirect: "manual" }])
    }))

  it.effect("the settings that are there when the endpoint is made are kept, except for redirects (E3)", () =>
    Effect.gen(function*() {
      const { calls, roundTrip } = yield* fetching(respond, { credentials: "omit", redirect: "follow" })
      yield* roundTrip
      expect(calls).toMatchObject([{ redirect: "manual", credentials: "omit" }])
    }))

  it.effect("the settings of a call are kept, too, and win (E3)", () =>
    Effect.gen(function*() {
      const { calls, roundTrip } = yield* fetching(respond, { credentials: "omit", cache: "no-store" })
      yield* Effect.provideService(roundTrip, FetchHttpClient.RequestInit, { cache: "reload", redirect: "error" })
      expect(calls).toMatchObject([{ redirect: "manual", credentials: "omit", cache: "reload" }])
    }))
})

describe("Sockets (E6)", () => {
  it.live("a request that is interrupted before its response is aborted (E6)", () =>
    Effect.gen(function*() {
      const { roundTrip, signals } = yield* fetching(() => new Promise(() => undefined))
      const fiber = yield* Effect.fork(roundTrip)
      yield* turn
      expect(signals.map(({ aborted }) => aborted)).toStrictEqual([false])
      yield* Fiber.interrupt(fiber)
      expect(signals.map(({ aborted }) => aborted)).toStrictEqual([true])
    }))

  it.live.each([["is announced as short", { "content-length": "3" }], ["has no announced length", {}]] as const)(
    "a request that is interrupted in its body is aborted, if the body %s (E6)",
    ([, headers]) =>
      Effect.gen(function*() {
        const { roundTrip, signals } = yield* fetching(() =>
          Promise.resolve(new Response(new ReadableStream(), { headers }))
        )
        const fiber = yield* Effect.fork(roundTrip)
        yield* turn
        expect(signals.map(({ aborted }) => aborted)).toStrictEqual([false])
        yield* Fiber.interrupt(fiber)
        expect(signals.map(({ aborted }) => aborted)).toStrictEqual([true])
      })
  )

  it.live("a request whose body breaks off is aborted (E6)", () =>
    Effect.gen(function*() {
      const body = new ReadableStream({ start: (controller) => controller.error(new Error("reset")) })
      const { roundTrip, signals } = yield* fetching(() => Promise.resolve(new Response(body)))
      yield* Effect.flip(roundTrip)
      expect(signals.map(({ aborted }) => aborted)).toStrictEqual([true])
    }))

  it.live("a request that came to its end is not aborted afterwards (P3)", () =>
    Effect.gen(function*() {
      const { roundTrip, signals } = yield* fetching(() => Promise.resolve(new Response("abc")))
      yield* roundTrip
      yield* turn
      expect(signals.map(({ aborted }) => aborted)).toStrictEqual([false])
    }))

  it.live("each request has a scope of its own (E6)", () =>
    Effect.gen(function*() {
      let n = 0
      const { roundTrip, signals } = yield* fetching(() =>
        n++ === 0 ? new Promise(() => undefined) : Promise.resolve(new Response("abc"))
      )
      const hanging = yield* Effect.fork(roundTrip)
      yield* turn
      yield* roundTrip
      expect(signals.map(({ aborted }) => aborted)).toStrictEqual([false, false])
      yield* Fiber.interrupt(hanging)
      expect(signals.map(({ aborted }) => aborted)).toStrictEqual([true, false])
    }))
})
