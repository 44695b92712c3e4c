import * as Environment from "@effect-tilia/core/Environment"
import * as Scopes from "@effect-tilia/core/Scopes"
import * as TokenError from "@effect-tilia/core/TokenError"
import * as TestAccessToken from "@effect-tilia/testing/TestAccessToken"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Diagnosis from "../src/Diagnosis.js"

const date = "Thu, 01 Jan 2026 00:00:00 GMT"
const at = Date.parse(date)

const scopes = Effect.runSync(Scopes.make(["user_info", "write_invoices"]))
const settings = { credentials: Effect.die("not used"), environment: Environment.staging, scopes }
const response: Diagnosis.Response = { status: 404, date, sentAt: at, receivedAt: at + 80 }
const token = (granted: Scopes.Input) => Effect.runSync(TestAccessToken.make({ scopes: granted }))

const healthy: Diagnosis.Seen = {
  settings: Either.right(settings),
  proxy: Either.right(Option.none()),
  dns: Either.right(["192.0.2.7"]),
  tls: Either.right({ protocol: "TLSv1.3", validTo: "Jan  1 00:00:00 2027 GMT" }),
  server: Either.right(response),
  token: Either.right(token(["user_info", "write_invoices"])),
  origins: [["https://api.example", Either.right(response)]]
}

/** What was seen of a server, without these parts. */
const without = (seen: Partial<Diagnosis.Seen>, ...names: ReadonlyArray<keyof Diagnosis.Seen>): Diagnosis.Seen =>
  Object.fromEntries(
    Object.entries({ ...healthy, ...seen }).filter(([name]) => !names.some((other) => other === name))
  ) as unknown as Diagnosis.Seen

const results = (seen: Diagnosis.Seen) =>
  Object.fromEntries(Diagnosis.make(seen).lines.map(({ check, result }) => [check, result]))

const proxied = Either.right(Option.some({ variable: "HTTPS_PROXY", url: "http://proxy.example" }))
const refused = new TokenError.InvalidClientError({ status: 401, attempts: 1 })
const away = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })
const unexpected = new TokenError.UnexpectedResponseError({
  status: 302,
  attempts: 1,
  tokenUrl: Environment.staging.tokenUrl,
  problem: "it redirects"
})
const scope = new TokenError.InvalidScopeError({ status: 400, attempts: 1 })

describe("Diagnosis", () => {
  it("says ok of each check if all is well, in one line each, and the exit status is 0", () => {
    const diagnosis = Diagnosis.make(healthy)
    expect(diagnosis.exitStatus).toBe(0)
    expect(new Set(diagnosis.lines.map(({ result }) => result))).toEqual(new Set(["ok"]))
    expect(Diagnosis.text(diagnosis).split("\n").length).toBe(9)
    expect(JSON.parse(Diagnosis.json(diagnosis))).toMatchObject({ ok: true, exitStatus: 0 })
  })

  it.each<readonly [string, Diagnosis.Seen, string, number]>([
    ["a setting is missing", { settings: Either.left(ConfigError.MissingData(["TILIA_SCOPES"], "")) }, "settings", 2],
    [
      "the file of the secret cannot be read",
      { settings: Either.left(new TokenError.CredentialsError({ message: "no such file", retryable: false })) },
      "settings",
      2
    ],
    [
      "the variable of the proxy is wrong",
      {
        settings: healthy.settings,
        proxy: Either.left(new TokenError.InvalidInputError({ setting: "HTTPS_PROXY", expected: "a URL" }))
      },
      "proxy",
      2
    ],
    ["the name is unknown", without({ dns: Either.left({ code: "ENOTFOUND" }) }, "tls", "server", "token"), "DNS", 4],
    [
      "the certificate is not trusted",
      without({ tls: Either.left({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" }) }, "server", "token"),
      "TLS",
      3
    ],
    ["nothing listens", without({ server: Either.left({ code: "ECONNREFUSED" }) }, "token"), "server", 4],
    [
      "the proxy wants a password",
      without({ proxy: proxied, server: Either.right({ ...response, status: 407 }) }, "dns", "tls", "token"),
      "server",
      3
    ],
    ["the credentials are refused", without({ token: Either.left(refused) }), "credentials", 3],
    ["the server is unavailable", without({ token: Either.left(away) }), "credentials", 4],
    ["something else than a token endpoint responds", without({ token: Either.left(unexpected) }), "credentials", 3],
    [
      "the certificate is not trusted, and Node is told not to verify any",
      without({ ignoresCertificates: true, tls: Either.left({ code: "CERT_HAS_EXPIRED" }) }, "server", "token"),
      "TLS",
      3
    ],
    [
      "a proxy makes the connection, and Node is told not to verify any certificate",
      without({ ignoresCertificates: true, proxy: proxied }, "dns", "tls", "server", "token"),
      "TLS",
      2
    ],
    ["a scope is refused", without({ token: Either.left(scope) }), "scopes", 3],
    [
      "an API does not respond",
      without({ origins: [["https://api.example", Either.left({ code: "ECONNREFUSED" })]] }),
      "API origins",
      4
    ]
  ])("if %s, the first failed line says so and what to do, and is the exit status", (_, seen, check, exitStatus) => {
    const diagnosis = Diagnosis.make(seen)
    const failed = diagnosis.lines.filter(({ result }) => result === "failed")
    expect(failed.map(({ check }) => check)).toEqual([check])
    expect(failed[0]?.todo).toMatch(/^[A-Z].*\.$/)
    expect(diagnosis.exitStatus).toBe(exitStatus)
    expect(Diagnosis.text(diagnosis)).toContain(`→ ${failed[0]?.todo}`)
  })

  it("skips what needs a check that has failed, and goes on with what does not", () => {
    const seen = without({ dns: Either.left({ code: "ENOTFOUND" }) }, "tls", "server", "token")
    expect(results(seen)).toEqual({
      settings: "ok",
      proxy: "ok",
      DNS: "failed",
      TLS: "skipped",
      server: "skipped",
      clock: "skipped",
      credentials: "skipped",
      scopes: "skipped",
      "API origins": "ok"
    })
    expect(Diagnosis.make(seen).lines.find(({ check }) => check === "server")?.message).toContain("DNS")
  })

  it("does not look up a name that the proxy looks up", () => {
    expect(results(without({ proxy: proxied }, "dns", "tls"))).toMatchObject({ DNS: "skipped", TLS: "skipped" })
  })

  const { tokenUrl } = Environment.staging
  it.each([
    [refused, /TILIA_CLIENT_ID and the secret/],
    [away, /Try again later/],
    [new TokenError.RateLimitedError({ status: 429, attempts: 1 }), /Try again later/],
    [new TokenError.TokenTimeoutError({ tokenUrl, attempts: 1 }), /Try again later.*firewall/],
    [new TokenError.TokenTransportError({ reason: "Tls", tokenUrl, attempts: 1 }), /network/],
    [unexpected, /TILIA_AUTH_URL/]
  ])("what to do about credentials that were not accepted is what the error says: %s", (error, todo) => {
    const line = Diagnosis.make(without({ token: Either.left(error) })).lines.find(({ check }) =>
      check === "credentials"
    )
    expect(line?.todo).toMatch(todo)
    if (error !== refused) expect(line?.todo).not.toContain("secret")
  })

  it.each<readonly [string, Diagnosis.Seen]>([
    ["the certificate is good", healthy],
    ["the server is on loopback", {
      ...healthy,
      settings: Either.right({
        ...settings,
        environment: Effect.runSync(Environment.make({ authUrl: "http://127.0.0.1:1" }))
      })
    }]
  ])("warns that Node is told not to verify certificates, even if %s, and says how to mend it", (_, seen) => {
    const diagnosis = Diagnosis.make({ ...seen, ignoresCertificates: true })
    const line = diagnosis.lines.find(({ check }) => check === "TLS")
    expect(line).toMatchObject({ result: "warning", message: expect.stringContaining("NODE_TLS_REJECT_UNAUTHORIZED") })
    expect(line?.todo).toMatch(/^Unset NODE_TLS_REJECT_UNAUTHORIZED/)
    expect(diagnosis.exitStatus).toBe(0)
  })

  it("warns of scopes that were not granted, of no API origins, and of a wrong clock, without failing", () => {
    const seen = without({
      token: Either.right(token(["user_info"])),
      origins: [],
      server: Either.right({ ...response, sentAt: at + 3_601_000, receivedAt: at + 3_601_080 })
    })
    expect(results(seen)).toMatchObject({ scopes: "warning", "API origins": "warning", clock: "warning" })
    const diagnosis = Diagnosis.make(seen)
    expect(diagnosis.exitStatus).toBe(0)
    expect(Diagnosis.text(diagnosis)).toContain("1h ahead of that of the server")
    expect(Diagnosis.text(diagnosis)).toContain("not granted: write_invoices")
  })

  it.each([
    [0, 80, 0],
    [900, 950, 0],
    [-80, 0, 0],
    [2_000, 2_080, -1_001],
    [-5_000, -4_900, 4_900]
  ])("a clock that reads %i to %i ms around the server's date is %i ms behind", (sentAt, receivedAt, expected) => {
    expect(Diagnosis.skew(at, { status: 200, date, sentAt: at + sentAt, receivedAt: at + receivedAt })).toBe(expected)
  })

  it.each([undefined, "soon"])("does not judge the clock by the date %s", (date) => {
    expect(results(without({ server: Either.right({ ...response, date }) }))["clock"]).toBe("skipped")
  })
})
