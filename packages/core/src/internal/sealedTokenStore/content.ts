/*
 * What a sealed text says: a token or a failure, with times by the engine's clock. Pure. A writer of the store cannot
 * change them, because all of it is sealed (T4).
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { AccessToken } from "../../AccessToken.js"
import * as Instant from "../../Instant.js"
import * as Scopes from "../../Scopes.js"
import { TokenError } from "../../TokenError.js"
import { TokenText } from "../../TokenResponse.js"
import type { Failure } from "../../TokenStore.js"
import { issued, lifetime } from "../accessToken.js"

/** In milliseconds since 1970. */
const Time = Schema.Int

const TokenContent = Schema.parseJson(Schema.Struct({
  value: TokenText,
  scopes: Scopes.Scopes,
  issuedAt: Time,
  /** In milliseconds. */
  lifetime: Schema.Int.pipe(Schema.positive()),
  /** Whether the credentials of this name were replaced before the token was requested (T5). */
  isOfNewCredentials: Schema.Boolean
}))

const FailureContent = Schema.parseJson(Schema.Struct({
  error: TokenError,
  failures: Schema.Int.pipe(Schema.positive()),
  isBinding: Schema.Boolean,
  /** The end of the wait. */
  until: Time
}))

const encodeToken = Schema.encodeSync(TokenContent)
const encodeFailure = Schema.encodeSync(FailureContent)
const decodeToken = Schema.decodeEither(TokenContent)
const decodeFailure = Schema.decodeEither(FailureContent)

/** How much later than the engine's own time a time of its may be: its clock may be corrected a little. */
const tolerance = 3_000

/** What an engine's clock has shown, at some time after we asked and before it answered. */
export interface Reading {
  readonly engine: number
  readonly asked: Instant.Instant
  readonly answered: Instant.Instant
}

/** At most what the engine's clock shows now. */
const earliest = ({ answered, engine }: Reading, now: Instant.Instant): number =>
  engine + (now.monotonic - answered.monotonic)

/** At least what the engine's clock shows now. */
const latest = ({ asked, engine }: Reading, now: Instant.Instant): number => engine + Instant.elapsed(asked, now)

export const fromToken = (
  token: AccessToken,
  isOfNewCredentials: boolean,
  reading: Reading,
  now: Instant.Instant
): string =>
  encodeToken({
    value: token.value,
    scopes: token.scopes,
    issuedAt: Math.floor(earliest(reading, now) - Math.max(0, now.wall - token.issuedAt.epochMillis)),
    lifetime: Math.floor(lifetime(token)),
    isOfNewCredentials
  })

export const fromFailure = (
  { error, failures, isBinding, remaining }: Failure,
  reading: Reading,
  now: Instant.Instant
): string =>
  encodeFailure({
    error,
    failures,
    isBinding,
    until: Math.ceil(latest(reading, now) + Duration.toMillis(remaining))
  })

/** The token with the times of our clock, and whether it was requested with newer credentials. */
export const toToken = (text: string, reading: Reading, now: Instant.Instant) =>
  Either.flatMap(decodeToken(text), (content) => {
    const age = latest(reading, now) - content.issuedAt
    if (age < -tolerance) return Either.left("issued in the future")
    const token = issued(content, DateTime.unsafeMake(now.wall - Math.max(0, age)), content.lifetime)
    return Either.right({ token, isOfNewCredentials: content.isOfNewCredentials })
  })

export const toFailure = (text: string, reading: Reading, now: Instant.Instant) =>
  Either.map(decodeFailure(text), ({ until, ...failure }): Failure => ({
    ...failure,
    remaining: Duration.millis(Math.max(0, until - latest(reading, now)))
  }))
