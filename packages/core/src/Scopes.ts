/**
 * What a token is for: a set of scopes, never empty, without duplicates (RFC 6749 §3.3, but separated by commas on
 * this API's wire).
 *
 * The singular is `effect/Scope`'s name, hence the plural.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Str from "effect/String"
import { validate } from "./internal/input.js"
import type { InvalidInputError } from "./TokenError.js"

/**
 * One scope: the characters of RFC 6749's `scope-token` without the comma, which separates scopes here.
 *
 * @since 0.1.0
 * @category models
 */
export const Scope = Schema.String.pipe(
  Schema.pattern(/^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+$/),
  Schema.brand("@effect-tilia/core/Scope")
).annotations({ identifier: "Scope", description: "a scope: printable ASCII without space, comma, quote or backslash" })

/**
 * @since 0.1.0
 * @category models
 */
export type Scope = typeof Scope.Type

const description = "one scope or more, each of printable ASCII without space, comma, quote or backslash"

const ScopeSet = Schema.NonEmptyArray(Scope).pipe(
  Schema.filter((scopes) => new Set(scopes).size === scopes.length),
  Schema.brand("@effect-tilia/core/Scopes")
)

/**
 * A set of scopes from an array of texts: in the order in which they were first named, a duplicate is dropped.
 *
 * @since 0.1.0
 * @category models
 */
export const ScopesFromArray = Schema.transform(Schema.NonEmptyArray(Schema.String), ScopeSet, {
  decode: (items) => Arr.dedupe(items),
  encode: (scopes) => scopes
}).annotations({ identifier: "ScopesFromArray", description })

/**
 * A set of scopes, on the wire `"a,b"`. An empty item is refused.
 *
 * @since 0.1.0
 * @category models
 */
export const Scopes = Schema.transform(Schema.String, ScopesFromArray, {
  decode: Str.split(","),
  encode: Arr.join(",")
}).annotations({ identifier: "Scopes", description })

/**
 * @since 0.1.0
 * @category models
 */
export type Scopes = typeof Scopes.Type

/**
 * The scopes that the vendor's public pages name. The set is open: use it for completion, not for validation.
 *
 * @since 0.1.0
 * @category constants
 */
export const known = [
  "add_email",
  "block_account",
  "block_accounts",
  "change_accounts",
  "change_email",
  "change_info",
  "change_password",
  "create_nonce",
  "create_wallet",
  "delete_email",
  "delete_nonce",
  "delete_wallet",
  "read_email",
  "read_invoices",
  "read_kycs",
  "read_nonce",
  "read_payment_methods",
  "read_process_credits",
  "read_wallet",
  "search_accounts",
  "unblock_account",
  "user_info",
  "write_invoices",
  "write_process_credits",
  "write_registration_provider_data",
  "write_registrations",
  "write_user_tokens"
] as const

/**
 * Scopes as a caller writes them: any strings, with completion for the known ones.
 *
 * @since 0.1.0
 * @category models
 */
export type Input = ReadonlyArray<typeof known[number] | (string & {})>

/**
 * Validates scopes. Duplicates are merged; none at all, or one with a character that a scope can't hold, is an
 * `InvalidInputError`.
 *
 * @example
 * import { Scopes } from "@effect-tilia/core"
 *
 * Scopes.make(["user_info", "write_invoices"])
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (input: Input) => Either.Either<Scopes, InvalidInputError> = validate("scopes", ScopesFromArray)

/**
 * `TILIA_SCOPES`: one scope or more, separated by commas. Read as an array: a nested `ConfigProvider` splits a text at its
 * commas whether or not it is asked to.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Scopes> = Config.array(Config.string(), "TILIA_SCOPES").pipe(
  Config.mapOrFail((items) =>
    Either.mapLeft(make(items), ({ expected }) => ConfigError.InvalidData(["TILIA_SCOPES"], `must be ${expected}`))
  )
)

/**
 * The identity of a set, whatever its order: two sets with the same scopes have the same key.
 *
 * @since 0.1.0
 * @category getters
 */
export const key = (scopes: Scopes): string => [...scopes].sort().join(",")

/**
 * The scopes that were asked for and not granted; empty where all were.
 *
 * @since 0.1.0
 * @category getters
 */
export const missing = (requested: Scopes, granted: Scopes): ReadonlyArray<Scope> =>
  requested.filter((scope) => !granted.includes(scope))
