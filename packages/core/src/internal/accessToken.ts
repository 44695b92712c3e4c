/*
 * What the modules of this package do with an access token and its users need not.
 */
import * as DateTime from "effect/DateTime"
import { AccessToken } from "../AccessToken.js"
import type { Scopes } from "../Scopes.js"
import type { TokenResponse } from "../TokenResponse.js"

/** The token of a response. A response without `scope` grants the scopes that were requested. */
export const fromResponse = (response: TokenResponse, requested: Scopes, issuedAt: DateTime.Utc): AccessToken =>
  new AccessToken(
    {
      value: response.access_token,
      tokenType: response.token_type,
      scopes: response.scope ?? requested,
      issuedAt,
      expiresAt: DateTime.unsafeMake(issuedAt.epochMillis + response.expires_in * 1000)
    },
    { disableValidation: true } // the response's own schema has just validated all of it (P3)
  )

/** The time from issue to expiry in milliseconds, however much of it is left. */
export const lifetime = ({ expiresAt, issuedAt }: AccessToken): number => expiresAt.epochMillis - issuedAt.epochMillis
