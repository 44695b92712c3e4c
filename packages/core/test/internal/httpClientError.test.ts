import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import { responseOf } from "../../src/internal/httpClientError.js"

const request = HttpClientRequest.get("https://api.example/")
const response = HttpClientResponse.fromWeb(request, new Response("no", { status: 401 }))

describe("The response inside an error", () => {
  it("an error that a client made of a status contains its response", () => {
    expect(responseOf(new HttpClientError.ResponseError({ request, response, reason: "StatusCode" }))).toBe(response)
  })

  it.each<[string, unknown]>([
    ["a body that can't be decoded", new HttpClientError.ResponseError({ request, response, reason: "Decode" })],
    ["an empty body", new HttpClientError.ResponseError({ request, response, reason: "EmptyBody" })],
    ["a failed request", new HttpClientError.RequestError({ request, reason: "Transport" })],
    ["a look-alike of a status error", { _tag: "ResponseError", reason: "StatusCode", response }],
    ["a plain Error", new Error("no")],
    ["undefined", undefined],
    ["null", null]
  ])("the error of %s has no response of interest", (_, error) => {
    expect(responseOf(error)).toBeUndefined()
  })
})
