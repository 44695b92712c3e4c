import { Scopes, TokenError } from "@effect-tilia/core"
import * as Headers from "@effect/platform/Headers"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { RawResponse } from "../../../src/internal/tokenEndpoint/rawResponse.js"
import { fromOther, fromRefusal } from "../../../src/internal/tokenMediator/clientErrors.js"
import type { Refusal } from "../../../src/TokenMediator.js"

const {
  CredentialsError,
  InvalidClientError,
  InvalidInputError,
  InvalidRequestError,
  InvalidScopeError,
  RateLimitedError,
  ServiceUnavailableError,
  TokenTimeoutError,
  TokenTransportError,
  UnexpectedResponseError
} = TokenError

const tokenUrl = "https://shop.example/tilia/token"
const requested = Effect.runSync(Scopes.make(["user_info"]))
const target = { tokenUrl, requested, attempts: 2 }
const retryAfter = Duration.seconds(7)

const received = (
  status: number,
  headers: Record<string, string> = {},
  fields: Partial<RawResponse> = {}
): RawResponse => ({
  url: tokenUrl,
  status,
  headers: Headers.fromInput(headers),
  body: new TextEncoder().encode("swordfish"),
  isComplete: true,
  isHiddenRedirect: false,
  receivedAt: 0,
  age: 0,
  ...fields
})

/** Every field of an error, and nothing else. */
const fieldsOf = Schema.encodeSync(TokenError.TokenError)

describe("Refusals of a mediator (M3)", () => {
  const said = { status: 418, attempts: 2, tokenUrl, serverMessage: "No." }

  it.each<[TokenError.TokenError, Partial<Refusal>?]>([
    [new InvalidInputError({ setting: `A setting of ${tokenUrl}`, expected: "valid: its server's log says which" })],
    [new CredentialsError({ message: "No.", retryable: false })],
    [new CredentialsError({ message: "No.", retryable: true }), { retryable: true }],
    [new InvalidRequestError(said)],
    [new InvalidClientError(said)],
    [new InvalidScopeError({ ...said, requested })],
    [new RateLimitedError(said)],
    [new RateLimitedError({ ...said, retryAfter }), { retryAfter }],
    [new ServiceUnavailableError(said)],
    [new ServiceUnavailableError({ ...said, retryAfter }), { retryAfter }],
    [new UnexpectedResponseError({ ...said, tokenUrl, problem: "the mediator refuses" })],
    [new TokenTransportError({ reason: "Other", tokenUrl, attempts: 2 }), { retryable: true }],
    [new TokenTransportError({ reason: "Tls", tokenUrl, attempts: 2 })],
    [new TokenTimeoutError({ tokenUrl, attempts: 2 })]
  ])("the page makes the error that a refusal names: %s (M3)", (error, refusal = {}) => {
    const made = fromRefusal({ _tag: error._tag, retryable: false, message: "No.", ...refusal }, received(418), target)
    expect(fieldsOf(made)).toStrictEqual(fieldsOf(error))
  })
})

describe("Refusals of a user", () => {
  it.each([[401, "login_required"], [403, "access_denied"], [500, undefined]])(
    "a refusal with status %i becomes an InvalidClientError with the code %s",
    (status, code) => {
      const refusal = { _tag: "InvalidClientError", retryable: false, message: "No." } as const
      expect(fromRefusal(refusal, received(status), target)).toMatchObject(
        code === undefined ? { status } : { status, code }
      )
      expect("code" in fieldsOf(fromRefusal(refusal, received(status), target))).toBe(code !== undefined)
    }
  )
})

it("a refusal of the page's origin says so, and not that its user is refused (B3)", () => {
  const refusal = { _tag: "InvalidRequestError", retryable: false, message: "No." } as const
  const error = fromRefusal(refusal, received(403), target)
  expect(error).toMatchObject({ _tag: "InvalidRequestError", code: "wrong_origin", retryable: false })
  expect(error.message).toBe(
    "The server did not accept the token request (403 wrong_origin, \"No.\", after 2 attempts): " +
      "its option `origin` must be the origin of this page."
  )
})

describe("Responses that are no refusal of a mediator (E3, E7)", () => {
  const unexpected = (status: number, problem: string) =>
    new UnexpectedResponseError({ status, attempts: 2, tokenUrl, problem })
  const redirects = "it redirects, and no redirect is followed"
  const unlikely = "a mediator doesn't respond with this status"

  it.each<[string, RawResponse, TokenError.TokenError]>([
    [
      "a response from elsewhere",
      received(200, {}, { url: "https://evil.example" }),
      unexpected(200, "the HTTP client went on to elsewhere")
    ],
    ["a redirect that fetch hides", received(0, {}, { isHiddenRedirect: true }), unexpected(0, redirects)],
    ["a failure that a client hides", received(0), new TokenTransportError({ reason: "Other", tokenUrl, attempts: 2 })],
    ...[300, 302, 399].map((status): [string, RawResponse, TokenError.TokenError] => [
      "a redirect",
      received(status, { location: "https://swordfish.example" }),
      unexpected(status, redirects)
    ]),
    ["a status that no mediator sends", received(299), unexpected(299, unlikely)],
    ["a 404 without a mediator", received(404), unexpected(404, unlikely)],
    ["a proxy's 400", received(400), new InvalidRequestError({ status: 400, attempts: 2, tokenUrl })],
    [
      "a server's 401",
      received(401),
      new InvalidClientError({ status: 401, attempts: 2, tokenUrl, code: "login_required" })
    ],
    [
      "a proxy's 403",
      received(403),
      new InvalidClientError({ status: 403, attempts: 2, tokenUrl, code: "access_denied" })
    ],
    ["a proxy's 429", received(429), new RateLimitedError({ status: 429, attempts: 2, tokenUrl })],
    [
      "a proxy's 429 that names a wait",
      received(429, { "retry-after": "7" }),
      new RateLimitedError({ status: 429, attempts: 2, tokenUrl, retryAfter })
    ],
    ["a proxy's 502", received(502), new ServiceUnavailableError({ status: 502, attempts: 2, tokenUrl })],
    [
      "a proxy's 503 that names a wait",
      received(503, { "retry-after": "Thu, 01 Jan 1970 00:00:07 GMT" }),
      new ServiceUnavailableError({ status: 503, attempts: 2, tokenUrl, retryAfter })
    ]
  ])("%s becomes an error that keeps nothing of the body (E3, E7)", (_, response, error) => {
    expect(fieldsOf(fromOther(response, target))).toStrictEqual(fieldsOf(error))
  })
})
