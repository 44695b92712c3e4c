import { ClientCredentials, Scopes } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { createCipheriv, createHmac, hkdfSync } from "node:crypto"
import * as Seal from "../../../src/internal/sealedTokenStore/seal.js"

const clientId = "aa1b2c3d-1111-4222-8333-444455556666"
const secretText = "bb1b2c3d-1111-4222-8333-444455556666"
const tokenUrl = "https://auth.staging.tilia-inc.com/token"

const credentialsWith = (clientSecret: string) => ClientCredentials.make({ clientId, clientSecret })

const keysWith = (clientSecret: string) => Effect.flatMap(credentialsWith(clientSecret), Seal.keysOf)

const scopesOf = Schema.decodeSync(Scopes.Scopes)

const nonce = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])

/** The test vectors of docs/design/sharing.md. */
const vector = {
  name: "Ba9DXPyQgq9dUPwqLyB2fHlCW4RQSr0fhP4aj1l_2tk",
  place: { kind: "token", generation: 1_790_000_000_000 },
  text: "the text",
  sealed: "AQABAgMEBQYHCAkKC83Dw7lgXFW6SplHaWyA-KudVdFnSD2AQw"
} as const

describe("test vectors (T4, T5)", () => {
  it.effect("the names and sealed texts are those of the documentation", () =>
    Effect.gen(function*() {
      const keys = yield* keysWith(secretText)
      const name = yield* Seal.nameOf(keys, { tokenUrl, clientId, scopes: scopesOf("user_info,write_invoices") })
      const sealed = yield* Seal.seal(keys, { ...vector.place, name }, nonce, vector.text)
      expect({ name, sealed }).toStrictEqual({ name: vector.name, sealed: vector.sealed })
    }))

  it.effect("another implementation of the same algorithms makes the same names and texts", () =>
    Effect.gen(function*() {
      const derived = (purpose: string) =>
        new Uint8Array(hkdfSync("sha256", secretText, "", `effect-tilia 1 ${purpose}`, 32))
      const name = createHmac("sha256", derived("name")).update(`${tokenUrl}\n${clientId}\nuser_info,write_invoices`)
        .digest("base64url")
      const cipher = createCipheriv("aes-256-gcm", derived("seal"), nonce)
      cipher.setAAD(new TextEncoder().encode(`1\n${name}\ntoken\n${vector.place.generation}`))
      const sealed = Buffer.concat([
        Buffer.from([1]),
        nonce,
        cipher.update(vector.text, "utf8"),
        cipher.final(),
        cipher.getAuthTag()
      ])
      const keys = yield* keysWith(secretText)
      expect(name).toBe(
        yield* Seal.nameOf(keys, { tokenUrl, clientId, scopes: scopesOf("user_info,write_invoices") })
      )
      expect(sealed.toString("base64url")).toBe(
        yield* Seal.seal(keys, { ...vector.place, name }, nonce, vector.text)
      )
    }))
})

describe("names (T5)", () => {
  const named = ({ scopes = "user_info", secret = secretText, ...other }: {
    readonly secret?: string
    readonly scopes?: string
    readonly clientId?: string
    readonly tokenUrl?: string
  } = {}) =>
    Effect.flatMap(
      keysWith(secret),
      (keys) => Seal.nameOf(keys, { clientId, tokenUrl, scopes: scopesOf(scopes), ...other })
    )

  it.effect("names differ for another secret, client, environment or set of scopes, and not for their order", () =>
    Effect.gen(function*() {
      const names = yield* Effect.all([
        named(),
        named({ secret: "cc1b2c3d-1111-4222-8333-444455556666" }),
        named({ clientId: "cc1b2c3d-1111-4222-8333-444455556666" }),
        named({ tokenUrl: "https://auth.tilia-inc.com/token" }),
        named({ scopes: "user_info,write_invoices" })
      ])
      expect(new Set(names).size).toBe(names.length)
      expect(yield* named({ scopes: "write_invoices,user_info" })).toBe(
        yield* named({ scopes: "user_info,write_invoices" })
      )
      expect(yield* named({ clientId: clientId.toUpperCase() })).toBe(yield* named())
    }))

  it.effect("names have 43 letters, digits, dashes and underscores, which say nothing", () =>
    Effect.map(named(), (name) => expect(name).toMatch(/^[\w-]{43}$/)))
})

describe("sealed texts (T4, row 101)", () => {
  const place: Seal.Place = { name: "name", kind: "token", generation: 7 }

  /** A sealed text with one byte changed. */
  const withByte = (at: number) => (sealed: string) => {
    const bytes = Buffer.from(sealed, "base64url")
    const index = at < 0 ? bytes.length + at : at
    bytes[index] = (bytes[index] ?? 0) ^ 1
    return bytes.toString("base64url")
  }

  const forged: ReadonlyArray<readonly [what: string, forge: (sealed: string) => string, place?: Partial<Seal.Place>]> =
    [
      ["has another version", withByte(0)],
      ["has another nonce", withByte(1)],
      ["is changed", withByte(14)],
      ["has another tag", withByte(-1)],
      ["is cut", (sealed) => sealed.slice(0, -4)],
      ["is longer", (sealed) => `${sealed}AAAA`],
      ["is empty", () => ""],
      ["is only a version", () => "AQ"],
      ["is no base64url", () => "{\"value\":\"planted\"}"],
      ["is what it seals", () => "text"],
      ["stands under another name", (sealed) => sealed, { name: "other" }],
      ["stands at another generation", (sealed) => sealed, { generation: 8 }],
      ["is a failure and stands as a token", (sealed) => sealed, { kind: "failure" }]
    ]

  it.effect.each(forged)("a text that %s does not open", ([, forge, moved]) =>
    Effect.gen(function*() {
      const keys = yield* keysWith(secretText)
      const sealed = yield* Effect.flatMap(Seal.newNonce, (nonce) => Seal.seal(keys, place, nonce, "text"))
      expect(yield* Seal.unseal(keys, place, sealed)).toBe("text")
      const error = yield* Effect.flip(Seal.unseal(keys, { ...place, ...moved }, forge(sealed)))
      expect(error).toStrictEqual(new Seal.UnsealError())
    }))

  it.effect("a text that was sealed with another secret does not open", () =>
    Effect.gen(function*() {
      const sealed = yield* Seal.seal(yield* keysWith("cc1b2c3d-1111-4222-8333-444455556666"), place, nonce, "text")
      yield* Effect.flip(Seal.unseal(yield* keysWith(secretText), place, sealed))
    }))

  it.effect("no two sealed texts have the same nonce", () =>
    Effect.gen(function*() {
      const nonces = yield* Effect.replicateEffect(Seal.newNonce, 1_000)
      expect(new Set(nonces.map((nonce) => nonce.join())).size).toBe(1_000)
      expect(nonces.every(({ length }) => length === 12)).toBe(true)
    }))
})
