/**
 * What can be observed of token sources and endpoints: the names of their spans, and their metrics. Metrics are global
 * to the process; tag them where several sources must be told apart.
 *
 * @example
 * import { Telemetry } from "@effect-tilia/core"
 * import { Effect, Metric } from "effect"
 *
 * const failures = Effect.map(
 *   Metric.value(Metric.tagged(Telemetry.refreshFailures, "error", "TokenTimeoutError")),
 *   ({ count }) => count
 * )
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * The span of one token request with its retries, made by a `TokenEndpoint`.
 *
 * @since 0.1.0
 * @category spans
 */
export const requestSpan = "TokenEndpoint.requestToken"

/**
 * The span of one refresh, made by a `TokenSource`. It is a root span, since it serves many callers, and has links to
 * their spans. The span of the request is its child.
 *
 * @since 0.1.0
 * @category spans
 */
export const refreshSpan = "TokenSource.refresh"

/**
 * How many token requests a `TokenSource` has made. A request with all its retries counts once. The tag `outcome` is
 * `success` or the `_tag` of an error.
 *
 * @since 0.1.0
 * @category metrics
 */
export const requests = Metric.counter("tilia_token_requests_total", {
  description: "Token requests, each with its retries",
  incremental: true
})

/**
 * How long such a request took, in milliseconds.
 *
 * @since 0.1.0
 * @category metrics
 */
export const requestDuration = Metric.timer("tilia_token_request_duration", "How long a token request took")

/**
 * The lifetime of the newest token when it arrived, in seconds.
 *
 * @since 0.1.0
 * @category metrics
 */
export const expiresIn = Metric.gauge("tilia_token_expires_in_seconds", {
  description: "The lifetime of the newest token when it arrived"
})

/**
 * How many token requests have failed after all their retries. The tag `error` is the `_tag` of the error.
 *
 * @since 0.1.0
 * @category metrics
 */
export const refreshFailures = Metric.counter("tilia_token_refresh_failures_total", {
  description: "Token requests that failed",
  incremental: true
})

/**
 * How many requests of pages a `TokenMediatorServer` has refused. The tag `reason` says why, as `origin`,
 * `unauthenticated` or `wider_claims`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const mediatorRefusals = Metric.counter("tilia_mediator_refusals_total", {
  description: "Requests of pages that a mediator has refused",
  incremental: true
})
