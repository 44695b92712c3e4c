/*
 * Rows 20–56 of docs/design/faults.md: what a server may answer, byte by byte.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { describe, expect } from "vitest"
import * as ScriptedServer from "../ScriptedServer.js"
import {
  ask,
  clientSecret,
  errorOf,
  expectError,
  gzipped,
  open,
  type Subject,
  testOver,
  token,
  tokenText
} from "./subject.js"

const { always, answer, end, inTurn, json, send } = ScriptedServer

/** An answer that isn't a token, and the error that it must be. */
interface Refusal {
  readonly row: number
  readonly what: string
  readonly script: ScriptedServer.Script
  readonly tag: string
  /** How many requests the server must see: 2 where E7 tries again. */
  readonly attempts?: 1 | 2
  readonly expect?: Record<string, unknown>
}

/** An answer that looks odd but is a token. */
interface Grant {
  readonly row: number
  readonly what: string
  readonly script: ScriptedServer.Script
  readonly seconds?: number
  readonly scopes?: ReadonlyArray<string>
  readonly value?: string
}

const vendor = (message: unknown, codes: ReadonlyArray<string> = []) => ({ status: "Failure", message, codes })
const percent = (text: string, upper: boolean) =>
  [...text].map((c) => `%${c.charCodeAt(0).toString(16)[upper ? "toUpperCase" : "toLowerCase"]()}`).join("")
const utf16 = (text: string) => new Uint8Array(Uint16Array.from(text, (c) => c.charCodeAt(0)).buffer)

const ok = (body: unknown, headers = {}) => always(json(200, body, headers))
const raw = (body: string | Uint8Array, headers = {}) => always(answer(200, headers, body))
const without = (field: keyof typeof token) => ({ ...token, [field]: undefined })
const unexpected = "UnexpectedResponseError"
const unavailable = "ServiceUnavailableError"

/** To another host, and none off this machine: a client that follows must not take the secret out of it. */
const redirects = ({ hidesRedirects = false }: Subject): ReadonlyArray<Refusal> =>
  [301, 302, 303, 307, 308].flatMap((status) =>
    ["https://127.0.0.2/token?x=1", "http://127.0.0.2/", "//127.0.0.2"].map((location) => ({
      row: 20,
      what: `${status} to ${location}`,
      script: always(answer(status, { location })),
      tag: unexpected,
      ...(!hidesRedirects && { expect: { status, problem: expect.stringContaining("//127.0.0.2,") } })
    }))
  )

const notATokenEndpoint = [404, 405, 410, 411, 413, 414, 415, 431, 501, 505]

const refusals = (subject: Subject): ReadonlyArray<Refusal> => [
  ...redirects(subject),
  ...[204, 206, 299, 304, 599 + 400].map((status): Refusal => ({
    row: 21,
    what: `${status}`,
    script: always(answer(status, {}, status === 206 ? JSON.stringify(token) : "")),
    tag: unexpected,
    expect: { status }
  })),
  { row: 22, what: "nothing", script: raw(""), tag: unexpected },
  { row: 22, what: "nothing, no length", script: always("HTTP/1.1 200 OK\r\n\r\n"), tag: unexpected },
  { row: 22, what: "HTML", script: raw("<html>Hello</html>", { "content-type": "text/html" }), tag: unexpected },
  { row: 22, what: "cut JSON", script: raw(JSON.stringify(token).slice(0, -9)), tag: unexpected },
  ...[null, [], [token], "a", 1].map((body): Refusal => ({
    row: 22,
    what: JSON.stringify(body).slice(0, 20),
    script: ok(body),
    tag: unexpected,
    expect: { problem: "its body isn't a JSON object" }
  })),
  { row: 22, what: "100,000 deep", script: raw("[".repeat(1e5) + "]".repeat(1e5)), tag: unexpected },
  {
    row: 22,
    what: "a deep field",
    script: raw(`{"access_token":${"[".repeat(1e5)}${"]".repeat(1e5)}}`),
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
  ] as const).map(([error, tag]): Refusal => ({
    row: 23,
    what: `200 with ${error}`,
    script: ok({ ...token, error, error_description: "so it is" }),
    tag,
    expect: { status: 200, code: error, serverMessage: "so it is" }
  })),
  ...[undefined, "", 7, "a b", "a\r\nx: y", "ä"].map((access_token): Refusal => ({
    row: 24,
    what: `access_token ${JSON.stringify(access_token)}`,
    script: ok({ ...token, access_token }),
    tag: unexpected,
    expect: { problem: "its field access_token is missing or malformed" }
  })),
  ...[undefined, null, "mac", "DPoP"].map((token_type): Refusal => ({
    row: 25,
    what: `token_type ${token_type}`,
    script: ok({ ...token, token_type }),
    tag: unexpected,
    expect: { problem: "its field token_type is missing or malformed" }
  })),
  ...["null", "\"\"", "\"abc\"", "0", "\"0\"", "-1", "\"-1\"", "3600.5", "\"3600.5\"", "1e999", "\"1e9\"", "true"].map((
    text
  ): Refusal => ({
    row: 26,
    what: `expires_in ${text}`,
    script: raw(JSON.stringify(token).replace("\"3600\"", text)),
    tag: unexpected,
    expect: { problem: "its field expires_in is missing or malformed" }
  })),
  { row: 26, what: "no expires_in", script: ok(without("expires_in")), tag: unexpected },
  {
    row: 27,
    what: "300 KiB, announced",
    script: raw(JSON.stringify({ ...token, x: "x".repeat(300 * 1024) })),
    tag: unexpected,
    expect: { problem: "its body is larger than 256 KiB" }
  },
  {
    row: 27,
    what: "300 KiB, by the end of the connection",
    script: always(`HTTP/1.1 200 OK\r\n\r\n${JSON.stringify({ ...token, x: "x".repeat(300 * 1024) })}`),
    tag: unexpected,
    expect: { problem: "its body is larger than 256 KiB" }
  },
  { row: 29, what: "invalid UTF-8", script: raw(new Uint8Array([0x22, 0xc3, 0x28, 0x22])), tag: unexpected },
  { row: 29, what: "UTF-16", script: raw(utf16(`\ufeff${JSON.stringify(token)}`)), tag: unexpected },
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
  ] as const).map(([what, body, expect]): Refusal => ({
    row: 30,
    what: `400 ${what}`,
    script: always(answer(400, {}, body)),
    tag: "InvalidRequestError",
    expect: { status: 400, ...expect }
  })),
  ...[400, 401].flatMap((status) =>
    ["invalid_client", "unauthorized_client"].map((error): Refusal => ({
      row: 31,
      what: `${status} ${error}`,
      script: always(json(status, { error })),
      tag: "InvalidClientError",
      expect: { status, code: error }
    }))
  ),
  ...[401, 403].map((status): Refusal => ({
    row: 31,
    what: `${status} empty`,
    script: always(answer(status)),
    tag: "InvalidClientError",
    expect: { status }
  })),
  {
    row: 32,
    what: "400 invalid_scope",
    script: always(json(400, { error: "invalid_scope" })),
    tag: "InvalidScopeError"
  },
  {
    row: 32,
    what: "400 in the envelope",
    script: always(json(400, vendor([], ["invalid_scope"]))),
    tag: "InvalidScopeError"
  },
  { row: 32, what: "401", script: always(json(401, vendor([], ["INVALID_SCOPE"]))), tag: "InvalidScopeError" },
  ...notATokenEndpoint.map((status): Refusal => ({
    row: 33,
    what: `${status}`,
    script: always(answer(status)),
    tag: unexpected,
    expect: { status, message: expect.stringContaining("check the base URL") }
  })),
  {
    row: 34,
    what: "407",
    script: always(answer(407)),
    ...(subject.refuses407 ? { tag: "TokenTransportError", attempts: 2 } : { tag: unexpected })
  },
  ...[408, 425, 500, 502, 503, 504, 599].map((status): Refusal => ({
    row: status < 500 ? 35 : 37,
    what: `${status}`,
    script: always(answer(status, {}, "<html><h1>Not now</h1></html>")),
    tag: unavailable,
    attempts: 2,
    expect: { status, serverMessage: "Not now" }
  })),
  { row: 36, what: "429", script: always(answer(429)), tag: "RateLimitedError", attempts: 2 },
  ...[["-1"], ["soon"], ["0"]].map(([wait = ""]): Refusal => ({
    row: 36,
    what: `429, Retry-After: ${wait}`,
    script: always(answer(429, { "retry-after": wait })),
    tag: "RateLimitedError",
    attempts: 2
  })),
  {
    row: 36,
    what: "429, two Retry-After",
    script: always(answer(429, { "retry-after": ["60", "120"] })),
    tag: "RateLimitedError",
    expect: { retryAfter: Duration.seconds(subject.dropsRepeatedHeaders ? 60 : 120) }
  },
  {
    row: 36,
    what: "429, a day",
    script: always(answer(429, { "retry-after": "86400" })),
    tag: "RateLimitedError",
    expect: { retryAfter: Duration.days(1) }
  },
  {
    row: 37,
    what: "503, Retry-After over the budget",
    script: always(answer(503, { "retry-after": "3600" })),
    tag: unavailable,
    expect: { retryAfter: Duration.hours(1) }
  },
  ...([
    ["plain", clientSecret],
    ["upper case", clientSecret.toUpperCase()],
    ["percent-encoded", percent(clientSecret, false)],
    ["percent-encoded, upper case", percent(clientSecret, true)],
    ["in the form", `client_secret=${clientSecret}&grant_type=x`]
  ] as const).flatMap(([what, echo]): ReadonlyArray<Refusal> => [
    {
      row: 38,
      what: `400 repeats the secret, ${what}`,
      script: always(answer(400, {}, `no: ${echo} it was`)),
      tag: "InvalidRequestError",
      expect: { serverMessage: expect.stringContaining("<redacted>") }
    },
    {
      row: 38,
      what: `401 as JSON repeats the secret, ${what}`,
      script: always(json(401, { error: echo, error_description: echo, message: echo })),
      tag: "InvalidClientError",
      expect: { code: expect.stringContaining("<redacted>"), serverMessage: expect.stringContaining("<redacted>") }
    }
  ]),
  {
    row: 38,
    what: "Location repeats the secret",
    script: always(answer(302, { location: `https://${clientSecret}.example/${clientSecret}?s=${clientSecret}` })),
    tag: unexpected,
    ...(!subject.hidesRedirects && { expect: { problem: expect.stringContaining("https://<redacted>.example,") } })
  },
  {
    row: 39,
    what: "1 MB of text",
    script: always(answer(400, {}, "ab ".repeat(350_000))),
    tag: "InvalidRequestError"
  },
  {
    row: 39,
    what: "terminal escapes",
    script: always(answer(400, {}, "a\u001b[31mred\u0007\u0000b\u202e")),
    tag: "InvalidRequestError",
    expect: { serverMessage: "a [31mred b" }
  }
]

/** Answers that look odd but are a token. */
const grants: ReadonlyArray<Grant> = [
  { row: 12, what: "kept alive", script: inTurn([send(json(200, token, { connection: "keep-alive" }))]) },
  { row: 50, what: "expires_in \"3600\"", script: ok(token) },
  { row: 50, what: "expires_in 3600", script: ok({ ...token, expires_in: 3600 }) },
  { row: 50, what: "a hundred years", script: ok({ ...token, expires_in: 3155692600 }), seconds: 315_360_000 },
  { row: 50, what: "digits without end", script: ok({ ...token, expires_in: "9".repeat(400) }), seconds: 315_360_000 },
  { row: 51, what: "bearer", script: ok({ ...token, token_type: "bearer" }) },
  { row: 51, what: "BEARER", script: ok({ ...token, token_type: "BEARER" }) },
  { row: 52, what: "no scope", script: ok(without("scope")) },
  { row: 52, what: "empty scope", script: ok({ ...token, scope: "" }) },
  { row: 52, what: "spaces, duplicates", script: ok({ ...token, scope: "user_info write_invoices  user_info" }) },
  {
    row: 52,
    what: "another order, wider",
    script: ok({ ...token, scope: "x,write_invoices, user_info" }),
    scopes: ["x", "write_invoices", "user_info"]
  },
  { row: 53, what: "narrower", script: ok({ ...token, scope: "user_info" }), scopes: ["user_info"] },
  {
    row: 54,
    what: "unknown members",
    script: raw(`{"__proto__": {"expires_in": 1}, "x": [], ${JSON.stringify(token).slice(1)}`)
  },
  { row: 54, what: "duplicate keys", script: raw(`{"expires_in": "x", ${JSON.stringify(token).slice(1)}`) },
  { row: 55, what: "BOM", script: raw(`\ufeff${JSON.stringify(token)}`) },
  { row: 55, what: "text/plain", script: raw(JSON.stringify(token), { "content-type": "text/plain" }) },
  { row: 55, what: "charset", script: ok(token, { "content-type": "application/json; charset=UTF-8" }) },
  {
    row: 55,
    what: "chunks of 5 bytes",
    script: always(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" +
        JSON.stringify(token).replace(/.{1,5}/g, (part) => `${part.length}\r\n${part}\r\n`) + "0\r\n\r\n"
    )
  },
  {
    row: 55,
    what: "HTTP/1.0, closed by end",
    script: always(`HTTP/1.0 200 OK\r\n\r\n${JSON.stringify(token)}`)
  },
  { row: 56, what: "opaque", script: ok({ ...token, access_token: "a-B.c_d~e+f/g==" }), value: "a-B.c_d~e+f/g==" },
  { row: 56, what: "a JWT cut short", script: ok({ ...token, access_token: "eyJh.eyJi.x" }), value: "eyJh.eyJi.x" },
  {
    row: 35,
    what: "a token at the second attempt",
    script: inTurn([send(answer(503)), end], [send(json(200, token)), end])
  }
]

const refused = (subject: Subject): void => {
  const test = testOver(subject)

  for (const { attempts = 1, expect: expected, row, script, tag, what } of refusals(subject)) {
    test(`row ${row}: ${what}`, () =>
      Effect.gen(function*() {
        const server = yield* open(script)
        const error = yield* errorOf(ask(server.url, subject.client))
        expectError(error, { _tag: tag, attempts, ...expected })
        expect((yield* server.seen).requests.length).toBe(attempts)
        const said = "serverMessage" in error ? error.serverMessage ?? "" : ""
        expect(new TextEncoder().encode(said).length).toBeLessThanOrEqual(1024)
      }))
  }
}

const granted = (subject: Subject): void => {
  const test = testOver(subject)

  for (
    const { row, scopes = ["user_info", "write_invoices"], script, seconds = 3600, value = tokenText, what } of grants
  ) {
    test(`row ${row}: ${what}`, () =>
      Effect.gen(function*() {
        const server = yield* open(script)
        const token = yield* ask(server.url, subject.client)
        expect(Redacted.value(token.value)).toBe(value)
        expect(token.scopes).toStrictEqual(scopes)
        expect(token.expiresAt.epochMillis - token.issuedAt.epochMillis).toBe(seconds * 1000)
      }))
  }
}

const compressed = (subject: Subject): void => {
  const test = testOver(subject)
  const { client, decodesGzip = false } = subject
  const inGzip = (bytes: Uint8Array) =>
    Effect.flatMap(gzipped(bytes), (body) => open(raw(body, { "content-encoding": "gzip" })))

  test("row 27: a gzip bomb of 20 MB", () =>
    Effect.gen(function*() {
      const server = yield* inGzip(new Uint8Array(20e6).fill(0x20))
      const problem = decodesGzip ? "its body is larger than 256 KiB" : "its body isn't UTF-8"
      expectError(yield* errorOf(ask(server.url, client)), { _tag: unexpected, problem, attempts: 1 })
    }))

  test("row 28: gzip that wasn't asked for is decoded where the client decodes it", () =>
    Effect.gen(function*() {
      const server = yield* inGzip(new TextEncoder().encode(JSON.stringify(token)))
      const asked = ask(server.url, client)
      if (decodesGzip) expect(Redacted.value((yield* asked).value)).toBe(tokenText)
      else expectError(yield* errorOf(asked), { _tag: unexpected, attempts: 1 })
    }))
}

export const answerRows = (subject: Subject): void => {
  describe("answers that aren't a token", () => refused(subject))
  describe("answers that look odd but are a token", () => granted(subject))
  describe("answers in gzip", () => compressed(subject))
}
