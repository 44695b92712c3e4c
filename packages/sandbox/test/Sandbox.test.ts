import { TokenResponse } from "@effect-tilia/core"
import { Faults, Sandbox } from "@effect-tilia/sandbox"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as jose from "jose"

const { clientId, clientSecret } = Sandbox.wellKnown

const form = {
  client_id: clientId,
  client_secret: clientSecret,
  grant_type: "client_credentials",
  scope: "write_registrations,write_user_tokens,user_info"
}

const formType = "application/x-www-form-urlencoded"
const post = (
  body: RequestInit["body"] = new URLSearchParams(form).toString(),
  headers: HeadersInit = { "content-type": formType },
  path = "/token"
) =>
  new Request(`http://sandbox${path}`, { method: "POST", body: body ?? null, headers, duplex: "half" } as RequestInit)

const fields = (fields: Readonly<Record<string, string | undefined>>) => {
  const changed = { ...form, ...fields }
  return new URLSearchParams(
    Object.entries(changed).flatMap(([name, value]) => value === undefined ? [] : [[name, value]])
  ).toString()
}

/** The application in memory, on the test's clock. */
const open = (options?: Sandbox.Options) =>
  Effect.gen(function*() {
    const sandbox = yield* Sandbox.make(options)
    const runtime = yield* Effect.runtime<never>()
    const handler = HttpApp.toWebHandlerRuntime(runtime)(sandbox.httpApp)
    const send = (request: Request) =>
      Effect.promise(async () => {
        const response = await handler(request)
        const text = await response.text()
        return {
          status: response.status,
          headers: response.headers,
          text,
          json: text === "" ? undefined : JSON.parse(text)
        }
      })
    const whoami = (token: string) =>
      send(new Request("http://sandbox/whoami", { headers: { authorization: `Bearer ${token}` } }))
    return { ...sandbox, send, whoami }
  })

describe("POST /token", () => {
  it.effect("the sandbox responds to a token request as the vendor's page shows (X1)", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_600_560_976_500)
      const { send } = yield* open()
      const { json, status } = yield* send(post())
      expect(status).toBe(200)
      expect(Object.keys(json)).toStrictEqual(["access_token", "token_type", "expires_in", "scope"])
      expect(json).toMatchObject({ token_type: "Bearer", expires_in: "3600", scope: form.scope })
      expect(jose.decodeProtectedHeader(json.access_token)).toStrictEqual({
        alg: "RS512",
        kid: expect.any(String),
        typ: "JWT"
      })
      expect(jose.decodeJwt(json.access_token)).toStrictEqual({
        account_id: "",
        client_id: clientId,
        exp: 1_600_564_576,
        iat: 1_600_560_976,
        integrator: "upland",
        jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
        nbf: 0,
        scopes: form.scope.split(","),
        token_type: "client_credentials",
        username: ""
      })
      const { access_token } = yield* Schema.decodeUnknown(TokenResponse.TokenResponse)(json)
      expect(Redacted.value(access_token)).toBe(json.access_token)
    }))

  it.effect.each<[string, Record<string, string | undefined>, number, string, string?]>([
    ...Object.keys(form).flatMap((
      name
    ): Array<[string, Record<string, string | undefined>, number, string, string]> => [
      [`${name} missing`, { [name]: undefined }, 400, "INPUT_ERROR", "is required"],
      [`${name} empty`, { [name]: "" }, 400, "INPUT_ERROR", "is invalid"],
      [`${name} malformed`, { [name]: "sword fish" }, 400, "INPUT_ERROR", "is invalid"]
    ]),
    ["an unknown client", { client_id: "04afbe17-cde6-499d-8e17-da1f806e7c4d" }, 401, "invalid_client"],
    ["a wrong secret", { client_secret: "04afbe17-cde6-499d-8e17-da1f806e7c4d" }, 401, "invalid_client"],
    ["a scope that is not allowed", { scope: "user_info,swordfish" }, 400, "invalid_scope"]
  ])("a request with %s is rejected (X1, row 110)", ([what, changes, status, code, problem]) =>
    Effect.gen(function*() {
      const { send } = yield* open()
      const response = yield* send(post(fields(changes)))
      const errors = problem === undefined ? {} : { [what.split(" ")[0] ?? ""]: [problem] }
      expect(response.status).toBe(status)
      expect(response.json).toStrictEqual({
        status: "Failure",
        message: [expect.any(String)],
        codes: [code],
        payload: { errors }
      })
      for (const submitted of [clientSecret, clientId, "fish", "04afbe17"]) {
        expect(response.text).not.toContain(submitted)
      }
    }))

  it.effect.each(Object.keys(form))(
    "the sandbox rejects a request with %s repeated (X1, row 110)",
    (name) =>
      Effect.gen(function*() {
        const { send } = yield* open()
        const response = yield* send(post(`${fields({})}&${name}=${name === "client_id" ? clientId : clientSecret}`))
        expect(response).toMatchObject({ status: 400, json: { payload: { errors: { [name]: ["is repeated"] } } } })
        expect(response.text).not.toContain(clientSecret)
      })
  )
})

describe("the form of a request", () => {
  it.effect.each<[string, string, Request["body"] | string, Record<string, string>, number]>([
    ["in JSON", "/token", JSON.stringify(form), { "content-type": "application/json" }, 415],
    ["in multipart form", "/token", "--x--", { "content-type": "multipart/form-data; boundary=x" }, 415],
    ["without a content type", "/token", new Blob([fields({})]).stream(), {}, 415],
    ["with a charset parameter", "/token", fields({}), { "content-type": `${formType}; charset=utf-8` }, 200],
    ["of 64 KiB", "/token", `${fields({})}&x=${"x".repeat(64 * 1024 - fields({}).length - 3)}`, {
      "content-type": formType
    }, 200],
    ["of more than 64 KiB", "/token", `${fields({})}&x=${"x".repeat(64 * 1024)}`, { "content-type": formType }, 413],
    [
      "of an announced length over 64 KiB",
      "/token",
      "x",
      { "content-type": formType, "content-length": "65537" },
      413
    ],
    ["with a secret in its URL", `/token?client_secret=${clientSecret}`, fields({}), { "content-type": formType }, 400],
    ["with an id in its URL", `/token?client_id=${clientId}`, fields({}), { "content-type": formType }, 400]
  ])("a request %s gets status $4 (X2, row 111)", ([, path, body, headers, status]) =>
    Effect.gen(function*() {
      const { received, send } = yield* open()
      const response = yield* send(post(body, headers, path))
      expect(response.status).toBe(status)
      expect(response.text).not.toContain(clientSecret)
      expect(yield* received).toMatchObject([{ method: "POST", path: "/token", status }])
    }))

  it.effect.each(["GET", "PUT", "DELETE", "PATCH"])(
    "a %s request to /token gets status 405 (X2, row 111)",
    (method) =>
      Effect.gen(function*() {
        const { send } = yield* open()
        const { headers, status } = yield* send(new Request("http://sandbox/token", { method }))
        expect(status).toBe(405)
        expect(headers.get("allow")).toBe("POST")
      })
  )
})

describe("faults", () => {
  it.effect("each scripted fault applies to one request, and the next request succeeds (X3)", () =>
    Effect.gen(function*() {
      const { received, script, send } = yield* open()
      yield* script([
        Faults.status(503, { headers: { "retry-after": "1" }, body: "later" }),
        Faults.none,
        Faults.body("{", { "content-type": "text/plain" })
      ])
      const responses = yield* Effect.forEach([1, 2, 3, 4], () =>
        Effect.promise(async () => post()).pipe(
          Effect.flatMap((request) => Effect.map(Effect.either(Effect.sandbox(send(request))), (result) => result._tag))
        ))
      expect(responses).toHaveLength(4)
      expect((yield* received).map(({ status }) => status)).toStrictEqual([503, 200, 200, 200])
      expect(yield* received).toMatchObject([{ clientId, scopes: form.scope.split(",") }, {}, {}, {}])
    }))

  it.effect("a fault that is scripted forever applies until the next script (X3)", () =>
    Effect.gen(function*() {
      const { received, script, send } = yield* open()
      yield* script(Faults.forever(Faults.status(500)))
      yield* Effect.repeatN(Effect.suspend(() => send(post())), 2)
      yield* script([])
      yield* send(post())
      expect((yield* received).map(({ status }) => status)).toStrictEqual([500, 500, 500, 200])
    }))

  it.effect("a scripted delay holds a response back by the clock (X3)", () =>
    Effect.gen(function*() {
      const { received, script, send } = yield* open()
      yield* script([Faults.delay("1 minute")])
      const fiber = yield* Effect.fork(send(post()))
      // The in-memory handler responses on the test's clock, so nothing comes before it moves.
      yield* Effect.yieldNow()
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      expect((yield* received)[0]?.status).toBeUndefined()
      yield* TestClock.adjust("1 minute")
      expect((yield* Fiber.join(fiber)).status).toBe(200)
    }))

  it.effect.each(
    [["ahead", Faults.clockAhead("1 hour"), 3600], ["behind", Faults.clockBehind("2 hours"), -7200]] as const
  )(
    "a sandbox whose clock is %s issues a token with a shifted iat (X3)",
    ([, fault, skew]) =>
      Effect.gen(function*() {
        yield* TestClock.setTime(10_000_000)
        const { script, send } = yield* open()
        yield* script([fault])
        const { json } = yield* send(post())
        expect(jose.decodeJwt(json.access_token).iat).toBe(10_000 + skew)
      })
  )

  it.effect("the sandbox rejects a revoked token, and every earlier one after revokeAll (X3)", () =>
    Effect.gen(function*() {
      const { revokeAll, script, send, whoami } = yield* open()
      yield* script([Faults.revoked])
      const [revoked, good] = [(yield* send(post())).json.access_token, (yield* send(post())).json.access_token]
      expect([(yield* whoami(revoked)).status, (yield* whoami(good)).status]).toStrictEqual([401, 200])
      yield* revokeAll
      expect((yield* whoami(good)).status).toBe(401)
      expect((yield* whoami((yield* send(post())).json.access_token)).status).toBe(200)
    }))
})

describe("the other endpoints", () => {
  it.effect("/whoami shows the claims of a token that the JWKS verifies by its kid, until it expires (X4, X6)", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_600_560_976_000)
      const { send, whoami } = yield* open({ tokenLifetime: "5 minutes" })
      const { access_token } = (yield* send(post())).json
      const jwks = (yield* send(new Request("http://sandbox/.well-known/jwks.json"))).json
      expect(Object.keys(jwks.keys[0]).sort()).toStrictEqual(["alg", "e", "kid", "kty", "n", "use"])
      const { payload } = yield* Effect.promise(() =>
        jose.jwtVerify(access_token, jose.createLocalJWKSet(jwks), { currentDate: new Date(1_600_560_976_000) })
      )
      expect(jose.decodeProtectedHeader(access_token).kid).toBe(jwks.keys[0].kid)
      expect((yield* whoami(access_token)).json).toStrictEqual(payload)
      yield* TestClock.adjust("5 minutes")
      const late = yield* whoami(access_token)
      expect(late.status).toBe(401)
      expect(late.headers.get("www-authenticate")).toMatch(/^Bearer/)
    }))

  it.effect("sandboxes share one key, and neither they nor a holder of their JWKS accept each other's tokens (X5, X6)", () =>
    Effect.gen(function*() {
      const [first, second] = [yield* open(), yield* open()]
      const { access_token } = (yield* first.send(post())).json
      const jwksOf = ({ send }: typeof first) =>
        Effect.map(send(new Request("http://sandbox/.well-known/jwks.json")), ({ json }) => json)
      const jwks = yield* jwksOf(second)
      expect(jwks.keys[0].n).toBe((yield* jwksOf(first)).keys[0].n)
      expect((yield* first.whoami(access_token)).status).toBe(200)
      expect((yield* second.whoami(access_token)).status).toBe(401)
      const verified = Effect.tryPromise(() => jose.jwtVerify(access_token, jose.createLocalJWKSet(jwks)))
      expect(String((yield* Effect.flip(verified)).error)).toContain("no applicable key found")
    }))

  it.effect.each(["", "abc", "eyJh.eyJi.x"])("/whoami refuses the token %j (X4)", (token) =>
    Effect.gen(function*() {
      const { whoami } = yield* open()
      expect((yield* whoami(token)).status).toBe(401)
    }))

  it.effect("/openapi.json describes the responses of the sandbox (X4)", () =>
    Effect.gen(function*() {
      const { send } = yield* open()
      const { json } = yield* send(new Request("http://sandbox/openapi.json"))
      const { responses } = json.paths["/token"].post
      expect(Object.keys(responses)).toStrictEqual(["200", "400", "401", "405", "413", "415", "500"])
      const { schemas } = json.components
      expect(schemas.TokenRequest.required).toStrictEqual(Object.keys(form))
      expect(schemas.TokenResponse.required).toStrictEqual(Object.keys((yield* send(post())).json))
      expect(schemas.Failure.required).toStrictEqual(Object.keys((yield* send(post(""))).json))
    }))
})

describe("a request whose target is no URL", () => {
  it.effect("a request for // gets a 400 in the vendor's envelope, and is reported (X6, row 150)", () =>
    Effect.gen(function*() {
      const { received, send } = yield* open()
      const response = yield* send(new Request("http://sandbox//", { method: "DELETE" }))
      expect(response.status).toBe(400)
      expect(response.json).toStrictEqual({
        status: "Failure",
        message: [expect.any(String)],
        codes: ["INPUT_ERROR"],
        payload: { errors: {} }
      })
      expect(yield* received).toStrictEqual([{ method: "DELETE", path: "", status: 400 }])
    }))
})

describe("faults that cannot be sent", () => {
  it.each<[string, () => unknown]>([
    ["status", () => Faults.status(99)],
    ["status", () => Faults.status(199)],
    ["status", () => Faults.status(600)],
    ["status", () => Faults.status(200.5)],
    ["status", () => Faults.status(NaN)],
    ["body", () => Faults.status(204, { body: "x" })],
    ["body", () => Faults.status(304, { body: Uint8Array.of(1) })],
    ["headers", () => Faults.status(503, { headers: { "x-a": "a\r\nset-cookie: b" } })],
    ["headers", () => Faults.status(503, { headers: { "x-a": "a\0" } })],
    ["headers", () => Faults.status(503, { headers: { "x-a": "\u20ac" } })],
    ["headers", () => Faults.body("{}", { "x a": "b" })],
    ["headers", () => Faults.body("{}", { "": "b" })],
    ["headers", () => Faults.status(503, { headers: { "Transfer-Encoding": "chunked" } })],
    ["headers", () => Faults.status(503, { headers: { "content-length": "5" }, body: "0123456789" })],
    ["headers", () => Faults.status(503, { headers: { trailer: "x-a" } })],
    ["headers", () => Faults.status(503, { headers: { connection: "upgrade" } })],
    ["headers", () => Faults.status(503, { headers: { upgrade: "h2c" } })],
    ["headers", () => Faults.status(503, { headers: JSON.parse("{\"x-a\":5}") })],
    ["body", () => Faults.body(JSON.parse("5"))],
    ["first", () => Faults.and(JSON.parse("1"), Faults.reset)],
    ["second", () => Faults.and(Faults.reset, JSON.parse("{\"outcom\":\"reset\"}"))],
    ["fault", () => Faults.forever(JSON.parse("1"))],
    ["delay", () => Faults.delay(-1)],
    ["delay", () => Faults.delay("-5 seconds")],
    ["delay", () => Faults.delay(NaN)],
    ["by", () => Faults.clockAhead(Infinity)],
    ["by", () => Faults.clockBehind("-1 hours")]
  ])("a fault with a wrong %s is refused when it is made (X6, row 150) (case %#)", (setting, make) => {
    expect(make).toThrow(expect.objectContaining({ _tag: "InvalidInputError", setting }))
  })

  it.effect.each(["[\"reset\"]", "\"reset\"", "5", "null"])(
    "the script %s is refused (X6, row 150)",
    (json) =>
      Effect.gen(function*() {
        const { script } = yield* open()
        expect(() => script(JSON.parse(json))).toThrow(expect.objectContaining({ setting: "script" }))
      })
  )

  it.effect.each([204, 205, 304, 503])(
    "a fault without a body is sent with the status %d (X6, row 150)",
    (status) =>
      Effect.gen(function*() {
        const { script, send } = yield* open()
        yield* script([Faults.status(status, { headers: { "X-A": "b" } })])
        const response = yield* send(post())
        expect([response.status, response.text, response.headers.get("x-a")]).toStrictEqual([status, "", "b"])
      })
  )
})

describe("routes of the caller", () => {
  const routes = HttpRouter.empty.pipe(
    HttpRouter.get(
      "/users/:id",
      Effect.map(
        Effect.all([HttpRouter.params, Sandbox.Claims]),
        ([{ id }, { client_id, scopes }]) => HttpServerResponse.unsafeJson({ id, client_id, scopes })
      )
    ),
    HttpRouter.post(
      "/echo",
      Effect.flatMap(
        HttpServerRequest.HttpServerRequest,
        (request) => Effect.map(request.json, (body) => HttpServerResponse.unsafeJson(body, { status: 201 }))
      )
    )
  )
  const setUp = Effect.gen(function*() {
    const sandbox = yield* open({ routes, tokenLifetime: "5 minutes" })
    const call = (path: string, token?: string, init: RequestInit = {}) =>
      sandbox.send(
        new Request(`http://sandbox${path}`, {
          ...init,
          ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } })
        })
      )
    const newToken = Effect.map(
      Effect.suspend(() => sandbox.send(post())),
      ({ json }): string => json.access_token
    )
    return { ...sandbox, call, newToken }
  })

  it.effect("a route sees the claims of the request's token, its parameters and its body (X6)", () =>
    Effect.gen(function*() {
      const { call, newToken, received } = yield* setUp
      const token = yield* newToken
      expect(yield* call("/users/7?a=b", token)).toMatchObject({
        status: 200,
        json: { id: "7", client_id: clientId, scopes: form.scope.split(",") }
      })
      const echo = yield* call("/echo", token, { method: "POST", body: "{\"a\":1}" })
      expect([echo.status, echo.json]).toStrictEqual([201, { a: 1 }])
      expect((yield* received).slice(1)).toStrictEqual([
        { method: "GET", path: "/users/7", status: 200 },
        { method: "POST", path: "/echo", status: 201 }
      ])
    }))

  it.effect("a request without a valid token gets the 401 of the sandbox, and never reaches a route (X6)", () =>
    Effect.gen(function*() {
      const { call, newToken, revokeAll, script, whoami } = yield* setUp
      yield* script([Faults.revoked])
      const [revoked, early, late] = [yield* newToken, yield* newToken, yield* newToken]
      expect((yield* call("/users/7", early)).status).toBe(200)
      yield* revokeAll
      const fresh = yield* newToken
      expect((yield* call("/users/7", fresh)).status).toBe(200)
      const expected = yield* whoami("none")
      for (const path of ["/users/7", "/elsewhere"]) {
        for (const token of [undefined, "abc", revoked, early, late]) {
          const { headers, json, status } = yield* call(path, token)
          expect({ json, status }).toStrictEqual({ json: expected.json, status: 401 })
          expect(headers.get("www-authenticate")).toBe(expected.headers.get("www-authenticate"))
        }
      }
      yield* TestClock.adjust("5 minutes")
      expect((yield* call("/users/7", fresh)).status).toBe(401)
    }))

  it.effect("a path that no route has gets a 404, and an error of a route gets its own response (X6)", () =>
    Effect.gen(function*() {
      const { call, newToken } = yield* setUp
      const token = yield* newToken
      expect(yield* call("/elsewhere", token)).toMatchObject({ status: 404, json: { codes: ["NOT_FOUND"] } })
      expect((yield* call("/echo", token, { method: "POST", body: "{" })).status).toBe(400)
      expect((yield* call("/whoami", token)).json).toMatchObject({ client_id: clientId })
    }))
})

describe("CORS", () => {
  const origin = "http://localhost:5173"
  const ask = (path: string, init: RequestInit = {}) =>
    new Request(`http://sandbox${path}`, { ...init, headers: { origin, ...init.headers } })
  const allowed = ({ headers }: { readonly headers: Headers }) => headers.get("access-control-allow-origin")
  const preflight = {
    method: "OPTIONS",
    headers: { "access-control-request-method": "DELETE", "access-control-request-headers": "authorization,x-a" }
  }

  it.effect("only a page of an allowed origin may read a response of the sandbox, an error included (X6)", () =>
    Effect.gen(function*() {
      const { send } = yield* open({ cors: ["https://app.example", origin] })
      for (const [path, status] of [["/openapi.json", 200], ["/whoami", 401], ["/elsewhere", 404]] as const) {
        const response = yield* send(ask(path))
        expect([response.status, allowed(response)]).toStrictEqual([status, origin])
      }
      expect(allowed(yield* send(ask("/whoami", { headers: { origin: "http://evil.example" } })))).toBe(null)
      expect(allowed(yield* (yield* open({ cors: ["*"] })).send(ask("/whoami")))).toBe(origin)
      expect(allowed(yield* (yield* open()).send(ask("/whoami")))).toBe(null)
    }))

  it.effect("a page may read that a route of the sandbox has died (X6)", () =>
    Effect.gen(function*() {
      const { send } = yield* open({
        cors: [origin],
        routes: HttpRouter.empty.pipe(HttpRouter.get("/die", Effect.die("no")))
      })
      const { access_token } = (yield* send(post())).json
      const response = yield* send(ask("/die", { headers: { authorization: `Bearer ${access_token}` } })).pipe(
        Effect.provide(Logger.remove(Logger.defaultLogger))
      )
      expect([response.status, allowed(response)]).toStrictEqual([500, origin])
    }))

  it.effect("the sandbox answers a preflight, but not for /token, because no page may have the secret (X6)", () =>
    Effect.gen(function*() {
      const { send } = yield* open({ cors: [origin] })
      const response = yield* send(ask("/users/7", preflight))
      expect([response.status, allowed(response)]).toStrictEqual([204, origin])
      expect(response.headers.get("access-control-allow-methods")).toBe("DELETE")
      expect(response.headers.get("access-control-allow-headers")).toBe("authorization,x-a")
      const token = yield* send(ask("/token", preflight))
      expect([token.status, allowed(token)]).toStrictEqual([405, null])
    }))
})

describe("what the sandbox remembers", () => {
  it.effect("the sandbox remembers the last 1,000 requests (X6)", () =>
    Effect.gen(function*() {
      const { received, send } = yield* open()
      yield* Effect.forEach(Array.from({ length: 1010 }, (_, n) => n), (n) => send(new Request(`http://sandbox/${n}`)))
      const all = yield* received
      expect([all.length, all[0]?.path, all.at(-1)?.path]).toStrictEqual([1000, "/10", "/1009"])
    }))

  it.effect("a reader of requests that is 1,000 behind misses the oldest ones (X6)", () =>
    Effect.gen(function*() {
      const { requests, send } = yield* open()
      const pull = yield* Stream.toPull(requests)
      const first = yield* Effect.fork(pull)
      yield* Effect.yieldNow()
      yield* send(new Request("http://sandbox/first"))
      yield* Fiber.join(first)
      yield* Effect.forEach(Array.from({ length: 1010 }, (_, n) => n), (n) => send(new Request(`http://sandbox/${n}`)))
      const [next] = Chunk.toReadonlyArray(yield* pull)
      expect(next?.path).toBe("/10")
    }).pipe(Effect.scoped))
})

describe("options", () => {
  it.effect("the sandbox accepts only the configured clients and scopes", () =>
    Effect.gen(function*() {
      const { send } = yield* open({ clients: [{ clientId: clientSecret, clientSecret: clientId, scopes: ["x"] }] })
      const request = (scope: string) =>
        send(post(fields({ client_id: clientSecret.toUpperCase(), client_secret: clientId, scope })))
      expect([(yield* request("x")).status, (yield* request("user_info")).status]).toStrictEqual([200, 400])
      expect((yield* send(post())).status).toBe(401)
    }))

  it.effect.each<[string, Sandbox.Options]>([
    ["tokenLifetime", { tokenLifetime: 0 }],
    ["tokenLifetime", { tokenLifetime: Infinity }],
    ["cors", { cors: ["http://localhost:5173/"] }],
    ["cors", { cors: ["localhost"] }],
    ["clientId", { clients: [{ clientId: "x", clientSecret }] }],
    ["clientSecret", { clients: [{ clientId, clientSecret: "x" }] }],
    ["scopes", { clients: [{ clientId, clientSecret, scopes: [] }] }]
  ])("a wrong value of %s causes an InvalidInputError", ([setting, options]) =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(Sandbox.make(options))).toMatchObject({ _tag: "InvalidInputError", setting })
    }))
})
