import { ClientCredentials, TokenError } from "@effect-tilia/core"
import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { clientId, clientSecret } from "./fixtures/vendorSample.js"

it("the schemas ClientId and ClientSecret show their names in a user's schema", () => {
  const { ClientId, ClientSecret } = ClientCredentials
  expect(String(Schema.Struct({ ClientId, ClientSecret }))).toBe(
    "{ readonly ClientId: ClientId; readonly ClientSecret: ClientSecret }"
  )
})

type Current = Effect.Effect<ClientCredentials.Credentials, unknown>

const current = (layer: Layer.Layer<ClientCredentials.ClientCredentials, unknown>): Current =>
  ClientCredentials.ClientCredentials.pipe(Effect.flatMap((credentials) => credentials.current), Effect.provide(layer))

const config = (settings: Record<string, string>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(settings))))

interface Texts {
  readonly clientId: string
  readonly clientSecret: string
}

const doors: ReadonlyArray<readonly [name: string, open: (texts: Texts) => Current]> = [
  ["make", ClientCredentials.make],
  [
    "make with a Redacted",
    (texts) => ClientCredentials.make({ ...texts, clientSecret: Redacted.make(texts.clientSecret) })
  ],
  ["layer", (texts) => current(ClientCredentials.layer(texts))],
  ["layerEffect", (texts) => current(ClientCredentials.layerEffect(Effect.succeed(texts)))],
  ["layerConfig", (texts) =>
    current(ClientCredentials.layerConfig()).pipe(
      config({ TILIA_CLIENT_ID: texts.clientId, TILIA_CLIENT_SECRET: texts.clientSecret })
    )]
]

const accepted = [
  ["version 4", clientSecret],
  ["upper case letters", clientSecret.toUpperCase()],
  ["mixed case letters", clientSecret.replace("9bc0", "9BC0").replace("-bdb5-", "-BDB5-")],
  ["variant 8", clientSecret.replace("-bdb5-", "-8db5-")],
  ["variant 9", clientSecret.replace("-bdb5-", "-9db5-")],
  ["variant a", clientSecret.replace("-bdb5-", "-adb5-")]
] as const

const refused = [
  ["version 1", clientSecret.replace("-4946-", "-1946-")],
  ["version 7", clientSecret.replace("-4946-", "-7946-")],
  ["another variant", clientSecret.replace("-bdb5-", "-cdb5-")],
  ["a space before it", ` ${clientSecret}`],
  ["a space after it", `${clientSecret} `],
  ["a newline after it", `${clientSecret}\n`],
  ["a newline inside it", clientSecret.replace("-937e", "\n937e")],
  ["a missing character", clientSecret.slice(0, -1)],
  ["an extra character", `${clientSecret}0`],
  ["two UUIDs", `${clientSecret},${clientSecret}`],
  ["no hyphens", clientSecret.replaceAll("-", "")],
  ["braces", `{${clientSecret}}`],
  ["the prefix of a URN", `urn:uuid:${clientSecret}`],
  ["a letter beyond hex", clientSecret.replace("9bc", "9bg")],
  ["digits beyond ASCII", clientSecret.replace("9", "९")],
  ["words in place of a UUID", "correct-horse-battery-staple"],
  ["the nil UUID", "00000000-0000-0000-0000-000000000000"],
  ["no characters", ""]
] as const

/** What a reader of a log could recognize a refused secret by. */
const trace = /9bc|937e|b603334|horse|00000000/i

const expectNoTrace = (value: unknown) => expect(linesShowing(trace, value)).toStrictEqual([])

describe.each(doors)("ClientCredentials.%s", (name, open) => {
  const setting = name === "layerConfig"
    ? { id: "TILIA_CLIENT_ID", secret: "TILIA_CLIENT_SECRET" }
    : { id: "clientId", secret: "clientSecret" }

  it.effect.each(accepted)(
    `ClientCredentials.${name} accepts a UUID of %s as it is written (row 60)`,
    ([, text]) =>
      Effect.gen(function*() {
        const credentials = yield* open({ clientId: text, clientSecret: text })
        expect(credentials.clientId).toBe(text)
        expect(Redacted.value(credentials.clientSecret)).toBe(text)
      })
  )

  it.effect.each(refused)(
    `ClientCredentials.${name} refuses a secret with %s and shows only the name of the setting (row 60)`,
    ([, text]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(open({ clientId, clientSecret: text }))
        expect(String(error)).toMatch(new RegExp(`${setting.secret}\\b.*must be a UUID version 4`))
        expectNoTrace(error)
      })
  )

  it.effect.each(refused)(
    `ClientCredentials.${name} refuses an id with %s and shows only the name of the setting (row 60)`,
    ([, text]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(open({ clientId: text, clientSecret }))
        expect(String(error)).toMatch(new RegExp(`${setting.id}\\b.*must be a UUID version 4`))
        expectNoTrace(error)
      })
  )

  it.effect(`ClientCredentials.${name} shows no secret of accepted credentials (E8, row 60)`, () =>
    Effect.map(open({ clientId, clientSecret }), expectNoTrace))
})

describe("Errors of the schemas ClientSecret and ClientId", () => {
  it.each<readonly [string, unknown]>([
    ...refused,
    ["an array, as from a field given twice", [clientSecret, clientSecret]],
    ["a record", { secret: clientSecret }],
    ["a Redacted", Redacted.make(clientSecret)]
  ])("the error of ClientSecret shows no value of an input with %s (E8, row 60)", (_, input) => {
    const error = Either.getOrThrow(Either.flip(Schema.decodeUnknownEither(ClientCredentials.ClientSecret)(input)))
    expect(error.message).toContain("must be a UUID version 4")
    expectNoTrace(error)
  })

  it.each(refused)("the error of ClientId shows no value of an input with %s (E8, row 60)", (_, input) => {
    expectNoTrace(Schema.decodeUnknownEither(ClientCredentials.ClientId)(input))
  })
})

describe("ClientCredentials.layerConfig", () => {
  it.effect.each(
    [
      ["both are missing", {}, ["TILIA_CLIENT_ID", "TILIA_CLIENT_SECRET"]],
      ["the secret is missing", { TILIA_CLIENT_ID: clientId }, ["TILIA_CLIENT_SECRET"]],
      ["the id is missing", { TILIA_CLIENT_SECRET: clientSecret }, ["TILIA_CLIENT_ID"]]
    ] as const
  )("ClientCredentials.layerConfig names the settings where %s", ([, settings, names]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(current(ClientCredentials.layerConfig()).pipe(config(settings)))
      for (const name of names) expect(String(error)).toContain(name)
      expectNoTrace(error)
    }))

  it.effect("ClientCredentials.layerConfig reads the credentials of each tenant from a nested provider", () =>
    Effect.gen(function*() {
      const provider = ConfigProvider.fromMap(
        new Map([
          ["ACME.TILIA_CLIENT_ID", clientId],
          ["ACME.TILIA_CLIENT_SECRET", clientSecret],
          ["EMCA.TILIA_CLIENT_ID", clientId],
          ["EMCA.TILIA_CLIENT_SECRET", `${clientSecret}0`]
        ])
      )
      const of = (tenant: string) =>
        current(ClientCredentials.layerConfig()).pipe(
          Effect.withConfigProvider(ConfigProvider.nested(provider, tenant))
        )
      expect((yield* of("ACME")).clientId).toBe(clientId)

      const refused = yield* Effect.flip(of("EMCA"))
      expect(String(refused)).toContain("EMCA_TILIA_CLIENT_SECRET")
      expectNoTrace(refused)

      expect(String(yield* Effect.flip(of("CAME")))).toContain("CAME_TILIA_CLIENT_SECRET")
    }))
})

describe("ClientCredentials.layerEffect", () => {
  const other = clientSecret.replace("-bdb5-", "-8db5-")
  const down = new TokenError.CredentialsError({ message: "The vault is sealed.", retryable: true })

  it.effect("ClientCredentials.layerEffect runs its effect at every request and validates each result", () =>
    Effect.gen(function*() {
      const answers: ReadonlyArray<Effect.Effect<ClientCredentials.Options, TokenError.CredentialsError>> = [
        Effect.succeed({ clientId, clientSecret }),
        Effect.succeed({ clientId, clientSecret: other }),
        Effect.succeed({ clientId, clientSecret: "rotated badly" }),
        Effect.fail(down),
        Effect.succeed({ clientId, clientSecret: Redacted.make(clientSecret) })
      ]
      const asked = yield* Ref.make(0)
      const layer = ClientCredentials.layerEffect(
        Effect.flatMap(Ref.getAndUpdate(asked, (n) => n + 1), (n) => answers[n] ?? Effect.fail(down))
      )
      yield* Effect.gen(function*() {
        const { current } = yield* ClientCredentials.ClientCredentials
        const secret = Effect.map(current, (credentials) => Redacted.value(credentials.clientSecret))
        expect(yield* Ref.get(asked)).toBe(0)
        expect(yield* secret).toBe(clientSecret)
        expect(yield* secret).toBe(other)
        expect(yield* Effect.flip(secret)).toMatchObject({ _tag: "InvalidInputError", setting: "clientSecret" })
        expect(yield* Effect.flip(secret)).toBe(down)
        expect(yield* secret).toBe(clientSecret)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("ClientCredentials.layerEffect runs its effect in the context in which the Layer was built", () => {
    class Vault extends Context.Tag("test/Vault")<Vault, { readonly secret: string }>() {}
    const layer = ClientCredentials.layerEffect(Effect.map(Vault, ({ secret }) => ({ clientId, clientSecret: secret })))
    return ClientCredentials.ClientCredentials.pipe(
      Effect.provide(layer),
      Effect.provideService(Vault, { secret: other }),
      Effect.flatMap((credentials) => credentials.current),
      Effect.map((credentials) => expect(Redacted.value(credentials.clientSecret)).toBe(other))
    )
  })
})
