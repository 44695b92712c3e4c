import { TokenRequest } from "@effect-tilia/core"
import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { clientId, clientSecret, requestBody } from "./fixtures/vendorSample.js"

const decode = Schema.decodeUnknownEither(TokenRequest.TokenRequest)
const encode = Schema.encodeSync(TokenRequest.TokenRequest)

const tokenUrl = "https://auth.example/p/token"
const fields = {
  client_id: clientId,
  client_secret: clientSecret,
  grant_type: "client_credentials",
  scope: "write_registrations,write_user_tokens,user_info"
}
const sample = Either.getOrThrow(decode(fields))

const bodyOf = (request: TokenRequest.TokenRequest): string => {
  const { body } = TokenRequest.toHttpClientRequest(request, tokenUrl)
  return body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : body._tag
}

describe("TokenRequest.toHttpClientRequest (E1)", () => {
  const request = TokenRequest.toHttpClientRequest(sample, tokenUrl)

  it("the body of the request equals the vendor's sample byte for byte (E1)", () => {
    expect(bodyOf(sample)).toBe(requestBody)
  })

  it("the request goes to the token URL as it is, without a query or a fragment (E1)", () => {
    expect(request).toMatchObject({ method: "POST", url: tokenUrl, urlParams: [], hash: Option.none() })
  })

  it("the request has its four headers and no other (E1)", () => {
    expect({ ...request.headers }).toStrictEqual({
      "accept": "application/json",
      "accept-encoding": "identity",
      "content-type": "application/x-www-form-urlencoded",
      "content-length": String(requestBody.length)
    })
  })

  it("the request shows no secret, however it is printed (E1, E8)", () => {
    expect(linesShowing(clientSecret, request)).toStrictEqual([])
    expect(linesShowing(clientSecret, sample)).toStrictEqual([])
  })
})

describe("The schema TokenRequest", () => {
  it("an encoded token request has four fields in the order of the vendor's sample", () => {
    expect(Object.entries(encode(sample))).toStrictEqual(Object.entries(fields))
  })

  it.prop(
    "a token request stays the same when it is read back from its body",
    [TokenRequest.TokenRequest],
    ([request]) => {
      const received = Object.fromEntries(new URLSearchParams(bodyOf(request)))
      const { client_secret, ...rest } = Either.getOrThrow(decode(received))
      const { client_secret: sent, ...others } = request
      expect(rest).toStrictEqual(others)
      expect(Redacted.value(client_secret)).toBe(Redacted.value(sent))
      expect(encode({ client_secret, ...rest })).toStrictEqual(received)
    }
  )

  it.each<[string, unknown]>([
    ["another grant", { ...fields, grant_type: "password" }],
    ["no client id", { ...fields, client_id: undefined }],
    ["no client secret", { ...fields, client_secret: undefined }],
    ["no scope", { ...fields, scope: "" }],
    ["an empty record", {}],
    ["null", null]
  ])("the schema of a token request refuses %s", (_, input) => {
    expect(decode(input)).toMatchObject({ _tag: "Left" })
  })

  // A form's fields may be swapped, doubled (an array) or not a form at all: each is how a secret gets into an error.
  it.each<[string, unknown]>([
    ["the secret given twice", { ...fields, client_secret: [clientSecret, clientSecret] }],
    ["the secret with a newline", { ...fields, client_secret: `${clientSecret}\n` }],
    ["the secret under another name", { ...fields, client_secret: undefined, clientSecret }],
    ["the secret inside the id", { ...fields, client_id: `${clientId}:${clientSecret}` }],
    ["the secret as the grant", { ...fields, grant_type: clientSecret }],
    ["the secret among the scopes", { ...fields, scope: `user_info ${clientSecret}` }],
    ["the scope as an array with the secret", { ...fields, scope: ["user_info", clientSecret] }],
    ["a form as a text", requestBody],
    ["a form as an array", Object.values(fields)]
  ])("the error for a token request with %s shows no secret (E8, row 60)", (_, input) => {
    const result = decode(input)
    const error = Either.getOrThrow(Either.flip(result))
    expect(error.message).toBe(
      "must be a token request: client_id, client_secret, grant_type=client_credentials and scope; the value is not shown"
    )
    expect(linesShowing(clientSecret, error)).toStrictEqual([])
  })
})
