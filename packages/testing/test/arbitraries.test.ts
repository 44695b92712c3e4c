/*
 * Every public schema of core makes values for property tests, by `Arbitrary.make` alone.
 */
import * as Core from "@effect-tilia/core"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/** A schema that needs nothing from the context. All schemas of core are of this kind. */
const isSchema = (value: unknown): value is Schema.Schema<unknown, unknown> => Schema.isSchema(value)

/** All public schemas, so that a new one is tested, too. */
const schemas = Object.entries(Core).flatMap(([module, members]) =>
  Object.entries(members).flatMap(([name, value]: [string, unknown]) =>
    isSchema(value) ? [[`${module}.${name}`, value] as const] : []
  )
)

describe("Arbitrary.make", () => {
  it("the search for the public schemas of core finds them", () => {
    const names = schemas.map(([name]) => name)
    expect(names).toEqual(expect.arrayContaining([
      "AccessToken.AccessToken",
      "ClientCredentials.ClientSecret",
      "Scopes.Scopes",
      "TokenError.TokenError",
      "TokenRequest.TokenRequest",
      "TokenResponse.TokenResponse"
    ]))
  })

  describe.each(schemas)("%s", (_, schema) => {
    const values = Arbitrary.make(schema)
    const is = Schema.is(schema)
    const encode = Schema.encodeSync(schema)
    const decode = Schema.decodeSync(schema)

    it("arbitrary values of a public schema satisfy it and survive encoding and decoding", () => {
      FastCheck.assert(FastCheck.property(values, (value) => {
        expect(is(value)).toBe(true)
        const wire = encode(value)
        const read = decode(wire)
        expect(is(read)).toBe(true)
        // Compares the encoded values, because a Redacted hides its value from a comparison.
        expect(encode(read)).toStrictEqual(wire)
        if (Predicate.isObject(value)) expect(Object.getPrototypeOf(read)).toBe(Object.getPrototypeOf(value))
      }))
    })
  })
})

it.prop(
  "TestAccessToken.arbitrary makes tokens whose lifetime is whole seconds and at most ten years",
  [TestAccessToken.arbitrary()],
  ([token]) => {
    const lifetime = (token.expiresAt.epochMillis - token.issuedAt.epochMillis) / 1000
    expect(Number.isInteger(lifetime) && lifetime >= 1 && lifetime <= 315_360_000).toBe(true)
    expect(Schema.is(Core.AccessToken.AccessToken)(token)).toBe(true)
  }
)
