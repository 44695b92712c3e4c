/*
 * `tilia sandbox`: the local authorization server, until it is interrupted.
 */
import * as Scopes from "@effect-tilia/core/Scopes"
import type * as Faults from "@effect-tilia/sandbox/Faults"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Failure from "./Failure.js"
import * as Flags from "./Flags.js"
import * as Help from "./Help.js"
import * as Script from "./Script.js"

const variables = (url: string, scopes: ReadonlyArray<string>): string =>
  [
    `A sandbox of the Tilia API listens at ${url}. To use it from another shell:`,
    "",
    `export TILIA_AUTH_URL=${url}`,
    `export TILIA_API_ORIGINS=${url}`,
    `export TILIA_CLIENT_ID=${Sandbox.wellKnown.clientId}`,
    `export TILIA_CLIENT_SECRET=${Sandbox.wellKnown.clientSecret}`,
    `export TILIA_SCOPES=${scopes.join(",")}`,
    ""
  ].join("\n")

const line = ({ method, path, scopes = [], status }: Sandbox.Received): string =>
  [method, path, status ?? "(no answer)", ...(scopes.length > 0 ? [scopes.join(",")] : [])].join(" ")

const listen = Effect.fnUntraced(function*(scopes: ReadonlyArray<string>, faults: Iterable<Faults.Fault>) {
  const { url } = yield* NodeSandbox.NodeSandbox
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.script(faults)
  yield* Console.log(variables(url, scopes))
  yield* Stream.runForEach(sandbox.requests, (request) => Console.log(line(request)))
})

export const command = Command.make("sandbox", {
  port: Options.integer("port").pipe(
    Options.withDefault(0),
    Options.filterMap(
      (port) => port >= 0 && port < 65_536 ? Option.some(port) : Option.none(),
      "--port must be between 0 and 65535"
    ),
    Options.withDescription("The port to listen on; 0 takes a free one.")
  ),
  scopes: Flags.scopes("The scopes that the client may have, separated by commas. Without it: every known one."),
  life: Flags.duration("life", "1 hour").pipe(Options.withDescription("How long a token lives, a second or more.")),
  faults: Options.text("faults").pipe(
    Options.mapEffect((text) =>
      Effect.mapError(
        Script.parse(text),
        () =>
          Flags.refused(
            "--faults must be a list of: ok, a status, a status:seconds, delay:time, hang, reset, truncate, revoked"
          )
      )
    ),
    Options.withDefault([]),
    Options.withDescription(
      "What happens to the next token requests, one each: ok, 503, 429:60 (with Retry-After), \"delay:2 seconds\", hang, reset, truncate, revoked."
    )
  ),
  repeat: Options.boolean("repeat").pipe(Options.withDescription("Begin the faults again after the last."))
}, ({ faults, life, port, repeat, scopes }) => {
  const allowed = Option.getOrElse(scopes, (): ReadonlyArray<string> => Scopes.known)
  const shown = Option.getOrElse(scopes, () => ["user_info", "write_invoices"])
  return listen(shown, repeat && faults.length > 0 ? Script.cycle(faults) : faults).pipe(
    Effect.provide(
      NodeSandbox.layer({ port, tokenLifetime: life, clients: [{ ...Sandbox.wellKnown, scopes: allowed }] })
    ),
    Effect.mapError((error) => Failure.fromError(error, "text"))
  )
}).pipe(Command.withDescription(Help.page({
  summary: "Runs a local authorization server, on this machine only, until Ctrl-C.",
  examples: [
    ["tilia sandbox", "prints the variables to paste, then a line per request"],
    ["tilia sandbox --port 4010 --life \"5 seconds\"", "tokens that expire soon"],
    ["tilia sandbox --faults 503,429:2,ok --repeat", "an outage, a limit, then a token, again and again"]
  ]
})))
