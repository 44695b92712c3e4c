import { AuthorizedHttpClient, TokenError } from "@effect-tilia/core"
import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const tokenUrl = "https://auth.example/token"
const attempts = 3
const retryAfter = Duration.seconds(7)
const said = { code: "some_code", serverMessage: "So it is. Or \"is it\"?" }

const transport = (reason: TokenError.TransportReason, attempts = 1) =>
  new TokenError.TokenTransportError({ reason, tokenUrl, attempts })

const rows: ReadonlyArray<readonly [error: TokenError.TokenError, _tag: string, retryable: boolean, message: string]> =
  [
    [
      new TokenError.InvalidInputError({ setting: "scopes", expected: "one scope or more" }),
      "InvalidInputError",
      false,
      "scopes must be one scope or more."
    ],
    [
      new TokenError.CredentialsError({ message: "The vault is sealed.", retryable: true }),
      "CredentialsError",
      true,
      "The vault is sealed."
    ],
    [
      new TokenError.CredentialsError({ message: "The file is gone.", retryable: false }),
      "CredentialsError",
      false,
      "The file is gone."
    ],
    [
      new TokenError.InvalidRequestError({ status: 400, attempts, ...said }),
      "InvalidRequestError",
      false,
      "The server did not accept the token request (400 some_code, \"So it is. Or \\\"is it\\\"?\", after 3 attempts): " +
      "check the client id, the secret and the scopes."
    ],
    [
      new TokenError.InvalidRequestError({ status: 400, attempts: 1 }),
      "InvalidRequestError",
      false,
      "The server did not accept the token request (400): check the client id, the secret and the scopes."
    ],
    [
      new TokenError.InvalidRequestError({ status: 403, attempts: 1, code: "wrong_origin" }),
      "InvalidRequestError",
      false,
      "The server did not accept the token request (403 wrong_origin): its option `origin` must be the origin of this page."
    ],
    [
      new TokenError.InvalidClientError({ status: 401, attempts: 2, code: "constructor" }),
      "InvalidClientError",
      false,
      "The server refused the client's credentials (401 constructor, after 2 attempts): " +
      "check that the client id and secret belong together, to this environment, and may have these scopes."
    ],
    [
      new TokenError.InvalidClientError({ status: 401, attempts: 1, code: "login_required" }),
      "InvalidClientError",
      false,
      "The server refused the client's credentials (401 login_required): log in, then ask again."
    ],
    [
      new TokenError.InvalidClientError({ status: 403, attempts: 1, code: "access_denied" }),
      "InvalidClientError",
      false,
      "The server refused the client's credentials (403 access_denied): this user may not have a token."
    ],
    [
      new TokenError.InvalidScopeError({ status: 200, attempts: 1, serverMessage: "not granted: a" }),
      "InvalidScopeError",
      false,
      "The client was not granted every scope that it requested (200, \"not granted: a\"): " +
      "ask for fewer, or have them added."
    ],
    [
      new TokenError.InvalidScopeError({ status: 400, attempts: 1, tokenUrl, requested: ["a", "b"] }),
      "InvalidScopeError",
      false,
      "The client was not granted every scope that it requested, a,b (400): ask for fewer, or have them added."
    ],
    [
      new TokenError.InvalidClientError({ status: 401, attempts: 1, coolDown: Duration.micros(1_500_400n) }),
      "InvalidClientError",
      false,
      "The server refused the client's credentials (401): check that the client id and secret belong together, to this " +
      "environment, and may have these scopes. Nothing was sent: the next request may be made in 1s 501ms."
    ],
    [
      new TokenError.RateLimitedError({ status: 429, attempts, retryAfter }),
      "RateLimitedError",
      true,
      "The server asks for fewer token requests (429, after 3 attempts): wait 7s, then try again."
    ],
    [
      new TokenError.RateLimitedError({ status: 429, attempts: 1 }),
      "RateLimitedError",
      true,
      "The server asks for fewer token requests (429): wait, then try again."
    ],
    [
      new TokenError.ServiceUnavailableError({ status: 503, attempts, ...said, retryAfter }),
      "ServiceUnavailableError",
      true,
      "The server can't issue a token at the moment (503 some_code, \"So it is. Or \\\"is it\\\"?\", after 3 attempts): " +
      "try again later; the outage is on its side."
    ],
    [
      new TokenError.UnexpectedResponseError({ status: 404, attempts, tokenUrl, problem: "a page isn't there" }),
      "UnexpectedResponseError",
      false,
      "The response of https://auth.example/token isn't a token (404, after 3 attempts): a page isn't there; " +
      "check the base URL."
    ],
    [
      transport("Blocked"),
      "TokenTransportError",
      false,
      "No response from https://auth.example/token: the page's Content-Security-Policy forbids the request; " +
      "add its origin to connect-src."
    ],
    [
      transport("Dns"),
      "TokenTransportError",
      true,
      "No response from https://auth.example/token: the host's name can't be resolved; check the base URL and the DNS."
    ],
    [
      transport("Refused", 2),
      "TokenTransportError",
      true,
      "No response from https://auth.example/token after 2 attempts: nothing listens there; " +
      "check the base URL, the proxy if there is one, and that the server runs."
    ],
    [
      transport("Reset"),
      "TokenTransportError",
      true,
      "No response from https://auth.example/token: the connection was closed before the response was complete; try again."
    ],
    [
      transport("Tls"),
      "TokenTransportError",
      false,
      "No response from https://auth.example/token: no trusted TLS connection could be made; " +
      "check the certificate, its authority and the base URL."
    ],
    [
      transport("Other"),
      "TokenTransportError",
      true,
      "No response from https://auth.example/token: the request failed on its way; check the base URL, the proxy if there is one, and the network."
    ],
    [
      new TokenError.TokenTimeoutError({ tokenUrl, attempts }),
      "TokenTimeoutError",
      true,
      "No response from https://auth.example/token in time after 3 attempts: " +
      "try again later, or allow more time for an attempt."
    ]
  ]

describe.each(rows)("%s", (error, _tag, retryable, message) => {
  it(`${_tag} has its tag as its name and is ${retryable ? "" : "not "}retryable`, () => {
    expect(error._tag).toBe(_tag)
    expect(error.constructor.name).toBe(_tag)
    expect(error.name).toBe(_tag)
    expect(error).toBeInstanceOf(Error)
    expect(error.retryable).toBe(retryable)
    expect(TokenError.isRetryable(error)).toBe(retryable)
    expect(TokenError.isTokenError(error)).toBe(true)
  })

  it(`${_tag} says in one sentence what to do next`, () => {
    expect(error.message).toBe(message)
    expect(error.message.replace(/"(\\.|[^"\\])*"/g, "…")).toMatch(/^\S([^.\n]|\.\S)*\.( Nothing was sent: .*\.)?$/)
  })

  it(`${_tag} prints as its tag and its message, without a cause`, () => {
    expect(Cause.pretty(Cause.fail(error)).split("\n")[0]).toBe(`${_tag}: ${error.message}`)
    expect(linesShowing("[cause]", error)).toStrictEqual([])
    expect(error.cause).toBeUndefined()
  })

  it(`${_tag} keeps its class, its fields and its message when it is encoded and decoded`, () => {
    const json = Schema.parseJson(TokenError.TokenError)
    const text = Schema.encodeSync(json)(error)
    const read = Schema.decodeSync(json)(text)
    expect(read.constructor).toBe(error.constructor)
    expect({ ...read }).toStrictEqual({ ...error })
    expect(read.message).toBe(error.message)
    expect(read.retryable).toBe(retryable)
    expect(Schema.encodeSync(json)(read)).toBe(text)
  })

  it.effect(`${_tag} is an Effect that fails with itself`, () =>
    Effect.gen(function*() {
      const failed: Effect.Effect<never, TokenError.TokenError> = error
      expect(yield* Effect.flip(failed)).toBe(error)
    }))
})

/** The user's own code makes a CredentialsError. */
const made = rows.filter(([, _tag]) => _tag !== "CredentialsError")

describe.each(made)("%s", (error, _tag) => {
  it(`${_tag} shows no frame of a stack, decoded neither (E11)`, () => {
    const json = Schema.parseJson(TokenError.TokenError)
    for (const shown of [error, Schema.decodeSync(json)(Schema.encodeSync(json)(error))]) {
      expect(shown.stack).toBe(`${_tag}: ${error.message}`)
      expect(Cause.pretty(Cause.fail(shown))).toBe(`${_tag}: ${error.message}`)
      expect(Object.keys(shown)).not.toContain("stack")
    }
  })
})

it("the tests cover every error class, and each class has its own schema identifier", () => {
  const tags = [...new Set(rows.map(([, tag]) => tag))]
  expect(tags).toStrictEqual(TokenError.TokenError.members.map((member) => member.name))
  expect(tags.map((tag) => `@effect-tilia/core/${tag}`)).toStrictEqual(
    TokenError.TokenError.members.map((member) => member.identifier)
  )
})

it("a ForbiddenOriginError shows no frame of a stack (E11)", () => {
  const error = new AuthorizedHttpClient.ForbiddenOriginError({ origin: "https://other.example" })
  expect(Cause.pretty(Cause.fail(error))).toBe(`ForbiddenOriginError: ${error.message}`)
})

describe("isTokenError", () => {
  it.each<[string, unknown]>([
    ["another Error", new Error("no")],
    ["a look-alike", { _tag: "TokenTimeoutError", tokenUrl, attempts, retryable: true, message: "no" }],
    [
      "the wire form of a TokenError",
      Schema.encodeSync(TokenError.TokenError)(new TokenError.TokenTimeoutError({ tokenUrl, attempts }))
    ],
    ["a Cause", Cause.fail(new TokenError.TokenTimeoutError({ tokenUrl, attempts }))],
    ["null", null],
    ["undefined", undefined],
    ["a text", "TokenTimeoutError"]
  ])("isTokenError is false for %s", (_, value) => {
    expect(TokenError.isTokenError(value)).toBe(false)
  })
})
