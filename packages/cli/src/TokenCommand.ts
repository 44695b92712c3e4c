/*
 * `tilia token`: one token on standard output.
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

/** Read in one piece, so that the error names all that is missing or wrong. */
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
  scopes: Flags.scopes("The scopes to ask for, separated by commas. Without it: TILIA_SCOPES."),
  timeout: Flags.duration("timeout", "30 seconds").pipe(
    Options.withDescription("The time for all attempts together, as \"15 seconds\" or \"500 millis\".")
  ),
  format: Options.choice("format", ["raw", "json", "header"]).pipe(
    Options.withDefault("raw"),
    Options.withDescription("raw: the token alone. json: with its life and scopes. header: a line for curl -H.")
  )
}, ({ format, ...flags }) =>
  requestToken(flags).pipe(
    Effect.flatMap(formats[format]),
    Effect.flatMap(Console.log),
    Effect.mapError((error) => Failure.fromError(error, format === "json" ? "json" : "text"))
  )).pipe(Command.withDescription(Help.page({
    summary: "Gets one token and prints it on standard output.",
    examples: [
      ["tilia token", "with TILIA_SCOPES"],
      ["tilia token --scopes user_info,write_invoices", "these scopes, whatever TILIA_SCOPES says"],
      [
        "tilia token --format header | curl -H @- https://…",
        "one authorized call; the token stays out of the list of processes"
      ],
      ["tilia token --format json | tilia inspect", "what is in it?"]
    ],
    notes: [
      "Who asks: TILIA_CLIENT_ID, and TILIA_CLIENT_SECRET or TILIA_CLIENT_SECRET_FILE. No flag takes a secret.",
      "Whom: TILIA_ENVIRONMENT (production or staging), or TILIA_AUTH_URL."
    ]
  })))
