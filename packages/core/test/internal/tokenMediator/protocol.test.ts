import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { Refusal, Request } from "../../../src/internal/tokenMediator/protocol.js"

describe("A page's request (M2)", () => {
  const decode = Schema.decodeUnknownEither(Request)

  it.each([{}, { rejected: 0 }, { rejected: 2 ** 32 - 1 }])(
    "a request with the scopes and %j is read (A2)",
    (fields) => {
      expect(decode({ scopes: ["a", "b"], ...fields })).toStrictEqual(Either.right({ scopes: ["a", "b"], ...fields }))
    }
  )

  it.each<[unknown]>([
    [{ scopes: ["a"], rejected: -1 }],
    [{ scopes: ["a"], rejected: 2 ** 32 }],
    [{ scopes: ["a"], rejected: 1.5 }],
    [{ scopes: ["a"], rejected: "swordfish" }],
    [{ scopes: ["a"], rejected: undefined }],
    [{ scopes: [] }],
    [{ scopes: ["sword fish"] }],
    [{ scopes: "swordfish" }],
    [{}],
    ["swordfish"]
  ])("a request with the body %j is refused, and the error does not show it (E2)", (body) => {
    const error = Either.getOrThrow(Either.flip(decode(body)))
    expect(error.message).toBe(
      "must be a request to a mediator: scopes, an array, and perhaps principal and rejected; the value is not shown"
    )
    expect(linesShowing("sword", error)).toStrictEqual([])
  })
})

describe("A mediator's refusal (M3)", () => {
  const decode = Schema.decodeUnknownEither(Refusal)
  const encode = Schema.encodeSync(Refusal)
  const refusal = { _tag: "RateLimitedError", retryable: true, message: "Wait." } as const

  it.each(
    [
      "InvalidInputError",
      "CredentialsError",
      "InvalidRequestError",
      "InvalidClientError",
      "InvalidScopeError",
      "RateLimitedError",
      "ServiceUnavailableError",
      "UnexpectedResponseError",
      "TokenTransportError",
      "TokenTimeoutError"
    ] as const
  )("a refusal may have the tag %s (M3)", (_tag) => {
    expect(decode({ ...refusal, _tag })).toStrictEqual(Either.right({ ...refusal, _tag }))
  })

  it.each([0, 1, 86_400])("a refusal may ask for a wait of %i seconds (M3)", (retryAfter) => {
    const decoded = Either.getOrThrow(decode({ ...refusal, retryAfter }))
    expect(decoded).toStrictEqual({ ...refusal, retryAfter: Duration.seconds(retryAfter) })
    expect(encode(decoded)).toStrictEqual({ ...refusal, retryAfter })
  })

  it.each([["1 millis", 1], ["1001 millis", 2], ["2 days", 86_400]] as const)(
    "a wait of %s is written as %i whole seconds, which are at most a day (M3)",
    (wait, retryAfter) => {
      expect(encode({ ...refusal, retryAfter: Duration.decode(wait) })).toStrictEqual({ ...refusal, retryAfter })
    }
  )

  it.each<[object]>([
    [{ _tag: "Other" }],
    [{ retryable: "yes" }],
    [{ message: "" }],
    [{ message: "a".repeat(257) }],
    [{ message: "\u001b[2J" }],
    [{ message: "a\n" }],
    [{ message: "é" }],
    [{ retryAfter: -1 }],
    [{ retryAfter: 86_401 }],
    [{ retryAfter: 1.5 }],
    [{ retryAfter: undefined }]
  ])("a refusal with %j is not read (M3)", (fields) => {
    expect(Either.isLeft(decode({ ...refusal, ...fields }))).toBe(true)
  })

  it("a message may have from 1 to 256 printable characters of ASCII (M3)", () => {
    for (const message of [" ", "~", "a".repeat(256)]) {
      expect(Either.isRight(decode({ ...refusal, message }))).toBe(true)
    }
  })
})
