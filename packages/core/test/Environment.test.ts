import { Environment } from "@effect-tilia/core"
import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"

const fromConfig = (settings: Record<string, string>) =>
  Environment.Environment.pipe(
    Effect.provide(Environment.layerConfig()),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(settings))))
  )

describe("The vendor's environments", () => {
  it.each([
    ["production", Environment.production, "tilia-inc.com"],
    ["staging", Environment.staging, "staging.tilia-inc.com"]
  ])("Environment.%s has the vendor's URLs", (_, environment, domain) => {
    expect(environment).toStrictEqual({
      authUrl: `https://auth.${domain}`,
      tokenUrl: `https://auth.${domain}/token`,
      apiOrigins: [
        `https://accounts.${domain}`,
        `https://invoicing.${domain}`,
        `https://payments.${domain}`,
        `https://pii.${domain}`,
        `https://wallets.${domain}`,
        `https://auth.${domain}/authorize/`
      ]
    })
  })
})

describe("Base URL", () => {
  describe.each([
    ["a host", "https://h.example", "https://h.example/token"],
    ["a trailing slash", "https://h.example/", "https://h.example/token"],
    ["a path prefix", "https://h.example/p", "https://h.example/p/token"],
    ["a path prefix with a trailing slash", "https://h.example/p/q/", "https://h.example/p/q/token"],
    ["many trailing slashes", "https://h.example/p///", "https://h.example/p/token"],
    ["a port", "https://h.example:8443", "https://h.example:8443/token"],
    ["the default port", "https://h.example:443", "https://h.example/token"],
    ["upper case", "HTTPS://H.EXAMPLE/P", "https://h.example/P/token"],
    ["localhost", "http://localhost:8080", "http://localhost:8080/token"],
    ["LOCALHOST", "http://LOCALHOST", "http://localhost/token"],
    ["127.0.0.1", "http://127.0.0.1:8080/p", "http://127.0.0.1:8080/p/token"],
    ["the rest of 127.0.0.0/8", "http://127.255.34.45", "http://127.255.34.45/token"],
    ["127.1, which is 127.0.0.1", "http://127.1", "http://127.0.0.1/token"],
    ["[::1]", "http://[::1]:8080", "http://[::1]:8080/token"],
    ["[::1] at length", "http://[0:0:0:0:0:0:0:1]", "http://[::1]/token"],
    ["loopback with TLS", "https://localhost", "https://localhost/token"]
  ])("Accepted base URL: %s", (_, authUrl, tokenUrl) => {
    const expected = { authUrl: tokenUrl.replace(/\/token$/, ""), tokenUrl, apiOrigins: [] }

    it(`Environment.make accepts ${authUrl} as a text and as a URL (row 62)`, () => {
      expect(Effect.runSync(Environment.make({ authUrl }))).toStrictEqual(expected)
      expect(Effect.runSync(Environment.make({ authUrl: new URL(authUrl) }))).toStrictEqual(expected)
    })

    it.effect(`Environment.layerConfig accepts ${authUrl} (row 62)`, () =>
      Effect.gen(function*() {
        expect(yield* fromConfig({ TILIA_AUTH_URL: authUrl })).toStrictEqual(expected)
      }))
  })

  describe.each([
    ["http beyond loopback", "http://h.example"],
    ["http to an address", "http://192.0.2.1"],
    ["http to every address", "http://0.0.0.0"],
    ["http to a look-alike of localhost", "http://localhost.h.example"],
    ["http to a look-alike from the other side", "http://h.example.localhost"],
    ["http to a look-alike of 127.0.0.1", "http://127.0.0.1.h.example"],
    ["http to a mapped address", "http://[::ffff:127.0.0.1]"],
    ["ftp", "ftp://h.example"],
    ["ftp on loopback", "ftp://localhost"],
    ["file", "file:///h.example"],
    ["javascript", "javascript:alert('h.example')"],
    ["no scheme", "h.example"],
    ["garbage", "h.example ://"],
    ["nothing", ""],
    ["a user", "https://swordfish@h.example"],
    ["a user and a password", "https://user:swordfish@h.example"],
    ["a password alone", "https://:swordfish@h.example"],
    ["a user on loopback", "http://swordfish@localhost"],
    ["a query", "https://h.example/?key=swordfish"],
    ["an empty query", "https://h.example/?"],
    ["a fragment", "https://h.example/#swordfish"],
    ["an empty fragment", "https://h.example#"]
  ])("Refused base URL: %s", (_, authUrl) => {
    const expectRefusal = (error: unknown, setting: string) => {
      expect(String(error)).toContain(setting)
      expect(String(error)).toContain("must be an https URL (http on loopback only) without user, query or fragment")
      expect(linesShowing("swordfish", error)).toStrictEqual([])
    }

    it(`Environment.make refuses "${authUrl}" and shows no secret (F2, row 62)`, () => {
      const error = Effect.runSync(Effect.flip(Environment.make({ authUrl })))
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "authUrl" })
      expectRefusal(error, "authUrl")
    })

    it.effect(`Environment.layer refuses "${authUrl}" and shows no secret (F2, row 62)`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.provide(Environment.Environment, Environment.layer({ authUrl })))
        expectRefusal(error, "authUrl")
      }))

    it.effect(`Environment.layerConfig refuses "${authUrl}" and shows no secret (F2, row 62)`, () =>
      Effect.gen(function*() {
        expectRefusal(yield* Effect.flip(fromConfig({ TILIA_AUTH_URL: authUrl })), "TILIA_AUTH_URL")
      }))
  })
})

describe("API origins", () => {
  const authUrl = "https://h.example"
  const expected = "https origins (http on loopback only), with or without a path, without user, query or fragment"

  describe.each([
    ["one", ["https://api.example"], ["https://api.example"]],
    ["several", ["https://a.example", "https://b.example:8443"], ["https://a.example", "https://b.example:8443"]],
    ["with a slash", ["https://API.example/"], ["https://api.example"]],
    ["with its default port", ["https://api.example:443"], ["https://api.example"]],
    ["with a path", ["https://api.example/v1/"], ["https://api.example/v1/"]],
    ["with a path without a slash at its end", ["https://API.example/v1/A"], ["https://api.example/v1/A/"]],
    ["with dot segments and many slashes", ["https://api.example/a/../v1//", "https://b.example//"], [
      "https://api.example/v1/",
      "https://b.example"
    ]],
    ["on loopback, by http", ["http://127.0.0.1:3000"], ["http://127.0.0.1:3000"]]
  ])("Accepted API origins: %s", (_, apiOrigins, expected) => {
    it.effect(`Environment.make and layerConfig accept the API origins ${apiOrigins.join(", ")} (rows 62 and 93)`, () =>
      Effect.gen(function*() {
        expect((yield* Environment.make({ authUrl, apiOrigins })).apiOrigins).toStrictEqual(expected)
        const settings = { TILIA_AUTH_URL: authUrl, TILIA_API_ORIGINS: apiOrigins.join(",") }
        expect((yield* fromConfig(settings)).apiOrigins).toStrictEqual(expected)
      }))
  })

  describe.each([
    ["http beyond loopback", "http://api.example"],
    ["a path by http", "http://api.example/v1/"],
    ["a user", "https://swordfish@api.example"],
    ["a fragment after a path", "https://api.example/v1/#swordfish"],
    ["a query", "https://api.example?swordfish"],
    ["a host alone", "api.example"],
    ["every origin", "*"],
    ["nothing", ""]
  ])("Refused API origin: %s", (_, origin) => {
    it.effect(`Environment.make and layerConfig refuse the API origin "${origin}" beside a good one (rows 62 and 93)`, () =>
      Effect.gen(function*() {
        const apiOrigins = ["https://good.example", origin]
        const error = yield* Effect.flip(Environment.make({ authUrl, apiOrigins }))
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "apiOrigins", expected })
        expect(linesShowing(/\.example|swordfish/, error)).toStrictEqual([])

        const settings = { TILIA_AUTH_URL: authUrl, TILIA_API_ORIGINS: apiOrigins.join(",") }
        const configError = yield* Effect.flip(fromConfig(settings))
        expect(configError).toMatchObject({
          _op: "InvalidData",
          path: ["TILIA_API_ORIGINS"]
        })
        expect(String(configError)).toContain(`must be ${expected}; `)
        expect(linesShowing("swordfish", configError)).toStrictEqual([])
      }))
  })
})

describe("Environment.layerConfig", () => {
  it.effect.each(
    [
      ["production", Environment.production],
      ["staging", Environment.staging]
    ] as const
  )("Environment.layerConfig takes TILIA_ENVIRONMENT=%s (row 63)", ([name, environment]) =>
    Effect.gen(function*() {
      expect(yield* fromConfig({ TILIA_ENVIRONMENT: name })).toStrictEqual(environment)
    }))

  it.effect.each(
    [
      ["an empty configuration, because no environment is a safe default", {}, /TILIA_ENVIRONMENT.*TILIA_AUTH_URL/],
      ["API origins alone", { TILIA_API_ORIGINS: "https://a.example" }, /TILIA_AUTH_URL.*TILIA_ENVIRONMENT/],
      ["a misspelt environment", { TILIA_ENVIRONMENT: "prodcution" }, /TILIA_ENVIRONMENT.*production or staging/],
      [
        "an environment in another case",
        { TILIA_ENVIRONMENT: "Production" },
        /TILIA_ENVIRONMENT.*production or staging/
      ],
      ["a space after an environment", { TILIA_ENVIRONMENT: "staging " }, /TILIA_ENVIRONMENT.*production or staging/],
      ["an empty environment", { TILIA_ENVIRONMENT: "" }, /TILIA_ENVIRONMENT.*production or staging/],
      [
        "a name that every record has",
        { TILIA_ENVIRONMENT: "constructor" },
        /TILIA_ENVIRONMENT.*production or staging/
      ],
      [
        "both an environment and a URL",
        { TILIA_ENVIRONMENT: "staging", TILIA_AUTH_URL: "https://h.example" },
        /TILIA_ENVIRONMENT.*TILIA_AUTH_URL/
      ],
      [
        "both an environment and API origins",
        { TILIA_ENVIRONMENT: "staging", TILIA_API_ORIGINS: "https://h.example" },
        /TILIA_ENVIRONMENT.*TILIA_API_ORIGINS/
      ],
      [
        "an environment and a bad URL",
        { TILIA_ENVIRONMENT: "staging", TILIA_AUTH_URL: "ftp://h.example" },
        /TILIA_AUTH_URL/
      ]
    ] as const
  )("Environment.layerConfig refuses %s (row 63)", ([, settings, message]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(fromConfig(settings))
      expect(String(error)).toMatch(message)
    }))

  describe("Environments of several tenants", () => {
    const provider = ConfigProvider.fromMap(
      new Map([
        ["ACME.TILIA_ENVIRONMENT", "staging"],
        ["EMCA.TILIA_AUTH_URL", "https://h.example"],
        ["EMCA.TILIA_API_ORIGINS", "https://a.example,https://b.example"]
      ])
    )
    const of = (tenant: string) =>
      Environment.Environment.pipe(
        Effect.provide(Environment.layerConfig()),
        Effect.withConfigProvider(ConfigProvider.nested(provider, tenant))
      )

    it.effect("Environment.layerConfig reads a tenant's environment by its name (row 63)", () =>
      Effect.gen(function*() {
        expect(yield* of("ACME")).toStrictEqual(Environment.staging)
      }))

    it.effect("Environment.layerConfig reads all API origins beside a tenant's URL (row 63)", () =>
      Effect.gen(function*() {
        expect((yield* of("EMCA")).apiOrigins).toStrictEqual(["https://a.example", "https://b.example"])
      }))

    it.effect("Environment.layerConfig names the setting that a tenant is missing (row 63)", () =>
      Effect.gen(function*() {
        expect(String(yield* Effect.flip(of("CAME")))).toContain("TILIA_ENVIRONMENT")
      }))
  })
})

describe("Environment.url", () => {
  const { url } = Environment
  const within = (options: Environment.Options) => Effect.provide(Environment.layer(options))

  it.effect.each<readonly [Environment.Api, string, string]>([
    ["accounts", "/v1/a", "https://accounts.staging.tilia-inc.com/v1/a"],
    ["auth", "/authorize/user", "https://auth.staging.tilia-inc.com/authorize/user"],
    ["invoicing", "/v2/invoices?page=2", "https://invoicing.staging.tilia-inc.com/v2/invoices?page=2"],
    ["payments", "v1", "https://payments.staging.tilia-inc.com/v1"],
    ["pii", "//evil.example/", "https://pii.staging.tilia-inc.com/evil.example/"],
    ["wallets", "", "https://wallets.staging.tilia-inc.com/"]
  ])(
    "the URL of %s and \"%s\" is %s, and another environment has its own",
    ([api, path, expected]) =>
      Effect.gen(function*() {
        expect(yield* within(Environment.staging)(url(api, path))).toBe(expected)
        expect(yield* within(Environment.production)(url(api, path))).toBe(expected.replace("staging.", ""))
      })
  )

  it.effect("the URL of an API of other servers is at the API origin whose host begins with its name", () =>
    Effect.gen(function*() {
      const mine = within({
        authUrl: "https://h.example/tilia",
        apiOrigins: ["https://payments2.h.example", "https://pii.h.example/base", "https://payments.h.example:8443"]
      })
      expect(yield* mine(url("payments", "/v1"))).toBe("https://payments.h.example:8443/v1")
      expect(yield* mine(url("pii", "/v1"))).toBe("https://pii.h.example/base/v1")
      expect(yield* mine(url("auth", "/authorize/user"))).toBe("https://h.example/tilia/authorize/user")
      expect(yield* Effect.flip(mine(url("wallets", "/v1")))).toMatchObject({
        _tag: "InvalidInputError",
        setting: "api",
        expected: "an API whose origin is one of apiOrigins"
      })
    }))

  it.effect("the URL of each API is at the only API origin, as that of a sandbox, and nowhere without one", () =>
    Effect.gen(function*() {
      const local = within({ authUrl: "http://localhost:1", apiOrigins: ["http://localhost:2/api/"] })
      expect(yield* local(url("wallets", "/v1"))).toBe("http://localhost:2/api/v1")
      const none = within({ authUrl: "http://localhost:1" })
      expect(yield* Effect.flip(none(url("wallets", "/v1")))).toMatchObject({ setting: "api" })
    }))
})
