/*
 * What the commands print and how they end. They run in this process, over real HTTP.
 */
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import { silent } from "@effect-tilia/contract/ScriptedServer"
import { Faults, Sandbox } from "@effect-tilia/sandbox"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import { leakProbe } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { tilia } from "./support/inProcess.js"

const { clientId, clientSecret } = Sandbox.wellKnown

const configured = (url: string) => ({
  TILIA_AUTH_URL: url,
  TILIA_CLIENT_ID: clientId,
  TILIA_CLIENT_SECRET: clientSecret,
  TILIA_SCOPES: "user_info"
})

const jwt = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/

/** A sandbox, and `tilia token` with its settings. */
const withSandbox = Effect.gen(function*() {
  const { url } = yield* NodeSandbox.NodeSandbox
  const { script } = yield* Sandbox.Sandbox
  const env = configured(url)
  return { url, script, env, token: (...args: ReadonlyArray<string>) => tilia(["token", ...args], { env }) }
})

const itWithSandbox = <A, E>(name: string, effect: Effect.Effect<A, E, NodeSandbox.NodeSandbox | Sandbox.Sandbox>) =>
  it.scopedLive(name, () => Effect.provide(effect, NodeSandbox.layer()))

describe("tilia", () => {
  it.live.each([
    ["token", "--timeout", "soon"],
    ["token", "--timeout", "-1 seconds"],
    ["token", "--timeout", "Infinity"],
    ["token", "--scopes", "a,,b"],
    ["sandbox", "--port", "65536"],
    ["sandbox", "--port", "http"],
    ["sandbox", "--lifetime", "never"],
    ["sandbox", "--lifetime", "10 millis"],
    ["sandbox", "--lifetime", "0s"],
    ["sandbox", "--lifetime", "500ms"],
    ["sandbox", "--lifetime", "1500ms"],
    ["sandbox", "--faults", "503,explode"],
    ["sandbox", "--scopes", ""],
    ["request", "FETCH", "https://a.example"],
    ["request", "GET", "/orders"],
    ["request", "GET", "https://a.example", "--header", "authorization: Bearer x"],
    ["request", "GET", "https://a.example", "--header", "Transfer-Encoding: chunked"],
    ["request", "POST", "https://a.example", "--data", "@/nowhere/hunter2"]
  ])("tilia exits with 2 and a short message for the wrong arguments $0 $1 $2 $3", (args) =>
    Effect.gen(function*() {
      const { status, stderr, stdout } = yield* tilia(args)
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
      expect(stderr).toMatch(/^InvalidInputError: (METHOD|URL|--\w+|\w+) must be .+\n$/)
    }))
})

describe("tilia token", () => {
  itWithSandbox(
    "tilia token --format header prints an Authorization header for curl -H @-",
    Effect.gen(function*() {
      const { token } = yield* withSandbox
      const { stdout } = yield* token("--format", "header", "--scopes", "write_invoices")
      expect(stdout).toMatch(/^Authorization: Bearer eyJ\S+\n$/)
    })
  )

  itWithSandbox(
    "tilia token --format json prints the token with its lifetime and scopes",
    Effect.gen(function*() {
      const { token } = yield* withSandbox
      const before = Date.now()
      const { stdout } = yield* token("--format", "json", "--scopes", "user_info,write_invoices")
      const { access_token, expires_at, expires_in, ...rest } = JSON.parse(stdout)
      expect(rest).toEqual({ token_type: "Bearer", scope: "user_info,write_invoices" })
      expect(access_token).toMatch(jwt)
      expect(expires_in).toBeGreaterThan(3590)
      expect(expires_in).toBeLessThanOrEqual(3600)
      expect(new Date(expires_at).toISOString()).toBe(expires_at)
      expect(Date.parse(expires_at) - before).toBeGreaterThanOrEqual(3_600_000)
    })
  )

  it.live("tilia token exits with 2 if nothing is configured, and names every setting", () =>
    Effect.gen(function*() {
      const plain = yield* tilia(["token"])
      expect({ status: plain.status, stdout: plain.stdout }).toEqual({ status: 2, stdout: "" })
      const json = yield* tilia(["token", "--format", "json"])
      expect(json.status).toBe(2)
      expect(JSON.parse(json.stderr)).toMatchObject({ _tag: "ConfigError", retryable: false })
      for (const { stderr } of [plain, json]) {
        for (const name of ["CLIENT_ID", "CLIENT_SECRET", "CLIENT_SECRET_FILE", "ENVIRONMENT", "AUTH_URL", "SCOPES"]) {
          expect(stderr).toContain(`TILIA_${name}`)
        }
      }
    }))

  it.live.each(Object.entries({
    TILIA_CLIENT_ID: "hunter2",
    TILIA_CLIENT_SECRET: "hunter2",
    TILIA_CLIENT_SECRET_FILE: "/nowhere/hunter2",
    TILIA_SCOPES: "a,,b",
    TILIA_ENVIRONMENT: "stagign",
    TILIA_AUTH_URL: "https://:hunter2@h.example",
    TILIA_API_ORIGINS: "https://h.example?key=hunter2"
  }))(
    "tilia token exits with 2 for a wrong %s, names it, and shows no secret (F2)",
    ([name, value]) =>
      Effect.gen(function*() {
        const { status, stderr, stdout } = yield* tilia(["token"], {
          env: {
            ...configured("http://127.0.0.1:9"),
            ...name === "TILIA_CLIENT_SECRET_FILE" && { TILIA_CLIENT_SECRET: undefined },
            [name]: value
          }
        })
        expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
        expect(stderr).toContain(name)
        expect(stderr).not.toContain("hunter2")
        expect(stderr).not.toContain(clientSecret)
      })
  )

  itWithSandbox(
    "tilia token exits with 3 if the server refuses, and its error never shows the secret",
    Effect.gen(function*() {
      const { env, token } = yield* withSandbox
      const wrongSecret = { ...env, TILIA_CLIENT_SECRET: clientId.replace("3f2b", "beef") }
      const block = yield* tilia(["token"], { env: wrongSecret })
      expect({ status: block.status, stdout: block.stdout }).toEqual({ status: 3, stdout: "" })
      expect(block.stderr).toMatch(/^InvalidClientError: .+\n$/)
      const json = yield* tilia(["token", "--format", "json"], { env: wrongSecret })
      expect(json.status).toBe(3)
      expect(JSON.parse(json.stderr)).toEqual({
        _tag: "InvalidClientError",
        message: expect.any(String),
        retryable: false,
        status: 401
      })
      expect(block.stderr + json.stderr).not.toContain(wrongSecret.TILIA_CLIENT_SECRET)
      const scope = yield* token("--scopes", "rule_the_world")
      expect(scope.status).toBe(3)
      expect(scope.stderr).toMatch(/^InvalidScopeError: /)
    })
  )

  itWithSandbox(
    "tilia token exits with 4 if the endpoint limits the rate, hangs or cannot be reached",
    Effect.gen(function*() {
      const { env, script, token } = yield* withSandbox
      yield* script([Faults.status(429, { headers: { "retry-after": "3600" } })])
      const limited = yield* token("--format", "json")
      expect(limited.status).toBe(4)
      expect(JSON.parse(limited.stderr)).toMatchObject({ _tag: "RateLimitedError", retryable: true, status: 429 })
      expect(limited.stderr).toContain("1h")
      yield* script([Faults.hang])
      const late = yield* token("--timeout", "300ms")
      expect(late).toMatchObject({ status: 4, stdout: "" })
      expect(late.stderr).toMatch(/^TokenTimeoutError: .+\n$/)
      const dead = yield* tilia(["token"], { env: { ...env, TILIA_AUTH_URL: "http://127.0.0.1:1" } })
      expect(dead).toMatchObject({ status: 4, stdout: "" })
      expect(dead.stderr).toMatch(/^TokenTransportError: .*nothing listens there.*\n$/)
    })
  )

  itWithSandbox(
    "tilia token warns on standard error if the token has fewer scopes than requested",
    Effect.gen(function*() {
      const { script, token } = yield* withSandbox
      const body = JSON.stringify({ access_token: "abc", token_type: "Bearer", expires_in: 60, scope: "user_info" })
      yield* script([Faults.status(200, { body })])
      const { status, stderr, stdout } = yield* token("--scopes", "user_info,write_invoices")
      expect({ status, stdout }).toEqual({ status: 0, stdout: "abc\n" })
      expect(stderr).toMatch(/^warn: .*write_invoices\n$/)
    })
  )
})

describe("tilia doctor", () => {
  itWithSandbox(
    "tilia doctor exits with 0 if all is well, and sends neither the secret nor the token to an API origin (L8)",
    Effect.gen(function*() {
      const { env, url } = yield* withSandbox
      const { received } = yield* Sandbox.Sandbox
      const { status, stderr, stdout } = yield* tilia(["doctor", "--json"], { env: { ...env, TILIA_API_ORIGINS: url } })
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
      const { checks } = JSON.parse(stdout)
      expect(checks.map(({ result }: { readonly result: string }) => result)).toEqual([
        ...["ok", "ok", "ok", "skipped", "ok", "ok", "ok", "ok", "ok"]
      ])
      expect((yield* received).map(({ method }) => method).sort()).toEqual(["HEAD", "HEAD", "POST"])
    })
  )

  it.live("tilia doctor exits with 2 if nothing is configured, and skips the rest", () =>
    Effect.gen(function*() {
      const { status, stderr, stdout } = yield* tilia(["doctor"])
      expect({ status, stderr }).toEqual({ status: 2, stderr: "" })
      expect(stdout).toMatch(/^failed +settings .*TILIA_CLIENT_ID/)
      expect(stdout.match(/^skipped/gm)?.length).toBe(8)
    }))

  it.live("tilia doctor exits with 4 if nothing listens there", () =>
    Effect.gen(function*() {
      const { status, stdout } = yield* tilia(["doctor"], { env: configured("http://127.0.0.1:1") })
      expect(status).toBe(4)
      expect(stdout).toMatch(/^failed +server .*nothing listens there\n.*→ Check the port/m)
    }))

  it.scopedLive("tilia doctor exits with 3 for a certificate of an unknown authority, and says what to do", () =>
    Effect.gen(function*() {
      const { open } = yield* NodeScriptedServer.make()
      const { seen, url } = yield* open({ ...silent, tls: "valid" })
      const { status, stdout } = yield* tilia(["doctor"], { env: configured(url) })
      expect(status).toBe(3)
      expect(stdout).toMatch(/^failed +TLS .*authority.*\n.*NODE_EXTRA_CA_CERTS/m)
      expect((yield* seen).received).toBe(0)
    }))

  it.scopedLive("tilia doctor exits with 4 for a server that does not respond in time, and says so", () =>
    Effect.gen(function*() {
      const { open } = yield* NodeScriptedServer.make()
      const { url } = yield* open(silent)
      const { status, stdout } = yield* tilia(["doctor", "--timeout", "100ms"], { env: configured(url) })
      expect(status).toBe(4)
      expect(stdout).toMatch(/^failed +server .*it does not respond$/m)
    }))

  itWithSandbox(
    "tilia doctor prints no secret and no token, whether they are accepted or refused (E8, L8)",
    Effect.gen(function*() {
      const { env, script } = yield* withSandbox
      const token = "a-token-that-nobody-may-see"
      const body = JSON.stringify({ access_token: token, token_type: "Bearer", expires_in: 60, scope: "other" })
      yield* script([Faults.status(200, { body }), Faults.status(401, { body: `no ${clientSecret}` })])
      for (const status of [0, 3]) {
        const { exit, leaks } = yield* leakProbe(tilia(["doctor"], { env }), [clientSecret, token])
        expect((yield* exit).status).toBe(status)
        expect(leaks).toEqual([])
      }
    })
  )
})

describe("a failure that is printed", () => {
  itWithSandbox(
    "shows neither the secret nor the token of a request that did not reach its API",
    Effect.gen(function*() {
      const { env, script } = yield* withSandbox
      const token = "a-token-that-nobody-may-see"
      const body = JSON.stringify({ access_token: token, token_type: "Bearer", expires_in: 60, scope: "user_info" })
      yield* script([Faults.status(200, { body })])
      const request = tilia(["request", "GET", "http://127.0.0.1:1/x", "--verbose"], {
        env: { ...env, TILIA_API_ORIGINS: "http://127.0.0.1:1" }
      })
      const { exit, leaks } = yield* leakProbe(request, [clientSecret, token])
      expect(leaks).toEqual([])
      const { status, stderr } = yield* exit
      expect(status).toBe(4)
      expect(stderr).toMatch(/^TransportError: .*nothing listens there/m)
    })
  )

  itWithSandbox(
    "comes after a line for each attempt that failed, with --verbose",
    Effect.gen(function*() {
      const { script, token } = yield* withSandbox
      yield* script([Faults.status(503), Faults.status(503)])
      const { status, stderr } = yield* token("--verbose")
      expect(status).toBe(0)
      expect(stderr.match(/^Attempt \d failed \(ServiceUnavailableError, 503\)\.$/gm)).toEqual([
        "Attempt 1 failed (ServiceUnavailableError, 503).",
        "Attempt 2 failed (ServiceUnavailableError, 503)."
      ])
      expect(stderr).toMatch(/^Requesting a token at .*\nAttempt [^]*\nGot a token after \d+ ms\.\n$/)
    })
  )
})
