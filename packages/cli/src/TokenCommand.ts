/*
 * `tilia token`: prints one token on standard output.
 */
import * as AccessToken from "@effect-tilia/core/AccessToken"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Run } from "./Arguments.js"
import * as Failure from "./Failure.js"
import * as Flags from "./Flags.js"
import * as Token from "./Token.js"

const formats = {
  raw: (token: AccessToken.AccessToken) => Effect.succeed(Redacted.value(token.value)),
  header: (token: AccessToken.AccessToken) => Effect.succeed(`Authorization: Bearer ${Redacted.value(token.value)}`),
  json: (token: AccessToken.AccessToken) =>
    Effect.map(AccessToken.remaining(token), (remaining) =>
      JSON.stringify({
        access_token: Redacted.value(token.value),
        token_type: token.tokenType,
        expires_in: Math.floor(Duration.toSeconds(remaining)),
        scope: token.scopes.join(","),
        expires_at: DateTime.formatIso(token.expiresAt)
      }))
}

export const run = (args: Run): Effect.Effect<number, Failure.Failure> =>
  Effect.gen(function*() {
    const format = yield* Flags.choice(args, "format", formats)
    const token = yield* Token.forRun(args).pipe(Failure.orFail(format === "json" ? "json" : "text"))
    yield* Console.log(yield* formats[format](token))
    return 0
  })
