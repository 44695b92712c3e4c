/*
 * The token that a command needs, by its flags and the settings.
 */
import type { AccessToken } from "@effect-tilia/core/AccessToken"
import * as ClientCredentials from "@effect-tilia/core/ClientCredentials"
import * as Environment from "@effect-tilia/core/Environment"
import type * as RetryPolicy from "@effect-tilia/core/RetryPolicy"
import * as TokenEndpoint from "@effect-tilia/core/TokenEndpoint"
import type { TokenError } from "@effect-tilia/core/TokenError"
import * as NodeTokenHttpClient from "@effect-tilia/node/NodeTokenHttpClient"
import type { ConfigError } from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Run } from "./Arguments.js"
import type { Failure } from "./Failure.js"
import * as Flags from "./Flags.js"
import * as Progress from "./Progress.js"
import * as Settings from "./Settings.js"

/** Requests a token. */
export const request = (
  { credentials, environment, scopes }: Settings.Settings,
  options: { readonly budget: Duration.Duration; readonly retry: RetryPolicy.RetryPolicy }
): Effect.Effect<AccessToken, TokenError> =>
  Effect.flatMap(TokenEndpoint.TokenEndpoint, (endpoint) => endpoint.requestToken(scopes)).pipe(
    Effect.provide(
      TokenEndpoint.layer(options).pipe(
        Layer.provide([
          ClientCredentials.layerEffect(credentials),
          Layer.succeed(Environment.Environment, environment),
          NodeTokenHttpClient.layer()
        ])
      )
    )
  )

/** The token for the flags `--scopes`, `--timeout` and `--verbose`. */
export const forRun = (run: Run): Effect.Effect<AccessToken, Failure | ConfigError | TokenError> =>
  Effect.gen(function*() {
    const budget = yield* Flags.duration(run, "timeout")
    const settings = yield* Settings.config(yield* Flags.scopes(run))
    const { retry, step } = Progress.forProcess(Flags.isSet(run, "verbose"))
    yield* step(`Requesting a token at ${settings.environment.tokenUrl} for ${settings.scopes.join(", ")}.`)
    const [time, token] = yield* Effect.timed(request(settings, { budget, retry }))
    yield* step(`Got a token after ${Progress.milliseconds(time)}.`)
    return token
  })
