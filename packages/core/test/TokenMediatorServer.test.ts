import { type AccessToken, type Scopes, Telemetry, TokenError } from "@effect-tilia/core"
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import { TokenSources } from "@effect-tilia/core/TokenSources"
import { leakProbe, SkewClock, TestAccessToken } from "@effect-tilia/testing"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { hash } from "../src/internal/tokenMediator/rejectedToken.js"
import { application, jwt, mediatorUrl, origin, samePage, serve, vendor } from "./support/mediator.js"

const asJson = { ...samePage, "content-type": "application/json" }
const userInfo = JSON.stringify({ scopes: ["user_info"] })

const request = (
  init: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: BodyInit } = {}
) => {
  const { body = userInfo, headers = asJson, method = "POST" } = init
  return new Request(mediatorUrl, {
    method,
    headers,
    ...(method === "POST" && { body, duplex: "half" })
  })
}

/** An answer, as far as it is looked at. */
const answered = (response: Response) =>
  Effect.promise(async () => {
    const text = await response.text()
    const body: unknown = text === "" ? undefined : JSON.parse(text)
    return { status: response.status, headers: Object.fromEntries(response.headers), body }
  })

/** What every response has (M3). */
const safe = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff"
}

/** Runs an effect and the fibers that it leaves behind, as far as they need no time. */
const settled = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.zipLeft(effect, TestClock.adjust(0))

/** How many requests have been refused for this reason, in this process. */
const refusals = (reason: string) =>
  Effect.map(
    Metric.value(Metric.tagged(Telemetry.mediatorRefusals, "reason", reason)),
    ({ count }) => count
  )

/** What was logged meanwhile, a line for each. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const logger = Logger.make(({ cause, logLevel, message }) => {
      lines.push([logLevel.label, String(message), ...(Cause.isEmpty(cause) ? [] : [Cause.pretty(cause)])].join(" "))
    })
    yield* Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger))
    return lines
  })

describe("Response with a token", () => {
  it.scoped("the mediator's response has the granted scopes and the remaining lifetime in whole seconds", () =>
    Effect.gen(function*() {
      const { app, asked } = yield* application()
      const token = yield* jwt(0, ["user_info"])
      yield* serve(app, request())
      yield* TestClock.adjust("10500 millis")
      expect(yield* Effect.flatMap(serve(app, request()), answered)).toStrictEqual({
        status: 200,
        headers: { ...safe, "content-type": "application/json", "content-length": expect.any(String) },
        body: {
          access_token: TestAccessToken.text(token),
          token_type: "Bearer",
          expires_in: "3589",
          scope: "user_info"
        }
      })
      expect(asked).toStrictEqual([["user_info"], ["user_info"]])
    }))

  it.scoped("ten pages with the same grant cause one token request", () =>
    Effect.gen(function*() {
      const { asked, sources } = vendor()
      const { app } = yield* application({ sources })
      yield* Effect.all(Array.from({ length: 10 }, () => serve(app, request())), { concurrency: "unbounded" })
      expect(asked).toStrictEqual([["user_info"]])
    }))

  it.scoped("the access token has the granted scopes where these are more than the page asked for (M2)", () =>
    Effect.gen(function*() {
      const { asked, sources } = vendor()
      const { app } = yield* application({ sources, authorize: () => Effect.succeed(["read_kycs", "user_info"]) })
      const { body } = yield* Effect.flatMap(serve(app, request()), answered)
      expect(body).toMatchObject({ scope: "read_kycs,user_info" })
      expect(asked).toStrictEqual([["read_kycs", "user_info"]])
    }))

  it.scoped("authorize can read the page's request and decide by it (M2)", () =>
    Effect.gen(function*() {
      const { app } = yield* application({
        authorize: () =>
          Effect.flatMap(
            HttpServerRequest.HttpServerRequest,
            ({ cookies }) =>
              cookies["session"] === "s3" ? Effect.succeed(["user_info"]) : TokenMediatorServer.unauthenticated
          )
      })
      const status = (cookie: string) =>
        Effect.map(serve(app, request({ headers: { ...asJson, cookie } })), ({ status }) => status)
      expect(yield* status("session=s3")).toBe(200)
      expect(yield* status("session=other")).toBe(401)
    }))

  it.scoped("the mediator hands out no token with less than a second left, but the next one", () =>
    Effect.gen(function*() {
      const { sources } = vendor((n, scopes) => jwt(n, scopes, { lifetime: "2 seconds" }))
      const { app } = yield* application({ sources })
      expect((yield* serve(app, request())).status).toBe(200)
      yield* TestClock.adjust("1200 millis")
      expect(yield* Effect.flatMap(serve(app, request()), answered)).toMatchObject({
        status: 503,
        headers: { "retry-after": "1" },
        body: { _tag: "ServiceUnavailableError", retryable: true, retryAfter: 1 }
      })
      yield* TestClock.adjust("1 second")
      expect(yield* Effect.flatMap(serve(app, request()), answered)).toMatchObject({ body: { expires_in: "1" } })
    }))

  it.scoped.each([1, 46])(
    "a page with a rejected token of %i minute(s) gets a new one, and all other pages get the same (A2)",
    (age) =>
      Effect.gen(function*() {
        const { asked, sources } = vendor()
        const { app } = yield* application({ sources })
        const rejected = hash(yield* jwt(0, ["user_info"]))
        const ask = (rejected?: number) =>
          Effect.flatMap(serve(app, request({ body: JSON.stringify({ scopes: ["user_info"], rejected }) })), answered)
        yield* ask()
        yield* ask(rejected + 1)
        expect(asked.length).toBe(1)
        yield* Effect.repeatN(Effect.zipRight(TestClock.adjust("1 minute"), ask()), age - 1) // in use all the while
        const first = yield* ask(rejected)
        expect(asked.length).toBe(2)
        expect(yield* ask(rejected)).toStrictEqual(first)
        expect(yield* ask()).toStrictEqual(first)
        expect(asked.length).toBe(2)
      })
  )
})

describe("Requests that are refused before authorize runs (M3)", () => {
  const stream = (...chunks: ReadonlyArray<string>) =>
    new ReadableStream({
      start: (controller) => {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
        controller.close()
      }
    })
  const type = { "content-type": "application/json" }
  const form = { "content-type": "application/x-www-form-urlencoded" }

  it.scoped.each<[string, Request, number, string]>([
    [
      "a request from another origin",
      request({ headers: { ...type, "sec-fetch-site": "cross-site", origin: "https://evil.example" } }),
      403,
      "InvalidRequestError"
    ],
    [
      "a request from another subdomain of its site",
      request({ headers: { ...type, "sec-fetch-site": "same-site", origin } }),
      403,
      "InvalidRequestError"
    ],
    [
      "a URL typed into the address bar",
      request({ headers: { ...type, "sec-fetch-site": "none" } }),
      403,
      "InvalidRequestError"
    ],
    [
      "a foreign Origin without Sec-Fetch-Site",
      request({ headers: { ...type, origin: "https://evil.example" } }),
      403,
      "InvalidRequestError"
    ],
    [
      "a foreign Origin that equals the Host",
      request({ headers: { ...type, origin: "https://evil.example", host: "evil.example" } }),
      403,
      "InvalidRequestError"
    ],
    ["a request without Sec-Fetch-Site and Origin", request({ headers: type }), 403, "InvalidRequestError"],
    [
      "the right Host without Sec-Fetch-Site and Origin",
      request({ headers: { ...type, host: "shop.example" } }),
      403,
      "InvalidRequestError"
    ],
    [
      "a form of another site",
      request({ headers: { ...form, origin: "https://evil.example" }, body: "scopes=user_info" }),
      403,
      "InvalidRequestError"
    ],
    [
      "a form of its own site",
      request({ headers: { ...samePage, ...form }, body: "scopes=user_info" }),
      415,
      "InvalidRequestError"
    ],
    [
      "a body of plain text",
      request({ headers: { ...samePage, "content-type": "text/plain" } }),
      415,
      "InvalidRequestError"
    ],
    ["a GET request", request({ method: "GET" }), 405, "InvalidRequestError"],
    [
      "a preflight request",
      request({ method: "OPTIONS", headers: { origin: "https://evil.example" } }),
      403,
      "InvalidRequestError"
    ],
    ["malformed JSON", request({ body: "{" }), 400, "InvalidRequestError"],
    ["an empty body", request({ body: "" }), 400, "InvalidRequestError"],
    ["an empty list of scopes", request({ body: "{\"scopes\":[]}" }), 400, "InvalidRequestError"],
    ["an invalid scope", request({ body: "{\"scopes\":[\"swordfish \\u0000\"]}" }), 400, "InvalidRequestError"],
    [
      "a body that is announced as too large",
      request({ headers: { ...asJson, "content-length": "16385" } }),
      413,
      "InvalidRequestError"
    ],
    [
      "a body that is too large without an announcement",
      request({ body: stream(userInfo, " ".repeat(16_384)) }),
      413,
      "InvalidRequestError"
    ]
  ])("the mediator refuses %s before authorize runs (M3)", ([, request, status, _tag]) =>
    Effect.gen(function*() {
      const { asked: asked0, sources } = vendor()
      const { app, asked } = yield* application({ sources })
      const answer = yield* Effect.flatMap(serve(app, request), answered)
      expect(answer).toMatchObject({ status, headers: safe, body: { _tag, retryable: false } })
      expect(JSON.stringify(answer)).not.toContain("swordfish")
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toStrictEqual([])
      expect(asked).toStrictEqual([])
      expect(asked0).toStrictEqual([])
    }))

  it.scoped("the mediator stops reading a body without an end and refuses it (M3)", () =>
    Effect.gen(function*() {
      const { app, asked } = yield* application()
      let pulled = 0
      const body = new ReadableStream({
        pull: (controller) => {
          pulled++
          controller.enqueue(new Uint8Array(1024))
        }
      })
      expect((yield* serve(app, request({ body }))).status).toBe(413)
      expect(pulled).toBeLessThan(300)
      expect(asked).toStrictEqual([])
    }))

  it.scoped("the mediator accepts a body in pieces within the limit (M3)", () =>
    Effect.gen(function*() {
      const { app } = yield* application()
      const body = stream("{\"scopes\":[\"user", "_info\"]}", " ".repeat(16_000))
      expect((yield* serve(app, request({ body }))).status).toBe(200)
    }))

  it.scoped.each<[string, string]>([
    ["another site", "https://evil.example"],
    ["a sibling host", "https://www.shop.example"],
    ["another port", "https://shop.example:8443"],
    ["plain HTTP", "http://shop.example"],
    ["an opaque origin", "null"]
  ])(
    "an Origin of %s is refused although Sec-Fetch-Site says same-origin, before authorize runs (M3, row 144)",
    ([, foreign]) =>
      Effect.gen(function*() {
        const { app, asked } = yield* application()
        const headers = { ...type, "sec-fetch-site": "same-origin", origin: foreign }
        const answer = yield* Effect.flatMap(serve(app, request({ headers })), answered)
        expect(answer).toMatchObject({ status: 403, headers: safe, body: { _tag: "InvalidRequestError" } })
        expect(asked).toStrictEqual([])
      })
  )

  it.scoped.each(["same-site", "cross-site", "none"])(
    "a Sec-Fetch-Site of %s is refused although the Origin is right, before authorize runs (M3, row 144)",
    (site) =>
      Effect.gen(function*() {
        const { app, asked } = yield* application()
        const response = yield* serve(app, request({ headers: { ...type, "sec-fetch-site": site, origin } }))
        expect(response.status).toBe(403)
        expect(asked).toStrictEqual([])
      })
  )

  it.scoped("a body that does not arrive within 10 seconds is refused, and authorize does not run (M6)", () =>
    Effect.gen(function*() {
      const { app, asked } = yield* application()
      const waiting = yield* Effect.fork(serve(app, request({ body: new ReadableStream() })))
      yield* TestClock.adjust("9999 millis")
      expect(yield* Fiber.poll(waiting)).toStrictEqual(Option.none())
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flatMap(Fiber.join(waiting), answered)).toMatchObject({
        status: 408,
        headers: safe,
        body: { _tag: "ServiceUnavailableError", retryable: true, retryAfter: 1 }
      })
      expect(asked).toStrictEqual([])
    }))

  it.scoped("each refusal is counted, and logged at Debug, with its reason (M3)", () =>
    Effect.gen(function*() {
      const { app } = yield* application({ authorize: () => TokenMediatorServer.forbidden })
      const cases: ReadonlyArray<readonly [reason: string, request: Request, line: string]> = [
        [
          "origin",
          request({ headers: { ...type, "sec-fetch-site": "same-origin", origin: "https://www.shop.example" } }),
          "origin; its Origin is \"https://www.shop.example\", its Sec-Fetch-Site is \"same-origin\", " +
          "and the pages are of https://shop.example"
        ],
        ["method", request({ method: "GET" }), "method"],
        ["content_type", request({ headers: { ...asJson, "content-type": "text/plain" } }), "content_type"],
        ["body_malformed", request({ body: "swordfish" }), "body_malformed"],
        ["forbidden", request(), "forbidden"]
      ]
      for (const [reason, request, line] of cases) {
        const before = yield* refusals(reason)
        const lines = yield* logged(serve(app, request)).pipe(Logger.withMinimumLogLevel(LogLevel.Debug))
        expect(lines).toStrictEqual([`DEBUG A mediator refuses a request: ${line}.`])
        expect((yield* refusals(reason)) - before).toBe(1)
      }
      expect(yield* logged(serve(app, request()))).toStrictEqual([])
    }))
})

describe("Refusals of authorize (M2)", () => {
  it.scoped.each<[string, TokenMediatorServer.Options["authorize"], number, object]>([
    ["finds no logged-in user", () => TokenMediatorServer.unauthenticated, 401, {
      _tag: "InvalidClientError",
      retryable: false
    }],
    ["forbids the user a token", () => TokenMediatorServer.forbidden, 403, {
      _tag: "InvalidClientError",
      retryable: false
    }],
    ["grants nothing", () => Effect.succeed([]), 400, { _tag: "InvalidScopeError", retryable: false }],
    ["grants other scopes", () => Effect.succeed(["read_kycs"]), 400, { _tag: "InvalidScopeError", retryable: false }],
    [
      "is unavailable",
      () => new TokenError.ServiceUnavailableError({ status: 503, attempts: 1, serverMessage: "swordfish" }),
      503,
      { _tag: "ServiceUnavailableError", retryable: true, retryAfter: 1 }
    ],
    ["grants an invalid scope", () => Effect.succeed(["user_info", "swordfish "]), 500, {
      _tag: "InvalidInputError",
      retryable: false
    }],
    ["dies with a defect", () => Effect.die(new Error("swordfish")), 500, {
      _tag: "ServiceUnavailableError",
      retryable: true
    }],
    [
      "throws",
      () => {
        throw new Error("swordfish")
      },
      500,
      { _tag: "ServiceUnavailableError", retryable: true }
    ]
  ])(
    "an authorize that %s makes the mediator refuse without a token request (M2)",
    ([, authorize, status, body]) =>
      Effect.gen(function*() {
        const { asked, sources } = vendor()
        const { app } = yield* application({ sources, authorize })
        const answer = yield* Effect.flatMap(serve(app, request()), answered).pipe(
          Effect.provide(Logger.remove(Logger.defaultLogger))
        )
        expect(answer).toMatchObject({ status, headers: safe, body })
        expect(JSON.stringify(answer)).not.toContain("swordfish")
        expect(asked).toStrictEqual([])
      })
  )

  it.scoped("the application's log shows the defect with which authorize died (M2)", () =>
    Effect.gen(function*() {
      const { app } = yield* application({ authorize: () => Effect.die(new Error("the sessions are gone")) })
      expect(yield* logged(serve(app, request()))).toStrictEqual([
        expect.stringMatching(/^ERROR A mediator's authorize died\. Error: the sessions are gone/)
      ])
    }))

  const ownSecret = new TokenError.InvalidClientError({ status: 401, attempts: 1, code: "invalid_client" })

  it.scoped.each<[string, TokenMediatorServer.Options["authorize"], number, string, RegExp]>([
    [
      "throws",
      () => {
        throw new Error("the sessions are gone")
      },
      500,
      "ServiceUnavailableError",
      /^ERROR A mediator's authorize died\. Error: the sessions are gone/
    ],
    [
      "dies",
      () => Effect.dieMessage("the sessions are gone"),
      500,
      "ServiceUnavailableError",
      /^ERROR A mediator's authorize died\. .*the sessions are gone/
    ],
    [
      "interrupts itself",
      () => Effect.interrupt,
      500,
      "ServiceUnavailableError",
      /^ERROR A mediator's authorize died\. /
    ],
    [
      "hangs",
      () => Effect.never,
      503,
      "ServiceUnavailableError",
      /^WARN A mediator's authorize did not decide within 10 seconds\.$/
    ],
    [
      "hangs and cannot be interrupted",
      () => Effect.uninterruptible(Effect.never),
      503,
      "ServiceUnavailableError",
      /^WARN A mediator's authorize did not decide within 10 seconds\.$/
    ],
    [
      "fails with the server's own InvalidClientError",
      () => ownSecret,
      500,
      "InvalidClientError",
      /^WARN A mediator's authorize failed: The server refused the client's credentials/
    ],
    [
      "fails with an InvalidScopeError",
      () => new TokenError.InvalidScopeError({ status: 400, attempts: 1 }),
      500,
      "InvalidScopeError",
      /^WARN A mediator's authorize failed: /
    ],
    [
      "fails with a RateLimitedError",
      () => new TokenError.RateLimitedError({ status: 429, attempts: 1 }),
      503,
      "RateLimitedError",
      /^WARN A mediator's authorize failed: /
    ]
  ])(
    "an authorize that %s costs the page no more than 10 seconds, and refuses no user (M6, row 145)",
    ([, authorize, status, _tag, line]) =>
      Effect.gen(function*() {
        const { asked, sources } = vendor()
        const { app } = yield* application({ sources, authorize })
        const lines = yield* logged(Effect.gen(function*() {
          const waiting = yield* Effect.fork(serve(app, request()))
          yield* TestClock.adjust("10 seconds")
          const answer = yield* Effect.flatMap(Fiber.join(waiting), answered)
          expect(answer).toMatchObject({ status, headers: safe, body: { _tag } })
          expect(JSON.stringify(answer)).not.toContain("sessions")
        }))
        expect(lines).toStrictEqual([expect.stringMatching(line)])
        expect(asked).toStrictEqual([])
      })
  )

  /** What only a program in JavaScript can return. */
  const fromJs = (json: string) => JSON.parse(json)

  it.scoped.each<[string, TokenMediatorServer.Options["authorize"], RegExp]>([
    ["fails with a string", () => Effect.fail(fromJs("\"the sessions are gone\"")), /Error: the sessions are gone/],
    [
      "fails with an error of its own",
      () => Effect.fail(Object.assign(fromJs("{}"), { _tag: "Gone", message: "the sessions are gone" })),
      /the sessions are gone/
    ],
    ["fails with undefined", () => Effect.fail(fromJs("{}").nothing), /died\./],
    ["yields null", () => Effect.succeed(fromJs("null")), /neither scopes nor/],
    ["yields true", () => Effect.succeed(fromJs("true")), /neither scopes nor/],
    ["yields a text", () => Effect.succeed(fromJs("\"user_info\"")), /neither scopes nor/],
    ["yields null as its scopes", () => Effect.succeed(fromJs("{\"scopes\":null}")), /neither scopes nor/],
    ["returns no effect", () => fromJs("{}"), /Not a valid effect/]
  ])(
    "an authorize that %s gets the page a whole 500, and its cause is logged (M6, row 145)",
    ([, authorize, cause]) =>
      Effect.gen(function*() {
        const { app } = yield* application({ authorize })
        const lines = yield* logged(Effect.gen(function*() {
          const answer = yield* Effect.flatMap(serve(app, request()), answered)
          expect(answer).toMatchObject({
            status: 500,
            headers: { ...safe, "content-type": "application/json" },
            body: { _tag: "ServiceUnavailableError", retryable: true }
          })
          expect(JSON.stringify(answer)).not.toContain("sessions")
        }))
        expect(lines).toStrictEqual([expect.stringMatching(/^ERROR A mediator's authorize died\. /)])
        expect(lines.join()).toMatch(cause)
      })
  )

  it.scoped.each([
    ["undefined", { scopes: ["user_info"], principal: undefined }, 403],
    ["of another user", { scopes: ["user_info"], principal: "bob" }, 403],
    ["of the page's user", { scopes: ["user_info"], principal: "alice" }, 200],
    ["absent", { scopes: ["user_info"] }, 200]
  ])(
    "a page that names a principal is answered by the principal of authorize, which is %s (M2)",
    ([, decision, status]) =>
      Effect.gen(function*() {
        const { app } = yield* application({ authorize: () => Effect.succeed(Object.assign(fromJs("{}"), decision)) })
        const body = JSON.stringify({ scopes: ["user_info"], principal: "alice" })
        expect((yield* serve(app, request({ body }))).status).toBe(status)
      })
  )

  it.scoped("the log reports that authorize granted an invalid scope and does not show it (M2)", () =>
    Effect.gen(function*() {
      const { app } = yield* application({ authorize: () => Effect.succeed(["swordfish "]) })
      const lines = yield* logged(serve(app, request()))
      expect(lines).toStrictEqual([expect.stringMatching(/^ERROR What a mediator's authorize grants is wrong: scopes/)])
      expect(lines.join()).not.toContain("swordfish")
    }))
})

describe("Tokens that can do more than was granted (M5)", () => {
  const wide = (n: number, scopes: ReadonlyArray<string>) =>
    jwt(n, scopes, { claims: { scopes: ["user_info", "write_invoices", "no scope\u001b[2J"] } })
  const refusal = { _tag: "UnexpectedResponseError", retryable: false }

  it.scoped("the mediator hands out no token with wider claims, and a warning and an event report it (M5)", () =>
    Effect.gen(function*() {
      const events: Array<TokenMediatorServer.WiderClaims> = []
      const { app } = yield* application({
        sources: vendor(wide).sources,
        onWiderClaims: (event) => Effect.sync(() => void events.push(event))
      })
      const lines = yield* logged(Effect.gen(function*() {
        const answer = yield* settled(Effect.flatMap(serve(app, request()), answered))
        expect(answer).toMatchObject({ status: 500, headers: safe, body: refusal })
        expect(JSON.stringify(answer)).not.toContain("access_token")
      }))
      expect(lines).toStrictEqual([
        "WARN A page doesn't get a token: it can be used for user_info, write_invoices, and granted is user_info."
      ])
      expect(events).toStrictEqual([
        { granted: ["user_info"], reach: ["user_info", "write_invoices", "no scope\u001b[2J"] }
      ])
    }))

  const opaque = (_: number, scopes: ReadonlyArray<string>) =>
    Effect.orDie(TestAccessToken.make({ scopes, text: "opaque" }))

  it.scoped("the mediator hands out no token with unreadable claims, and a warning and an event report it (M5)", () =>
    Effect.gen(function*() {
      const events: Array<TokenMediatorServer.WiderClaims> = []
      const { app } = yield* application({
        sources: vendor(opaque).sources,
        onWiderClaims: (event) => Effect.sync(() => void events.push(event))
      })
      const lines = yield* logged(Effect.gen(function*() {
        expect(yield* settled(Effect.flatMap(serve(app, request()), answered))).toMatchObject({
          status: 500,
          body: refusal
        })
      }))
      expect(lines).toStrictEqual(["WARN A page doesn't get a token: its claims don't say for what it can be used."])
      expect(events).toStrictEqual([{ granted: ["user_info"], reach: undefined }])
    }))

  it.scoped.each<[string, TokenMediatorServer.Options["onWiderClaims"] & {}, ReadonlyArray<RegExp>]>([
    ["hangs", () => Effect.never, [/TimeoutException/]],
    ["hangs and cannot be interrupted", () => Effect.uninterruptible(Effect.never), [/TimeoutException/]],
    ["dies", () => Effect.dieMessage("no mail"), [/no mail/]],
    [
      "throws",
      () => {
        throw new Error("no mail")
      },
      [/no mail/]
    ]
  ])(
    "an onWiderClaims that %s changes nothing in the refusal and does not hold it up (M5)",
    ([, onWiderClaims, failures]) =>
      Effect.gen(function*() {
        const { app } = yield* application({ sources: vendor(wide).sources, onWiderClaims })
        const lines = yield* logged(Effect.gen(function*() {
          // No time passes on the test's clock before the answer.
          expect(yield* Effect.flatMap(serve(app, request()), answered)).toMatchObject({ status: 500, body: refusal })
          yield* TestClock.adjust("10 seconds")
        }))
        expect(lines).toStrictEqual([
          expect.stringMatching(/^WARN A page doesn't get a token/),
          ...failures.map((failure) => expect.stringMatching(failure))
        ])
        expect(lines[1]).toMatch(/^ERROR A mediator's onWiderClaims failed\. /)
      })
  )

  it.scoped.each<[string, object, number]>([
    ["an empty list of scopes", { scopes: [] }, 500],
    ["an empty scope of RFC 9068", { scope: "", scopes: undefined }, 500],
    ["a scope of RFC 9068 that is wider", { scope: "user_info write_invoices" }, 500],
    ["a scope of RFC 9068 within the grant, and no scopes", { scope: "user_info", scopes: undefined }, 200]
  ])(
    "a token with %s in its claims is answered as the grant says (M5)",
    ([, claims, status]) =>
      Effect.gen(function*() {
        const { app } = yield* application({
          sources: vendor((n, scopes) => jwt(n, scopes, { claims })).sources
        })
        const response = yield* serve(app, request()).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
        expect(response.status).toBe(status)
      })
  )

  it.scoped.each([["wider", wide], ["opaque", opaque]] as const)(
    "with allowWiderClaims the mediator hands out a token that is %s (M5)",
    ([, answer]) =>
      Effect.gen(function*() {
        const { app } = yield* application({ sources: vendor(answer).sources, allowWiderClaims: true })
        expect((yield* serve(app, request())).status).toBe(200)
      })
  )

  it.scoped("the mediator hands out a token whose claims lie within the grant (M5)", () =>
    Effect.gen(function*() {
      const { app } = yield* application({
        sources: vendor((n, scopes) => jwt(n, scopes, { claims: { scopes: ["user_info", "write_invoices"] } })).sources,
        authorize: () => Effect.succeed(["write_invoices", "user_info", "read_kycs"])
      })
      expect((yield* serve(app, request())).status).toBe(200)
    }))
})

describe("Errors of the authorization server", () => {
  it.scoped("the page gets a Retry-After and the mediator's words, not the authorization server's words", () =>
    Effect.gen(function*() {
      const { sources } = vendor(() =>
        new TokenError.RateLimitedError({ status: 429, code: "swordfish", serverMessage: "swordfish", attempts: 4 })
      )
      const { app } = yield* application({ sources })
      const answer = yield* Effect.flatMap(serve(app, request()), answered)
      expect(answer).toStrictEqual({
        status: 429,
        headers: {
          ...safe,
          "content-type": "application/json",
          "content-length": expect.any(String),
          "retry-after": "1"
        },
        body: {
          _tag: "RateLimitedError",
          retryable: true,
          message: "There have been too many token requests.",
          retryAfter: 1
        }
      })
    }))

  it.scoped("the message of a defect reaches neither the page nor the log", () =>
    Effect.gen(function*() {
      const { app } = yield* application({ sources: vendor(() => Effect.die(new Error("swordfish"))).sources })
      const lines = yield* logged(Effect.gen(function*() {
        const answer = yield* Effect.flatMap(serve(app, request()), answered)
        expect(answer).toMatchObject({ status: 500, headers: safe, body: { _tag: "ServiceUnavailableError" } })
        expect(JSON.stringify(answer)).not.toContain("swordfish")
      }))
      expect(lines).toStrictEqual(["ERROR A mediator's request died."])
    }))
})

describe("TokenMediatorServer.make", () => {
  it.effect.each([
    "no URL",
    "http://shop.example",
    "https://shop.example/app",
    "https://u:p@shop.example",
    "https://shop.example?a"
  ])(
    "TokenMediatorServer.make refuses the origin \"%s\" with an InvalidInputError",
    (origin) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.provide(
          TokenMediatorServer.make({ origin, authorize: () => Effect.succeed(["user_info"]) }),
          vendor().sources
        ))
        expect(error).toMatchObject({
          _tag: "InvalidInputError",
          setting: "origin",
          expected: "an https origin (http on loopback only), without path, user, query or fragment"
        })
      })
  )

  it.effect.each([
    ["origin", undefined],
    ["origin", null],
    ["authorize", { origin }],
    ["authorize", { origin, authorize: "alice" }],
    ["allowWiderClaims", { origin, authorize: () => Effect.void, allowWiderClaims: "false" }],
    ["allowWiderClaims", { origin, authorize: () => Effect.void, allowWiderClaims: 1 }],
    ["onWiderClaims", { origin, authorize: () => Effect.void, onWiderClaims: true }]
  ])(
    "TokenMediatorServer.make in JavaScript refuses a wrong %s when it is made (M2, M5) (case %#)",
    ([setting, options]) =>
      Effect.gen(function*() {
        const made: Effect.Effect<unknown, unknown, TokenSources> = Reflect.apply(TokenMediatorServer.make, undefined, [
          options
        ])
        const error = yield* Effect.flip(Effect.provide(made, vendor().sources))
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
      })
  )

  it.scoped("TokenMediatorServer.make takes an origin in upper case with a slash and its default port", () =>
    Effect.gen(function*() {
      const { app } = yield* application({ origin: "HTTPS://Shop.Example:443/" })
      expect((yield* serve(app, request({ headers: { "content-type": "application/json", origin } }))).status).toBe(200)
    }))

  it.live("a router can mount the mediator and serve it through a web handler", () =>
    Effect.gen(function*() {
      const { app } = yield* application()
      const handler = HttpApp.toWebHandler(HttpRouter.empty.pipe(HttpRouter.all("/tilia/token", app)))
      const get = yield* Effect.promise(() => handler(request({ method: "GET" })))
      expect(get.status).toBe(405)
      expect(get.headers.get("allow")).toBe("POST")
      const post = yield* Effect.promise(() => handler(request()))
      expect(post.status).toBe(200)
      expect(yield* Effect.promise(() => post.json())).toMatchObject({ token_type: "Bearer" })
    }).pipe(Effect.scoped))

  it.scoped("a page that goes away ends at once and does not end the flight for other pages", () =>
    Effect.gen(function*() {
      const { asked, sources } = vendor((n, scopes) => Effect.delay(jwt(n, scopes), "1 second"))
      const { app } = yield* application({ sources })
      const stays = yield* Effect.fork(serve(app, request()))
      const goes = yield* Effect.fork(Effect.uninterruptible(serve(app, request())))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(goes)
      yield* TestClock.adjust("500 millis")
      expect((yield* Fiber.join(stays)).status).toBe(200)
      expect(asked.length).toBe(1)
    }))

  it.effect("the mediator refuses a request after its source was closed", () =>
    Effect.gen(function*() {
      const { app } = yield* Effect.scoped(application())
      const answer = yield* Effect.flatMap(serve(app, request()), answered)
      expect(answer).toMatchObject({ status: 500, headers: safe, body: { _tag: "ServiceUnavailableError" } })
    }))
})

describe("What one page can do to all others (row 146)", () => {
  const nine = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
  const subsets = Array.from(
    { length: 511 },
    (_, n) => nine.filter((_, bit) => ((n + 1) >> bit) % 2 === 1)
  )
  const ask = (app: Parameters<typeof serve>[0], body: object) =>
    Effect.flatMap(serve(app, request({ body: JSON.stringify(body) })), answered)

  it.scoped(
    "with a fixed set for each role, all subsets of nine scopes cost one token request (S17, row 146)",
    () =>
      Effect.gen(function*() {
        const { asked, sources } = vendor()
        const { app } = yield* application({ sources, authorize: () => Effect.succeed(nine) })
        for (const scopes of subsets) expect((yield* ask(app, { scopes })).status).toBe(200)
        expect(asked.length).toBe(1)
      })
  )

  it.scoped(
    "with an authorize that grants what is asked for, a page gets 511 tokens, and 100 are kept (S17, row 146)",
    () =>
      Effect.gen(function*() {
        const { asked, sources } = vendor()
        const { app } = yield* application({ sources, authorize: ({ scopes }) => Effect.succeed(scopes) })
        for (const scopes of subsets) expect((yield* ask(app, { scopes })).status).toBe(200)
        expect(asked.length).toBe(511)
        for (const scopes of subsets.slice(-100)) yield* ask(app, { scopes })
        expect(asked.length).toBe(511)
        yield* ask(app, { scopes: subsets[0] ?? [] })
        expect(asked.length).toBe(512)
      })
  )

  it.scoped.each([1, 1.1, 2, 5])(
    "a page that rejects its token every %d seconds costs at most 12 token requests in 3 minutes (M7, row 146)",
    (seconds) =>
      Effect.gen(function*() {
        const { asked, sources } = vendor()
        const { app } = yield* application({ sources })
        const texts = Schema.decodeUnknownSync(Schema.Struct({ access_token: Schema.String }))
        let rejected: number | undefined
        for (let n = 0; n * seconds < 180; n++) {
          const { body } = yield* ask(app, { scopes: ["user_info"], rejected })
          rejected = hash({ value: Redacted.make(texts(body).access_token) })
          yield* TestClock.adjust(Duration.seconds(seconds))
        }
        expect(asked.length).toBeGreaterThan(2)
        expect(asked.length).toBeLessThanOrEqual(12)
      })
  )

  it.scoped("a page that rejects its token is answered like a caller of invalidate (M7)", () =>
    Effect.gen(function*() {
      const events: Array<string> = []
      const { app } = yield* application({
        sources: Layer.effect(
          TokenSources,
          Effect.map(TokenSources, (sources) => ({
            ...sources,
            source: (scopes: Scopes.Input) =>
              Effect.map(sources.source(scopes), (source) => ({
                ...source,
                invalidate: (token: AccessToken.AccessToken) =>
                  Effect.zipRight(Effect.sync(() => void events.push("invalidate")), source.invalidate(token)),
                refresh: Effect.zipRight(Effect.sync(() => void events.push("refresh")), source.refresh)
              }))
          }))
        ).pipe(Layer.provide(vendor().sources))
      })
      const rejected = hash(yield* jwt(0, ["user_info"]))
      yield* ask(app, { scopes: ["user_info"] })
      yield* TestClock.adjust("1 minute")
      yield* ask(app, { scopes: ["user_info"], rejected })
      expect(events).toStrictEqual(["invalidate"])
    }))
})

describe("Tokens in what the mediator prints (E8)", () => {
  const wide = (n: number, scopes: ReadonlyArray<string>) => jwt(n, scopes, { claims: { scopes: ["everything"] } })
  it.scoped.each([["that it hands out", jwt], ["that it doesn't hand out", wide]] as const)(
    "the mediator shows no token %s in what it prints (E8)",
    ([, answer]) =>
      Effect.gen(function*() {
        const token = TestAccessToken.text(yield* answer(0, ["user_info"]))
        const { app } = yield* application({ sources: vendor(answer).sources })
        // The answer itself is looked at, as an application's middleware would see it.
        const { exit, leaks } = yield* leakProbe(
          Effect.withSpan(app, "request").pipe(
            Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request()))
          ),
          [token]
        )
        expect(exit._tag).toBe("Success")
        expect(leaks).toStrictEqual([])
      })
  )

  it.scoped("the leak probe sees the token in a response that shows its body (E8)", () =>
    Effect.gen(function*() {
      const token = TestAccessToken.text(yield* jwt(0, ["user_info"]))
      const { leaks } = yield* leakProbe(HttpServerResponse.json({ access_token: token }), [token])
      expect(leaks.length).toBeGreaterThan(0)
    }))
})

it.scoped("the remaining lifetime follows both hands of the clock since the token was first seen (S10)", () =>
  Effect.gen(function*() {
    const { clock, step } = yield* SkewClock.make
    const { app } = yield* Effect.withClock(application(), clock)
    const ask = Effect.withClock(Effect.suspend(() => Effect.flatMap(serve(app, request()), answered)), clock)
    yield* ask
    yield* TestClock.adjust("5 minutes")
    yield* step(-300_000)
    expect(yield* ask).toMatchObject({ body: { expires_in: "3300" } })
  }))
