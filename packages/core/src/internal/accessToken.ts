/*
 * What the modules of this package do with an access token and its users need not.
 */
import * as DateTime from "effect/DateTime"
import { AccessToken } from "../AccessToken.js"
import type * as Instant from "../Instant.js"
import type { Scopes } from "../Scopes.js"
import type { TokenResponse } from "../TokenResponse.js"

/** The token with this text and these scopes, for so many milliseconds from its issue on. */
export const issued = (
  { scopes, value }: Pick<AccessToken, "scopes" | "value">,
  issuedAt: DateTime.Utc,
  lifetime: number
): AccessToken =>
  new AccessToken(
    {
      value,
      tokenType: "Bearer",
      scopes,
      issuedAt,
      expiresAt: DateTime.unsafeMake(issuedAt.epochMillis + lifetime)
    },
    { disableValidation: true } // the schema that the text comes from has just validated all of it (P3)
  )

/** The token of a response. A response without `scope` grants the scopes that were requested. */
export const fromResponse = (response: TokenResponse, requested: Scopes, issuedAt: DateTime.Utc): AccessToken =>
  issued({ value: response.access_token, scopes: response.scope ?? requested }, issuedAt, response.expires_in * 1000)

/** The time from issue to expiry in milliseconds, however much of it is left. */
export const lifetime = ({ expiresAt, issuedAt }: AccessToken): number => expiresAt.epochMillis - issuedAt.epochMillis

/** The token with the times of a clock that shows another age for it, in milliseconds. */
export const issuedAgo = (token: AccessToken, age: number, { wall }: Instant.Instant): AccessToken => {
  const issuedAt = wall - age
  return issuedAt === token.issuedAt.epochMillis
    ? token
    : issued(token, DateTime.unsafeMake(issuedAt), lifetime(token))
}
