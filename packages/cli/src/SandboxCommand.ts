/*
 * `tilia sandbox`: runs the local authorization server until it is interrupted, or as long as a command runs.
 */
import * as Scopes from "@effect-tilia/core/Scopes"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Run } from "./Arguments.js"
import * as Child from "./Child.js"
import * as Failure from "./Failure.js"
import * as Flags from "./Flags.js"
import * as Script from "./Script.js"
import type { Signals } from "./Signals.js"

type Variables = Readonly<Record<string, string>>

/** The settings that make other programs use the sandbox. */
const settings = (url: string, scopes: ReadonlyArray<string>): Variables => ({
  TILIA_AUTH_URL: url,
  TILIA_API_ORIGINS: url,
  TILIA_CLIENT_ID: Sandbox.wellKnown.clientId,
  TILIA_CLIENT_SECRET: Sandbox.wellKnown.clientSecret,
  TILIA_SCOPES: scopes.join(",")
})

/** The settings as lines for a shell. */
const exportLines = (url: string, variables: Variables): string =>
  [
    `A sandbox of the Tilia API listens at ${url}. To use it, paste these lines into another shell:`,
    "",
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${value}`),
    ""
  ].join("\n")

/** The environment of a command: no setting of another server, and no proxy between it and the sandbox (L9). */
export const environment = (variables: Variables, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => {
  const others = Object.entries(env).filter(([name]) => !name.startsWith("TILIA_"))
  const direct = [env["no_proxy"] ?? env["NO_PROXY"], "127.0.0.1"].filter(Boolean).join(",")
  return { ...Object.fromEntries(others), ...variables, no_proxy: direct, NO_PROXY: direct }
}

const requestLine = ({ method, path, scopes = [], status }: Sandbox.Received): string =>
  [method, path, status ?? "(no response)", ...(scopes.length > 0 ? [scopes.join(",")] : [])].join(" ")

const faultsOf = (args: Run) =>
  Option.match(Flags.text(args, "faults"), {
    onNone: () => Effect.succeed([]),
    onSome: (text) =>
      Either.mapLeft(Script.parse(text), () =>
        Flags.invalid(
          "faults",
          "a list, separated by commas, of ok, <status>, <status>:<seconds>, delay:<time>, hang, reset, truncate, revoked"
        ))
  })

export const run = (args: Run): Effect.Effect<number, Failure.Failure, Signals> =>
  Effect.gen(function*() {
    const port = yield* Flags.port(args, "port")
    const tokenLifetime = yield* Flags.wholeSeconds(args, "lifetime")
    const scopes = yield* Flags.scopes(args)
    const faults = yield* faultsOf(args)
    const allowed = Option.getOrElse(scopes, (): ReadonlyArray<string> => Scopes.known)
    const shown = Option.getOrElse(scopes, () => ["user_info", "write_invoices"])
    const sandbox = yield* NodeSandbox.make({
      port,
      tokenLifetime,
      clients: [{ ...Sandbox.wellKnown, scopes: allowed }]
    })
    yield* sandbox.script(Flags.isSet(args, "repeat") && faults.length > 0 ? Script.cycle(faults) : faults)
    const variables = settings(sandbox.url, shown)
    const report = (print: (line: string) => Effect.Effect<void>) =>
      Stream.runForEach(sandbox.requests, (request) => print(requestLine(request)))
    if (args.child.length === 0) {
      yield* Console.log(exportLines(sandbox.url, variables))
      yield* report(Console.log)
      return 0
    }
    if (Flags.isSet(args, "verbose")) yield* Effect.forkScoped(report(Console.error))
    return yield* Child.run(args.child, environment(variables))
  }).pipe(Effect.scoped, Failure.orFail("text"))
