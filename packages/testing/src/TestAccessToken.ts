/**
 * Access tokens for tests: any life, any scopes, any claims.
 *
 * @since 0.1.0
 */
import * as AccessToken from "@effect-tilia/core/AccessToken"
import * as Scopes from "@effect-tilia/core/Scopes"
import type { InvalidInputError } from "@effect-tilia/core/TokenError"
import { TokenResponse } from "@effect-tilia/core/TokenResponse"
import * as Arbitrary from "effect/Arbitrary"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"

/**
 * - `life`: from then on; whole seconds, at least one (1 hour).
 * - `issuedAt`: when it was issued (now, by the fiber's clock).
 * - `scopes`: the granted ones (`user_info`).
 * - `claims`: in place of, or beside, those that the token would have.
 * - `text`: the token itself, in place of a JWT.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly life?: Duration.DurationInput | undefined
  readonly issuedAt?: DateTime.Utc | undefined
  readonly scopes?: Scopes.Input | undefined
  readonly claims?: Partial<AccessToken.Claims> | undefined
  readonly text?: string | undefined
}

/** `lifetime` is in seconds. */
const accessToken = (
  value: Redacted.Redacted,
  scopes: Scopes.Scopes,
  issuedAt: DateTime.Utc,
  lifetime: number
): AccessToken.AccessToken =>
  new AccessToken.AccessToken({
    value,
    tokenType: "Bearer",
    scopes,
    issuedAt,
    expiresAt: DateTime.addDuration(issuedAt, Duration.seconds(lifetime))
  }, { disableValidation: true }) // a test may need a text that no server would send

const part = (value: unknown): string => Encoding.encodeBase64Url(JSON.stringify(value))

/**
 * A token, valid or long over. Its text is a JWT with the claims of the vendor's sample, whose signature is none.
 * Scopes that are none are an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  { claims, issuedAt: at, life = "1 hour", scopes = ["user_info"], text }: Options = {}
): Effect.Effect<AccessToken.AccessToken, InvalidInputError> =>
  Effect.gen(function*() {
    const granted = yield* Scopes.make(scopes)
    const issuedAt = at ?? (yield* DateTime.now)
    const iat = Math.floor(issuedAt.epochMillis / 1000)
    const expiresIn = Math.max(1, Math.ceil(Duration.toSeconds(life)))
    const payload = {
      account_id: "",
      exp: iat + expiresIn,
      iat,
      nbf: 0,
      scopes: granted,
      token_type: "client_credentials",
      username: "",
      ...claims
    }
    return accessToken(
      Redacted.make(text ?? `${part({ alg: "none", typ: "JWT" })}.${part(payload)}.none`),
      granted,
      issuedAt,
      expiresIn
    )
  })

/**
 * Any token, for property tests: any text, any scopes, a life of a second to ten years, issued between 1970 and 2100.
 *
 * @since 0.1.0
 * @category constructors
 */
export const arbitrary = (): FastCheck.Arbitrary<AccessToken.AccessToken> =>
  FastCheck.tuple(
    Arbitrary.make(TokenResponse),
    Arbitrary.make(Scopes.Scopes),
    FastCheck.integer({ min: 0, max: Date.UTC(2100, 0) })
  ).map(([{ access_token, expires_in, scope }, requested, millis]) =>
    accessToken(access_token, scope ?? requested, DateTime.unsafeMake(millis), expires_in)
  )

/**
 * A token's text, which is redacted everywhere else: for assertions.
 *
 * @since 0.1.0
 * @category getters
 */
export const text = (token: AccessToken.AccessToken): string => Redacted.value(token.value)
