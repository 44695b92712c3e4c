import { ClientCredentials, Scopes } from "@effect-tilia/core"
import { linesShowing } from "@effect-tilia/testing"
import * as Headers from "@effect/platform/Headers"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { classify } from "../../../src/internal/tokenEndpoint/errorResponse.js"
import { parseTokenResponse, toAccessToken } from "../../../src/internal/tokenEndpoint/parseTokenResponse.js"
import type { RawResponse } from "../../../src/internal/tokenEndpoint/rawResponse.js"
import * as vendor from "../../fixtures/vendorSample.js"
import { within } from "../../support/within.js"

const tokenUrl = "https://auth.example/token"
const requested = Effect.runSync(Scopes.make(["user_info", "read_wallet"]))
const context = {
  tokenUrl,
  requested,
  secrets: [Schema.decodeUnknownSync(ClientCredentials.ClientSecret)(vendor.clientSecret)],
  attempts: 2
}
const receivedAt = Date.parse("2026-11-06T08:49:00Z")

interface Reply {
  readonly url?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly isComplete?: boolean
  readonly isHiddenRedirect?: boolean
}

/** A text or bytes as they are, any other value as JSON. */
const bytesOf = (body: unknown): Uint8Array =>
  body instanceof Uint8Array ? body : new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body))

const rawResponse = (
  status: number,
  body: unknown = "",
  { headers = {}, isComplete = true, isHiddenRedirect = false, url = tokenUrl }: Reply = {}
): RawResponse => ({
  url,
  status,
  headers: Headers.fromInput(headers),
  body: bytesOf(body),
  isComplete,
  isHiddenRedirect,
  receivedAt,
  age: 0
})

const reply = (...args: Parameters<typeof rawResponse>) => parseTokenResponse(rawResponse(...args), context)

const errorOf = (...args: Parameters<typeof reply>) => Either.getOrThrow(Either.flip(reply(...args)))

const envelope = { status: "Failure", message: ["input is invalid"], codes: ["INPUT_ERROR"] }
const refusal = { error: "invalid_client", error_description: "no such client" }
const html = "<html><body><h1>Bad gateway</h1></body></html>"

describe("Response with a token", () => {
  it.each<[string, unknown, Reply?]>([
    ["the vendor's sample", vendor.response],
    ["a token with a BOM (row 55)", `\ufeff${JSON.stringify(vendor.response)}`],
    ["a token as text/plain (row 55)", vendor.response, { headers: { "content-type": "text/plain" } }],
    ["a token whose header says HTML in another charset (row 55)", vendor.response, {
      headers: { "content-type": "text/html; charset=latin1" }
    }],
    ["a token with an error that is null (row 54)", { ...vendor.response, error: null }],
    ["a token with unknown members (row 54)", {
      ...vendor.response,
      errors: ["x"],
      message: "x",
      code: "invalid_client"
    }],
    ["a token with __proto__ (row 54)", `{"__proto__":{"error":"x"},${JSON.stringify(vendor.response).slice(1)}`]
  ])("the endpoint accepts %s", (_, body, options) => {
    const { access_token, ...rest } = Either.getOrThrow(reply(200, body, options))
    expect(Redacted.value(access_token)).toBe(vendor.token)
    expect(rest).toStrictEqual({
      token_type: "Bearer",
      expires_in: 3600,
      scope: vendor.response.scope.split(",")
    })
  })
})

const page = "a token endpoint doesn't respond with this status"
const unexpected = (problem: string) => ["UnexpectedResponseError", { problem }] as const

type Expected = readonly [_tag: string, fields?: object]
type Row = [row: number, what: string, status: number, body: unknown, expected: Expected, reply?: Reply]

const to = (location: string): Reply => ({ headers: { location } })
const redirectsTo = (origin: string) => unexpected(`it redirects to ${origin}, and no redirect is followed`)
const field = (name: string) => unexpected(`its field ${name} is missing or malformed`)
const notAnObject = unexpected("its body isn't a JSON object")

const rows: ReadonlyArray<Row> = [
  ...[300, 301, 302, 303, 307, 308].map((
    status
  ): Row => [
    20,
    "that redirects to another host",
    status,
    "",
    redirectsTo("https://b.example"),
    to("https://b.example/x?y#z")
  ]),
  [20, "that redirects to http", 307, "", redirectsTo("http://auth.example"), to("http://auth.example/token")],
  [20, "that redirects to the same host", 307, "", redirectsTo("https://auth.example"), to("/elsewhere")],
  [20, "that redirects without a scheme", 307, "", redirectsTo("https://b.example:8443"), to("//b.example:8443/")],
  [
    20,
    "that redirects to a URL with a user",
    307,
    "",
    redirectsTo("https://b.example"),
    to("https://user:swordfish@b.example/")
  ],
  [20, "that redirects to nowhere", 302, "", unexpected("it redirects, and no redirect is followed")],
  [20, "that redirects to a malformed URL", 302, "", redirectsTo("elsewhere"), to("https://[")],
  [
    20,
    "of a client that followed a redirect",
    200,
    vendor.response,
    unexpected("the HTTP client went on to https://b.example"),
    {
      url: "https://b.example/token"
    }
  ],
  [
    20,
    "of a client that followed to an error",
    500,
    "",
    unexpected("the HTTP client went on to https://auth.example"),
    {
      url: `${tokenUrl}/`
    }
  ],
  ...[201, 202, 204, 206, 226, 299].map((
    status
  ): Row => [21, "with a token", status, vendor.response, unexpected(page)]),
  [21, "that is not modified", 304, "", unexpected("it redirects, and no redirect is followed")],
  [21, "with no status of HTTP", 999, "", unexpected(page)],
  [21, "with no status of HTTP", 600, "", unexpected(page)],
  [22, "with an empty body", 200, "", unexpected("its body isn't JSON")],
  [22, "with HTML", 200, html, unexpected("its body isn't JSON")],
  [22, "with cut JSON", 200, JSON.stringify(vendor.response).slice(0, -1), unexpected("its body isn't JSON")],
  [22, "with a form", 200, `access_token=${vendor.token}`, unexpected("its body isn't JSON")],
  [22, "with a token alone", 200, vendor.token, unexpected("its body isn't JSON")],
  [22, "with null", 200, null, notAnObject],
  [22, "with an array", 200, [vendor.response], notAnObject],
  [22, "with a text", 200, JSON.stringify(vendor.token), notAnObject],
  [22, "with a number", 200, 7, notAnObject],
  [22, "with an empty object", 200, {}, field("access_token")],
  [22, "with arrays 100,000 deep", 200, "[".repeat(1e5) + "]".repeat(1e5), notAnObject],
  [
    22,
    "with a field nested 100,000 deep",
    200,
    `{"access_token":${"[".repeat(1e5)}${"]".repeat(1e5)}}`,
    field("access_token")
  ],
  [22, "with an error nested 100,000 deep", 200, `{"error":${"[".repeat(1e5)}${"]".repeat(1e5)}}`, [
    "UnexpectedResponseError"
  ]],
  [23, "with an error", 200, refusal, ["InvalidClientError", {
    code: "invalid_client",
    serverMessage: "no such client"
  }]],
  [23, "with an error beside a token", 200, { ...vendor.response, ...refusal }, ["InvalidClientError", {
    serverMessage: "no such client"
  }]],
  [23, "with an error in upper case", 200, { error: "INVALID_SCOPE" }, ["InvalidScopeError", {
    code: "INVALID_SCOPE"
  }]],
  [23, "with an error", 200, { error: "unauthorized_client" }, ["InvalidClientError"]],
  [23, "with an error", 200, { error: "invalid_request" }, ["InvalidRequestError"]],
  [23, "with an error", 200, { error: "invalid_grant" }, ["InvalidRequestError"]],
  [23, "with an error", 200, { error: "unsupported_grant_type" }, ["InvalidRequestError"]],
  [23, "with an unknown error", 200, { error: "out_of_cheese", error_description: "Sorry" }, [
    "UnexpectedResponseError",
    { code: "out_of_cheese", serverMessage: "Sorry", problem: "it carries an unknown error" }
  ]],
  [23, "with an empty error", 200, { ...vendor.response, error: "" }, ["UnexpectedResponseError"]],
  [23, "with an error that is no text", 200, { ...vendor.response, error: true }, ["UnexpectedResponseError"]],
  [24, "without a token", 200, { ...vendor.response, access_token: undefined }, field("access_token")],
  [24, "with CR LF in its token", 200, { ...vendor.response, access_token: "a\r\nb: c" }, field("access_token")],
  [25, "with another token_type", 200, { ...vendor.response, token_type: "mac" }, field("token_type")],
  [26, "with a malformed lifetime", 200, { ...vendor.response, expires_in: "abc" }, field("expires_in")],
  [
    26,
    "with an infinite lifetime",
    200,
    JSON.stringify(vendor.response).replace("\"3600\"", "1e999"),
    field("expires_in")
  ],
  [
    26,
    "with a UUID for a scope",
    200,
    { ...vendor.response, scope: `user_info,${vendor.clientSecret}` },
    field("scope")
  ],
  [26, "with an invalid scope", 200, { ...vendor.response, scope: "a\"" }, field("scope")],
  [
    26,
    "with the secret in a scope",
    200,
    { ...vendor.response, scope: `user_info,x${vendor.clientSecret}` },
    unexpected("its scope repeats the client's secret")
  ],
  [
    26,
    "with the secret as its token",
    200,
    { ...vendor.response, access_token: vendor.clientSecret },
    unexpected("its token repeats the client's secret")
  ],
  [
    26,
    "with the secret in its token, in upper case and without dashes",
    200,
    { ...vendor.response, access_token: `x.${vendor.clientSecret.replaceAll("-", "").toUpperCase()}.y` },
    unexpected("its token repeats the client's secret")
  ],
  [
    26,
    "with the token in a scope",
    200,
    { ...vendor.response, scope: `user_info,${vendor.response.access_token}` },
    unexpected("its scope repeats the token")
  ],
  [27, "with more than 256 KiB", 200, vendor.response, unexpected("its body is larger than 256 KiB"), {
    isComplete: false
  }],
  [27, "with more than 256 KiB", 400, refusal, ["InvalidClientError"], { isComplete: false }],
  [29, "with invalid UTF-8", 200, new Uint8Array([0x22, 0xc3, 0x28, 0x22]), unexpected("its body isn't UTF-8")],
  [
    29,
    "in UTF-16",
    200,
    Buffer.from(`\ufeff${JSON.stringify(vendor.response)}`, "utf16le"),
    unexpected("its body isn't UTF-8")
  ],
  [29, "in gzip", 200, new Uint8Array([0x1f, 0x8b, 8, 0]), unexpected("its body isn't UTF-8")],
  [30, "with an empty body", 400, "", ["InvalidRequestError", { code: undefined, serverMessage: undefined }]],
  [30, "with HTML", 400, html, ["InvalidRequestError", { code: undefined, serverMessage: "Bad gateway" }]],
  [30, "with plain text", 400, "Go\n away", ["InvalidRequestError", { code: undefined, serverMessage: "Go away" }]],
  [30, "in the envelope of the vendor", 400, envelope, ["InvalidRequestError", {
    code: "INPUT_ERROR",
    serverMessage: "input is invalid"
  }]],
  [30, "with message as a text", 400, { message: "no" }, ["InvalidRequestError", {
    code: undefined,
    serverMessage: "no"
  }]],
  [30, "with payload.errors as a text", 400, { payload: { errors: "no" } }, ["InvalidRequestError", {
    serverMessage: "no"
  }]],
  [30, "with payload.errors by field", 400, { payload: { errors: { scope: "no" } } }, ["InvalidRequestError", {
    serverMessage: "scope: no"
  }]],
  [30, "with a code of RFC 6749", 400, { error: "invalid_request" }, ["InvalidRequestError", {
    code: "invalid_request"
  }]],
  [30, "with an unknown code", 400, { error: "out_of_cheese" }, ["InvalidRequestError", { code: "out_of_cheese" }]],
  [30, "with invalid UTF-8", 400, new Uint8Array([0x6e, 0x6f, 0xff]), ["InvalidRequestError", {
    serverMessage: "no�"
  }]],
  [30, "with deep nesting", 400, "[".repeat(1e5) + "]".repeat(1e5), ["InvalidRequestError", {
    serverMessage: undefined
  }]],
  [31, "with invalid_client", 400, refusal, ["InvalidClientError", {
    code: "invalid_client",
    serverMessage: "no such client"
  }]],
  [31, "with unauthorized_client", 400, { error: "unauthorized_client" }, ["InvalidClientError"]],
  [31, "with a client code of the vendor", 400, { codes: ["INVALID_CLIENT"] }, ["InvalidClientError", {
    code: "INVALID_CLIENT"
  }]],
  [31, "with invalid_client", 401, refusal, ["InvalidClientError"]],
  [31, "with unauthorized_client", 401, { error: "unauthorized_client" }, ["InvalidClientError"]],
  [31, "with an empty body", 401, "", ["InvalidClientError", { code: undefined, serverMessage: undefined }]],
  [31, "with another code", 401, { error: "invalid_request" }, ["InvalidClientError"]],
  [31, "with an empty body", 403, "", ["InvalidClientError"]],
  [32, "with invalid_scope", 400, { error: "invalid_scope" }, ["InvalidScopeError", { code: "invalid_scope" }]],
  [32, "with invalid_scope", 401, { error: "invalid_scope" }, ["InvalidScopeError"]],
  [32, "with invalid_scope", 403, { error: "invalid_scope" }, ["InvalidScopeError"]],
  ...[402, 404, 405, 406, 409, 410, 411, 413, 414, 415, 418, 422, 431, 451, 501, 505].map((
    status
  ): Row => [33, "with a text", status, "no", ["UnexpectedResponseError", {
    problem: page,
    serverMessage: "no",
    tokenUrl,
    message: expect.stringMatching(/base URL\.$/)
  }]]),
  [33, "with the code invalid_client", 404, refusal, ["UnexpectedResponseError", { code: "invalid_client" }]],
  [34, "of a proxy", 407, html, ["UnexpectedResponseError"]],
  [35, "with an empty body", 408, "", ["ServiceUnavailableError", { retryable: true }]],
  [35, "with an empty body", 425, "", ["ServiceUnavailableError", { retryable: true }]],
  [35, "with the code invalid_client", 408, refusal, ["ServiceUnavailableError"]],
  [36, "with Retry-After in seconds", 429, "", ["RateLimitedError", { retryAfter: Duration.seconds(7) }], {
    headers: { "retry-after": "7" }
  }],
  [36, "with Retry-After as a date", 429, "", ["RateLimitedError", { retryAfter: Duration.seconds(37) }], {
    headers: { "retry-after": "Fri, 06 Nov 2026 08:49:37 GMT" }
  }],
  [36, "with two waits in Retry-After", 429, "", ["RateLimitedError", { retryAfter: Duration.seconds(9) }], {
    headers: { "retry-after": "7, 9" }
  }],
  [36, "with Retry-After of a day", 429, "", ["RateLimitedError", { retryAfter: Duration.days(1) }], {
    headers: { "retry-after": "86400" }
  }],
  [36, "with a negative Retry-After", 429, "", ["RateLimitedError", { retryAfter: undefined }], {
    headers: { "retry-after": "-7" }
  }],
  [36, "with garbage in Retry-After", 429, "", ["RateLimitedError", { retryAfter: undefined }], {
    headers: { "retry-after": "soon" }
  }],
  [36, "without Retry-After", 429, envelope, ["RateLimitedError", {
    retryAfter: undefined,
    serverMessage: "input is invalid"
  }]],
  [36, "with the code invalid_client", 429, refusal, ["RateLimitedError", { code: "invalid_client" }]],
  ...[500, 502, 503, 504, 507, 511, 599].map((
    status
  ): Row => [37, "with the HTML of a proxy", status, html, ["ServiceUnavailableError", {
    serverMessage: "Bad gateway"
  }]]),
  [37, "with Retry-After", 503, "", ["ServiceUnavailableError", { retryAfter: Duration.seconds(7) }], {
    headers: { "retry-after": "7" }
  }],
  [37, "with the code invalid_client", 500, refusal, ["ServiceUnavailableError", { code: "invalid_client" }]]
]

describe("Response without a token", () => {
  it.each([...rows])(
    "a response $1 with status $2 becomes its typed error (row $0)",
    (_row, _what, status, body, [_tag, fields = {}], options) => {
      const error = within(1000, () => errorOf(status, body, options))
      const shown = { code: undefined, serverMessage: undefined, retryAfter: undefined, ...error }
      expect({ ...shown, _tag: error._tag, message: error.message }).toMatchObject({
        _tag,
        status,
        attempts: 2,
        tokenUrl,
        ...(_tag === "InvalidScopeError" && { requested }),
        ...fields
      })
      expect(error.retryable).toBe(_tag === "RateLimitedError" || _tag === "ServiceUnavailableError")
      expect(linesShowing(/eyJ|swordfish|WQo3/, error)).toStrictEqual([])
    }
  )

  it("the table of responses without a token covers its rows of the fault matrix", () => {
    expect([...new Set(rows.map(([row]) => row))]).toStrictEqual(
      [20, 21, 22, 23, 24, 25, 26, 27, 29, 30, 31, 32, 33, 34, 35, 36, 37]
    )
  })
})

describe("The words of a server that an error keeps (E8)", () => {
  const { clientSecret: secret, token } = vendor
  const encoded = [...secret].map((c) => `%${c.charCodeAt(0).toString(16)}`).join("")
  const traces = new RegExp([secret, encoded, "eyJ", "WQo3", "opaque-token"].join("|"), "i")

  it.each<[string, number, unknown, Reply?]>([
    ["the secret as the message", 400, secret],
    ["the secret as the code", 400, { error: secret }],
    ["the secret as the code of a 200", 200, { error: secret, error_description: secret }],
    ["the secret as a field's name", 400, { payload: { errors: { [secret]: "unknown" } } }],
    ["the secret in an envelope", 401, { message: [`no client ${secret}`, secret.toUpperCase()], codes: [secret] }],
    ["the request, repeated", 400, vendor.requestBody],
    ["the request, repeated in JSON", 500, { detail: vendor.requestBody, body: { client_secret: secret } }],
    ["the secret percent-encoded", 503, `<p>${encoded}</p>`],
    ["the secret as JSON escapes in cut JSON", 400, `{"m":"${secret.replaceAll("-", "\\u002d")}`],
    ["the secret in Location's host", 302, "", to(`https://${secret}.example/${secret}?${secret}`)],
    ["the secret in Location's path", 302, "", to(`/${secret}`)],
    ["the secret in where a client went", 200, vendor.response, { url: `https://b.example/?${vendor.requestBody}` }],
    ["the secret in Retry-After", 429, "", { headers: { "retry-after": secret } }],
    ["the secret where a token should be", 200, { ...vendor.response, access_token: `${secret}\n` }],
    ["a token in a 4xx", 400, { ...vendor.response, access_token: "opaque-token" }],
    ["a token in a 4xx's message", 400, { message: `the token ${token} has expired` }],
    ["a token in cut JSON of a 5xx", 502, JSON.stringify(vendor.response).slice(0, 400)],
    ["an opaque token in a redirect", 302, { ...vendor.response, access_token: "opaque-token" }],
    ["an opaque token in a 201", 201, { ...vendor.response, access_token: "opaque-token" }],
    ["an opaque token in a redirect's form", 302, "access_token=opaque-token"],
    ["an opaque token in a 206's text", 206, "{\"access_token\":\"opaque-token"],
    ["an opaque token in cut JSON of a 200", 200, "{\"access_token\":\"opaque-token\",\"expires_in"],
    ["an opaque token in a form", 200, "access_token=opaque-token&token_type=Bearer"],
    ["an opaque token beside an error", 200, { error: "out_of_cheese", access_token: "opaque-token" }],
    ["an opaque token as another field", 200, { ...vendor.response, expires_in: "opaque-token" }]
  ])("the error of a response holds no secret and no token: %s (E8, rows 38 and 39)", (_, status, body, options) => {
    expect(linesShowing(traces, errorOf(status, body, options))).toStrictEqual([])
  })

  it("the words that an error keeps are printable and at most 1 KiB (E8, rows 38 and 39)", () => {
    const error = errorOf(400, { error: `\u001b[31m${"x".repeat(1e6)}`, message: `\u202e${"ä".repeat(1e6)}` })
    const { code = "", serverMessage = "" } = error._tag === "InvalidRequestError" ? error : {}
    for (const text of [code, serverMessage]) {
      expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(1024)
      expect(text).toMatch(/^[^\p{C}]+…$/u)
    }
    expect(error.message).toMatch(/^[^\p{C}]+$/u)
  })

  const anyJson = FastCheck.jsonValue().map((value) => JSON.stringify(value))
  const anyBody = FastCheck.oneof(anyJson, FastCheck.string(), FastCheck.uint8Array())

  it.prop("any status with a random body is an error (E8, rows 38 and 39)", [
    FastCheck.integer({ min: 1, max: 999 }),
    anyBody
  ], (
    [status, body]
  ) => {
    expect(reply(status, body)).toMatchObject({ _tag: "Left", left: { status, attempts: 2 } })
  })
})

describe("Status 0, which no server sends", () => {
  it("status 0 is a TokenTransportError with the reason Other (row 16)", () => {
    expect(reply(0)).toMatchObject({ left: { _tag: "TokenTransportError", reason: "Other", attempts: 2 } })
  })

  it("status 0 is a redirect where fetch was told not to follow one (row 16)", () => {
    expect(reply(0, "", { isHiddenRedirect: true })).toMatchObject({
      left: { _tag: "UnexpectedResponseError", problem: "it redirects, and no redirect is followed" }
    })
  })
})

describe("Scopes of a granted token", () => {
  it("200 KiB of scopes that nobody requested are read within two seconds (row 39)", () => {
    const scopes = Array.from({ length: 30_000 }, (_, n) => `s${n}`)
    const response = rawResponse(200, { ...vendor.response, scope: scopes.join(",") })
    expect(within(2000, () => parseTokenResponse(response, context))).toMatchObject({ right: { scope: scopes } })
  })
})

describe("Lifetime of a granted token (S5)", () => {
  const token = (age: number) => {
    const response: RawResponse = { ...rawResponse(200, vendor.response), age }
    return Either.flatMap(parseTokenResponse(response, context), (grant) => toAccessToken(grant, response, context))
  }

  it("the lifetime counts from before the request (S5)", () => {
    expect(token(3_599_999)).toMatchObject({
      right: {
        scopes: vendor.response.scope.split(","),
        issuedAt: DateTime.unsafeMake(receivedAt - 3_599_999),
        expiresAt: DateTime.unsafeMake(receivedAt + 1)
      }
    })
  })

  it("a token whose lifetime was over when it arrived is a time-out (S5)", () => {
    expect(token(3_600_000)).toMatchObject({ left: { _tag: "TokenTimeoutError", tokenUrl, attempts: 2 } })
  })
})

describe("Error class of a status and a code", () => {
  it.prop(
    "a code changes the error class of 200, 400, 401 and 403 only (E4)",
    [FastCheck.integer({ min: 100, max: 999 }), FastCheck.constantFrom("invalid_client", "invalid_scope", "x", "")],
    ([status, code]) => {
      if (![200, 400, 401, 403].includes(status)) expect(classify(status, code)).toBe(classify(status))
    }
  )

  it.each(["__proto__", "constructor", "toString"])("%s is not a known error code", (code) => {
    expect(classify(400, code)).toBe("InvalidRequestError")
    expect(classify(200, code)).toBe("UnexpectedResponseError")
  })
})
