import { ClientCredentials, Environment, RetryPolicy, TokenEndpoint, TokenError } from "@effect-tilia/core"
import { linesShowing, MockHttpClient, SkewClock } from "@effect-tilia/testing"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { clientId, clientSecret } from "./fixtures/vendorSample.js"
import { authUrl, mocked, requestToken, token } from "./support/mocked.js"
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

describe("Validation of inputs (E2)", () => {
  const malformed: ReadonlyArray<ReadonlyArray<string>> = [[], ["a,b"], ["a b"], [""], ["ä"]]
  it.effect.each(malformed)(
    "requestToken refuses $0 as scopes and sends no request (E2, row 61)",
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
  it.effect.each([...times, ...counts])(
    "TokenEndpoint.layer refuses a bad %s: %j (E2, row 64)",
    ([setting, options]) =>
      Effect.gen(function*() {
        const { layer } = yield* mocked(() => ({ body: token }))
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer(options))))
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
      })
  )

  it.effect("TokenEndpoint.layer refuses an unknown value of onNarrowedScope and says what is accepted (E2)", () =>
    Effect.gen(function*() {
      const { layer } = yield* mocked(() => ({ body: token }))
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(layer(JSON.parse("{\"onNarrowedScope\":\"ignore\"}"))))
      )
      expect(error).toMatchObject({ setting: "onNarrowedScope", expected: "\"warn\" or \"fail\"" })
    }))
})

describe("The request (E1)", () => {
  it.effect("an attempt is one POST to <authUrl>/token, with the credentials in its body alone (E1)", () =>
    Effect.gen(function*() {
      const { layer, received } = yield* mocked(() => ({ body: token }))
      yield* Effect.flatMap(TokenEndpoint.TokenEndpoint, (_) => _.requestToken(["user_info", "write_invoices"])).pipe(
        Effect.provide(layer())
      )
      expect(received).toMatchObject([{
        method: "POST",
        url: `${authUrl}/token`,
        body: `client_id=${clientId}&client_secret=${clientSecret}&grant_type=client_credentials` +
          "&scope=user_info%2Cwrite_invoices"
      }])
    }))
})

describe("Redirects (E3)", () => {
  it.effect("the endpoint tells fetch not to follow redirects and keeps the user's own settings (E3)", () =>
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

  it.scoped("the endpoint detects a client that follows redirects by itself (E3)", () =>
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

describe("Time limit of an attempt (E6)", () => {
  it.effect("each attempt has ten seconds, and a time-out is tried again within the budget (E6)", () =>
    Effect.gen(function*() {
      const { result, sentAt } = yield* longestDraw(played(() => Effect.never))
      expect(result).toMatchObject({ left: { _tag: "TokenTimeoutError", attempts: 3 } })
      // 10 s, 200 ms, 10 s, 400 ms, and what is left of 30 s.
      expect(sentAt).toStrictEqual([0, 10_200, 20_600])
    }))

  it.effect("an attempt whose credentials never come ends with a TokenTimeoutError (E6)", () =>
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

describe("Retries (E7)", () => {
  it.effect("the endpoint makes 4 attempts at most, with delays of up to 200, 400 and 800 ms (E7)", () =>
    Effect.gen(function*() {
      const { result, sentAt } = yield* longestDraw(played(() => ({ status: 500 })))
      expect(result).toMatchObject({ left: { _tag: "ServiceUnavailableError", attempts: 4 } })
      expect(sentAt).toStrictEqual([0, 200, 600, 1400])
    }))

  it.effect.each(
    [
      ["in seconds is a floor for the delay", "7", [0, 7000, 14_000, 21_000]],
      ["with a date is a floor for the delay", "Thu, 01 Jan 1970 00:00:05 GMT", [0, 5000, 5400, 6200]],
      ["with a date in the past changes no delay", "Wed, 31 Dec 1969 00:00:00 GMT", [0, 200, 600, 1400]],
      ["with a negative number changes no delay", "-7", [0, 200, 600, 1400]]
    ] as const
  )("a Retry-After %s (E7)", ([, wait, times]) =>
    Effect.gen(function*() {
      const { sentAt } = yield* longestDraw(played(() => ({ status: 503, headers: { "retry-after": wait } })))
      expect(sentAt).toStrictEqual(times)
    }))

  it.effect("the endpoint does not begin a wait that the budget can't hold (E7)", () =>
    Effect.gen(function*() {
      const { layer, received } = yield* mocked(() => ({ status: 429, headers: { "retry-after": "30" } }))
      const error = yield* Effect.flip(requestToken).pipe(Effect.provide(layer())) // no clock moves
      expect(error).toMatchObject({ _tag: "RateLimitedError", attempts: 1, retryAfter: Duration.seconds(30) })
      expect(sentAt(received)).toStrictEqual([0])
    }))

  it.effect("the endpoint returns the last error where the budget ends in a back-off (E7, row 11)", () =>
    Effect.gen(function*() {
      const { result, sentAt } = yield* longestDraw(played(() => ({ status: 503 }), { budget: "1 second" }))
      expect(result).toMatchObject({ left: { _tag: "ServiceUnavailableError", attempts: 3 } })
      expect(sentAt).toStrictEqual([0, 200, 600])
    }))

  it.effect("the endpoint returns a TokenTimeoutError where the budget ends in mid attempt (E7, row 11)", () =>
    Effect.gen(function*() {
      const { result } = yield* played((_, n) => n === 0 ? { status: 503 } : Effect.never, { budget: "1 second" })
      expect(result).toMatchObject({ left: { _tag: "TokenTimeoutError", attempts: 2 } })
    }))

  it.effect("requestToken succeeds when its second attempt succeeds (E7)", () =>
    Effect.gen(function*() {
      const { result } = yield* played((_, n) => n === 0 ? { status: 503 } : { body: token })
      expect(result._tag).toBe("Right")
    }))

  it.effect("a call of requestToken may have its own retry policy, which may be any Schedule (E7)", () =>
    Effect.gen(function*() {
      const { layer, received } = yield* mocked(() => ({ status: 500 }))
      const endpoint = Effect.flatMap(
        TokenEndpoint.TokenEndpoint,
        (_) => _.requestToken(["user_info"], { retry: Schedule.spaced("1 second").pipe(Schedule.upTo("3 seconds")) })
      )
      const fiber = yield* endpoint.pipe(Effect.flip, Effect.provide(layer({ retry: RetryPolicy.none })), Effect.fork)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      expect(sentAt(received)).toStrictEqual([0, 1000, 2000, 3000])
    }))

  it.effect("the budget holds for all attempts together, and no failure renews it (E7)", () =>
    Effect.gen(function*() {
      const { result, sentAt } = yield* played(
        () => Effect.delay(Effect.succeed({ status: 503, headers: { "retry-after": "1" } }), "4 seconds"),
        { budget: "12 seconds", retry: Schedule.forever }
      )
      expect(result).toMatchObject({ left: { _tag: "TokenTimeoutError", attempts: 3 } })
      expect(sentAt).toStrictEqual([0, 5000, 10_000])
    }))

  it.effect.each([["forward", 3_600_000], ["back", -3_600_000]] as const)(
    "the budget is measured by the monotonic clock, while the wall clock is set %s (E7, S10)",
    ([, step]) =>
      Effect.gen(function*() {
        const clocks = yield* SkewClock.make
        const times: Array<number> = []
        const { layer } = yield* mocked(() =>
          Effect.as(
            Effect.zipRight(
              Effect.clockWith((clock) =>
                Effect.sync(() => times.push(Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)))
              ),
              clocks.step(step)
            ),
            { status: 503, headers: { "retry-after": "1" } }
          )
        )
        const fiber = yield* requestToken.pipe(
          Effect.flip,
          Effect.provide(layer({ budget: "3500 millis", retry: Schedule.forever })),
          Effect.withClock(clocks.clock),
          Effect.fork
        )
        yield* TestClock.adjust("1 minute")
        expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "ServiceUnavailableError", attempts: 4 })
        expect(times).toStrictEqual([0, 1000, 2000, 3000])
      })
  )

  it.effect("a caller can leave in a back-off, at once, and no further request is sent (E7)", () =>
    Effect.gen(function*() {
      const { layer, received } = yield* mocked(() => ({ status: 503, headers: { "retry-after": "20" } }))
      const fiber = yield* Effect.fork(Effect.provide(requestToken, layer()))
      yield* TestClock.adjust("1 second")
      const leaving = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust(0) // the clock does not reach the end of the back-off
      expect(Option.isSome(yield* Fiber.poll(leaving))).toBe(true)
      yield* TestClock.adjust("1 minute")
      expect(received.length).toBe(1)
    }))

  it.effect("each call counts its own attempts and has its own budget (E7)", () =>
    Effect.gen(function*() {
      const { layer } = yield* mocked(() => ({ status: 500 }))
      yield* Effect.gen(function*() {
        for (let n = 0; n < 2; n++) {
          const fiber = yield* Effect.fork(Effect.flip(requestToken))
          yield* TestClock.adjust("1 minute")
          expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "ServiceUnavailableError", attempts: 4 })
        }
      }).pipe(Effect.provide(layer()))
    }))

  it.effect.each([400, 401, 403, 404, 501, 505, 302])(
    "the endpoint never tries again after a %i, whatever the policy (E7)",
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
  ])(
    "a transport failure with the code $1 has the reason $2 (E7, row $0)",
    ([_, code, reason, attempts]) =>
      Effect.gen(function*() {
        const { result } = yield* played(() => Effect.fail({ code }))
        expect(result).toMatchObject({
          left: { _tag: "TokenTransportError", reason, attempts, tokenUrl: `${authUrl}/token` }
        })
        expect(linesShowing(clientSecret, result)).toStrictEqual([])
      })
  )

  it.effect.each([[true, 4], [false, 1]] as const)(
    "a CredentialsError with retryable %s causes %i read(s) of the credentials (E7)",
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

describe("Secrets in spans and headers (E8)", () => {
  it.effect("a token request makes one span, which holds no secret, and sends no trace headers (E8)", () =>
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

describe("Narrowed scopes (E9)", () => {
  const requested = ["user_info", "write_invoices", "read_kycs"]

  /** A request for three scopes, of which these are granted, and what was logged meanwhile. */
  const granted = Effect.fnUntraced(function*(scope: string, options: TokenEndpoint.Options = {}) {
    const lines: Array<string> = []
    const capture = Logger.replace(Logger.defaultLogger, Logger.map(Logger.stringLogger, (line) => lines.push(line)))
    const { layer } = yield* mocked(() => ({ body: { ...token, scope } }))
    const result = yield* Effect.flatMap(TokenEndpoint.TokenEndpoint, (_) => _.requestToken(requested)).pipe(
      Effect.either,
      Effect.provide(layer(options)),
      Effect.provide(capture)
    )
    return { lines, result }
  })

  it.effect("fewer scopes than requested cause a warning that names the missing ones (E9)", () =>
    Effect.gen(function*() {
      const { lines, result } = yield* granted("user_info")
      expect(result).toMatchObject({ right: { scopes: ["user_info"] } })
      expect(lines).toMatchObject([expect.stringMatching(/level=WARN.*missing: write_invoices, read_kycs"/)])
    }))

  it.effect("a logger that throws at the warning does not lose the token (O5)", () =>
    Effect.gen(function*() {
      const logger = Logger.make(() => {
        throw new Error("The logger is broken.")
      })
      const { layer } = yield* mocked(() => ({ body: { ...token, scope: "user_info" } }))
      const granted = yield* Effect.flatMap(TokenEndpoint.TokenEndpoint, (_) => _.requestToken(requested)).pipe(
        Effect.provide(layer()),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      expect(granted.scopes).toStrictEqual(["user_info"])
    }))

  it.effect("with onNarrowedScope \"fail\", fewer scopes than requested are an InvalidScopeError (E9)", () =>
    Effect.gen(function*() {
      const { lines, result } = yield* granted("user_info", { onNarrowedScope: "fail" })
      expect(result).toMatchObject({
        left: {
          _tag: "InvalidScopeError",
          status: 200,
          attempts: 1,
          serverMessage: "not granted: write_invoices, read_kycs"
        }
      })
      expect(lines).toStrictEqual([])
    }))

  it.effect.each(["warn", "fail"] as const)(
    "all requested scopes, in any order and with others, cause no warning and no error with \"%s\" (E9)",
    (onNarrowedScope) =>
      Effect.gen(function*() {
        const { lines, result } = yield* granted("read_kycs,more,user_info,write_invoices", { onNarrowedScope })
        expect(result._tag).toBe("Right")
        expect(lines).toStrictEqual([])
      })
  )
})

describe("Lifetime of a token (S5)", () => {
  it.effect("the lifetime of a token starts at the moment before its request was sent (S5)", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1 minute")
      const slow = () => Effect.delay(Effect.succeed({ body: token }), "3 seconds")
      const { result } = yield* played(slow)
      const { expiresAt, issuedAt } = yield* result
      expect(DateTime.toEpochMillis(issuedAt)).toBe(60_000)
      expect(DateTime.toEpochMillis(expiresAt)).toBe(60_000 + 3_600_000)
    }))
})

it.scoped("the endpoint reads the response of a client that makes an error of its status", () =>
  Effect.gen(function*() {
    const { layer } = yield* mocked(
      () => ({ status: 401, body: { error: "invalid_client" } }),
      HttpClient.filterStatusOk
    )
    const error = yield* Effect.provide(Effect.flip(requestToken), layer())
    expect(error).toMatchObject({ _tag: "InvalidClientError", code: "invalid_client" })
  }))

describe("Rotation of credentials (S12)", () => {
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

  it.effect("a secret that is rotated while the old one is revoked fails and delays no caller (S12, row 79)", () =>
    Effect.gen(function*() {
      const { asked, received } = yield* rotating([clientSecret, rotated])
      yield* asked
      expect(received.length).toBe(2)
    }))

  it.effect("refused credentials are read again, and unchanged ones cause no second request (S12)", () =>
    Effect.gen(function*() {
      const { asked, reads, received } = yield* rotating([clientSecret])
      expect(yield* Effect.flip(asked)).toMatchObject({ _tag: "InvalidClientError", attempts: 1 })
      expect([received.length, reads()]).toStrictEqual([1, 2])
    }))

  it.effect("the refusal stays when the second read of the credentials fails (S12)", () =>
    Effect.gen(function*() {
      const down = new TokenError.CredentialsError({ message: "The vault is down.", retryable: true })
      const { asked, received } = yield* rotating([clientSecret, down])
      expect(yield* Effect.flip(asked)).toMatchObject({ _tag: "InvalidClientError", attempts: 1 })
      expect(received.length).toBe(1)
    }))

  it.effect.each(
    [
      [400, "invalid_scope"],
      [400, "invalid_request"],
      [404, undefined],
      [429, undefined],
      [500, undefined],
      [503, "invalid_client"]
    ] as const
  )(
    "the credentials are read once for an attempt that ends with %s %s, which refuses no client (S12)",
    ([status, error]) =>
      Effect.gen(function*() {
        let reads = 0
        const { layer, received } = yield* mocked(() => ({ status, body: { error } }))
        const current = Effect.sync(() => ({ clientId, clientSecret: reads++ === 0 ? clientSecret : rotated }))
        yield* requestToken.pipe(
          Effect.flip,
          Effect.provide(layer({ retry: RetryPolicy.none }, ClientCredentials.layerEffect(current)))
        )
        expect([reads, received.length]).toStrictEqual([1, 1])
      })
  )

  it.effect.each([400, 401, 403])(
    "the credentials are read once more after a %i without a code, which may mean an unknown client (S12)",
    (status) =>
      Effect.gen(function*() {
        let reads = 0
        const { layer, received } = yield* mocked((_, n) => n === 0 ? { status } : { body: token })
        const current = Effect.sync(() => ({ clientId, clientSecret: reads++ === 0 ? clientSecret : rotated }))
        yield* Effect.provide(requestToken, layer({}, ClientCredentials.layerEffect(current)))
        expect([reads, received.length]).toStrictEqual([2, 2])
      })
  )

  it.effect("another client id counts as new credentials, although the secret is the same (S12)", () =>
    Effect.gen(function*() {
      let reads = 0
      const { layer, received } = yield* mocked(({ body }) =>
        body.includes(rotated) ? { body: token } : { status: 401 }
      )
      const current = Effect.sync(() => ({ clientId: reads++ === 0 ? clientId : rotated, clientSecret }))
      yield* Effect.provide(requestToken, layer({}, ClientCredentials.layerEffect(current)))
      expect(received.length).toBe(2)
    }))

  it.effect("an error shows neither the new secret nor the old one, which the server may still quote (E8, S12)", () =>
    Effect.gen(function*() {
      let reads = 0
      const quoting = { error: "invalid_client", error_description: `not ${clientSecret}, nor ${rotated}` }
      const { layer } = yield* mocked(() => ({ status: 401, body: quoting }))
      const current = Effect.sync(() => ({ clientId, clientSecret: reads++ === 0 ? clientSecret : rotated }))
      const again = Effect.zipRight(Effect.flip(requestToken), Effect.flip(requestToken))
      for (const request of [Effect.flip(requestToken), again]) {
        reads = 0
        const error = yield* Effect.provide(request, layer({}, ClientCredentials.layerEffect(current)))
        expect(error).toMatchObject({ _tag: "InvalidClientError", serverMessage: "not <redacted>, nor <redacted>" })
      }
    }))

  it.effect("new credentials that are refused, too, cause no third request (S12)", () =>
    Effect.gen(function*() {
      const { asked, received } = yield* rotating([clientSecret, clientId])
      expect(yield* Effect.flip(asked)).toMatchObject({ _tag: "InvalidClientError", attempts: 2 })
      expect(received.length).toBe(2)
    }))
})

describe("Lifetime of a token (S5)", () => {
  it.effect("a token that expired before it arrived is a time-out and is requested again (S5)", () =>
    Effect.gen(function*() {
      const slow = () => Effect.delay(Effect.succeed({ body: { ...token, expires_in: 2 } }), "3 seconds")
      const { result, sentAt } = yield* played(slow)
      expect(result).toMatchObject({ left: { _tag: "TokenTimeoutError", attempts: 4 } })
      expect(sentAt.length).toBe(4)
    }))

  it.effect("a token that arrives within its lifetime counts from before its request (S5)", () =>
    Effect.gen(function*() {
      const slow = () => Effect.delay(Effect.succeed({ body: { ...token, expires_in: 4 } }), "3 seconds")
      const { result } = yield* played(slow)
      expect(result).toMatchObject({
        right: { issuedAt: DateTime.unsafeMake(0), expiresAt: DateTime.unsafeMake(4000) }
      })
    }))

  it.effect.each(
    [
      ["both clocks go on alike", 0, 3000],
      ["the wall clock is set back an hour", -3_600_000, 3000],
      ["the wall clock is set forward 4 seconds", 4000, 7000]
    ] as const
  )(
    "the lifetime counts from the larger age of the two clocks when %s (S5, S10)",
    ([, step, age]) =>
      Effect.gen(function*() {
        const clocks = yield* SkewClock.make
        const { layer } = yield* mocked(() => Effect.delay(Effect.succeed({ body: token }), "3 seconds"))
        const fiber = yield* Effect.fork(Effect.withClock(Effect.provide(requestToken, layer()), clocks.clock))
        yield* TestClock.adjust("1 second")
        yield* clocks.step(step)
        yield* TestClock.adjust("2 seconds")
        const { expiresAt, issuedAt } = yield* Fiber.join(fiber)
        const now = clocks.clock.unsafeCurrentTimeMillis()
        expect(now - issuedAt.epochMillis).toBe(age)
        expect(expiresAt.epochMillis - issuedAt.epochMillis).toBe(3_600_000)
      })
  )

  it.effect.each([["forward", 4000, false], ["back", -3_600_000, true]] as const)(
    "of a token that arrives while the wall clock is set %s it is decided by the larger age whether it is over (S5, S10)",
    ([, step, isValid]) =>
      Effect.gen(function*() {
        const clocks = yield* SkewClock.make
        const { layer } = yield* mocked(() =>
          Effect.delay(Effect.succeed({ body: { ...token, expires_in: 5 } }), "3 seconds")
        )
        const fiber = yield* requestToken.pipe(
          Effect.either,
          Effect.provide(layer({ retry: RetryPolicy.none })),
          Effect.withClock(clocks.clock),
          Effect.fork
        )
        yield* TestClock.adjust("1 second")
        yield* clocks.step(step)
        yield* TestClock.adjust("2 seconds")
        const result = yield* Fiber.join(fiber)
        expect(result).toMatchObject(isValid ? { _tag: "Right" } : { left: { _tag: "TokenTimeoutError", attempts: 1 } })
      })
  )
})

it.scoped("after a freeze a request that was under way is made again within a second (S16, row 128)", () =>
  Effect.gen(function*() {
    const clocks = yield* SkewClock.make
    const { layer, received } = yield* mocked((_, n) => n === 0 ? Effect.never : Effect.succeed({ body: token }))
    const fiber = yield* Effect.fork(Effect.withClock(Effect.provide(requestToken, layer()), clocks.clock))
    yield* TestClock.adjust("2 seconds")
    yield* clocks.step(5 * 60_000)
    expect(received.length).toBe(1)
    yield* TestClock.adjust("1 second")
    expect(received.length).toBe(2)
    const { issuedAt } = yield* Fiber.join(fiber)
    expect(issuedAt.epochMillis).toBe(clocks.clock.unsafeCurrentTimeMillis()) // of the second request
  }))

it.scoped("the end of the endpoint's scope interrupts a request under way (E6)", () =>
  Effect.gen(function*() {
    const { layer, received } = yield* mocked(() => Effect.never)
    const scope = yield* Scope.make()
    const endpoint = Context.get(yield* Layer.buildWithScope(layer(), scope), TokenEndpoint.TokenEndpoint)
    const fiber = yield* Effect.fork(endpoint.requestToken(["user_info"]))
    yield* TestClock.adjust(0)
    expect(received.length).toBe(1)
    yield* Scope.close(scope, Exit.void)
    expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
  }))

describe("TokenEndpoint.layerConfig", () => {
  const built = (options: Config.Config.Wrap<TokenEndpoint.Options>, settings: Record<string, string>) =>
    Effect.gen(function*() {
      const { client, received } = yield* MockHttpClient.make(() => ({ status: 500 }))
      const layer = TokenEndpoint.layerConfig(options).pipe(Layer.provide([
        ClientCredentials.layer({ clientId, clientSecret }),
        Environment.layer({ authUrl }),
        Layer.succeed(HttpClient.HttpClient, client)
      ]))
      const result = yield* requestToken.pipe(
        Effect.provide(layer),
        Effect.flip,
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(settings))))
      )
      return { result, received }
    })

  it.effect("the options of the endpoint come from the configuration", () =>
    Effect.gen(function*() {
      const options = { retry: Config.map(Config.integer("ATTEMPTS"), (maxAttempts) => ({ maxAttempts })) }
      const { received, result } = yield* built(options, { ATTEMPTS: "1" })
      expect(result).toMatchObject({ _tag: "ServiceUnavailableError" })
      expect(received.length).toBe(1)
    }))

  it.effect("an option of the configuration that is out of range is a ConfigError that names its setting (F4)", () =>
    Effect.gen(function*() {
      const { received, result } = yield* built({ budget: Config.integer("BUDGET") }, { BUDGET: "-1" })
      expect(result).toMatchObject({ _op: "InvalidData", path: ["BUDGET"] })
      expect(received).toStrictEqual([])
    }))
})
