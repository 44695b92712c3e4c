import { ClaimsError } from "@effect-tilia/core/AccessToken"
import { ForbiddenOriginError } from "@effect-tilia/core/AuthorizedHttpClient"
import * as TokenError from "@effect-tilia/core/TokenError"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigError from "effect/ConfigError"
import * as Failure from "../src/Failure.js"

const tokenUrl = "https://auth.example/token"
const attempts = 1
const refusal = (status: number) => ({ status, attempts })

const statuses = [
  [2, new TokenError.InvalidInputError({ setting: "scopes", expected: "one scope" })],
  [2, new TokenError.CredentialsError({ message: "no such file", retryable: false })],
  [4, new TokenError.CredentialsError({ message: "the vault is down", retryable: true })],
  [2, new ClaimsError({ message: "no claims" })],
  [2, new ForbiddenOriginError({ origin: "https://other.example" })],
  [2, ConfigError.MissingData(["TILIA_SCOPES"], "Expected TILIA_SCOPES to exist in the process context")],
  [3, new TokenError.InvalidRequestError(refusal(400))],
  [3, new TokenError.InvalidClientError(refusal(401))],
  [3, new TokenError.InvalidScopeError(refusal(400))],
  [4, new TokenError.RateLimitedError(refusal(429))],
  [4, new TokenError.ServiceUnavailableError(refusal(503))],
  [3, new TokenError.UnexpectedResponseError({ ...refusal(302), tokenUrl, problem: "it redirects" })],
  [4, new TokenError.TokenTransportError({ reason: "Refused", tokenUrl, attempts })],
  [3, new TokenError.TokenTransportError({ reason: "Tls", tokenUrl, attempts })],
  [4, new TokenError.TokenTimeoutError({ tokenUrl, attempts })]
] as const

describe("Failure", () => {
  it.each(statuses)("the exit status is %i for \"%s\"", (status, error) => {
    expect(Failure.fromError(error, "text").exitStatus).toBe(status)
  })

  it.each(statuses)("the JSON for exit status %i has a tag and a message: \"%s\"", (_, error) => {
    const shown = JSON.parse(Failure.render(Failure.fromError(error, "json")))
    expect(Object.keys(shown).filter((key) => key !== "status")).toEqual(["_tag", "message", "retryable"])
    expect(shown.status).toBe("status" in error ? error.status : undefined)
  })

  it("a configuration error names every setting once, each on its own line", () => {
    const missing = ConfigError.MissingData(["tenant", "TILIA_SCOPES"], "Expected it to exist")
    const invalid = ConfigError.InvalidData(["TILIA_CLIENT_ID"], "must be a UUID version 4; the value is not shown")
    const error = ConfigError.And(ConfigError.And(missing, invalid), ConfigError.Or(missing, invalid))
    expect(Failure.render(Failure.fromError(error, "text")).split("\n").slice(1)).toEqual([
      "  tenant_TILIA_SCOPES is not set",
      "  TILIA_CLIENT_ID must be a UUID version 4; the value is not shown"
    ])
  })
})
