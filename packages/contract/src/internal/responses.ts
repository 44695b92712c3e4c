/*
 * What a token endpoint makes of each response of a server (rows 20–56 of docs/design/faults.md).
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { describe, expect } from "vitest"
import * as ScriptedServer from "../ScriptedServer.js"
import {
  clientSecret,
  errorOf,
  expectError,
  gzip,
  makeTest,
  open,
  requestTokenAt,
  type Subject,
  token,
  tokenText
} from "./subject.js"

const { always, end, httpResponse, inTurn, json, send } = ScriptedServer

/** A response that a test plays. */
interface Case {
  /** The row of the fault matrix. */
  readonly row: number
  /** It is played to every client, although `core` decides on the other responses of its row. */
  readonly isForEveryClient?: boolean
}

/** A response without a token, and the error that it causes. */
interface ErrorCase extends Case {
  /** Goes on after "a response" in the title of the test. */
  readonly what: string
  readonly script: ScriptedServer.Script
  readonly tag: string
  /** How many requests the server gets: 2 if the error is retried (E7). 1 by default. */
  readonly attempts?: 1 | 2
  /** More fields of the error. */
  readonly expect?: Record<string, unknown>
}

/** An unusual response with a token. */
interface TokenCase extends Case {
  /** Goes on after "a response" in the title of the test. */
  readonly what: string
  readonly script: ScriptedServer.Script
  /** The token's lifetime, in seconds. 3600 by default. */
  readonly seconds?: number
  /** The granted scopes. By default they are the requested ones. */
  readonly scopes?: ReadonlyArray<string>
  /** The token. By default it is `tokenText`. */
  readonly value?: string
}

/**
 * The rows whose responses only `core` tells apart: a client hands on the bytes of all of them alike. So every client
 * gets the first response of such a row, and one client gets all.
 */
const rowsOfCore = [22, 23, 24, 25, 26, 30, 32, 33, 37, 38, 50, 51, 52, 53, 54, 56]

/** The cases for this client. */
const casesFor = <A extends Case>({ playsEveryResponse = false }: Subject, cases: ReadonlyArray<A>) =>
  cases.filter(({ isForEveryClient = false, row }, index) =>
    playsEveryResponse || isForEveryClient || !rowsOfCore.includes(row) ||
    cases.findIndex((other) => other.row === row) === index
  )

/** The vendor's own form of an error body. */
const vendorError = (message: unknown, codes: ReadonlyArray<string> = []) => ({ status: "Failure", message, codes })
/** Encodes every character of an ASCII text. */
const percentEncode = (text: string) => [...text].map((c) => `%${c.charCodeAt(0).toString(16)}`).join("")
const utf16 = (text: string) => new Uint8Array(Uint16Array.from(text, (c) => c.charCodeAt(0)).buffer)

const okWithJson = (body: unknown, headers = {}) => always(json(200, body, headers))
const okWithBody = (body: string | Uint8Array, headers = {}) => always(httpResponse(200, headers, body))
const without = (field: keyof typeof token) => ({ ...token, [field]: undefined })
const unexpected = "UnexpectedResponseError"
const unavailable = "ServiceUnavailableError"

/**
 * The target of each redirect is another host of this machine. So a client that follows redirects does not send the
 * secret out of the machine.
 */
const redirectCases = ({ hidesRedirects = false }: Subject): ReadonlyArray<ErrorCase> =>
  [301, 302, 303, 307, 308].flatMap((status) =>
    ["https://127.0.0.2/token?x=1", "http://127.0.0.2/", "//127.0.0.2"].map((location) => ({
      row: 20,
      what: `with status ${status} and Location ${location}`,
      script: always(httpResponse(status, { location })),
      tag: unexpected,
      ...(!hidesRedirects && { expect: { status, problem: expect.stringContaining("//127.0.0.2,") } })
    }))
  )

/** The statuses of a server that has no token endpoint at the URL. */
const wrongUrlStatuses = [404, 405, 410, 411, 413, 414, 415, 431, 501, 505]

const errorCases = (subject: Subject): ReadonlyArray<ErrorCase> => [
  ...redirectCases(subject),
  ...[204, 206, 299, 304, 999].map((status): ErrorCase => ({
    row: 21,
    what: `with status ${status}`,
    script: always(httpResponse(status, {}, status === 206 ? JSON.stringify(token) : "")),
    tag: unexpected,
    expect: { status }
  })),
  { row: 22, what: "with an empty body", script: okWithBody(""), tag: unexpected },
  {
    row: 22,
    what: "with an empty body and no Content-Length",
    isForEveryClient: true,
    script: always("HTTP/1.1 200 OK\r\n\r\n"),
    tag: unexpected
  },
  {
    row: 22,
    what: "with HTML",
    script: okWithBody("<html>Hello</html>", { "content-type": "text/html" }),
    tag: unexpected
  },
  { row: 22, what: "with truncated JSON", script: okWithBody(JSON.stringify(token).slice(0, -9)), tag: unexpected },
  ...[null, [], [token], "a", 1].map((body): ErrorCase => ({
    row: 22,
    what: `with the JSON ${JSON.stringify(body).slice(0, 20)}`,
    script: okWithJson(body),
    tag: unexpected,
    expect: { problem: "its body isn't a JSON object" }
  })),
  {
    row: 22,
    what: "with JSON nested 100,000 deep",
    script: okWithBody("[".repeat(1e5) + "]".repeat(1e5)),
    tag: unexpected
  },
  {
    row: 22,
    what: "with an access_token nested 100,000 deep",
    script: okWithBody(`{"access_token":${"[".repeat(1e5)}${"]".repeat(1e5)}}`),
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
  ] as const).map(([error, tag]): ErrorCase => ({
    row: 23,
    what: `with status 200 and the code ${error}`,
    script: okWithJson({ ...token, error, error_description: "so it is" }),
    tag,
    expect: { status: 200, code: error, serverMessage: "so it is" }
  })),
  ...[undefined, "", 7, "a b", "a\r\nx: y", "ä"].map((access_token): ErrorCase => ({
    row: 24,
    what: `with access_token ${JSON.stringify(access_token)}`,
    script: okWithJson({ ...token, access_token }),
    tag: unexpected,
    expect: { problem: "its field access_token is missing or malformed" }
  })),
  ...[undefined, null, "mac", "DPoP"].map((token_type): ErrorCase => ({
    row: 25,
    what: `with token_type ${token_type}`,
    script: okWithJson({ ...token, token_type }),
    tag: unexpected,
    expect: { problem: "its field token_type is missing or malformed" }
  })),
  ...["null", "\"\"", "\"abc\"", "0", "\"0\"", "-1", "\"-1\"", "3600.5", "\"3600.5\"", "1e999", "\"1e9\"", "true"].map((
    text
  ): ErrorCase => ({
    row: 26,
    what: `with expires_in ${text}`,
    script: okWithBody(JSON.stringify(token).replace("\"3600\"", text)),
    tag: unexpected,
    expect: { problem: "its field expires_in is missing or malformed" }
  })),
  { row: 26, what: "without expires_in", script: okWithJson(without("expires_in")), tag: unexpected },
  {
    row: 27,
    what: "with an announced body of 300 KiB",
    script: okWithBody(JSON.stringify({ ...token, x: "x".repeat(300 * 1024) })),
    tag: unexpected,
    expect: { problem: "its body is larger than 256 KiB" }
  },
  {
    row: 27,
    what: "with a body of 300 KiB that ends with the connection",
    script: always(`HTTP/1.1 200 OK\r\n\r\n${JSON.stringify({ ...token, x: "x".repeat(300 * 1024) })}`),
    tag: unexpected,
    expect: { problem: "its body is larger than 256 KiB" }
  },
  {
    row: 29,
    what: "with invalid UTF-8",
    script: okWithBody(new Uint8Array([0x22, 0xc3, 0x28, 0x22])),
    tag: unexpected
  },
  { row: 29, what: "in UTF-16", script: okWithBody(utf16(`\ufeff${JSON.stringify(token)}`)), tag: unexpected },
  ...([
    ["an empty body", "", {}],
    ["HTML", "<h1>Bad</h1><p>request</p>", { serverMessage: "Bad request" }],
    ["plain text", "bad request", { serverMessage: "bad request" }],
    ["an array of messages in the vendor's envelope", JSON.stringify(vendorError(["a", "b"], ["INPUT_ERROR"])), {
      code: "INPUT_ERROR",
      serverMessage: "a; b"
    }],
    ["one message in the vendor's envelope", JSON.stringify(vendorError("a")), { serverMessage: "a" }],
    ["a text in payload.errors", JSON.stringify({ payload: { errors: "a" } }), { serverMessage: "a" }],
    ["an object in payload.errors", JSON.stringify({ payload: { errors: { scope: ["is odd"] } } }), {
      serverMessage: "scope: is odd"
    }],
    ["a code of RFC 6749", JSON.stringify({ error: "invalid_request", error_description: "a" }), {
      code: "invalid_request",
      serverMessage: "a"
    }],
    ["an unknown code", JSON.stringify({ error: "out_of_cheese" }), { code: "out_of_cheese" }]
  ] as const).map(([what, body, expect]): ErrorCase => ({
    row: 30,
    what: `with status 400 and ${what}`,
    script: always(httpResponse(400, {}, body)),
    tag: "InvalidRequestError",
    expect: { status: 400, ...expect }
  })),
  ...[400, 401].flatMap((status) =>
    ["invalid_client", "unauthorized_client"].map((error): ErrorCase => ({
      row: 31,
      what: `with status ${status} and the code ${error}`,
      script: always(json(status, { error })),
      tag: "InvalidClientError",
      expect: { status, code: error }
    }))
  ),
  ...[401, 403].map((status): ErrorCase => ({
    row: 31,
    what: `with status ${status} and an empty body`,
    script: always(httpResponse(status)),
    tag: "InvalidClientError",
    expect: { status }
  })),
  {
    row: 32,
    what: "with status 400 and the code invalid_scope",
    script: always(json(400, { error: "invalid_scope" })),
    tag: "InvalidScopeError"
  },
  {
    row: 32,
    what: "with status 400 and invalid_scope in the vendor's envelope",
    script: always(json(400, vendorError([], ["invalid_scope"]))),
    tag: "InvalidScopeError"
  },
  {
    row: 32,
    what: "with status 401 and INVALID_SCOPE in the vendor's envelope",
    script: always(json(401, vendorError([], ["INVALID_SCOPE"]))),
    tag: "InvalidScopeError"
  },
  ...wrongUrlStatuses.map((status): ErrorCase => ({
    row: 33,
    what: `with status ${status}`,
    script: always(httpResponse(status)),
    tag: unexpected,
    expect: { status, message: expect.stringContaining("check the base URL") }
  })),
  {
    row: 34,
    what: "with status 407",
    script: always(httpResponse(407)),
    ...(subject.refuses407 ? { tag: "TokenTransportError", attempts: 2 } : { tag: unexpected })
  },
  ...[408, 425, 500, 502, 503, 504, 599].map((status): ErrorCase => ({
    row: status < 500 ? 35 : 37,
    what: `with status ${status}`,
    script: always(httpResponse(status, {}, "<html><h1>Not now</h1></html>")),
    tag: unavailable,
    attempts: 2,
    expect: { status, serverMessage: "Not now" }
  })),
  { row: 36, what: "with status 429", script: always(httpResponse(429)), tag: "RateLimitedError", attempts: 2 },
  ...[["-1"], ["soon"], ["0"]].map(([wait = ""]): ErrorCase => ({
    row: 36,
    what: `with status 429 and Retry-After ${wait}`,
    script: always(httpResponse(429, { "retry-after": wait })),
    tag: "RateLimitedError",
    attempts: 2
  })),
  {
    row: 36,
    what: "with status 429 and two Retry-After headers",
    script: always(httpResponse(429, { "retry-after": ["60", "120"] })),
    tag: "RateLimitedError",
    expect: { retryAfter: Duration.seconds(subject.dropsRepeatedHeaders ? 60 : 120) }
  },
  {
    row: 36,
    what: "with status 429 and a Retry-After of one day",
    script: always(httpResponse(429, { "retry-after": "86400" })),
    tag: "RateLimitedError",
    expect: { retryAfter: Duration.days(1) }
  },
  {
    row: 37,
    what: "with status 503 and a Retry-After beyond the budget",
    script: always(httpResponse(503, { "retry-after": "3600" })),
    tag: unavailable,
    expect: { retryAfter: Duration.hours(1) }
  },
  ...([
    ["in plain text", clientSecret],
    ["in upper case", clientSecret.toUpperCase()],
    ["percent-encoded", percentEncode(clientSecret)],
    ["percent-encoded in upper case", percentEncode(clientSecret).toUpperCase()],
    ["in the form of the request", `client_secret=${clientSecret}&grant_type=x`]
  ] as const).flatMap(([what, echo]): ReadonlyArray<ErrorCase> => [
    {
      row: 38,
      what: `with status 400 that repeats the secret ${what}`,
      script: always(httpResponse(400, {}, `no: ${echo} it was`)),
      tag: "InvalidRequestError",
      expect: { serverMessage: expect.stringContaining("<redacted>") }
    },
    {
      row: 38,
      what: `with status 401 and JSON that repeats the secret ${what}`,
      script: always(json(401, { error: echo, error_description: echo, message: echo })),
      tag: "InvalidClientError",
      expect: { code: expect.stringContaining("<redacted>"), serverMessage: expect.stringContaining("<redacted>") }
    }
  ]),
  {
    row: 38,
    what: "with a Location that repeats the secret",
    isForEveryClient: true,
    script: always(
      httpResponse(302, { location: `https://${clientSecret}.example/${clientSecret}?s=${clientSecret}` })
    ),
    tag: unexpected,
    ...(!subject.hidesRedirects && { expect: { problem: expect.stringContaining("https://<redacted>.example,") } })
  },
  {
    row: 39,
    what: "with status 400 and 1 MB of text",
    script: always(httpResponse(400, {}, "ab ".repeat(350_000))),
    tag: "InvalidRequestError"
  },
  {
    row: 39,
    what: "with status 400 and terminal escapes in its text",
    script: always(httpResponse(400, {}, "a\u001b[31mred\u0007\u0000b\u202e")),
    tag: "InvalidRequestError",
    expect: { serverMessage: "a [31mred b" }
  }
]

const tokenCases: ReadonlyArray<TokenCase> = [
  { row: 50, what: "with expires_in \"3600\"", script: okWithJson(token) },
  { row: 50, what: "with expires_in 3600", script: okWithJson({ ...token, expires_in: 3600 }) },
  {
    row: 50,
    what: "with a lifetime of a hundred years",
    script: okWithJson({ ...token, expires_in: 3155692600 }),
    seconds: 315_360_000
  },
  {
    row: 50,
    what: "with an expires_in of 400 digits",
    script: okWithJson({ ...token, expires_in: "9".repeat(400) }),
    seconds: 315_360_000
  },
  { row: 51, what: "with token_type bearer", script: okWithJson({ ...token, token_type: "bearer" }) },
  { row: 51, what: "with token_type BEARER", script: okWithJson({ ...token, token_type: "BEARER" }) },
  { row: 52, what: "without scope", script: okWithJson(without("scope")) },
  { row: 52, what: "with an empty scope", script: okWithJson({ ...token, scope: "" }) },
  {
    row: 52,
    what: "with duplicate scopes, separated by spaces",
    script: okWithJson({ ...token, scope: "user_info write_invoices  user_info" })
  },
  {
    row: 52,
    what: "with more scopes in another order",
    script: okWithJson({ ...token, scope: "x,write_invoices, user_info" }),
    scopes: ["x", "write_invoices", "user_info"]
  },
  { row: 53, what: "with fewer scopes", script: okWithJson({ ...token, scope: "user_info" }), scopes: ["user_info"] },
  {
    row: 54,
    what: "with unknown members",
    script: okWithBody(`{"__proto__": {"expires_in": 1}, "x": [], ${JSON.stringify(token).slice(1)}`)
  },
  { row: 54, what: "with duplicate keys", script: okWithBody(`{"expires_in": "x", ${JSON.stringify(token).slice(1)}`) },
  { row: 55, what: "with a byte order mark", script: okWithBody(`\ufeff${JSON.stringify(token)}`) },
  { row: 55, what: "of type text/plain", script: okWithBody(JSON.stringify(token), { "content-type": "text/plain" }) },
  {
    row: 55,
    what: "with a charset parameter",
    script: okWithJson(token, { "content-type": "application/json; charset=UTF-8" })
  },
  {
    row: 55,
    what: "in chunks of 5 bytes",
    script: always(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" +
        JSON.stringify(token).replace(/.{1,5}/g, (part) => `${part.length}\r\n${part}\r\n`) + "0\r\n\r\n"
    )
  },
  {
    row: 55,
    what: "in HTTP/1.0 that ends with the connection",
    script: always(`HTTP/1.0 200 OK\r\n\r\n${JSON.stringify(token)}`)
  },
  {
    row: 56,
    what: "with an opaque token",
    script: okWithJson({ ...token, access_token: "a-B.c_d~e+f/g==" }),
    value: "a-B.c_d~e+f/g=="
  },
  {
    row: 56,
    what: "with a JWT that is cut short",
    script: okWithJson({ ...token, access_token: "eyJh.eyJi.x" }),
    value: "eyJh.eyJi.x"
  },
  {
    row: 35,
    what: "to the second attempt, after a 503,",
    script: inTurn([send(httpResponse(503)), end], [send(json(200, token)), end])
  }
]

const declareErrorTests = (subject: Subject): void => {
  const test = makeTest(subject)

  for (const { attempts = 1, expect: expected, row, script, tag, what } of casesFor(subject, errorCases(subject))) {
    test(`a response ${what} causes ${tag} (row ${row})`, () =>
      Effect.gen(function*() {
        const server = yield* open(script)
        const error = yield* errorOf(requestTokenAt(server.url, subject.client))
        expectError(error, { _tag: tag, attempts, ...expected })
        expect((yield* server.seen).requests.length).toBe(attempts)
        const message = "serverMessage" in error ? error.serverMessage ?? "" : ""
        expect(new TextEncoder().encode(message).length).toBeLessThanOrEqual(1024)
      }))
  }
}

const declareTokenTests = (subject: Subject): void => {
  const test = makeTest(subject)

  for (
    const { row, scopes = ["user_info", "write_invoices"], script, seconds = 3600, value = tokenText, what }
      of casesFor(subject, tokenCases)
  ) {
    test(`a response ${what} yields a token (row ${row})`, () =>
      Effect.gen(function*() {
        const server = yield* open(script)
        const token = yield* requestTokenAt(server.url, subject.client)
        expect(Redacted.value(token.value)).toBe(value)
        expect(token.scopes).toStrictEqual(scopes)
        expect(token.expiresAt.epochMillis - token.issuedAt.epochMillis).toBe(seconds * 1000)
      }))
  }
}

const declareGzipTests = (subject: Subject): void => {
  const test = makeTest(subject)
  const { client, decodesGzip = false } = subject
  const openWithGzip = (bytes: Uint8Array) =>
    Effect.flatMap(gzip(bytes), (body) => open(okWithBody(body, { "content-encoding": "gzip" })))

  test("a gzip bomb of 20 MB causes UnexpectedResponseError (row 27)", () =>
    Effect.gen(function*() {
      const server = yield* openWithGzip(new Uint8Array(20e6).fill(0x20))
      const problem = decodesGzip ? "its body is larger than 256 KiB" : "its body isn't UTF-8"
      expectError(yield* errorOf(requestTokenAt(server.url, client)), { _tag: unexpected, problem, attempts: 1 })
    }))

  test("an unrequested gzip body yields a token if the client decodes it, else UnexpectedResponseError (row 28)", () =>
    Effect.gen(function*() {
      const server = yield* openWithGzip(new TextEncoder().encode(JSON.stringify(token)))
      const request = requestTokenAt(server.url, client)
      if (decodesGzip) expect(Redacted.value((yield* request).value)).toBe(tokenText)
      else expectError(yield* errorOf(request), { _tag: unexpected, attempts: 1 })
    }))
}

export const declareResponseTests = (subject: Subject): void => {
  describe("responses that are not a token", () => declareErrorTests(subject))
  describe("responses that look odd but are a token", () => declareTokenTests(subject))
  describe("responses in gzip", () => declareGzipTests(subject))
}
