import * as Headers from "@effect/platform/Headers"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import { forbiddenOrigin, targetsOf } from "../../../src/internal/authorizedHttpClient/originCheck.js"
import { within } from "../../support/within.js"

const listed = targetsOf([
  "https://api.example",
  "https://api.example:8443",
  "http://localhost:3000",
  "http://[::1]:3000",
  "https://auth.example/authorize/",
  "https://auth.example/v1/hosted/"
])

describe("Origins that may receive the bearer (A1)", () => {
  it.each([
    ["the origin alone", "https://api.example"],
    ["a path, a query and a fragment", "https://api.example/v1/things?a=b#c"],
    ["upper case letters", "HTTPS://API.EXAMPLE/"],
    ["the default port", "https://api.example:443/"],
    ["another listed port", "https://api.example:8443/v1"],
    ["listed loopback over http", "http://localhost:3000/v1"],
    ["listed loopback by its IPv6 address", "http://[::1]:3000/v1"],
    ["a path below a listed one", "https://auth.example/authorize/user?a=b"],
    ["the listed path without its last slash", "https://auth.example/authorize"],
    ["a path below another listed one", "https://auth.example/v1/hosted/a/b"],
    ["dot segments that end below a listed path", "https://auth.example/token/../authorize/./user"],
    ["names below a listed path that contain dots", "https://auth.example/authorize/.a/..b/.../c..;d"],
    ["encoded letters below a listed path", "https://auth.example/authorize/J%C3%BCrgen%20%2B%C3%BC/a%2520b"],
    ["an encoded slash on a host that is listed whole", "https://api.example/a%2fb"]
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
    ["another path of a host", "https://auth.example/token", "https://auth.example"],
    ["the root of that host", "https://auth.example/", "https://auth.example"],
    ["a path that only begins alike", "https://auth.example/authorizeX", "https://auth.example"],
    ["a listed path in another case", "https://auth.example/Authorize/user", "https://auth.example"],
    ["a listed path below another one", "https://auth.example/x/authorize/user", "https://auth.example"],
    ["dot segments that lead out", "https://auth.example/authorize/../token", "https://auth.example"],
    ["encoded dot segments that lead out", "https://auth.example/authorize/%2E%2e/token", "https://auth.example"],
    ["backslashes that lead out", "https://auth.example/authorize\\..\\token", "https://auth.example"],
    ["an encoded slash below the path", "https://auth.example/authorize/..%2Ftoken", "https://auth.example"],
    ["an encoded backslash below the path", "https://auth.example/authorize/..%5ctoken", "https://auth.example"],
    ["a slash that is encoded twice", "https://auth.example/authorize/..%252ftoken", "https://auth.example"],
    ["encoded dots that are encoded again", "https://auth.example/authorize/%252e%252E/token", "https://auth.example"],
    ["dots that are encoded thrice", "https://auth.example/authorize/%25252e%25252e/token", "https://auth.example"],
    ["dots with a parameter", "https://auth.example/authorize/..;/token", "https://auth.example"],
    ["dots with a named parameter", "https://auth.example/authorize/..;x=1/token", "https://auth.example"],
    ["dots with an encoded semicolon", "https://auth.example/authorize/%2e%2e%3b/token", "https://auth.example"],
    ["dots before a control character", "https://auth.example/authorize/..%00/token", "https://auth.example"],
    ["dots before a space", "https://auth.example/authorize/..%20/token", "https://auth.example"],
    ["dots in overlong UTF-8", "https://auth.example/authorize/%c0%ae%c0%ae/token", "https://auth.example"],
    ["a slash in overlong UTF-8", "https://auth.example/authorize/..%c0%aftoken", "https://auth.example"],
    [
      "overlong UTF-8 that is encoded again",
      "https://auth.example/authorize/%25c0%25ae./token",
      "https://auth.example"
    ],
    ["dots as a script escapes them", "https://auth.example/authorize/%u002e%u002e/token", "https://auth.example"],
    ["a fragment that leads out", "https://auth.example/authorize/user#/../../token", "https://auth.example"],
    ["any fragment below a listed path", "https://auth.example/authorize/user#a", "https://auth.example"],
    ["a listed path on another port", "https://auth.example:444/authorize/user", "https://auth.example:444"],
    ["no host", "/v1/things", "what is no URL"],
    ["no text", "", "what is no URL"]
  ])("a URL with %s is forbidden, and only its origin is shown (A1)", (_, url, shown) => {
    expect(forbiddenOrigin(HttpClientRequest.get(url), listed)).toBe(shown)
  })

  it("a path that is encoded thousands of times is forbidden within a second (A1)", () => {
    const request = HttpClientRequest.get(`https://auth.example/authorize/%${"25".repeat(50_000)}41`)
    expect(within(1000, () => forbiddenOrigin(request, listed))).toBe("https://auth.example")
  })

  it("a listed origin over http beyond loopback is forbidden (A1)", () => {
    const url = "http://api.example"
    expect(forbiddenOrigin(HttpClientRequest.get(url), targetsOf([url]))).toBe(url)
  })

  it("parameters and a fragment that are kept apart from the URL change nothing (A1)", () => {
    const request = HttpClientRequest.get("https://api.example/v1", {
      urlParams: { to: "https://evil.example" },
      hash: "x"
    })
    expect(forbiddenOrigin(request, listed)).toBeUndefined()
    expect(forbiddenOrigin(request, targetsOf([]))).toBe("https://api.example")
  })

  it("a fragment that is kept apart from the URL is forbidden below a listed path (A1)", () => {
    const request = HttpClientRequest.get("https://auth.example/authorize/user", { hash: "/../../token" })
    expect(forbiddenOrigin(request, listed)).toBe("https://auth.example")
  })

  it.each<[string, Headers.Input | Headers.Headers, string | undefined]>([
    ["the URL's own host", { host: "api.example:8443" }, undefined],
    ["the URL's own host in upper case", { Host: "API.EXAMPLE:8443" }, undefined],
    ["another host", { host: "evil.example" }, "https://evil.example"],
    ["another listed host", { host: "api.example" }, "https://api.example"],
    ["a host whose name was not brought to lower case", Headers.unsafeFromRecord({ HOST: "x" }), "https://x"]
  ])("a request with a Host header that names %s (A1)", (_, headers, shown) => {
    const request = HttpClientRequest.get("https://api.example:8443/", { headers: Headers.fromInput({}) })
    const made = HttpClientRequest.setHeaders(request, headers)
    expect(forbiddenOrigin(made, listed)).toBe(shown)
  })
})
