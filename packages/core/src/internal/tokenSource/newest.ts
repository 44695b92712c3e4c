/*
 * The newest token that a source has had. A stored token is used only if it is newer (T6), and a server that may return
 * the same token twice is told which one must be replaced (A2). Pure.
 */
import * as Equal from "effect/Equal"
import type { AccessToken } from "../../AccessToken.js"
import type { Stored } from "../../TokenStore.js"

export interface Newest {
  readonly token: AccessToken | undefined
  /** The largest generation of a token that came from the store or was written to it. */
  readonly generation: number
  /** The latest issue time of a token that came past the store, in milliseconds since 1970. */
  readonly issuedAt: number
}

export const none: Newest = {
  token: undefined,
  generation: Number.NEGATIVE_INFINITY,
  issuedAt: Number.NEGATIVE_INFINITY
}

export const add = (
  newest: Newest,
  { generation, token }: { readonly token: AccessToken; readonly generation: number | undefined }
): Newest =>
  generation === undefined
    ? { ...newest, token, issuedAt: Math.max(newest.issuedAt, token.issuedAt.epochMillis) }
    : { ...newest, token, generation: Math.max(newest.generation, generation) }

export const isOlderThan = (newest: Newest, { generation, token }: Stored): boolean =>
  generation > newest.generation && token.issuedAt.epochMillis > newest.issuedAt

/** A store that numbers its tokens anew must not bring back one that was rejected. */
export const isSame = (newest: Newest, { token }: Stored): boolean =>
  newest.token !== undefined && Equal.equals(newest.token.value, token.value)
