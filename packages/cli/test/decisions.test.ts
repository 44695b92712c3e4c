/*
 * The small decisions of the command line, each by a table.
 */
import * as TokenError from "@effect-tilia/core/TokenError"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Child from "../src/Child.js"
import * as ExecCommand from "../src/ExecCommand.js"
import * as Failure from "../src/Failure.js"
import * as Progress from "../src/Progress.js"
import * as Proxy from "../src/Proxy.js"
import * as RequestCommand from "../src/RequestCommand.js"
import * as SandboxCommand from "../src/SandboxCommand.js"
import * as Time from "../src/Time.js"
import * as Unreachable from "../src/Unreachable.js"

describe("Time", () => {
  it.each([
    ["500ms", 500],
    ["5s", 5_000],
    ["1.5s", 1_500],
    [" 2m ", 120_000],
    ["1 h", 3_600_000],
    ["2d", 172_800_000],
    ["15 seconds", 15_000],
    ["500 millis", 500]
  ])("the time %j is %i milliseconds", (text, millis) => {
    expect(Option.map(Time.parse(text), Duration.toMillis)).toEqual(Option.some(millis))
  })

  it.each(["", "5", "s", "5 sec", "1h30m", "soon", "5S"])("%j is no time", (text) => {
    expect(Time.parse(text)).toEqual(Option.none())
  })
})

describe("Proxy", () => {
  const proxy = "http://me:hunter2@proxy.example:3128"
  it.each([
    ["https://a.example", {}, undefined],
    ["https://a.example", { HTTPS_PROXY: proxy }, "HTTPS_PROXY"],
    ["https://a.example", { https_proxy: proxy, NO_PROXY: "b.example" }, "HTTPS_PROXY"],
    ["https://a.example", { https_proxy: "", HTTPS_PROXY: proxy }, undefined],
    ["https://a.example", { HTTP_PROXY: proxy }, "HTTP_PROXY"],
    ["http://127.0.0.1:80", { HTTPS_PROXY: proxy }, undefined],
    ["http://127.0.0.1:80", { HTTP_PROXY: proxy }, "HTTP_PROXY"],
    ["http://127.0.0.1:80", { HTTP_PROXY: proxy, NO_PROXY: "localhost,127.0.0.1" }, undefined],
    ["https://a.example", { HTTPS_PROXY: proxy, NO_PROXY: "*" }, undefined],
    ["https://x.a.example", { HTTPS_PROXY: proxy, no_proxy: "b.example a.example" }, undefined],
    ["https://x.a.example", { HTTPS_PROXY: proxy, no_proxy: "*.a.example" }, undefined],
    ["https://xa.example", { HTTPS_PROXY: proxy, no_proxy: "a.example" }, "HTTPS_PROXY"],
    ["https://a.example", { HTTPS_PROXY: proxy, no_proxy: "a.example:443" }, undefined],
    ["https://a.example", { HTTPS_PROXY: proxy, no_proxy: "a.example:8443" }, "HTTPS_PROXY"],
    ["https://[::1]:9", { HTTPS_PROXY: proxy, no_proxy: "[::1]" }, undefined]
  ])("a request to %s with %o goes through the proxy of %s, whose password is not shown", (url, env, variable) => {
    const found = Option.getOrUndefined(Proxy.find(new URL(url), env))
    expect(found).toEqual(variable && { variable, url: "http://proxy.example:3128" })
  })
})

describe("Unreachable", () => {
  const wrapped = (code: string) => ({ _tag: "RequestError", cause: { errors: [{ code: "EFOO" }, { code }] } })
  it.each([
    ["ENOTFOUND", 4, /name of its host/],
    ["EAI_AGAIN", 4, /DNS/],
    ["ECONNREFUSED", 4, /nothing listens/],
    ["UND_ERR_CONNECT_TIMEOUT", 4, /does not respond/],
    ["UND_ERR_PRX_CONN", 4, /proxy/],
    ["CERT_HAS_EXPIRED", 3, /expired/],
    ["ERR_TLS_CERT_ALTNAME_INVALID", 3, /another host/],
    ["SELF_SIGNED_CERT_IN_CHAIN", 3, /authority/],
    ["EPROTO", 3, /TLS/],
    ["ESTRANGE", 4, /connection broke/]
  ])("a connection that fails with %s is exit status %i", (code, exitStatus, message) => {
    expect(Unreachable.reason(wrapped(code))).toMatchObject({ exitStatus, message: expect.stringMatching(message) })
  })

  it("a ring of causes ends", () => {
    const ring = { cause: {} }
    ring.cause = ring
    expect(Unreachable.reason(ring).exitStatus).toBe(4)
  })
})

describe("the exit status", () => {
  it.each([
    [200, 0],
    [204, 0],
    [304, 3],
    [400, 3],
    [401, 3],
    [404, 3],
    [408, 4],
    [425, 4],
    [429, 4],
    [500, 4],
    [501, 3],
    [503, 4],
    [505, 3]
  ])("of tilia request for a response with %i is %i", (status, expected) => {
    expect(Failure.exitStatusOf(status)).toBe(expected)
  })

  it.each([[{ code: 7, signal: null }, 7], [{ code: null, signal: "SIGTERM" as const }, 143]])(
    "of a process that ended with %o is %i",
    (end, expected) => {
      expect(Child.exitStatus(end)).toBe(expected)
    }
  )
})

describe("Child", () => {
  it("passes every signal on, but Ctrl-C only if the terminal has not sent it already", () => {
    expect(Child.passesOn("SIGINT", true)).toBe(false)
    expect(Child.passesOn("SIGINT", false)).toBe(true)
    expect(Child.passesOn("SIGTERM", true)).toBe(true)
    expect(Child.passesOn("SIGHUP", true)).toBe(true)
  })
})

describe("the environment of a command", () => {
  const env = { PATH: "/bin", TILIA_CLIENT_ID: "id", TILIA_CLIENT_SECRET: "hunter2", TILIA_CLIENT_SECRET_FILE: "/x" }

  it("of tilia exec has the token, and not the secret", () => {
    expect(ExecCommand.environment("the-token", env)).toEqual({
      PATH: "/bin",
      TILIA_CLIENT_ID: "id",
      TILIA_ACCESS_TOKEN: "the-token"
    })
  })

  it("of tilia sandbox has the sandbox's settings and no others, and no proxy before it", () => {
    const own = { TILIA_AUTH_URL: "http://127.0.0.1:1" }
    expect(SandboxCommand.environment(own, { ...env, TILIA_ENVIRONMENT: "staging", NO_PROXY: "a.example" })).toEqual({
      PATH: "/bin",
      TILIA_AUTH_URL: "http://127.0.0.1:1",
      NO_PROXY: "a.example,127.0.0.1",
      no_proxy: "a.example,127.0.0.1"
    })
  })
})

describe("--header", () => {
  it.each([
    ["Idempotency-Key: 7", ["Idempotency-Key", "7"]],
    ["Host: api.example", ["Host", "api.example"]],
    ["x:", ["x", ""]],
    ["x: a: b ", ["x", "a: b"]]
  ])("%j is a header", (text, pair) => {
    expect(RequestCommand.header(text)).toEqual(Either.right(pair))
  })

  it.each(["", "x", ": a", "a b: c", "x: a\nb: c"])("%j is no header", (text) => {
    expect(RequestCommand.header(text)).toEqual(Either.left("written as \"Name: value\""))
  })

  it.each([
    ["Authorization: Bearer hunter2", "Authorization"],
    ["authorization:hunter2", "Authorization"],
    ["Proxy-Authorization: Basic hunter2", "Proxy-Authorization"],
    ["Connection: close", "Connection"],
    ["content-length: 3", "Content-Length"],
    ["Expect: 100-continue", "Expect"],
    ["Keep-Alive: 5", "Keep-Alive"],
    ["TRANSFER-ENCODING: chunked", "Transfer-Encoding"],
    ["Upgrade: x", "Upgrade"]
  ])("%j is refused, with the name of the header and without its value", (text, name) => {
    const expected = Option.getOrElse(Either.getLeft(RequestCommand.header(text)), () => "")
    expect(expected).toMatch(new RegExp(`^a header other than ${name}: .+[a-z]$`))
    expect(expected).not.toContain("hunter2")
  })
})

describe("Progress", () => {
  const tokenUrl = "https://auth.example/token"
  it.each([
    [new TokenError.TokenTimeoutError({ tokenUrl, attempts: 1 }), "Attempt 1 failed (TokenTimeoutError)."],
    [
      new TokenError.RateLimitedError({ status: 429, attempts: 1, retryAfter: Duration.seconds(2) }),
      "Attempt 1 failed (RateLimitedError, 429). The server asks to wait 2s."
    ]
  ])("says of an attempt that failed: %s", (error, text) => {
    expect(Progress.failed(error, 1)).toBe(text)
  })
})
