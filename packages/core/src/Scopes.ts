/**
 * What a token is for: a set of scopes, never empty and without duplicates. This API separates scopes by commas on the
 * wire, where RFC 6749 uses spaces.
 *
 * The module's name is plural, because `Scope` is a module of `effect`.
 *
 * @example
 * import { Scopes } from "@effect-tilia/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const scopes = yield* Scopes.make(["user_info", "write_invoices"])
 *   return Scopes.key(scopes)
 * })
 *
 * @since 0.1.0
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-3.3 RFC 6749 §3.3}
 */
import * as Arr from "effect/Array"
import type * as Config from "effect/Config"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Str from "effect/String"
import * as Hint from "./internal/hint.js"
import { validate, withoutValue } from "./internal/input.js"
import * as TiliaConfig from "./TiliaConfig.js"
import type { InvalidInputError } from "./TokenError.js"

const uuid = /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i

/**
 * One scope: the characters of a `scope-token` of RFC 6749, but for the comma, which separates scopes here. A UUID is
 * none, since the ids and secrets of this API are UUIDs, and scopes are shown in errors, logs and metrics. The error of
 * a refused value does not quote it.
 *
 * @since 0.1.0
 * @category models
 */
export const Scope = Schema.String.pipe(
  Schema.pattern(/^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+$/),
  Schema.filter((text) => !uuid.test(text)),
  Schema.brand("@effect-tilia/core/Scope")
).annotations({
  identifier: "Scope",
  ...withoutValue("a scope: printable ASCII without space, comma, quote or backslash, and no UUID")
})

/**
 * @since 0.1.0
 * @category models
 */
export type Scope = typeof Scope.Type

const description = "one scope or more, each of printable ASCII without space, comma, quote or backslash, and no UUID"

const ScopeSet = Schema.NonEmptyArray(Scope).pipe(
  Schema.filter((scopes) => new Set(scopes).size === scopes.length),
  Schema.brand("@effect-tilia/core/Scopes")
)

/**
 * A set of scopes from an array of texts. Their order is kept, and duplicates are dropped.
 *
 * @since 0.1.0
 * @category models
 */
export const ScopesFromArray = Schema.transform(Schema.NonEmptyArray(Schema.String), ScopeSet, {
  // `Arr.dedupe` compares each with each: a server's 50,000 scopes would stop the process for half a minute.
  decode: ([first, ...rest]): readonly [string, ...Array<string>] => [
    first,
    ...new Set(rest.filter((scope) => scope !== first))
  ],
  encode: (scopes) => scopes
}).annotations({ identifier: "ScopesFromArray", description })

/**
 * A set of scopes from `"a,b"`, the form on the wire. An empty item is refused.
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
 * The scopes that the vendor's public documentation names. There may be others: use it for completion, not for
 * validation.
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
 * Scopes that are not validated yet: any strings, with completion for the known ones.
 *
 * @since 0.1.0
 * @category models
 */
export type Input = ReadonlyArray<typeof known[number] | (string & {})>

/**
 * Validates scopes. Duplicates are merged. An empty set, or a scope with a character that a scope cannot have, is an
 * `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (input: Input) => Effect.Effect<Scopes, InvalidInputError> = validate(
  "scopes",
  ScopesFromArray
)

/**
 * `TILIA_SCOPES`: one scope or more, separated by commas.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Scopes> = TiliaConfig.list(
  "TILIA_SCOPES",
  ScopesFromArray,
  Hint.ofScopes(Schema.is(Scope))
)

/**
 * The identity of a set: two sets with the same scopes have the same key, in any order.
 *
 * @since 0.1.0
 * @category getters
 */
export const key = (scopes: Scopes): string => [...scopes].sort().join(",")

/**
 * The scopes that were requested and not granted; empty if all were granted.
 *
 * @since 0.1.0
 * @category getters
 */
export const missing = (requested: Scopes, granted: Scopes): ReadonlyArray<Scope> =>
  requested.filter((scope) => !granted.includes(scope))
