import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import { forbiddenOrigin } from "../../../src/internal/authorizedHttpClient/originCheck.js"

const listed = new Set([
  "https://api.example",
  "https://api.example:8443",
  "http://localhost:3000",
  "http://[::1]:3000"
])

describe("Origins that may receive the bearer (A1)", () => {
  it.each([
    ["the origin alone", "https://api.example"],
    ["a path, a query and a fragment", "https://api.example/v1/things?a=b#c"],
    ["upper case letters", "HTTPS://API.EXAMPLE/"],
    ["the default port", "https://api.example:443/"],
    ["another listed port", "https://api.example:8443/v1"],
    ["listed loopback over http", "http://localhost:3000/v1"],
    ["listed loopback by its IPv6 address", "http://[::1]:3000/v1"]
  ])("a URL with %s may receive the bearer (A1)", (_, url) => {
    expect(forbiddenOrigin(HttpClientRequest.get(url), listed)).toBeUndefined()
  })

  it.each([
    ["an unlisted host", "https://evil.example/api.example", "https://evil.example"],
    ["a listed host as a user", "https://api.example@evil.example/", "https://evil.example"],
    ["another port", "https://api.example:444/", "https://api.example:444"],
    ["another scheme", "http://api.example/", "http://api.example"],
    ["another loopback port", "http://localhost:3001/", "http://localhost:3001"],
    ["a user", "https://swordfish@api.example/", "https://api.example"],
    ["a password", "https://:swordfish@api.example/", "https://api.example"],
    ["no host", "/v1/things", "what is no URL"],
    ["no text", "", "what is no URL"]
  ])("a URL with %s is forbidden, and only its origin is shown (A1)", (_, url, shown) => {
    expect(forbiddenOrigin(HttpClientRequest.get(url), listed)).toBe(shown)
  })

  it("a listed origin over http beyond loopback is forbidden (A1)", () => {
    const url = "http://api.example"
    expect(forbiddenOrigin(HttpClientRequest.get(url), new Set([url]))).toBe(url)
  })

  it("parameters and a fragment that are kept apart from the URL change nothing (A1)", () => {
    const request = HttpClientRequest.get("https://api.example/v1", {
      urlParams: { to: "https://evil.example" },
      hash: "x"
    })
    expect(forbiddenOrigin(request, listed)).toBeUndefined()
    expect(forbiddenOrigin(request, new Set())).toBe("https://api.example")
  })
})
