/*
 * What a newcomer gets wrong, and what they are told: the setting, the value where it is no secret, and the remedy.
 */
import * as AuthorizedHttpClient from "@effect-tilia/core/AuthorizedHttpClient"
import * as Environment from "@effect-tilia/core/Environment"
import { leakProbe } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as NodeTilia from "../src/NodeTilia.js"

const id = "aa1b2c3d-1111-4222-8333-444455556666"
const secret = "bb1b2c3d-1111-4222-8333-444455556666"

const client = { TILIA_CLIENT_ID: id, TILIA_CLIENT_SECRET: secret }
const scopes = { TILIA_SCOPES: "user_info" }
const staging = { TILIA_ENVIRONMENT: "staging" }

const provided = (settings: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(settings))))

/** What a program prints that fails with this. */
const printed = <A, E>(exit: Exit.Exit<A, E>): string => Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "nothing"

const mustBeScopes =
  "must be one scope or more, each of printable ASCII without space, comma, quote or backslash, and no UUID"
const mustBeUrl = "must be an https URL (http on loopback only) without user, query or fragment"
const mustBeOrigins =
  "must be https origins (http on loopback only), with or without a path, without user, query or fragment"

describe("Mistakes in the settings", () => {
  it.effect.each<readonly [string, Readonly<Record<string, string>>, string]>([
    [
      "the client id is empty",
      { ...client, ...scopes, ...staging, TILIA_CLIENT_ID: "" },
      "TILIA_CLIENT_ID must be a UUID version 4; it is empty"
    ],
    [
      "the client id has a space at its end",
      { ...client, ...scopes, ...staging, TILIA_CLIENT_ID: `${id} ` },
      "TILIA_CLIENT_ID must be a UUID version 4; there is white space around it"
    ],
    [
      "the client id is a name",
      { ...client, ...scopes, ...staging, TILIA_CLIENT_ID: "my-app" },
      "TILIA_CLIENT_ID must be a UUID version 4"
    ],
    [
      "the secret is missing",
      { TILIA_CLIENT_ID: id, ...scopes, ...staging },
      "TILIA_CLIENT_SECRET is not set: set it, or TILIA_CLIENT_SECRET_FILE"
    ],
    [
      "the secret is in quotes",
      { ...client, ...scopes, ...staging, TILIA_CLIENT_SECRET: `"${secret}"` },
      "TILIA_CLIENT_SECRET must be a UUID version 4; it is in quotes"
    ],
    [
      "there are a secret and a file",
      { ...client, ...scopes, ...staging, TILIA_CLIENT_SECRET_FILE: "/run/secrets/tilia" },
      "TILIA_CLIENT_SECRET_FILE excludes TILIA_CLIENT_SECRET: set one of the two"
    ],
    ["the scopes are missing", { ...client, ...staging }, `TILIA_SCOPES is not set: it ${mustBeScopes}`],
    [
      "the scopes are separated by spaces",
      { ...client, ...staging, TILIA_SCOPES: "user_info write_invoices" },
      `TILIA_SCOPES ${mustBeScopes}; "user_info write_invoices" has a space (separate scopes by commas)`
    ],
    [
      "the scopes end with a comma",
      { ...client, ...staging, TILIA_SCOPES: "user_info," },
      `TILIA_SCOPES ${mustBeScopes}; one of them is empty`
    ],
    [
      "the environment is misspelt",
      { ...client, ...scopes, TILIA_ENVIRONMENT: "stagign" },
      "TILIA_ENVIRONMENT must be production or staging; \"stagign\" is not (did you mean staging?)"
    ],
    [
      "the environment is shortened",
      { ...client, ...scopes, TILIA_ENVIRONMENT: "prod" },
      "TILIA_ENVIRONMENT must be production or staging; \"prod\" is not (did you mean production?)"
    ],
    [
      "the environment is unknown",
      { ...client, ...scopes, TILIA_ENVIRONMENT: "sandbox" },
      "TILIA_ENVIRONMENT must be production or staging; \"sandbox\" is not (for another server, set TILIA_AUTH_URL instead)"
    ],
    [
      "there are an environment and a URL",
      { ...client, ...scopes, ...staging, TILIA_AUTH_URL: "https://auth.example" },
      "TILIA_ENVIRONMENT excludes TILIA_AUTH_URL and TILIA_API_ORIGINS"
    ],
    [
      "API origins have no server",
      { ...client, ...scopes, TILIA_API_ORIGINS: "https://api.example" },
      "TILIA_AUTH_URL is not set: TILIA_API_ORIGINS needs it; or set TILIA_ENVIRONMENT alone"
    ],
    [
      "the URL is plain http",
      { ...client, ...scopes, TILIA_AUTH_URL: "http://auth.example" },
      `TILIA_AUTH_URL ${mustBeUrl}; "http://auth.example" is plain http, and not on loopback`
    ],
    [
      "the URL has no scheme",
      { ...client, ...scopes, TILIA_AUTH_URL: "auth.example" },
      `TILIA_AUTH_URL ${mustBeUrl}; "auth.example" has no scheme (did you mean https://…?)`
    ],
    [
      "the URL is that of the token",
      { ...client, ...scopes, TILIA_AUTH_URL: "https://auth.example/token" },
      `TILIA_AUTH_URL ${mustBeUrl}; it ends with /token, which is added by itself`
    ],
    [
      "the URL has a password",
      { ...client, ...scopes, TILIA_AUTH_URL: "https://user:swordfish@auth.example" },
      `TILIA_AUTH_URL ${mustBeUrl}; it has a user or a password`
    ],
    [
      "the API origins end with a comma",
      { ...client, ...scopes, TILIA_AUTH_URL: "https://a.example", TILIA_API_ORIGINS: "https://b.example," },
      `TILIA_API_ORIGINS ${mustBeOrigins}; one of them is empty`
    ],
    [
      "an API origin has a query",
      {
        ...client,
        ...scopes,
        TILIA_AUTH_URL: "https://a.example",
        TILIA_API_ORIGINS: "https://b.example?key=swordfish"
      },
      `TILIA_API_ORIGINS ${mustBeOrigins}; it has a query or a fragment`
    ],
    [
      "the secret is where the environment should be",
      { ...client, ...scopes, TILIA_ENVIRONMENT: secret },
      "TILIA_ENVIRONMENT must be production or staging; the value is not (for another server, set TILIA_AUTH_URL instead)"
    ],
    [
      "nothing is set",
      {},
      [
        "some settings are missing or wrong:",
        "  TILIA_CLIENT_ID is not set: it must be a UUID version 4",
        "  TILIA_CLIENT_SECRET is not set: set it, or TILIA_CLIENT_SECRET_FILE",
        "  TILIA_ENVIRONMENT is not set: set it to production or staging, or set TILIA_AUTH_URL",
        `  TILIA_SCOPES is not set: it ${mustBeScopes}`
      ].join("\n")
    ]
  ])(
    "if %s, each setting has one line, which says what to do (F1, F2)",
    ([, settings, expected]) =>
      Effect.gen(function*() {
        const program = Effect.scoped(Layer.build(NodeTilia.layerConfig()))
        const { exit, leaks } = yield* leakProbe(program, [secret, "swordfish"])
        expect(printed(exit)).toBe(`Error: ${expected}`)
        expect(leaks).toStrictEqual([])
      }).pipe(provided(settings))
  )
})

describe("Mistakes in the code", () => {
  const settings = {
    ...client,
    ...scopes,
    ...staging,
    REFRESH_AT: "2",
    ACME_ID: "my-app",
    BUDGET: "0 seconds",
    ACME_SCOPES: "a b"
  }
  const failure = (layer: Layer.Layer<never, unknown>) =>
    Effect.map(Effect.exit(Effect.scoped(Layer.build(layer))), printed)

  it.effect.each<readonly [string, NodeTilia.Overrides, string]>([
    [
      "an option from a setting",
      { source: { refreshAt: Config.number("REFRESH_AT") } },
      "REFRESH_AT must be a number above 0 and below 1"
    ],
    [
      "a time from a setting",
      { budget: Config.duration("BUDGET") },
      "BUDGET must be a time longer than zero and shorter than 25 days, as \"10 seconds\""
    ],
    [
      "a time with a default",
      { budget: Config.withDefault(Config.duration("BUDGET"), Duration.seconds(1)) },
      "BUDGET must be a time longer than zero and shorter than 25 days, as \"10 seconds\""
    ],
    [
      "a secret from a setting",
      { clientId: id, clientSecret: Config.redacted("ACME_ID") },
      "ACME_ID must be a UUID version 4"
    ],
    [
      "a list from a setting",
      { scopes: Config.array(Config.string(), "ACME_SCOPES") },
      `ACME_SCOPES ${mustBeScopes}`
    ],
    [
      "a client id from a setting",
      { clientId: Config.string("ACME_ID") },
      "ACME_ID must be a UUID version 4, as a client id is"
    ],
    ["an option", { source: { refreshAt: 2 } }, "refreshAt must be a number above 0 and below 1"],
    [
      "an API origin with a wildcard",
      { environment: { authUrl: "https://a.example", apiOrigins: ["https://*.example"] } },
      `apiOrigins ${mustBeOrigins}`
    ],
    ["a number of attempts", { retry: { maxAttempts: 0 } }, "maxAttempts must be a whole number from 1 to 1000"],
    [
      "a server that is no URL",
      { environment: { authUrl: "auth.example" } },
      `authUrl ${mustBeUrl}`
    ]
  ])(
    "if %s is out of range, the error names it and says what is in range (F4)",
    ([, options, expected]) =>
      Effect.gen(function*() {
        expect(yield* failure(NodeTilia.layerConfig(options))).toBe(`Error: ${expected}`)
      }).pipe(provided(settings))
  )

  it.effect("if a tenant's setting is wrong, the error names the tenant, by either way to nest (F1)", () =>
    Effect.gen(function*() {
      const expected = [
        "Error: some settings are missing or wrong:",
        "  ACME_TILIA_CLIENT_ID is not set: it must be a UUID version 4",
        "  ACME_TILIA_CLIENT_SECRET is not set: set it, or TILIA_CLIENT_SECRET_FILE",
        "  ACME_TILIA_ENVIRONMENT must be production or staging; \"stagign\" is not (did you mean staging?)"
      ].join("\n")
      const provider = ConfigProvider.fromMap(
        new Map([["ACME.TILIA_ENVIRONMENT", "stagign"], ["ACME.TILIA_SCOPES", "a"]])
      )
      const nested = Layer.setConfigProvider(ConfigProvider.nested(provider, "ACME"))
      expect(yield* failure(Layer.provide(NodeTilia.layerConfig(), nested))).toBe(expected)
      const config = NodeTilia.layerConfig(Config.nested(NodeTilia.config, "ACME"))
      expect(yield* failure(Layer.provide(config, Layer.setConfigProvider(provider)))).toBe(expected)
    }))

  it.effect("a request to another server says which option would admit it, and nothing is sent (A1)", () =>
    Effect.gen(function*() {
      const client = yield* AuthorizedHttpClient.AuthorizedHttpClient
      const error = yield* Effect.flip(client.get("https://api.example/v1"))
      expect(error.message).toBe(
        "The access token isn't sent to https://api.example: use a plain HTTPS URL at one of apiOrigins, or list this " +
          "origin there, with or without a path."
      )
    }).pipe(Effect.scoped, Effect.provide(NodeTilia.layerConfig()), provided(settings)))
})

describe("Options beside the settings", () => {
  it.effect.each<NodeTilia.Overrides>([{ source: {} }, { http: {} }, { retry: {} }, { source: { coolDown: {} } }])(
    "an empty object of options is as none (F3): %j",
    (options) =>
      Effect.scoped(Layer.build(NodeTilia.layerConfig(options))).pipe(provided({ ...client, ...scopes, ...staging }))
  )

  it.effect("each option can be a value or a Config, and what is not given is read from TILIA_* (F3)", () =>
    Effect.gen(function*() {
      expect(yield* Environment.url("auth", "")).toBe("https://auth.example/")
    }).pipe(
      Effect.provide(NodeTilia.layerConfig({
        environment: { authUrl: Config.string("ACME_URL") },
        source: { background: "onDemand", coolDown: { base: Config.duration("ACME_BASE") } },
        http: { proxy: false }
      })),
      provided({ ...client, ...scopes, ACME_URL: "https://auth.example", ACME_BASE: "2 seconds" })
    ))

  it.effect("credentials from a vault need neither TILIA_CLIENT_ID nor TILIA_CLIENT_SECRET (F3)", () =>
    Effect.gen(function*() {
      expect((yield* Environment.Environment).authUrl).toBe("https://auth.tilia-inc.com")
    }).pipe(
      Effect.provide(NodeTilia.layerConfig({
        credentials: Effect.succeed({ clientId: id, clientSecret: secret }),
        environment: "production"
      })),
      provided(scopes)
    ))
})
