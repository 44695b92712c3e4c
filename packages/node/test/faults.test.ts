/*
 * Rows 20–56 of docs/design/faults.md, byte by byte from a real socket, for each of Effect's clients.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { gzipSync } from "node:zlib"
import { printed } from "../../core/test/support/printed.js"
import { clients } from "./support/clients.js"
import { clientSecret, endpointAt, requestToken } from "./support/endpoint.js"
import * as RawServer from "./support/RawServer.js"

const { always, answer, inTurn, json } = RawServer

const tokenText = "eyJhbGciOiJSUzUxMiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
const token = { access_token: tokenText, token_type: "Bearer", expires_in: "3600", scope: "user_info,write_invoices" }
const vendor = (message: unknown, codes: ReadonlyArray<string> = []) => ({ status: "Failure", message, codes })
const percent = (text: string, upper: boolean) =>
  [...text].map((c) => `%${c.charCodeAt(0).toString(16)[upper ? "toUpperCase" : "toLowerCase"]()}`).join("")

interface Row {
  readonly row: number
  readonly what: string
  readonly play: RawServer.Play
  readonly tag: string
  /** How many requests the server must see: 2 where E7 tries again. */
  readonly attempts?: 1 | 2
  readonly expect?: Record<string, unknown>
  /** The clients for which the row reads differently, and how. */
  readonly but?: Partial<Record<keyof typeof clients, string>>
}

const ok = (body: unknown, headers = {}) => always(json(200, body, headers))
const raw = (body: string | Uint8Array, headers = {}) => always(answer(200, headers, body))
const without = (field: keyof typeof token) => ({ ...token, [field]: undefined })
const unexpected = "UnexpectedResponseError"
const unavailable = "ServiceUnavailableError"

const redirects = [301, 302, 303, 307, 308].flatMap((status): ReadonlyArray<Row> =>
  ["https://evil.example/token?x=1", "http://evil.example/", "//evil.example"].map((location) => ({
    row: 20,
    what: `${status} to ${location}`,
    play: always(answer(status, { location })),
    tag: unexpected,
    expect: { status, problem: expect.stringContaining("//evil.example,") }
  }))
)

const notATokenEndpoint = [404, 405, 410, 411, 413, 414, 415, 431, 501, 505]

const failures: ReadonlyArray<Row> = [
  ...redirects,
  ...[204, 206, 299, 304, 599 + 400].map((status): Row => ({
    row: 21,
    what: `${status}`,
    play: always(
      answer(status, status === 204 || status === 304 ? {} : {}, status === 206 ? JSON.stringify(token) : "")
    ),
    tag: unexpected,
    expect: { status }
  })),
  { row: 22, what: "nothing", play: raw(""), tag: unexpected },
  { row: 22, what: "nothing, no length", play: always(Buffer.from("HTTP/1.1 200 OK\r\n\r\n")), tag: unexpected },
  { row: 22, what: "HTML", play: raw("<html>Hello</html>", { "content-type": "text/html" }), tag: unexpected },
  { row: 22, what: "cut JSON", play: raw(JSON.stringify(token).slice(0, -9)), tag: unexpected },
  ...[null, [], [token], "a", 1].map((body): Row => ({
    row: 22,
    what: JSON.stringify(body).slice(0, 20),
    play: ok(body),
    tag: unexpected,
    expect: { problem: "its body isn't a JSON object" }
  })),
  { row: 22, what: "100,000 deep", play: raw("[".repeat(1e5) + "]".repeat(1e5)), tag: unexpected },
  {
    row: 22,
    what: "a deep field",
    play: raw(`{"access_token":${"[".repeat(1e5)}${"]".repeat(1e5)}}`),
    tag: unexpected
  },
  ...([
    ["invalid_client", "InvalidClientError"],
    ["unauthorized_client", "InvalidClientError"],
    ["invalid_scope", "InvalidScopeError"],
    ["invalid_request", "InvalidRequestError"],
    ["invalid_grant", "InvalidRequestError"],
    ["unsupported_grant_type", "InvalidRequestError"],
    ["out_of_cheese", unexpected]
  ] as const).map(([error, tag]): Row => ({
    row: 23,
    what: `200 with ${error}`,
    play: ok({ ...token, error, error_description: "so it is" }),
    tag,
    expect: { status: 200, code: error, serverMessage: "so it is" }
  })),
  ...[undefined, "", 7, "a b", "a\r\nx: y", "ä"].map((access_token): Row => ({
    row: 24,
    what: `access_token ${JSON.stringify(access_token)}`,
    play: ok({ ...token, access_token }),
    tag: unexpected,
    expect: { problem: "its field access_token is missing or malformed" }
  })),
  ...[undefined, null, "mac", "DPoP"].map((token_type): Row => ({
    row: 25,
    what: `token_type ${token_type}`,
    play: ok({ ...token, token_type }),
    tag: unexpected,
    expect: { problem: "its field token_type is missing or malformed" }
  })),
  ...["null", "\"\"", "\"abc\"", "0", "\"0\"", "-1", "\"-1\"", "3600.5", "\"3600.5\"", "1e999", "\"1e9\"", "true"].map((
    text
  ): Row => ({
    row: 26,
    what: `expires_in ${text}`,
    play: raw(JSON.stringify(token).replace("\"3600\"", text)),
    tag: unexpected,
    expect: { problem: "its field expires_in is missing or malformed" }
  })),
  { row: 26, what: "no expires_in", play: ok(without("expires_in")), tag: unexpected },
  {
    row: 27,
    what: "300 KiB, announced",
    play: raw(JSON.stringify({ ...token, x: "x".repeat(300 * 1024) })),
    tag: unexpected,
    expect: { problem: "its body is larger than 256 KiB" }
  },
  {
    row: 27,
    what: "300 KiB, by the end of the connection",
    play: always(
      Buffer.from(`HTTP/1.1 200 OK\r\n\r\n${JSON.stringify({ ...token, x: "x".repeat(300 * 1024) })}`)
    ),
    tag: unexpected,
    expect: { problem: "its body is larger than 256 KiB" }
  },
  {
    row: 27,
    what: "a gzip bomb of 20 MB",
    play: raw(gzipSync(Buffer.alloc(20e6, " ")), { "content-encoding": "gzip" }),
    tag: unexpected,
    expect: { problem: "its body isn't UTF-8" },
    but: { fetch: "its body is larger than 256 KiB" }
  },
  { row: 29, what: "invalid UTF-8", play: raw(Buffer.from([0x22, 0xc3, 0x28, 0x22])), tag: unexpected },
  { row: 29, what: "UTF-16", play: raw(Buffer.from(`\ufeff${JSON.stringify(token)}`, "utf16le")), tag: unexpected },
  ...([
    ["empty", "", {}],
    ["HTML", "<h1>Bad</h1><p>request</p>", { serverMessage: "Bad request" }],
    ["plain text", "bad request", { serverMessage: "bad request" }],
    ["envelope, array", JSON.stringify(vendor(["a", "b"], ["INPUT_ERROR"])), {
      code: "INPUT_ERROR",
      serverMessage: "a; b"
    }],
    ["envelope, string", JSON.stringify(vendor("a")), { serverMessage: "a" }],
    ["payload, text", JSON.stringify({ payload: { errors: "a" } }), { serverMessage: "a" }],
    ["payload, object", JSON.stringify({ payload: { errors: { scope: ["is odd"] } } }), {
      serverMessage: "scope: is odd"
    }],
    ["RFC 6749", JSON.stringify({ error: "invalid_request", error_description: "a" }), {
      code: "invalid_request",
      serverMessage: "a"
    }],
    ["unknown code", JSON.stringify({ error: "out_of_cheese" }), { code: "out_of_cheese" }]
  ] as const).map(([what, body, expect]): Row => ({
    row: 30,
    what: `400 ${what}`,
    play: always(answer(400, {}, body)),
    tag: "InvalidRequestError",
    expect: { status: 400, ...expect }
  })),
  ...[400, 401].flatMap((status) =>
    ["invalid_client", "unauthorized_client"].map((error): Row => ({
      row: 31,
      what: `${status} ${error}`,
      play: always(json(status, { error })),
      tag: "InvalidClientError",
      expect: { status, code: error }
    }))
  ),
  ...[401, 403].map((status): Row => ({
    row: 31,
    what: `${status} empty`,
    play: always(answer(status)),
    tag: "InvalidClientError",
    expect: { status }
  })),
  { row: 32, what: "400 invalid_scope", play: always(json(400, { error: "invalid_scope" })), tag: "InvalidScopeError" },
  {
    row: 32,
    what: "400 in the envelope",
    play: always(json(400, vendor([], ["invalid_scope"]))),
    tag: "InvalidScopeError"
  },
  { row: 32, what: "401", play: always(json(401, vendor([], ["INVALID_SCOPE"]))), tag: "InvalidScopeError" },
  ...notATokenEndpoint.map((status): Row => ({
    row: 33,
    what: `${status}`,
    play: always(answer(status)),
    tag: unexpected,
    expect: { status, message: expect.stringContaining("check the base URL") }
  })),
  { row: 34, what: "407", play: always(answer(407)), tag: unexpected, but: { fetch: "TokenTransportError" } },
  ...[408, 425, 500, 502, 503, 504, 599].map((status): Row => ({
    row: status < 500 ? 35 : 37,
    what: `${status}`,
    play: always(answer(status, {}, "<html><h1>Not now</h1></html>")),
    tag: unavailable,
    attempts: 2,
    expect: { status, serverMessage: "Not now" }
  })),
  { row: 36, what: "429", play: always(answer(429)), tag: "RateLimitedError", attempts: 2 },
  ...[["-1"], ["soon"], ["0"]].map(([wait = ""]): Row => ({
    row: 36,
    what: `429, Retry-After: ${wait}`,
    play: always(answer(429, { "retry-after": wait })),
    tag: "RateLimitedError",
    attempts: 2
  })),
  {
    row: 36,
    what: "429, two Retry-After",
    play: always(answer(429, { "retry-after": ["60", "120"] })),
    tag: "RateLimitedError",
    expect: { retryAfter: Duration.seconds(120) },
    but: { "node:http": "60000" } // Node drops the second
  },
  {
    row: 36,
    what: "429, a day",
    play: always(answer(429, { "retry-after": "86400" })),
    tag: "RateLimitedError",
    expect: { retryAfter: Duration.days(1) }
  },
  {
    row: 37,
    what: "503, Retry-After over the budget",
    play: always(answer(503, { "retry-after": "3600" })),
    tag: unavailable,
    expect: { retryAfter: Duration.hours(1) }
  },
  ...([
    ["plain", clientSecret],
    ["upper case", clientSecret.toUpperCase()],
    ["percent-encoded", percent(clientSecret, false)],
    ["percent-encoded, upper case", percent(clientSecret, true)],
    ["in the form", `client_secret=${clientSecret}&grant_type=x`]
  ] as const).flatMap(([what, echo]): ReadonlyArray<Row> => [
    {
      row: 38,
      what: `400 repeats the secret, ${what}`,
      play: always(answer(400, {}, `no: ${echo} it was`)),
      tag: "InvalidRequestError",
      expect: { serverMessage: expect.stringContaining("<redacted>") }
    },
    {
      row: 38,
      what: `401 as JSON repeats the secret, ${what}`,
      play: always(json(401, { error: echo, error_description: echo, message: echo })),
      tag: "InvalidClientError",
      expect: { code: expect.stringContaining("<redacted>"), serverMessage: expect.stringContaining("<redacted>") }
    }
  ]),
  {
    row: 38,
    what: "Location repeats the secret",
    play: always(answer(302, { location: `https://${clientSecret}.example/${clientSecret}?s=${clientSecret}` })),
    tag: unexpected,
    expect: { problem: expect.stringContaining("https://<redacted>.example,") }
  },
  {
    row: 39,
    what: "1 MB of text",
    play: always(answer(400, {}, "ab ".repeat(350_000))),
    tag: "InvalidRequestError"
  },
  {
    row: 39,
    what: "terminal escapes",
    play: always(answer(400, {}, "a\u001b[31mred\u0007\u0000b\u202e")),
    tag: "InvalidRequestError",
    expect: { serverMessage: "a [31mred b" }
  }
]

const tokens: ReadonlyArray<{
  readonly row: number
  readonly what: string
  readonly play: RawServer.Play
  readonly seconds?: number
  readonly scopes?: ReadonlyArray<string>
  readonly value?: string
}> = [
  { row: 12, what: "kept alive", play: (socket) => socket.write(json(200, token, { connection: "keep-alive" })) },
  { row: 50, what: "expires_in \"3600\"", play: ok(token) },
  { row: 50, what: "expires_in 3600", play: ok({ ...token, expires_in: 3600 }) },
  { row: 50, what: "a hundred years", play: ok({ ...token, expires_in: 3155692600 }), seconds: 315_360_000 },
  { row: 50, what: "digits without end", play: ok({ ...token, expires_in: "9".repeat(400) }), seconds: 315_360_000 },
  { row: 51, what: "bearer", play: ok({ ...token, token_type: "bearer" }) },
  { row: 51, what: "BEARER", play: ok({ ...token, token_type: "BEARER" }) },
  { row: 52, what: "no scope", play: ok(without("scope")) },
  { row: 52, what: "empty scope", play: ok({ ...token, scope: "" }) },
  { row: 52, what: "spaces, duplicates", play: ok({ ...token, scope: "user_info write_invoices  user_info" }) },
  {
    row: 52,
    what: "another order, wider",
    play: ok({ ...token, scope: "x,write_invoices, user_info" }),
    scopes: ["x", "write_invoices", "user_info"]
  },
  { row: 53, what: "narrower", play: ok({ ...token, scope: "user_info" }), scopes: ["user_info"] },
  {
    row: 54,
    what: "unknown members",
    play: raw(`{"__proto__": {"expires_in": 1}, "x": [], ${JSON.stringify(token).slice(1)}`)
  },
  { row: 54, what: "duplicate keys", play: raw(`{"expires_in": "x", ${JSON.stringify(token).slice(1)}`) },
  { row: 55, what: "BOM", play: raw(`\ufeff${JSON.stringify(token)}`) },
  { row: 55, what: "text/plain", play: raw(JSON.stringify(token), { "content-type": "text/plain" }) },
  { row: 55, what: "charset", play: ok(token, { "content-type": "application/json; charset=UTF-8" }) },
  {
    row: 55,
    what: "chunks of 5 bytes",
    play: always(Buffer.from(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" +
        JSON.stringify(token).replace(/.{1,5}/g, (part) => `${part.length}\r\n${part}\r\n`) + "0\r\n\r\n"
    ))
  },
  {
    row: 55,
    what: "HTTP/1.0, closed by end",
    play: always(Buffer.from(`HTTP/1.0 200 OK\r\n\r\n${JSON.stringify(token)}`))
  },
  { row: 56, what: "opaque", play: ok({ ...token, access_token: "a-B.c_d~e+f/g==" }), value: "a-B.c_d~e+f/g==" },
  { row: 56, what: "a JWT cut short", play: ok({ ...token, access_token: "eyJh.eyJi.x" }), value: "eyJh.eyJi.x" },
  {
    row: 35,
    what: "a token at the second attempt",
    play: inTurn(answer(503), json(200, token))
  }
]

describe.each(Object.entries(clients))("%s", (name, client) => {
  const client_ = name as keyof typeof clients

  describe("answers that aren't a token", () => {
    it.scopedLive.each(failures)("row $row: $what", (row) =>
      Effect.gen(function*() {
        const server = yield* RawServer.make(row.play)
        const error = yield* requestToken.pipe(Effect.flip, Effect.provide(endpointAt(server.url, client)))
        const exception = row.but?.[client_]
        const requests = client_ === "fetch" && row.row === 34 ? 2 : row.attempts ?? 1
        expect(error).toMatchObject(
          exception === undefined ? { _tag: row.tag, attempts: requests, ...row.expect } : { attempts: requests }
        )
        if (exception !== undefined) expect(printed(error)).toContain(exception)
        expect(server.requests.length).toBe(requests)
        for (const text of [clientSecret, tokenText, percent(clientSecret, false)]) {
          expect(printed(error).toLowerCase()).not.toContain(text.toLowerCase())
        }
        expect("serverMessage" in error ? Buffer.byteLength(error.serverMessage ?? "") : 0).toBeLessThanOrEqual(1024)
      }))
  })

  describe("answers that look odd but are a token", () => {
    it.scopedLive.each(tokens)(
      "row $row: $what",
      ({ play, scopes = ["user_info", "write_invoices"], seconds = 3600, value = tokenText }) =>
        Effect.gen(function*() {
          const server = yield* RawServer.make(play)
          const token = yield* Effect.provide(requestToken, endpointAt(server.url, client))
          expect(Redacted.value(token.value)).toBe(value)
          expect(token.scopes).toStrictEqual(scopes)
          expect(token.expiresAt.epochMillis - token.issuedAt.epochMillis).toBe(seconds * 1000)
          expect(printed(token)).not.toContain(value)
        })
    )
  })

  it.scopedLive("row 28: gzip that wasn't asked for is decoded where the client decodes it", () =>
    Effect.gen(function*() {
      const server = yield* RawServer.make(raw(gzipSync(JSON.stringify(token)), { "content-encoding": "gzip" }))
      const result = yield* Effect.either(Effect.provide(requestToken, endpointAt(server.url, client)))
      expect(result).toMatchObject(
        name === "fetch" ? { right: { tokenType: "Bearer" } } : { left: { _tag: unexpected, attempts: 1 } }
      )
    }))
})
