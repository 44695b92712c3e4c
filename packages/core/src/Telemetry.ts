/**
 * What can be observed of a running token source (S14): the names of its span and its metrics. Metrics are global to the
 * process; tag them where several sources have to be told apart (`Effect.tagMetrics`).
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * The span of one token request with its retries, by a `TokenEndpoint`.
 *
 * @since 0.1.0
 * @category spans
 */
export const requestSpan = "TokenEndpoint.requestToken"

/**
 * The span of one refresh by a `TokenSource`: a root, since it serves many callers, with links to their spans. The
 * request's span is inside it.
 *
 * @since 0.1.0
 * @category spans
 */
export const refreshSpan = "TokenSource.refresh"

/**
 * Token requests by a `TokenSource`, one with all its retries counting once. `outcome` is `success` or an error's tag.
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
 * The life of the newest token, in seconds, when it arrived.
 *
 * @since 0.1.0
 * @category metrics
 */
export const expiresIn = Metric.gauge("tilia_token_expires_in_seconds", {
  description: "The life of the newest token when it arrived"
})

/**
 * Token requests that failed after all their retries. `error` is the error's tag.
 *
 * @since 0.1.0
 * @category metrics
 */
export const refreshFailures = Metric.counter("tilia_token_refresh_failures_total", {
  description: "Token requests that failed",
  incremental: true
})
