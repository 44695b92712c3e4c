/**
 * What happens to a token while a `TokenSource` keeps it fresh. No event holds a token's text.
 *
 * @example
 * import { TokenEvent, TokenSource } from "@effect-tilia/core"
 * import { Console, Effect, Stream } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const source = yield* TokenSource.TokenSource
 *   yield* source.changes.pipe(
 *     Stream.filter(TokenEvent.$is("RefreshFailed")),
 *     Stream.runForEach(({ error }) => Console.error(error.message))
 *   )
 * })
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import type { Scope, Scopes } from "./Scopes.js"
import type { TokenError } from "./TokenError.js"
import type { StoreError } from "./TokenStore.js"

/**
 * - `Refreshed`: there is a new token. The first one counts too.
 * - `RefreshFailed`: a request, with its retries, has failed. While a valid token exists, callers do not notice.
 * - `RefreshDied`: a request has died, because the endpoint, the credentials or the HTTP client have a bug. `defect` is
 *   the kind of the defect and where it was thrown, without its message, which may hold a secret.
 * - `Invalidated`: the current token was dropped, because the API rejected it.
 * - `ScopeNarrowed`: the new token has fewer scopes than were requested.
 * - `StoreSkipped`: a command of the `TokenStore` has failed, and the token was requested without the store.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenEvent = Data.TaggedEnum<{
  Refreshed: { readonly scopes: Scopes; readonly expiresAt: DateTime.Utc }
  RefreshFailed: { readonly error: TokenError }
  RefreshDied: { readonly defect: string }
  Invalidated: { readonly expiresAt: DateTime.Utc }
  ScopeNarrowed: { readonly missing: ReadonlyArray<Scope> }
  StoreSkipped: { readonly reason: StoreError["reason"] }
}>

/**
 * Constructors, the guard `$is` and the matcher `$match` of the events.
 *
 * @since 0.1.0
 * @category constructors
 */
export const { $is, $match, Invalidated, RefreshDied, RefreshFailed, Refreshed, ScopeNarrowed, StoreSkipped } = Data
  .taggedEnum<
    TokenEvent
  >()
