import { ClientCredentials, Environment, RetryPolicy, TokenEndpoint, TokenError } from "@effect-tilia/core"
import { linesShowing, type MockHttpClient } from "@effect-tilia/testing"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { authUrl, clientId, clientSecret, mocked, requestToken, token } from "./support/mocked.js"
import { recordingSpans } from "./support/spans.js"

const sentAt = (received: ReadonlyArray<MockHttpClient.Received>) => received.map(({ at }) => at)

/** Runs a request to its end, on the test's clock. */
const played = (handle: MockHttpClient.Handler, options: TokenEndpoint.Options = {}) =>
  Effect.gen(function*() {
    const { layer, received } = yield* mocked(handle)
    const fiber = yield* requestToken.pipe(Effect.either, Effect.provide(layer(options)), Effect.fork)
    yield* TestClock.adjust("5 minutes")
    return { result: yield* Fiber.join(fiber), sentAt: sentAt(received) }
  })

/** Full jitter that always draws the longest delay. */
const longestDraw = Effect.withRandom(Random.fixed([0.999999999]))

describe("E2: inputs are validated before anything is sent", () => {
  const malformed: ReadonlyArray<ReadonlyArray<string>> = [[], ["a,b"], ["a b"], [""], ["ä"]]
  it.effect.each(malformed)(
    "row 61: scopes %j",
    (scopes) =>
      Effect.gen(function*() {
        const { layer, received } = yield* mocked(() => ({ body: token }))
        const error = yield* Effect.flatMap(TokenEndpoint.TokenEndpoint, (_) => _.requestToken(scopes)).pipe(
          Effect.flip,
          Effect.provide(layer())
        )
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "scopes" })
        expect(received).toStrictEqual([])
      })
  )

  const times = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31].flatMap((
    time
  ): Array<[string, TokenEndpoint.Options]> => [
    ["budget", { budget: time }],
    ["attemptTimeout", { attemptTimeout: time }],
    ["baseDelay", { retry: { baseDelay: time } }],
    ["maxDelay", { retry: { maxDelay: time } }]
  ])
  const counts = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY].map((
    maxAttempts
  ): [string, TokenEndpoint.Options] => [
    "maxAttempts",
    { retry: { maxAttempts } }
  ])
  it.effect.each([...times, ...counts])("row 64: %s %j", ([setting, options]) =>
    Effect.gen(function*() {
      const { layer } = yield* mocked(() => ({ body: token }))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer(options))))
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
    }))
})

describe("E3", () => {
  it.effect("fetch is told not to follow redirects, and keeps the user's own settings", () =>
    Effect.gen(function*() {
      const seen: Array<RequestInit | undefined> = []
      const layer = TokenEndpoint.layer().pipe(Layer.provide([
        ClientCredentials.layer({ clientId, clientSecret }),
        Environment.layer({ authUrl }),
        FetchHttpClient.layer
      ]))
      yield* Effect.provide(requestToken, layer).pipe(
        Effect.provideService(FetchHttpClient.RequestInit, { credentials: "omit", redirect: "follow" }),
        Effect.provideService(FetchHttpClient.Fetch, (_, init) => {
          seen.push(init)
          return Promise.resolve(Response.json(token))
        })
      )
      expect(seen).toMatchObject([{ redirect: "manual", credentials: "omit" }])
    }))

  it.scoped("a client that follows redirects by itself is found out", () =>
    Effect.gen(function*() {
      const { layer } = yield* mocked(
        (_, n) => n === 0 ? { status: 307, headers: { location: "https://evil.example/t" } } : { body: token },
        (client) => HttpClient.followRedirects(client)
      )
      const error = yield* Effect.provide(Effect.flip(requestToken), layer())
      expect(error).toMatchObject({
        _tag: "UnexpectedResponseError",
        problem: "the HTTP client went on to https://evil.example"
      })
    }))
})

describe("E6", () => {
  it.effect("each attempt has ten seconds, and a time-out is tried again within the budget", () =>
    Effect.gen(function*() {
      const { result, sentAt } = yield* longestDraw(played(() => Effect.never))
      expect(result).toMatchObject({ left: { _tag: "TokenTimeoutError", attempts: 3 } })
      // 10 s, 200 ms, 10 s, 400 ms, and what is left of 30 s.
      expect(sentAt).toStrictEqual([0, 10_200, 20_600])
    }))

  it.effect("credentials that don't come count as an attempt that takes too long", () =>
    Effect.gen(function*() {
      const { layer } = yield* mocked(() => ({ body: token }))
      const fiber = yield* requestToken.pipe(
        Effect.flip,
        Effect.provide(layer({ retry: RetryPolicy.none }, ClientCredentials.layerEffect(Effect.never))),
        Effect.fork
      )
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TokenTimeoutError" })
    }))
})

describe("E7", () => {
  it.effect("at most 4 attempts, with delays of up to 200, 400 and 800 milliseconds", () =>
    Effect.gen(function*() {
      const { result, sentAt } = yield* longestDraw(played(() => ({ status: 500 })))
      expect(result).toMatchObject({ left: { _tag: "ServiceUnavailableError", attempts: 4 } })
      expect(sentAt).toStrictEqual([0, 200, 600, 1400])
    }))

  it.effect.each(
    [
      ["seconds", "7", [0, 7000, 14_000, 21_000]],
      ["a date", "Thu, 01 Jan 1970 00:00:05 GMT", [0, 5000, 5400, 6200]],
      ["a date that has passed", "Wed, 31 Dec 1969 00:00:00 GMT", [0, 200, 600, 1400]],
      ["garbage", "-7", [0, 200, 600, 1400]]
    ] as const
  )("Retry-After is a floor: %s", ([, wait, times]) =>
    Effect.gen(function*() {
      const { sentAt } = yield* longestDraw(played(() => ({ status: 503, headers: { "retry-after": wait } })))
      expect(sentAt).toStrictEqual(times)
    }))

  it.effect("a wait that the budget can't hold isn't begun", () =>
    Effect.gen(function*() {
      const { layer, received } = yield* mocked(() => ({ status: 429, headers: { "retry-after": "30" } }))
      const error = yield* Effect.flip(requestToken).pipe(Effect.provide(layer())) // no clock moves
      expect(error).toMatchObject({ _tag: "RateLimitedError", attempts: 1, retryAfter: Duration.seconds(30) })
      expect(sentAt(received)).toStrictEqual([0])
    }))

  it.effect("row 11: where the budget ends a back-off, the last error is returned", () =>
    Effect.gen(function*() {
      const { result, sentAt } = yield* longestDraw(played(() => ({ status: 503 }), { budget: "1 second" }))
      expect(result).toMatchObject({ left: { _tag: "ServiceUnavailableError", attempts: 3 } })
      expect(sentAt).toStrictEqual([0, 200, 600])
    }))

  it.effect("row 11: where it cuts an attempt, a TokenTimeoutError is", () =>
    Effect.gen(function*() {
      const { result } = yield* played((_, n) => n === 0 ? { status: 503 } : Effect.never, { budget: "1 second" })
      expect(result).toMatchObject({ left: { _tag: "TokenTimeoutError", attempts: 2 } })
    }))

  it.effect("a second attempt that succeeds is a success", () =>
    Effect.gen(function*() {
      const { result } = yield* played((_, n) => n === 0 ? { status: 503 } : { body: token })
      expect(result._tag).toBe("Right")
    }))

  it.effect("any Schedule will do, and one call may have its own", () =>
    Effect.gen(function*() {
      const { layer, received } = yield* mocked(() => ({ status: 500 }))
      const endpoint = Effect.flatMap(TokenEndpoint.TokenEndpoint, (_) =>
        _.requestToken(["user_info"], { retry: Schedule.spaced("1 second").pipe(Schedule.upTo("3 seconds")) }))
      const fiber = yield* endpoint.pipe(Effect.flip, Effect.provide(layer({ retry: RetryPolicy.none })), Effect.fork)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      expect(sentAt(received)).toStrictEqual([0, 1000, 2000, 3000])
    }))

  it.effect.each([400, 401, 403, 404, 501, 505, 302])(
    "%i is never tried again, whatever the policy",
    (status) =>
      Effect.gen(function*() {
        const { sentAt } = yield* played(() => ({ status }), { retry: Schedule.forever })
        expect(sentAt).toStrictEqual([0])
      })
  )

  it.effect.each<[number, string, TokenError.TransportReason, number]>([
    [1, "ECONNREFUSED", "Refused", 4],
    [2, "EHOSTUNREACH", "Other", 4],
    [2, "ENETUNREACH", "Other", 4],
    [4, "ENOTFOUND", "Dns", 4],
    [5, "DEPTH_ZERO_SELF_SIGNED_CERT", "Tls", 1],
    [7, "ECONNRESET", "Reset", 4]
  ])("row %i: a transport failure of code %s is %s", ([_, code, reason, attempts]) =>
    Effect.gen(function*() {
      const { result } = yield* played(() => Effect.fail({ code }))
      expect(result).toMatchObject({
        left: { _tag: "TokenTransportError", reason, attempts, tokenUrl: `${authUrl}/token` }
      })
      expect(linesShowing(clientSecret, result)).toStrictEqual([])
    }))

  it.effect.each([[true, 4], [false, 1]] as const)(
    "a CredentialsError with retryable: %s",
    ([retryable, reads]) =>
      Effect.gen(function*() {
        let read = 0
        const vault = Effect.suspend(() => {
          read++
          return new TokenError.CredentialsError({ message: "The vault is sealed.", retryable })
        })
        const { layer } = yield* mocked(() => ({ body: token }))
        const fiber = yield* requestToken.pipe(
          Effect.flip,
          Effect.provide(layer({}, ClientCredentials.layerEffect(vault))),
          Effect.fork
        )
        yield* TestClock.adjust("1 minute")
        expect((yield* Fiber.join(fiber)).message).toBe("The vault is sealed.")
        expect(read).toBe(reads)
      })
  )
})

describe("E8", () => {
  it.effect("the request makes no span but ours, and ours holds no secret", () =>
    Effect.gen(function*() {
      const { spans, withTracer } = yield* recordingSpans
      const { layer, received } = yield* mocked(() => ({
        status: 401,
        body: clientSecret,
        headers: { "x-echo": clientSecret }
      }))
      yield* requestToken.pipe(Effect.flip, Effect.provide(layer()), withTracer)
      expect(spans.map((span) => span.name)).toStrictEqual(["TokenEndpoint.requestToken"])
      const shown = spans.map(({ attributes, name, status }) => ({
        attributes,
        name,
        exit: "exit" in status && status.exit
      }))
      expect(linesShowing(clientSecret, shown)).toStrictEqual([])
      expect(Object.keys(received[0]?.headers ?? {}).sort()).toStrictEqual([
        "accept",
        "accept-encoding",
        "content-length",
        "content-type"
      ])
    }))
})

describe("E9: fewer scopes than asked for", () => {
  const narrowed = () => ({ body: { ...token, scope: "user_info" } })
  const request = Effect.flatMap(TokenEndpoint.TokenEndpoint, (_) => _.requestToken(["user_info", "write_invoices"]))

  it.effect("are a warning that names the missing ones", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const capture = Logger.replace(Logger.defaultLogger, Logger.map(Logger.stringLogger, (line) => lines.push(line)))
      const { scopes } = yield* request.pipe(Effect.provide((yield* mocked(narrowed)).layer()), Effect.provide(capture))
      expect(scopes).toStrictEqual(["user_info"])
      expect(lines).toMatchObject([expect.stringMatching(/level=WARN.*missing: write_invoices/)])
    }))

  it.effect("are an InvalidScopeError with onNarrowedScope: \"fail\"", () =>
    Effect.gen(function*() {
      const layer = (yield* mocked(narrowed)).layer({ onNarrowedScope: "fail" })
      expect(yield* request.pipe(Effect.flip, Effect.provide(layer))).toMatchObject({
        _tag: "InvalidScopeError",
        status: 200,
        serverMessage: "not granted: write_invoices"
      })
    }))
})

describe("S5", () => {
  it.effect("a token's life counts from the moment before the request was sent", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1 minute")
      const slow = () => Effect.delay(Effect.succeed({ body: token }), "3 seconds")
      const { result } = yield* played(slow)
      const { expiresAt, issuedAt } = yield* result
      expect(DateTime.toEpochMillis(issuedAt)).toBe(60_000)
      expect(DateTime.toEpochMillis(expiresAt)).toBe(60_000 + 3_600_000)
    }))
})

it.scoped("a client that makes an error of a status still brings the server's answer", () =>
  Effect.gen(function*() {
    const { layer } = yield* mocked(
      () => ({ status: 401, body: { error: "invalid_client" } }),
      HttpClient.filterStatusOk
    )
    const error = yield* Effect.provide(Effect.flip(requestToken), layer())
    expect(error).toMatchObject({ _tag: "InvalidClientError", code: "invalid_client" })
  }))

describe("S12", () => {
  const rotated = "8d2a0b6e-5f0e-4a57-9c3b-1f2e3d4c5b6a"

  /** An endpoint whose credentials come from a source, in turn; the server takes the rotated secret only. */
  const rotating = Effect.fnUntraced(function*(secrets: ReadonlyArray<string | TokenError.CredentialsError>) {
    let reads = 0
    const { layer, received } = yield* mocked(({ body }) =>
      body.includes(rotated) ? { body: token } : { status: 401, body: { error: "invalid_client" } }
    )
    const current = Effect.suspend(() => {
      const secret = secrets[Math.min(reads++, secrets.length - 1)] ?? ""
      return typeof secret === "string" ? Effect.succeed({ clientId, clientSecret: secret }) : Effect.fail(secret)
    })
    const asked = Effect.provide(requestToken, layer({}, ClientCredentials.layerEffect(current)))
    return { asked, received, reads: () => reads }
  })

  it.effect("row 79: S12: a secret that was rotated while the old one was revoked fails no caller, and costs no delay", () =>
    Effect.gen(function*() {
      const { asked, received } = yield* rotating([clientSecret, rotated])
      yield* asked
      expect(received.length).toBe(2)
    }))

  it.effect("S12: what hasn't changed is asked for once, and the credentials are read twice", () =>
    Effect.gen(function*() {
      const { asked, reads, received } = yield* rotating([clientSecret])
      expect(yield* Effect.flip(asked)).toMatchObject({ _tag: "InvalidClientError", attempts: 1 })
      expect([received.length, reads()]).toStrictEqual([1, 2])
    }))

  it.effect("S12: a source that is down by then leaves the refusal as it was", () =>
    Effect.gen(function*() {
      const down = new TokenError.CredentialsError({ message: "The vault is down.", retryable: true })
      const { asked, received } = yield* rotating([clientSecret, down])
      expect(yield* Effect.flip(asked)).toMatchObject({ _tag: "InvalidClientError", attempts: 1 })
      expect(received.length).toBe(1)
    }))

  it.effect("S12: new credentials that are refused, too, are the end of it", () =>
    Effect.gen(function*() {
      const { asked, received } = yield* rotating([clientSecret, clientId])
      expect(yield* Effect.flip(asked)).toMatchObject({ _tag: "InvalidClientError", attempts: 2 })
      expect(received.length).toBe(2)
    }))
})

describe("S5", () => {
  it.effect("S5: a token whose life was over before it arrived is a time-out, and asked for again", () =>
    Effect.gen(function*() {
      const slow = () => Effect.delay(Effect.succeed({ body: { ...token, expires_in: 2 } }), "3 seconds")
      const { result, sentAt } = yield* played(slow)
      expect(result).toMatchObject({ left: { _tag: "TokenTimeoutError", attempts: 4 } })
      expect(sentAt.length).toBe(4)
    }))

  it.effect("S5: its life begins before the request was sent", () =>
    Effect.gen(function*() {
      const slow = () => Effect.delay(Effect.succeed({ body: { ...token, expires_in: 4 } }), "3 seconds")
      const { result } = yield* played(slow)
      expect(result).toMatchObject({
        right: { issuedAt: DateTime.unsafeMake(0), expiresAt: DateTime.unsafeMake(4000) }
      })
    }))
})
