/*
 * `tilia sandbox`: runs the local authorization server until it is interrupted.
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

/** The settings that make other commands use the sandbox, as lines for a shell. */
const exportLines = (url: string, scopes: ReadonlyArray<string>): string =>
  [
    `A sandbox of the Tilia API listens at ${url}. To use it, paste these lines into another shell:`,
    "",
    `export TILIA_AUTH_URL=${url}`,
    `export TILIA_API_ORIGINS=${url}`,
    `export TILIA_CLIENT_ID=${Sandbox.wellKnown.clientId}`,
    `export TILIA_CLIENT_SECRET=${Sandbox.wellKnown.clientSecret}`,
    `export TILIA_SCOPES=${scopes.join(",")}`,
    ""
  ].join("\n")

const requestLine = ({ method, path, scopes = [], status }: Sandbox.Received): string =>
  [method, path, status ?? "(no response)", ...(scopes.length > 0 ? [scopes.join(",")] : [])].join(" ")

/** Prints the settings, and then one line for each request, until it is interrupted. */
const run = Effect.fnUntraced(function*(scopes: ReadonlyArray<string>, faults: Iterable<Faults.Fault>) {
  const { url } = yield* NodeSandbox.NodeSandbox
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.script(faults)
  yield* Console.log(exportLines(url, scopes))
  yield* Stream.runForEach(sandbox.requests, (request) => Console.log(requestLine(request)))
})

export const command = Command.make("sandbox", {
  port: Options.integer("port").pipe(
    Options.withDefault(0),
    Options.filterMap(
      (port) => port >= 0 && port < 65_536 ? Option.some(port) : Option.none(),
      "--port must be between 0 and 65535"
    ),
    Options.withDescription("The port to listen on. 0, the default, takes a free one.")
  ),
  scopes: Flags.scopes("The scopes that the client may request, separated by commas. The default is all known scopes."),
  lifetime: Flags.duration("lifetime", "1 hour").pipe(
    Options.withDescription("How long a token is valid, in whole seconds. The default is 1 hour.")
  ),
  faults: Options.text("faults").pipe(
    Options.mapEffect((text) =>
      Effect.mapError(
        Script.parse(text),
        () =>
          Flags.invalidFlag(
            "--faults must be a list, separated by commas, of: ok, <status>, <status>:<seconds>, delay:<time>, hang, reset, truncate, revoked"
          )
      )
    ),
    Options.withDefault([]),
    Options.withDescription(
      "What happens to the next token requests, one fault for each, separated by commas: ok, 503, 429:60 (with Retry-After), \"delay:2 seconds\", hang, reset, truncate, revoked."
    )
  ),
  repeat: Options.boolean("repeat").pipe(Options.withDescription("Starts the faults again after the last one."))
}, ({ faults, lifetime, port, repeat, scopes }) => {
  const allowed = Option.getOrElse(scopes, (): ReadonlyArray<string> => Scopes.known)
  const shown = Option.getOrElse(scopes, () => ["user_info", "write_invoices"])
  return run(shown, repeat && faults.length > 0 ? Script.cycle(faults) : faults).pipe(
    Effect.provide(
      NodeSandbox.layer({ port, tokenLifetime: lifetime, clients: [{ ...Sandbox.wellKnown, scopes: allowed }] })
    ),
    Effect.mapError((error) => Failure.fromError(error, "text"))
  )
}).pipe(Command.withDescription(Help.page({
  summary: "Runs a local authorization server until you press Ctrl-C. Only this machine can reach it.",
  examples: [
    ["tilia sandbox", "prints its settings, and then one line for each request"],
    ["tilia sandbox --port 4010 --lifetime \"5 seconds\"", "issues tokens that expire soon"],
    [
      "tilia sandbox --faults 503,429:2,ok --repeat",
      "responds with an outage, a rate limit and a token, and then starts again"
    ]
  ]
})))
