/**
 * Access tokens for tests, with any lifetime, scopes and claims.
 *
 * @example
 * import { AccessToken } from "@effect-tilia/core"
 * import { TestAccessToken } from "@effect-tilia/testing"
 * import { expect, it } from "@effect/vitest"
 * import { Effect, TestClock } from "effect"
 *
 * it.effect("a token expires after its lifetime", () =>
 *   Effect.gen(function*() {
 *     const token = yield* TestAccessToken.make({ lifetime: "5 minutes", claims: { username: "me" } })
 *     yield* TestClock.adjust("5 minutes")
 *     expect(yield* AccessToken.isExpired(token)).toBe(true)
 *   }))
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
 * The properties of a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The time from `issuedAt` to the expiry, in whole seconds. It is rounded up, and is at least one second.
   *
   * @default "1 hour"
   */
  readonly lifetime?: Duration.DurationInput | undefined
  /**
   * When the token was issued.
   *
   * @default now, by the fiber's clock
   */
  readonly issuedAt?: DateTime.Utc | undefined
  /**
   * The granted scopes. An empty list or a malformed scope is an `InvalidInputError`.
   *
   * @default ["user_info"]
   */
  readonly scopes?: Scopes.Input | undefined
  /**
   * Claims that are added to the claims of the JWT, or that replace them. They have no effect together with `text`.
   *
   * @default {}
   */
  readonly claims?: Partial<AccessToken.Claims> | undefined
  /**
   * The token's text.
   *
   * @default a JWT with the claims of the vendor's sample
   */
  readonly text?: string | undefined
}

const accessToken = (
  value: Redacted.Redacted,
  scopes: Scopes.Scopes,
  issuedAt: DateTime.Utc,
  lifetimeSeconds: number
): AccessToken.AccessToken =>
  new AccessToken.AccessToken({
    value,
    tokenType: "Bearer",
    scopes,
    issuedAt,
    expiresAt: DateTime.addDuration(issuedAt, Duration.seconds(lifetimeSeconds))
  }, { disableValidation: true }) // a test may need a text that no server would send

const encodePart = (value: unknown): string => Encoding.encodeBase64Url(JSON.stringify(value))

/**
 * A token, which may have expired already. Its text is a JWT without a signature, unless you set `text`. An option that
 * is out of range is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (options?: Options) => Effect.Effect<AccessToken.AccessToken, InvalidInputError> = Effect.fnUntraced(
  function*({ claims, issuedAt: givenIssuedAt, lifetime = "1 hour", scopes = ["user_info"], text }: Options = {}) {
    const granted = yield* Scopes.make(scopes)
    const issuedAt = givenIssuedAt ?? (yield* DateTime.now)
    const iat = Math.floor(issuedAt.epochMillis / 1000)
    const lifetimeSeconds = Math.max(1, Math.ceil(Duration.toSeconds(lifetime)))
    const payload = {
      account_id: "",
      exp: iat + lifetimeSeconds,
      iat,
      nbf: 0,
      scopes: granted,
      token_type: "client_credentials",
      username: "",
      ...claims
    }
    return accessToken(
      Redacted.make(text ?? `${encodePart({ alg: "none", typ: "JWT" })}.${encodePart(payload)}.none`),
      granted,
      issuedAt,
      lifetimeSeconds
    )
  }
)

/**
 * Any token, for property tests: with any text and scopes, a lifetime of one second to ten years, and an issue between
 * 1970 and 2100.
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
 * The token's text, for assertions. Everywhere else it is redacted.
 *
 * @since 0.1.0
 * @category getters
 */
export const text = (token: AccessToken.AccessToken): string => Redacted.value(token.value)
