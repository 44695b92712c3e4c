/*
 * What a token source tells about its requests: events, metrics, log lines, and what its span says of their end (S13,
 * O2–O5). It remembers only how the last request ended, so that an outage is reported once when it starts and once when
 * it ends.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { AccessToken } from "../../AccessToken.js"
import * as Scopes from "../../Scopes.js"
import type { SlidingPubSub } from "../../SlidingPubSub.js"
import * as Telemetry from "../../Telemetry.js"
import type { TokenError } from "../../TokenError.js"
import * as TokenEvent from "../../TokenEvent.js"
import type { StoreError } from "../../TokenStore.js"
import { lifetime } from "../accessToken.js"
import * as Labels from "../labels.js"
import * as Telling from "../telling.js"

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
  /** A flight has shared its outcome by the store, and no command failed. */
  readonly shared: Effect.Effect<void>
}

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

export const make: (
  requested: Scopes.Scopes,
  labels: Telemetry.Labels,
  events: SlidingPubSub<TokenEvent.TokenEvent>
) => Effect.Effect<Reporter> = Effect.fnUntraced(function*(requested, labels, { publish }) {
  const tags = yield* Labels.tags(labels)
  let failing: TokenError["_tag"] | "Defect" | undefined
  let failures = 0
  let hasWarned = false

  /** Counts a refresh, and tells of it in its span, if it has one (O2). */
  const count = (outcome: string, origin: "server" | "store", took?: number): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      failures = outcome === "success" ? 0 : failures + 1
      Telemetry.failures.unsafeUpdate(failures, tags())
      if (failures > 0) Telemetry.lastFailure.unsafeUpdate(now / 1000, tags())
      Telemetry.refreshes.unsafeUpdate(1, tags({ outcome, origin }))
      if (took !== undefined) Telemetry.requestDuration.unsafeUpdate(Duration.millis(took), tags())
      return Telling.quiet(Effect.annotateCurrentSpan({
        "tilia.token.origin": origin,
        ...outcome !== "success" && { "error.type": outcome }
      }))
    })

  const renewed = Effect.fnUntraced(function*(token: AccessToken) {
    const recovered = failing !== undefined
    failing = undefined
    yield* publish(TokenEvent.Refreshed({ scopes: token.scopes, expiresAt: token.expiresAt }))
    const missing = Scopes.missing(requested, token.scopes)
    if (missing.length > 0) yield* publish(TokenEvent.ScopeNarrowed({ missing })) // E9
    Telemetry.expiry.unsafeUpdate(token.expiresAt.epochMillis / 1000, tags())
    Telemetry.expiresIn.unsafeUpdate(lifetime(token) / 1000, tags())
    yield* recovered ? Effect.logInfo("There is a new access token again.") : Effect.logDebug("A new access token.")
  })

  const missed = Effect.fnUntraced(function*(error: TokenError) {
    const before = failing
    failing = error._tag
    yield* publish(TokenEvent.RefreshFailed({ error }))
    yield* logFailure(error, before)
  })

  /** A defect is a bug, so it is told at once, and again only where something else has happened in between (S14). */
  const died = Effect.fnUntraced(function*(defect: unknown) {
    const before = failing
    failing = "Defect"
    const description = describe(defect)
    yield* publish(TokenEvent.RefreshDied({ defect: description }))
    const line = `No new access token. The request died, which is a bug: ${description}.`
    yield* before === "Defect" ? Effect.logDebug(line) : Effect.logError(line)
  })

  /** A store that fails is an event each time, and one Warning, unless the store itself has logged one (T2, O5). */
  const skipped = Effect.fnUntraced(function*({ isLogged = false, message, reason }: StoreError) {
    const isTold = hasWarned || isLogged
    hasWarned ||= !isLogged
    Telemetry.storeSkipped.unsafeUpdate(1, tags({ reason }))
    yield* publish(TokenEvent.StoreSkipped({ reason }))
    const line = `${message} Until it works again, this process requests tokens for itself.`
    yield* isTold ? Effect.logDebug(line) : Effect.logWarning(line)
  })

  const shared = Effect.suspend(() => {
    if (!hasWarned) return Effect.void
    hasWarned = false
    return Effect.logInfo("The token store works again: tokens are shared.")
  })

  const invalidated = ({ expiresAt }: AccessToken): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      Telemetry.invalidations.unsafeUpdate(1, tags())
      Telemetry.expiry.unsafeUpdate(Math.min(now, expiresAt.epochMillis) / 1000, tags())
      return publish(TokenEvent.Invalidated({ expiresAt }))
    })

  const labelled = (report: Effect.Effect<void>) => Telling.quiet(Effect.annotateLogs(report, { ...labels }))
  return {
    granted: (token, took) => labelled(Effect.zipRight(count("success", "server", took), renewed(token))),
    failed: (error, took) => labelled(Effect.zipRight(count(error._tag, "server", took), missed(error))),
    died: (defect, took) => labelled(Effect.zipRight(count("Defect", "server", took), died(defect))),
    deferred: (error) => labelled(Effect.zipRight(count(error._tag, "store"), missed(error))),
    adopted: (token) => labelled(Effect.zipRight(count("success", "store"), renewed(token))),
    skipped: (error) => labelled(skipped(error)),
    shared: labelled(shared),
    invalidated
  }
})
