import { Scopes, TokenError } from "@effect-tilia/core"
import * as Headers from "@effect/platform/Headers"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { fromResponse } from "../../../src/internal/accessToken.js"
import * as ServerPolicy from "../../../src/internal/tokenMediator/serverPolicy.js"
import { response as sample } from "../../fixtures/vendorSample.js"

const origin = "https://shop.example"
const scopes = (...names: ReadonlyArray<string>) => Effect.runSync(Scopes.make(names))

describe("isSameOrigin (M3)", () => {
  it.each<[boolean, Record<string, string>]>([
    [true, { "sec-fetch-site": "same-origin" }],
    [true, { "sec-fetch-site": "same-origin", origin }],
    [false, { "sec-fetch-site": "same-site" }],
    [false, { "sec-fetch-site": "same-site", origin }],
    [false, { "sec-fetch-site": "cross-site", origin }],
    [false, { "sec-fetch-site": "none" }],
    [false, { "sec-fetch-site": "none", origin }],
    [false, { "sec-fetch-site": "", origin }],
    [false, { "sec-fetch-site": "Same-Origin", origin }],
    [false, { "sec-fetch-site": "same-origin, cross-site", origin }],
    [true, { origin }],
    [false, { origin: "https://evil.example" }],
    [false, { origin: "https://shop.example.evil.example" }],
    [false, { origin: "https://www.shop.example" }],
    [false, { origin: "http://shop.example" }],
    [false, { origin: "https://shop.example:8443" }],
    [false, { origin: "https://shop.example/" }],
    [false, { origin: `${origin}, https://evil.example` }],
    [false, { origin: "null" }],
    [false, { "sec-fetch-site": "same-origin", origin: "https://evil.example" }],
    [false, { "sec-fetch-site": "same-origin", origin: "https://www.shop.example" }],
    [false, { "sec-fetch-site": "same-origin", origin: "https://shop.example:8443" }],
    [false, { "sec-fetch-site": "same-origin", origin: "null" }],
    [false, { "sec-fetch-site": "same-origin", origin: "" }],
    [false, { origin: "" }],
    [false, {}],
    [false, { host: "shop.example" }],
    [false, { host: "evil.example", origin: "https://evil.example" }],
    [false, { host: "shop.example", referer: `${origin}/` }],
    [false, { host: "shop.example", "x-forwarded-host": "shop.example" }]
  ])("isSameOrigin is %s for the headers %j (M3)", (expected, headers) => {
    expect(ServerPolicy.isSameOrigin(Headers.fromInput(headers), origin)).toBe(expected)
  })
})

describe("isJson (M3)", () => {
  it.each<[boolean, string | undefined]>([
    [true, "application/json"],
    [true, "application/json; charset=utf-8"],
    [true, "Application/JSON"],
    [true, " application/json ; charset=utf-8"],
    [false, undefined],
    [false, ""],
    [false, "text/plain"],
    [false, "text/plain; application/json"],
    [false, "text/plain, application/json"],
    [false, "application/x-www-form-urlencoded"],
    [false, "multipart/form-data; boundary=application/json"],
    [false, "application/jsonp"],
    [false, "application/problem+json"]
  ])("isJson is %s for the content type \"%s\" (M3)", (expected, type) => {
    expect(ServerPolicy.isJson(Headers.fromInput(type === undefined ? {} : { "content-type": type }))).toBe(expected)
  })
})

describe("unread (M3)", () => {
  const good = { "sec-fetch-site": "same-origin", "content-type": "application/json" }
  it.each<[number | undefined, string, Record<string, string>]>([
    [undefined, "POST", good],
    [undefined, "POST", { ...good, "content-length": "16384" }],
    [403, "POST", { ...good, "sec-fetch-site": "cross-site" }],
    [403, "OPTIONS", { origin: "https://evil.example" }],
    [405, "GET", good],
    [405, "HEAD", good],
    [405, "PUT", good],
    [405, "OPTIONS", good],
    [415, "POST", { ...good, "content-type": "text/plain" }],
    [413, "POST", { ...good, "content-length": "16385" }]
  ])("unread yields the status %s for the method %s with the headers %j (M3)", (status, method, headers) => {
    expect(ServerPolicy.refusalBeforeReading({ method, headers: Headers.fromInput(headers) }, origin)?.status).toBe(
      status
    )
  })
})

const said = { status: 400, code: "vendor_code", serverMessage: "the vendor's words", attempts: 4 }
const tokenUrl = "https://auth.example/token"
const retryAfter = Duration.seconds(90)

/** Every class, as it comes from the authorization server, and the status that the page gets. */
const errors: ReadonlyArray<[number, TokenError.TokenError]> = [
  [500, new TokenError.InvalidInputError({ setting: "scopes", expected: "the vendor's words" })],
  [500, new TokenError.CredentialsError({ message: "the vendor's words", retryable: false })],
  [503, new TokenError.CredentialsError({ message: "the vendor's words", retryable: true })],
  [500, new TokenError.InvalidRequestError(said)],
  [500, new TokenError.InvalidClientError(said)],
  [500, new TokenError.InvalidScopeError(said)],
  [429, new TokenError.RateLimitedError({ ...said, retryAfter })],
  [503, new TokenError.ServiceUnavailableError({ ...said, retryAfter })],
  [500, new TokenError.UnexpectedResponseError({ ...said, tokenUrl, problem: "the vendor's words" })],
  [503, new TokenError.TokenTransportError({ reason: "Reset", tokenUrl, attempts: 4 })],
  [500, new TokenError.TokenTransportError({ reason: "Tls", tokenUrl, attempts: 1 })],
  [503, new TokenError.TokenTimeoutError({ tokenUrl, attempts: 4 })]
]

describe("Refusal of an error (M3)", () => {
  it.each(errors)("a refusal has status %i, the error's tag and our own words for %s (M3)", (status, error) => {
    const refused = ServerPolicy.fromTokenError(error)
    expect(refused).toMatchObject({ status, refusal: { _tag: error._tag, retryable: error.retryable } })
    expect(JSON.stringify(refused)).not.toMatch(/vendor|auth\.example/)
    expect(refused.refusal.message).toMatch(/^[A-Z][\x20-\x7e]*\.$/)
  })

  it("a refusal waits as long as the server says, a second at least, or has no wait where it is useless (M3)", () => {
    const wait = (error: TokenError.TokenError) => ServerPolicy.fromTokenError(error).refusal.retryAfter
    expect(wait(new TokenError.RateLimitedError({ ...said, retryAfter }))).toStrictEqual(retryAfter)
    expect(wait(new TokenError.RateLimitedError({ ...said, retryAfter: Duration.zero }))).toStrictEqual(
      Duration.seconds(1)
    )
    expect(wait(new TokenError.TokenTimeoutError({ tokenUrl, attempts: 4 }))).toStrictEqual(Duration.seconds(1))
    expect(wait(new TokenError.InvalidClientError(said))).toBeUndefined()
  })

  it.each(errors.map(([status, error]) => [status === 429 ? 503 : status, error] as const))(
    "the refusal has status %i, and never refuses a user, where authorize fails with %s (M6)",
    (status, error) => {
      const refused = ServerPolicy.fromAuthorize(error)
      expect(refused).toMatchObject({
        reason: "authorize_failed",
        status,
        refusal: { _tag: error._tag, retryable: error.retryable }
      })
      expect(JSON.stringify(refused)).not.toMatch(/vendor/)
    }
  )
})

describe("senderOf (B3)", () => {
  it.each<[Record<string, string>, string]>([
    [{}, "its Origin is absent, its Sec-Fetch-Site is absent"],
    [
      { origin: "https://www.shop.example", "sec-fetch-site": "same-origin" },
      "its Origin is \"https://www.shop.example\", its Sec-Fetch-Site is \"same-origin\""
    ],
    [{ origin: "\u001b[2J" }, "its Origin is not printable, its Sec-Fetch-Site is absent"],
    [{ origin: "a".repeat(257) }, "its Origin is not printable, its Sec-Fetch-Site is absent"]
  ])("the log says of the headers %j: %s (B3)", (headers, expected) => {
    expect(ServerPolicy.senderOf(Headers.fromInput(headers))).toBe(expected)
  })
})

/** What is of no use to send again is refused with its status, tag and words, and the headers that HTTP asks for. */
describe("Words of a refusal (M2, M3, M5)", () => {
  const refused = (method: string, headers: Record<string, string> = {}) =>
    ServerPolicy.refusalBeforeReading({ method, headers: Headers.fromInput({ origin, ...headers }) }, origin)
  const tooLarge = "The body may have 16 KiB."

  it.each<[string, number, string, string, ServerPolicy.Refused | undefined, object?]>([
    [
      "origin",
      403,
      "InvalidRequestError",
      "Only a page of the origin that this server is set to serve may ask for a token.",
      refused("POST", {
        origin: "null"
      })
    ],
    ["method", 405, "InvalidRequestError", "Ask by POST.", refused("GET"), { allow: "POST" }],
    ["content_type", 415, "InvalidRequestError", "The body must be application/json.", refused("POST"), {
      "accept-post": "application/json"
    }],
    [
      "body_too_large",
      413,
      "InvalidRequestError",
      tooLarge,
      refused("POST", {
        "content-type": "application/json",
        "content-length": "16385"
      })
    ],
    ["body_too_large", 413, "InvalidRequestError", tooLarge, ServerPolicy.tooLarge],
    [
      "body_malformed",
      400,
      "InvalidRequestError",
      "The body must be JSON, as {\"scopes\":[\"user_info\"]}.",
      ServerPolicy.malformed
    ],
    ["unauthenticated", 401, "InvalidClientError", "No user is logged in.", ServerPolicy.unauthenticated],
    ["forbidden", 403, "InvalidClientError", "This user may not have a token.", ServerPolicy.forbidden],
    [
      "principal",
      403,
      "InvalidClientError",
      "Another user is logged in than the one whom the page names.",
      ServerPolicy.otherPrincipal
    ],
    ["not_granted", 400, "InvalidScopeError", "Not every requested scope is granted.", ServerPolicy.notGranted],
    [
      "wider_claims",
      500,
      "UnexpectedResponseError",
      "The token can do more than was granted, and isn't handed out.",
      ServerPolicy.tooWide
    ]
  ])(
    "a refusal for %s has status %i and the tag %s, and says \"%s\" (M2, M3, M5)",
    (reason, status, _tag, message, refused, headers = {}) => {
      expect(refused).toStrictEqual({ reason, status, headers, refusal: { _tag, retryable: false, message } })
    }
  )

  it.each<[string, number, string, ServerPolicy.Refused]>([
    ["about_to_expire", 503, "The token is about to expire; the next one is coming.", ServerPolicy.aboutToExpire],
    ["body_slow", 408, "The body of the request did not arrive in time.", ServerPolicy.slowBody],
    ["authorize_slow", 503, "This server did not decide in time who asks.", ServerPolicy.slowAuthorize],
    ["authorize_died", 500, "Something went wrong.", ServerPolicy.defectOfAuthorize],
    ["died", 500, "Something went wrong.", ServerPolicy.defect]
  ])(
    "a refusal for %s has status %i, may be tried again in a second and says \"%s\" (M2, M3, M5, M6)",
    (reason, status, message, refused) => {
      const refusal = { _tag: "ServiceUnavailableError", retryable: true, message, retryAfter: Duration.seconds(1) }
      expect(refused).toStrictEqual({ reason, status, headers: {}, refusal })
    }
  )
})

describe("Reach of a token (M5)", () => {
  it.each<[boolean, ReadonlyArray<string> | undefined, Scopes.Scopes]>([
    [true, ["a"], scopes("a")],
    [true, ["a"], scopes("a", "b")],
    [true, ["b", "a", "a"], scopes("a", "b")],
    [true, [], scopes("a")],
    [false, ["a", "b"], scopes("a")],
    [false, ["A"], scopes("a")],
    [false, ["a,b"], scopes("a", "b")],
    [false, ["__proto__"], scopes("a")],
    [false, undefined, scopes("a")]
  ])("isWithin is %s for the reach %j in the grant %j (M5)", (expected, reach, granted) => {
    expect(ServerPolicy.isWithin(reach, granted)).toBe(expected)
  })

  const token = (text: string) =>
    fromResponse(
      { access_token: Redacted.make(text), token_type: "Bearer", expires_in: 3600 },
      scopes("user_info"),
      DateTime.unsafeMake(0)
    )
  const withPayload = (payload: unknown) => `e30.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.x`

  it.each<[string, string, ReadonlyArray<string> | undefined]>([
    ["an array of scopes", withPayload({ scopes: ["user_info"] }), ["user_info"]],
    ["more scopes than its response", withPayload({ scopes: ["user_info", "a b"] }), ["user_info", "a b"]],
    ["no scope in the scopes of its claims", withPayload({ scopes: [] }), undefined],
    ["no scope in the scope of its claims", withPayload({ scope: " " }), undefined],
    ["the scope of RFC 9068", withPayload({ scope: "a b" }), ["a", "b", "user_info"]],
    ["a scope with commas, as this vendor writes them", withPayload({ scope: "a,b" }), ["a", "b", "user_info"]],
    ["a list as its scope", withPayload({ scope: ["a"] }), ["a", "user_info"]],
    ["more in its scope than in its scopes", withPayload({ scope: "b", scopes: ["a"] }), ["a", "b", "user_info"]],
    ["opaque text", "opaque", undefined],
    ["no scopes in its claims", withPayload({}), undefined],
    ["scopes as a text", withPayload({ scopes: "user_info" }), undefined],
    ["an array of mixed types", withPayload({ scopes: ["user_info", 1] }), undefined],
    ["claims that are not JSON", `e30.${Buffer.from("{").toString("base64url")}.x`, undefined]
  ])("reachOf reads the reach of a token with %s (M5)", (_, text, expected) => {
    expect(ServerPolicy.reachOf(token(text))).toStrictEqual(expected)
  })

  it("the vendor's sample token can do more than its response says (M5)", () => {
    const reach = ServerPolicy.reachOf(token(sample.access_token))
    expect(reach).not.toBeUndefined()
    expect(ServerPolicy.isWithin(reach, scopes(...sample.scope.split(",")))).toBe(false)
  })
})
