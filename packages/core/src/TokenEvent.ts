/**
 * What happens to a token while it is kept fresh (S13). No event holds a token's text.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import type { Scope, Scopes } from "./Scopes.js"
import type { TokenError } from "./TokenError.js"
import type { StoreError } from "./TokenStore.js"

/**
 * - `Refreshed`: there is a new token, the first one included.
 * - `RefreshFailed`: a request, with its retries, failed. While a valid token exists, callers don't notice.
 * - `Invalidated`: the current token was dropped because somebody said that it was refused.
 * - `ScopeNarrowed`: the new token has fewer scopes than were asked for (E9).
 * - `StoreSkipped`: the store failed at a command, and the token was had without it (T2).
 *
 * @since 0.1.0
 * @category models
 */
export type TokenEvent = Data.TaggedEnum<{
  Refreshed: { readonly scopes: Scopes; readonly expiresAt: DateTime.Utc }
  RefreshFailed: { readonly error: TokenError }
  Invalidated: { readonly expiresAt: DateTime.Utc }
  ScopeNarrowed: { readonly missing: ReadonlyArray<Scope> }
  StoreSkipped: { readonly reason: StoreError["reason"] }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const { $is, $match, Invalidated, RefreshFailed, Refreshed, ScopeNarrowed, StoreSkipped } = Data.taggedEnum<
  TokenEvent
>()
