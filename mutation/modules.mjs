/*
 * What is mutated, everything in `core` that decides and the token source, and by which tests each mutant has to be found: a
 * module's own, for those of its users find many things by luck.
 */
const own = (...modules) => modules.map((module) => [module, [module]])

export const modules = new Map([
  ...own("AccessToken", "ClientCredentials", "Environment", "RetryPolicy", "Scopes"),
  ...own("TokenError", "TokenMediator", "TokenRequest", "TokenResponse"),
  ...own("internal/errorBody", "internal/freshness", "internal/input", "internal/interpret", "internal/mediated"),
  ...own("internal/mediation", "internal/pacing", "internal/policy", "internal/retryAfter", "internal/serverText"),
  ...own("internal/arrival", "internal/hub", "internal/timeLimit", "internal/transport"),
  ["internal/refusal", ["internal/interpret"]],
  ["internal/origin", ["Environment"]],
  ["internal/safeUrl", ["Environment"]],
  ["internal/sharing", ["internal/sharing", "TokenSource.store"]],
  ["TokenSource", ["TokenSource", "TokenSource.failures", "TokenSource.store", "TokenSource.surface"]]
])
