/*
 * Tokens and failures as a flight yields them, for tests of the token source's state machine.
 */
import { AccessToken, Scopes, TokenError } from "@effect-tilia/core"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const scopes = Effect.runSync(Scopes.make(["user_info"]))

/** A token of a server. The time of issue, on the wall clock, and the life are in milliseconds. */
export const granted = (text: string, issuedAt: number, life: number): AccessToken.AccessToken =>
  new AccessToken.AccessToken(
    {
      value: Redacted.make(text),
      tokenType: "Bearer",
      scopes,
      issuedAt: DateTime.unsafeMake(issuedAt),
      expiresAt: DateTime.unsafeMake(issuedAt + life)
    },
    { disableValidation: true } // histories need many tokens
  )

/** The server is out of order, and may ask for a wait of so many milliseconds. */
export const unavailable = (retryAfter?: number): TokenError.TokenError =>
  new TokenError.ServiceUnavailableError({
    status: 503,
    attempts: 1,
    ...(retryAfter === undefined ? {} : { retryAfter: Duration.millis(retryAfter) })
  })

/** The server refuses the credentials, and will refuse them again. */
export const refused: TokenError.TokenError = new TokenError.InvalidClientError({ status: 401, attempts: 1 })
