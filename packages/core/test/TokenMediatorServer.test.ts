import { TokenError } from "@effect-tilia/core"
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import { leakProbe, SkewClock, TestAccessToken } from "@effect-tilia/testing"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import { fingerprint } from "../src/TokenMediator.js"
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

const noStore = { "cache-control": "no-store" }

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

describe("a token", () => {
  it.scoped("has the granted scopes and the life that is left, in whole seconds", () =>
    Effect.gen(function*() {
      const { app, asked } = yield* application()
      const token = yield* jwt(0, ["user_info"])
      yield* serve(app, request())
      yield* TestClock.adjust("10500 millis")
      expect(yield* Effect.flatMap(serve(app, request()), answered)).toStrictEqual({
        status: 200,
        headers: { ...noStore, "content-type": "application/json", "content-length": expect.any(String) },
        body: {
          access_token: TestAccessToken.text(token),
          token_type: "Bearer",
          expires_in: "3589",
          scope: "user_info"
        }
      })
      expect(asked).toStrictEqual([["user_info"], ["user_info"]])
    }))

  it.scoped("is one for all pages with the same grant", () =>
    Effect.gen(function*() {
      const { asked, sources } = vendor()
      const { app } = yield* application({ sources })
      yield* Effect.all(Array.from({ length: 10 }, () => serve(app, request())), { concurrency: "unbounded" })
      expect(asked).toStrictEqual([["user_info"]])
    }))

  it.scoped("M2: is for the scopes that were granted, where these are more than were asked for", () =>
    Effect.gen(function*() {
      const { asked, sources } = vendor()
      const { app } = yield* application({ sources, authorize: () => Effect.succeed(["read_kycs", "user_info"]) })
      const { body } = yield* Effect.flatMap(serve(app, request()), answered)
      expect(body).toMatchObject({ scope: "read_kycs,user_info" })
      expect(asked).toStrictEqual([["read_kycs", "user_info"]])
    }))

  it.scoped("M2: authorize decides by the request itself", () =>
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

  it.scoped("that has no whole second left is none: the next one is", () =>
    Effect.gen(function*() {
      const { sources } = vendor((n, scopes) => jwt(n, scopes, { life: "2 seconds" }))
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
    "A2: is a new one for the page that was refused one of %i minutes, and the same for everyone else",
    (age) =>
      Effect.gen(function*() {
        const { asked, sources } = vendor()
        const { app } = yield* application({ sources })
        const held = fingerprint(yield* jwt(0, ["user_info"]))
        const ask = (held?: number) =>
          Effect.flatMap(serve(app, request({ body: JSON.stringify({ scopes: ["user_info"], held }) })), answered)
        yield* ask()
        yield* ask(held + 1)
        expect(asked.length).toBe(1)
        yield* Effect.repeatN(Effect.zipRight(TestClock.adjust("1 minute"), ask()), age - 1) // in use all the while
        const first = yield* ask(held)
        expect(asked.length).toBe(2)
        expect(yield* ask(held)).toStrictEqual(first)
        expect(yield* ask()).toStrictEqual(first)
        expect(asked.length).toBe(2)
      })
  )
})

describe("M3: is refused before authorize runs", () => {
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
      "another origin",
      request({ headers: { ...type, "sec-fetch-site": "cross-site", origin: "https://evil.example" } }),
      403,
      "InvalidClientError"
    ],
    [
      "another site's subdomain",
      request({ headers: { ...type, "sec-fetch-site": "same-site", origin } }),
      403,
      "InvalidClientError"
    ],
    [
      "typed into the address bar",
      request({ headers: { ...type, "sec-fetch-site": "none" } }),
      403,
      "InvalidClientError"
    ],
    [
      "no Sec-Fetch-Site and a foreign Origin",
      request({ headers: { ...type, origin: "https://evil.example" } }),
      403,
      "InvalidClientError"
    ],
    [
      "an Origin that Host equals",
      request({ headers: { ...type, origin: "https://evil.example", host: "evil.example" } }),
      403,
      "InvalidClientError"
    ],
    ["neither header", request({ headers: type }), 403, "InvalidClientError"],
    [
      "neither header, and the right Host",
      request({ headers: { ...type, host: "shop.example" } }),
      403,
      "InvalidClientError"
    ],
    [
      "a form of another site",
      request({ headers: { ...form, origin: "https://evil.example" }, body: "scopes=user_info" }),
      403,
      "InvalidClientError"
    ],
    [
      "a form of this site",
      request({ headers: { ...samePage, ...form }, body: "scopes=user_info" }),
      415,
      "InvalidRequestError"
    ],
    ["text", request({ headers: { ...samePage, "content-type": "text/plain" } }), 415, "InvalidRequestError"],
    ["GET", request({ method: "GET" }), 405, "InvalidRequestError"],
    [
      "a preflight",
      request({ method: "OPTIONS", headers: { origin: "https://evil.example" } }),
      403,
      "InvalidClientError"
    ],
    ["no JSON", request({ body: "{" }), 400, "InvalidRequestError"],
    ["nothing", request({ body: "" }), 400, "InvalidRequestError"],
    ["no scopes", request({ body: "{\"scopes\":[]}" }), 400, "InvalidRequestError"],
    ["a scope that is none", request({ body: "{\"scopes\":[\"swordfish \\u0000\"]}" }), 400, "InvalidRequestError"],
    [
      "a body that is too large, as announced",
      request({ headers: { ...asJson, "content-length": "16385" } }),
      413,
      "InvalidRequestError"
    ],
    [
      "a body that is too large, unannounced",
      request({ body: stream(userInfo, " ".repeat(16_384)) }),
      413,
      "InvalidRequestError"
    ]
  ])("%s", ([, request, status, _tag]) =>
    Effect.gen(function*() {
      const { asked: asked0, sources } = vendor()
      const { app, asked } = yield* application({ sources })
      const answer = yield* Effect.flatMap(serve(app, request), answered)
      expect(answer).toMatchObject({ status, headers: noStore, body: { _tag, retryable: false } })
      expect(JSON.stringify(answer)).not.toContain("swordfish")
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toStrictEqual([])
      expect(asked).toStrictEqual([])
      expect(asked0).toStrictEqual([])
    }))

  it.scoped("a body without an end is read for a while only", () =>
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

  it.scoped("and a body in pieces, within the limit, isn't", () =>
    Effect.gen(function*() {
      const { app } = yield* application()
      const body = stream("{\"scopes\":[\"user", "_info\"]}", " ".repeat(16_000))
      expect((yield* serve(app, request({ body }))).status).toBe(200)
    }))
})

describe("M2: authorize refuses", () => {
  it.scoped.each<[string, TokenMediatorServer.Options["authorize"], number, object]>([
    ["nobody is logged in", () => TokenMediatorServer.unauthenticated, 401, {
      _tag: "InvalidClientError",
      retryable: false
    }],
    ["who is may not", () => TokenMediatorServer.forbidden, 403, { _tag: "InvalidClientError", retryable: false }],
    ["grants nothing", () => Effect.succeed([]), 400, { _tag: "InvalidScopeError", retryable: false }],
    ["grants other scopes", () => Effect.succeed(["read_kycs"]), 400, { _tag: "InvalidScopeError", retryable: false }],
    [
      "can't tell now",
      () => new TokenError.ServiceUnavailableError({ status: 503, attempts: 1, serverMessage: "swordfish" }),
      503,
      { _tag: "ServiceUnavailableError", retryable: true, retryAfter: 1 }
    ],
    ["grants what is no scope", () => Effect.succeed(["user_info", "swordfish "]), 500, {
      _tag: "InvalidInputError",
      retryable: false
    }],
    ["dies", () => Effect.die(new Error("swordfish")), 500, { _tag: "ServiceUnavailableError", retryable: true }],
    [
      "throws",
      () => {
        throw new Error("swordfish")
      },
      500,
      { _tag: "ServiceUnavailableError", retryable: true }
    ]
  ])("%s", ([, authorize, status, body]) =>
    Effect.gen(function*() {
      const { asked, sources } = vendor()
      const { app } = yield* application({ sources, authorize })
      const answer = yield* Effect.flatMap(serve(app, request()), answered).pipe(
        Effect.provide(Logger.remove(Logger.defaultLogger))
      )
      expect(answer).toMatchObject({ status, headers: noStore, body })
      expect(JSON.stringify(answer)).not.toContain("swordfish")
      expect(asked).toStrictEqual([])
    }))

  it.scoped("where it dies, the application's log says of what", () =>
    Effect.gen(function*() {
      const { app } = yield* application({ authorize: () => Effect.die(new Error("the sessions are gone")) })
      expect(yield* logged(serve(app, request()))).toStrictEqual([
        expect.stringMatching(/^ERROR A mediator's authorize died\. Error: the sessions are gone/)
      ])
    }))

  it.scoped("where it grants what is no scope, the log says so, and doesn't show it", () =>
    Effect.gen(function*() {
      const { app } = yield* application({ authorize: () => Effect.succeed(["swordfish "]) })
      const lines = yield* logged(serve(app, request()))
      expect(lines).toStrictEqual([expect.stringMatching(/^ERROR What a mediator's authorize grants is wrong: scopes/)])
      expect(lines.join()).not.toContain("swordfish")
    }))
})

describe("M5: a token that can do more than was granted", () => {
  const wide = (n: number, scopes: ReadonlyArray<string>) =>
    jwt(n, scopes, { claims: { scopes: ["user_info", "write_invoices", "no scope\u001b[2J"] } })
  const refusal = { _tag: "UnexpectedResponseError", retryable: false }

  it.scoped("isn't handed out, and a warning and an event say so", () =>
    Effect.gen(function*() {
      const events: Array<TokenMediatorServer.WiderClaims> = []
      const { app } = yield* application({
        sources: vendor(wide).sources,
        onWiderClaims: (event) => Effect.sync(() => void events.push(event))
      })
      const lines = yield* logged(Effect.gen(function*() {
        const answer = yield* Effect.flatMap(serve(app, request()), answered)
        expect(answer).toMatchObject({ status: 500, headers: noStore, body: refusal })
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

  it.scoped("nor is one whose claims can't be read", () =>
    Effect.gen(function*() {
      const events: Array<TokenMediatorServer.WiderClaims> = []
      const { app } = yield* application({
        sources: vendor(opaque).sources,
        onWiderClaims: (event) => Effect.sync(() => void events.push(event))
      })
      const lines = yield* logged(Effect.gen(function*() {
        expect(yield* Effect.flatMap(serve(app, request()), answered)).toMatchObject({ status: 500, body: refusal })
      }))
      expect(lines).toStrictEqual(["WARN A page doesn't get a token: its claims don't say for what it can be used."])
      expect(events).toStrictEqual([{ granted: ["user_info"], reach: undefined }])
    }))

  it.scoped.each([["wider", wide], ["opaque", opaque]] as const)(
    "%s, is with allowWiderClaims",
    ([, answer]) =>
      Effect.gen(function*() {
        const { app } = yield* application({ sources: vendor(answer).sources, allowWiderClaims: true })
        expect((yield* serve(app, request())).status).toBe(200)
      })
  )

  it.scoped("is, where what was granted is as much", () =>
    Effect.gen(function*() {
      const { app } = yield* application({
        sources: vendor((n, scopes) => jwt(n, scopes, { claims: { scopes: ["user_info", "write_invoices"] } })).sources,
        authorize: () => Effect.succeed(["write_invoices", "user_info", "read_kycs"])
      })
      expect((yield* serve(app, request())).status).toBe(200)
    }))
})

describe("what the authorization server says", () => {
  it.scoped("is kept: Retry-After and our own words go on", () =>
    Effect.gen(function*() {
      const { sources } = vendor(() =>
        new TokenError.RateLimitedError({ status: 429, code: "swordfish", serverMessage: "swordfish", attempts: 4 })
      )
      const { app } = yield* application({ sources })
      const answer = yield* Effect.flatMap(serve(app, request()), answered)
      expect(answer).toStrictEqual({
        status: 429,
        headers: {
          ...noStore,
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

  it.scoped("a defect on the way says nothing, to the page or to the log", () =>
    Effect.gen(function*() {
      const { app } = yield* application({ sources: vendor(() => Effect.die(new Error("swordfish"))).sources })
      const lines = yield* logged(Effect.gen(function*() {
        const answer = yield* Effect.flatMap(serve(app, request()), answered)
        expect(answer).toMatchObject({ status: 500, headers: noStore, body: { _tag: "ServiceUnavailableError" } })
        expect(JSON.stringify(answer)).not.toContain("swordfish")
      }))
      expect(lines).toStrictEqual(["ERROR A mediator's request died."])
    }))
})

describe("the application", () => {
  it.effect.each([
    "no URL",
    "http://shop.example",
    "https://shop.example/app",
    "https://u:p@shop.example",
    "https://shop.example?a"
  ])(
    "an origin that is none is an InvalidInputError: %s",
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

  it.scoped("an origin is one whatever its case, with or without a slash and its default port", () =>
    Effect.gen(function*() {
      const { app } = yield* application({ origin: "HTTPS://Shop.Example:443/" })
      expect((yield* serve(app, request({ headers: { "content-type": "application/json", origin } }))).status).toBe(200)
    }))

  it.effect("is mounted in a router, and served to the web", () =>
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

  it.scoped("who goes away doesn't wait on, and takes nothing from those who stay", () =>
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

  it.effect("a source that was closed is a refusal, too", () =>
    Effect.gen(function*() {
      const { app } = yield* Effect.scoped(application())
      const answer = yield* Effect.flatMap(serve(app, request()), answered)
      expect(answer).toMatchObject({ status: 500, headers: noStore, body: { _tag: "ServiceUnavailableError" } })
    }))
})

describe("E8: nothing leaks", () => {
  const wide = (n: number, scopes: ReadonlyArray<string>) => jwt(n, scopes, { claims: { scopes: ["everything"] } })
  it.scoped.each([["a token", jwt], ["a token that isn't handed out", wide]] as const)(
    "%s",
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

  it.scoped("the probe would see the token in an answer that shows its body", () =>
    Effect.gen(function*() {
      const token = TestAccessToken.text(yield* jwt(0, ["user_info"]))
      const { leaks } = yield* leakProbe(HttpServerResponse.json({ access_token: token }), [token])
      expect(leaks.length).toBeGreaterThan(0)
    }))
})

it.scoped("S10: the life that is left is by both hands of the clock, from when the token was first seen", () =>
  Effect.gen(function*() {
    const { clock, step } = yield* SkewClock.make
    const { app } = yield* Effect.withClock(application(), clock)
    const ask = Effect.withClock(Effect.suspend(() => Effect.flatMap(serve(app, request()), answered)), clock)
    yield* ask
    yield* TestClock.adjust("5 minutes")
    yield* step(-300_000)
    expect(yield* ask).toMatchObject({ body: { expires_in: "3300" } })
  }))

it.effect("the module isn't in the package's main entry point", () =>
  Effect.gen(function*() {
    const core = yield* Effect.promise(() => import("@effect-tilia/core"))
    expect(Object.keys(core)).toContain("TokenMediator")
    expect(Object.keys(core)).not.toContain("TokenMediatorServer")
  }))
