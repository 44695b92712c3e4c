/*
 * `tilia token`: prints one token on standard output.
 */
import * as AccessToken from "@effect-tilia/core/AccessToken"
import * as ClientCredentials from "@effect-tilia/core/ClientCredentials"
import * as Environment from "@effect-tilia/core/Environment"
import * as Scopes from "@effect-tilia/core/Scopes"
import * as TokenEndpoint from "@effect-tilia/core/TokenEndpoint"
import * as NodeClientCredentials from "@effect-tilia/node/NodeClientCredentials"
import * as NodeTokenHttpClient from "@effect-tilia/node/NodeTokenHttpClient"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Failure from "./Failure.js"
import * as Flags from "./Flags.js"
import * as Help from "./Help.js"

/** Reads all settings together, so that the error names everything that is missing or wrong. */
const settings = (scopes: Option.Option<Scopes.Scopes>) =>
  Config.all({
    credentials: NodeClientCredentials.config,
    environment: Environment.config,
    scopes: Option.match(scopes, { onNone: () => Scopes.config, onSome: Config.succeed })
  })

const requestToken = Effect.fnUntraced(
  function*(flags: { readonly scopes: Option.Option<Scopes.Scopes>; readonly timeout: Duration.Duration }) {
    const { credentials, environment, scopes } = yield* settings(flags.scopes)
    const endpoint = TokenEndpoint.layer({ budget: flags.timeout }).pipe(
      Layer.provide([
        ClientCredentials.layerEffect(credentials),
        Layer.succeed(Environment.Environment, environment),
        NodeTokenHttpClient.layer()
      ])
    )
    return yield* Effect.provide(
      Effect.flatMap(TokenEndpoint.TokenEndpoint, (endpoint) => endpoint.requestToken(scopes)),
      endpoint
    )
  }
)

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

export const command = Command.make("token", {
  scopes: Flags.scopes("The scopes to request, separated by commas. The default is TILIA_SCOPES."),
  timeout: Flags.duration("timeout", "30 seconds").pipe(
    Options.withDescription(
      "The time for all attempts together, as \"15 seconds\" or \"500 millis\". The default is 30 seconds."
    )
  ),
  format: Options.choice("format", ["raw", "json", "header"]).pipe(
    Options.withDefault("raw"),
    Options.withDescription(
      "raw, the default, prints the token alone. json adds its lifetime and scopes. header prints a line for curl -H."
    )
  )
}, ({ format, ...flags }) =>
  requestToken(flags).pipe(
    Effect.flatMap(formats[format]),
    Effect.flatMap(Console.log),
    Effect.mapError((error) => Failure.fromError(error, format === "json" ? "json" : "text"))
  )).pipe(Command.withDescription(Help.page({
    summary: "Requests a token and prints it on standard output.",
    examples: [
      ["tilia token", "requests the scopes of TILIA_SCOPES"],
      ["tilia token --scopes user_info,write_invoices", "requests these scopes, and ignores TILIA_SCOPES"],
      [
        "tilia token --format header | curl -H @- https://…",
        "makes an authorized call; the token does not appear in the list of processes"
      ],
      ["tilia token --format json | tilia inspect", "shows what the token contains"]
    ],
    notes: [
      "The credentials come from TILIA_CLIENT_ID, and TILIA_CLIENT_SECRET or TILIA_CLIENT_SECRET_FILE. No flag takes a secret.",
      "The server comes from TILIA_ENVIRONMENT (production or staging), or TILIA_AUTH_URL."
    ]
  })))
