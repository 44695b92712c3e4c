/*
 * What the modules of this package do with an access token and its users need not.
 */
import * as DateTime from "effect/DateTime"
import { AccessToken } from "../AccessToken.js"
import type * as Instant from "../Instant.js"
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

/** The token with the times of a clock that shows another age for it, in milliseconds. */
export const issuedAgo = (token: AccessToken, age: number, { wall }: Instant.Instant): AccessToken => {
  const late = wall - age - token.issuedAt.epochMillis
  const shifted = ({ epochMillis }: DateTime.Utc) => DateTime.unsafeMake(epochMillis + late)
  return late === 0 ? token : new AccessToken(
    { ...token, issuedAt: shifted(token.issuedAt), expiresAt: shifted(token.expiresAt) },
    { disableValidation: true } // only its times have changed
  )
}
