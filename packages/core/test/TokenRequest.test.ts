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

describe("the HTTP request (E1)", () => {
  const request = TokenRequest.toHttpClientRequest(sample, tokenUrl)

  it("is the vendor's sample, byte for byte", () => {
    expect(bodyOf(sample)).toBe(requestBody)
  })

  it("goes to the token URL as it is, without query or fragment", () => {
    expect(request).toMatchObject({ method: "POST", url: tokenUrl, urlParams: [], hash: Option.none() })
  })

  it("has these headers and no other", () => {
    expect({ ...request.headers }).toStrictEqual({
      "accept": "application/json",
      "accept-encoding": "identity",
      "content-type": "application/x-www-form-urlencoded",
      "content-length": String(requestBody.length)
    })
  })

  it("shows the secret nowhere but in its body, however printed (E8)", () => {
    expect(linesShowing(clientSecret, request)).toStrictEqual([])
    expect(linesShowing(clientSecret, sample)).toStrictEqual([])
  })
})

describe("the wire form", () => {
  it("has four fields, in the order of the vendor's sample", () => {
    expect(Object.entries(encode(sample))).toStrictEqual(Object.entries(fields))
  })

  it.prop("is read back from any request's body as it was", [TokenRequest.TokenRequest], ([request]) => {
    const received = Object.fromEntries(new URLSearchParams(bodyOf(request)))
    const { client_secret, ...rest } = Either.getOrThrow(decode(received))
    const { client_secret: sent, ...others } = request
    expect(rest).toStrictEqual(others)
    expect(Redacted.value(client_secret)).toBe(Redacted.value(sent))
    expect(encode({ client_secret, ...rest })).toStrictEqual(received)
  })

  it.each<[string, unknown]>([
    ["another grant", { ...fields, grant_type: "password" }],
    ["no id", { ...fields, client_id: undefined }],
    ["no secret", { ...fields, client_secret: undefined }],
    ["no scope", { ...fields, scope: "" }],
    ["nothing", {}],
    ["null", null]
  ])("refuses %s", (_, input) => {
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
  ])("quotes no secret in the error of %s (row 60, E8)", (_, input) => {
    const result = decode(input)
    const error = Either.getOrThrow(Either.flip(result))
    expect(error.message).toBe(
      "must be a token request: client_id, client_secret, grant_type=client_credentials and scope; the value is not shown"
    )
    expect(linesShowing(clientSecret, error)).toStrictEqual([])
  })
})
