import { TokenError } from "@effect-tilia/core"
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

const rows: ReadonlyArray<readonly [error: TokenError.TokenError, _tag: string, retryable: boolean, says: RegExp]> = [
  [
    new TokenError.InvalidInputError({ setting: "scopes", expected: "one scope or more" }),
    "InvalidInputError",
    false,
    /^scopes must be one scope or more\.$/
  ],
  [
    new TokenError.CredentialsError({ message: "The vault is sealed.", retryable: true }),
    "CredentialsError",
    true,
    /^The vault is sealed\.$/
  ],
  [
    new TokenError.CredentialsError({ message: "The file is gone.", retryable: false }),
    "CredentialsError",
    false,
    /^The file is gone\.$/
  ],
  [
    new TokenError.InvalidRequestError({ status: 400, attempts, ...said }),
    "InvalidRequestError",
    false,
    /400 some_code, .*check/
  ],
  [
    new TokenError.InvalidRequestError({ status: 400, attempts }),
    "InvalidRequestError",
    false,
    /\(400, after 3 attempts\).*check/
  ],
  [
    new TokenError.InvalidClientError({ status: 401, attempts, code: "invalid_client" }),
    "InvalidClientError",
    false,
    /\(401 invalid_client, after 3 attempts\).*check/
  ],
  [
    new TokenError.InvalidScopeError({ status: 200, attempts, serverMessage: "not granted: a" }),
    "InvalidScopeError",
    false,
    /\(200, "not granted: a", after 3 attempts\).*ask for fewer/
  ],
  [new TokenError.RateLimitedError({ status: 429, attempts, retryAfter }), "RateLimitedError", true, /429.*wait/],
  [new TokenError.RateLimitedError({ status: 429, attempts, ...said }), "RateLimitedError", true, /429.*wait/],
  [
    new TokenError.ServiceUnavailableError({ status: 503, attempts, ...said, retryAfter }),
    "ServiceUnavailableError",
    true,
    /503.*try again later/
  ],
  [
    new TokenError.UnexpectedResponseError({ status: 404, attempts, tokenUrl, problem: "a page isn't there" }),
    "UnexpectedResponseError",
    false,
    /https:\/\/auth\.example\/token.*404.*a page isn't there.*check the base URL/
  ],
  ...([["Dns", /resolve/], ["Refused", /listens/], ["Reset", /closed/], ["Other", /network/]] as const).map((
    [reason, says]
  ) =>
    [new TokenError.TokenTransportError({ reason, tokenUrl, attempts }), "TokenTransportError", true, says] as const
  ),
  [
    new TokenError.TokenTransportError({ reason: "Tls", tokenUrl, attempts }),
    "TokenTransportError",
    false,
    /TLS.*certificate/
  ],
  [new TokenError.TokenTimeoutError({ tokenUrl, attempts }), "TokenTimeoutError", true, /in time.*try again later/]
]

describe.each(rows)("%s (§5)", (error, _tag, retryable, says) => {
  it(`is a ${_tag}, ${retryable ? "" : "not "}retryable`, () => {
    expect(error._tag).toBe(_tag)
    expect(error.constructor.name).toBe(_tag)
    expect(error.name).toBe(_tag)
    expect(error).toBeInstanceOf(Error)
    expect(error.retryable).toBe(retryable)
    expect(TokenError.isRetryable(error)).toBe(retryable)
    expect(TokenError.isTokenError(error)).toBe(true)
  })

  it("says in one sentence what to do next", () => {
    expect(error.message).toMatch(says)
    expect(error.message.replace(/"(\\.|[^"\\])*"/g, "…")).toMatch(/^\S([^.\n]|\.\S)*\.$/)
  })

  it("prints as its tag and its message, without a cause", () => {
    expect(Cause.pretty(Cause.fail(error)).split("\n")[0]).toBe(`${_tag}: ${error.message}`)
    expect(linesShowing("[cause]", error)).toStrictEqual([])
    expect(error.cause).toBeUndefined()
  })

  it("survives the wire with its class, its fields and its message", () => {
    const json = Schema.parseJson(TokenError.TokenError)
    const text = Schema.encodeSync(json)(error)
    const read = Schema.decodeSync(json)(text)
    expect(read.constructor).toBe(error.constructor)
    expect({ ...read }).toStrictEqual({ ...error })
    expect(read.message).toBe(error.message)
    expect(read.retryable).toBe(retryable)
    expect(Schema.encodeSync(json)(read)).toBe(text)
  })

  it.effect("is an Effect that fails with itself", () =>
    Effect.gen(function*() {
      const failed: Effect.Effect<never, TokenError.TokenError> = error
      expect(yield* Effect.flip(failed)).toBe(error)
    }))
})

it("covers every class of the union", () => {
  const classes = TokenError.TokenError.members.map((member) => member.name).sort()
  expect([...new Set(rows.map(([, tag]) => tag))].sort()).toStrictEqual(classes)
})

describe("isTokenError", () => {
  it.each<[string, unknown]>([
    ["an Error", new Error("no")],
    ["a look-alike", { _tag: "TokenTimeoutError", tokenUrl, attempts, retryable: true, message: "no" }],
    [
      "its wire form",
      Schema.encodeSync(TokenError.TokenError)(new TokenError.TokenTimeoutError({ tokenUrl, attempts }))
    ],
    ["a Cause", Cause.fail(new TokenError.TokenTimeoutError({ tokenUrl, attempts }))],
    ["null", null],
    ["nothing", undefined],
    ["a text", "TokenTimeoutError"]
  ])("is false for %s", (_, value) => {
    expect(TokenError.isTokenError(value)).toBe(false)
  })
})
