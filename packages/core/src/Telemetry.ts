/**
 * What can be observed of token sources and endpoints: the names of their spans, and their metrics. The metrics are
 * global to the process. Each but the mediator's is tagged with the `Labels` of the client that it is about.
 *
 * @example
 * import { Telemetry } from "@effect-tilia/core"
 * import { Metric } from "effect"
 *
 * // The tags in the order of `Labels`, and only those that the client has.
 * const waiting = Telemetry.waitingCallers.pipe(
 *   Metric.tagged("environment", "production"),
 *   Metric.tagged("client", "invoices"),
 *   Metric.tagged("scopes", "user_info"),
 *   Metric.value
 * )
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * What the metrics, spans and log lines of a client are labelled with: tags of metrics and annotations of log lines
 * under these names, attributes of spans under the same with the prefix `tilia.`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Labels {
  /** `production`, `staging`, the host of another authorization server, or `mediator` in a page. */
  readonly environment?: string
  /** The client's name, if it has one: the option `name`. */
  readonly client?: string
  /** The scopes that are requested, in alphabetical order and with commas between them. */
  readonly scopes?: string
}

/**
 * The span of one token request with its retries, made by a `TokenEndpoint`. It has an event for each attempt.
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

const counter = (name: string, description: string) =>
  Metric.counter(`tilia_${name}_total`, { description, incremental: true })

const gauge = (name: string, description: string) => Metric.gauge(`tilia_token_${name}`, { description })

/**
 * When the newest token of a source expires, in seconds since 1970. It stays while there is no newer token, and so lies
 * in the past if a renewal fails for too long. A token that the API has rejected expires as it is rejected.
 *
 * @since 0.1.0
 * @category metrics
 */
export const expiry = gauge("expiry_timestamp_seconds", "When the newest token expires")

/**
 * The lifetime of the newest token when it was issued, in seconds.
 *
 * @since 0.1.0
 * @category metrics
 */
export const expiresIn = gauge("expires_in_seconds", "The lifetime of the newest token when it was issued")

/**
 * How many refreshes of a source have failed since its last token; 0 while all is well.
 *
 * @since 0.1.0
 * @category metrics
 */
export const failures = gauge("consecutive_failures", "Failed refreshes since the last token")

/**
 * When a refresh of a source has failed last, in seconds since 1970. It tells an outage from a source that nobody needs
 * any more, or that was closed: neither tries again, and so neither learns that the server is back.
 *
 * @since 0.1.0
 * @category metrics
 */
export const lastFailure = gauge("last_failure_timestamp_seconds", "When a refresh has failed last")

/**
 * How many callers wait for a token now, because there is no valid one.
 *
 * @since 0.1.0
 * @category metrics
 */
export const waitingCallers = gauge("waiting_callers", "Callers that wait for a token")

/**
 * How many refreshes of a source have ended. The tag `outcome` is `success`, the `_tag` of an error, or `Defect`. The
 * tag `origin` is `server` if the source has made a request, which counts once with all its retries, and `store` if the
 * token, or the failure, is that of another process or tab.
 *
 * @since 0.1.0
 * @category metrics
 */
export const refreshes = counter("token_refresh", "Refreshes that have ended")

/**
 * How many HTTP requests for a token have ended. The tag `outcome` is `success`, the `_tag` of an error, `Defect`, or
 * `Frozen` if the machine slept meanwhile and the request is made again.
 *
 * @since 0.1.0
 * @category metrics
 */
export const attempts = counter("token_attempts", "HTTP requests for a token")

/**
 * How long a token request took with all its retries, in milliseconds.
 *
 * @since 0.1.0
 * @category metrics
 */
export const requestDuration = Metric.timer("tilia_token_request_duration", "How long a token request took")

/**
 * How many tokens a source has dropped because the API rejected them.
 *
 * @since 0.1.0
 * @category metrics
 */
export const invalidations = counter("token_invalidations", "Tokens dropped because the API rejected them")

/**
 * How many requests to the API an `AuthorizedHttpClient` has sent once more, with a new token.
 *
 * @since 0.1.0
 * @category metrics
 */
export const replays = counter("token_replays", "API requests sent again with a new token")

/**
 * How often a source went on without its store. The tag `reason` is that of the `StoreError`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const storeSkipped = counter("token_store_skipped", "Store commands that failed")

/**
 * How many requests of pages a `TokenMediatorServer` has refused. The tag `reason` says why, as `origin`,
 * `unauthenticated` or `wider_claims`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const mediatorRefusals = counter("mediator_refusals", "Page requests that a mediator has refused")
