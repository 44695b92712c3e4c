/*
 * What is mutated: every module of `core` that decides something. Each mutant must be found by the tests that are named
 * here. They are a module's own tests, or those of the module that it belongs to, and they are fast. The random histories
 * of the model and of the simulation are not among them, because they find many mutants by luck.
 *
 * These modules are left out:
 * - `index` only exports the others;
 * - `Telemetry` consists of names and descriptions, and `TokenEvent` of constructors that `Data` makes: neither decides
 *   anything.
 */
const own = (...modules) => modules.map((module) => [module, [module]])

export const modules = new Map([
  ...own("AccessToken", "AuthorizedHttpClient", "ClientCredentials", "Environment", "Instant", "Printable"),
  ...own(
    "RetryPolicy",
    "Scopes",
    "SlidingPubSub",
    "Tilia",
    "TiliaConfig",
    "TokenEndpoint",
    "TokenError",
    "TokenMediator"
  ),
  ...own("TokenMediatorServer", "TokenRequest", "TokenResponse", "TokenSources", "TokenStore"),
  ["TokenSource", ["TokenSource", "TokenSource.failures", "TokenSource.store", "TokenSource.surface"]],

  ...own("internal/accessToken", "internal/fibers", "internal/httpClientError", "internal/input", "internal/origin"),
  ...own("internal/redirects", "internal/retryAfter", "internal/safeUrl"),

  ...own("internal/authorizedHttpClient/originCheck", "internal/authorizedHttpClient/replay"),
  ...own("internal/authorizedHttpClient/withoutAuthorization"),

  ...own("internal/tokenEndpoint/errorBody", "internal/tokenEndpoint/parseTokenResponse"),
  ...own("internal/tokenEndpoint/rawResponse", "internal/tokenEndpoint/roundTrip", "internal/tokenEndpoint/sanitize"),
  ...own("internal/tokenEndpoint/timeLimit", "internal/tokenEndpoint/transportError"),
  ["internal/tokenEndpoint/errorResponse", ["internal/tokenEndpoint/parseTokenResponse"]],
  ["internal/tokenEndpoint/json", ["internal/tokenEndpoint/parseTokenResponse"]],
  ["internal/tokenEndpoint/options", ["TokenEndpoint"]],
  ["internal/tokenEndpoint/requestToken", ["TokenEndpoint"]],
  ["internal/tokenEndpoint/retry", ["TokenEndpoint"]],

  ...own("internal/tokenMediator/clientErrors", "internal/tokenMediator/protocol"),
  ...own("internal/tokenMediator/parsedBody", "internal/tokenMediator/rejectedToken"),
  ...own("internal/tokenMediator/rejections", "internal/tokenMediator/serverPolicy"),

  ...own(
    "internal/tokenSource/backoff",
    "internal/tokenSource/coalesced",
    "internal/tokenSource/unsent",
    "internal/completion"
  ),
  ["internal/tokenSources/pool", ["TokenSources"]],
  ...own("internal/tokenSource/freshness", "internal/tokenSource/newest", "internal/tokenSource/options"),
  ...own("internal/tokenSource/reporter", "internal/tokenSource/state", "internal/tokenSource/throttle"),
  ["internal/tokenSource/sharing", ["internal/tokenSource/sharing", "TokenSource.store"]]
])
