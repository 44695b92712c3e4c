/*
 * What a token source tells about its requests: events, metrics and log lines (S13, S14). It remembers only how the
 * last request ended, so that an outage is reported once when it starts and once when it ends.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { AccessToken } from "../../AccessToken.js"
import * as Scopes from "../../Scopes.js"
import type { SlidingPubSub } from "../../SlidingPubSub.js"
import * as Telemetry from "../../Telemetry.js"
import type { TokenError } from "../../TokenError.js"
import * as TokenEvent from "../../TokenEvent.js"
import type { StoreError } from "../../TokenStore.js"
import { lifetime } from "../accessToken.js"

export interface Reporter {
  /** The server granted a token. `took` is the time since the request began, in milliseconds. */
  readonly granted: (token: AccessToken, took: number) => Effect.Effect<void>
  /** A request failed. `took` is the time since it began, in milliseconds. */
  readonly failed: (error: TokenError, took: number) => Effect.Effect<void>
  /** A request died. `took` is the time since it began, in milliseconds. */
  readonly died: (defect: unknown, took: number) => Effect.Effect<void>
  /** Another process's or tab's request has failed, and this source makes none (T8). */
  readonly deferred: (error: TokenError) => Effect.Effect<void>
  /** The source uses a token that another process or tab has requested. */
  readonly adopted: (token: AccessToken) => Effect.Effect<void>
  readonly invalidated: (token: AccessToken) => Effect.Effect<void>
  readonly skipped: (error: StoreError) => Effect.Effect<void>
}

const count = (outcome: string, took: number): Effect.Effect<void> =>
  Effect.zipRight(
    Metric.increment(Metric.tagged(Telemetry.requests, "outcome", outcome)),
    Metric.update(Telemetry.requestDuration, Duration.millis(took))
  )

/**
 * The first failure is a Warning, refused credentials are an Error, and a failure that repeats itself is Debug (S14).
 */
const logFailure = (error: TokenError, before: string | undefined): Effect.Effect<void> => {
  if (error._tag === "InvalidClientError" && error._tag !== before) return Effect.logError(error.message)
  return before === undefined
    ? Effect.logWarning(`No new access token. ${error.message}`)
    : Effect.logDebug(`No new access token yet. ${error.message}`)
}

/**
 * The kind of a defect and where it was thrown. Not its message nor its fields, which may hold a secret: Effect's HTTP
 * errors hold the whole request (E8).
 */
const describe = (defect: unknown): string => {
  if (!(defect instanceof Error)) return typeof defect
  const place = /^ +at (.+)$/m.exec(String(defect.stack).replace(defect.message, ""))?.[1]
  return place === undefined ? defect.name : `${defect.name} at ${place}`
}

export const make = (requested: Scopes.Scopes, { publish }: SlidingPubSub<TokenEvent.TokenEvent>): Reporter => {
  let failing: TokenError["_tag"] | "Defect" | undefined
  let isSkipping = false

  const adopted = Effect.fnUntraced(function*(token: AccessToken) {
    const recovered = failing !== undefined
    failing = undefined
    yield* publish(TokenEvent.Refreshed({ scopes: token.scopes, expiresAt: token.expiresAt }))
    const missing = Scopes.missing(requested, token.scopes)
    if (missing.length > 0) yield* publish(TokenEvent.ScopeNarrowed({ missing })) // E9
    yield* Metric.set(Telemetry.expiresIn, lifetime(token) / 1000)
    yield* recovered ? Effect.logInfo("There is a new access token again.") : Effect.logDebug("A new access token.")
  })

  const deferred = Effect.fnUntraced(function*(error: TokenError) {
    const before = failing
    failing = error._tag
    yield* publish(TokenEvent.RefreshFailed({ error }))
    yield* Metric.increment(Metric.tagged(Telemetry.refreshFailures, "error", error._tag))
    yield* logFailure(error, before)
  })

  /** A defect is a bug, so it is told at once, and again only where something else has happened in between (S14). */
  const died = Effect.fnUntraced(function*(defect: unknown, took: number) {
    const before = failing
    failing = "Defect"
    const description = describe(defect)
    yield* count("Defect", took)
    yield* publish(TokenEvent.RefreshDied({ defect: description }))
    yield* Metric.increment(Metric.tagged(Telemetry.refreshFailures, "error", "Defect"))
    const line = `No new access token. The request died, which is a bug: ${description}.`
    yield* before === "Defect" ? Effect.logDebug(line) : Effect.logError(line)
  })

  /** A store that fails is logged once, and an event each time (T2). */
  const skipped = Effect.fnUntraced(function*(error: StoreError) {
    const before = isSkipping
    isSkipping = true
    yield* publish(TokenEvent.StoreSkipped({ reason: error.reason }))
    yield* before ? Effect.logDebug(error.message) : Effect.logWarning(error.message)
  })

  return {
    granted: (token, took) => Effect.zipRight(count("success", took), adopted(token)),
    failed: (error, took) => Effect.zipRight(count(error._tag, took), deferred(error)),
    died,
    deferred,
    adopted,
    skipped,
    invalidated: ({ expiresAt }) => publish(TokenEvent.Invalidated({ expiresAt }))
  }
}
