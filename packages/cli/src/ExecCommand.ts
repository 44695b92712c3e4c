/*
 * `tilia exec`: runs a command with a new token in its environment.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Run } from "./Arguments.js"
import * as Child from "./Child.js"
import * as Failure from "./Failure.js"
import type { Signals } from "./Signals.js"
import * as Token from "./Token.js"

/** A command that gets a token does not need the secret, which is valid for longer (L9). */
export const environment = (token: string, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("TILIA_CLIENT_SECRET"))),
  TILIA_ACCESS_TOKEN: token
})

export const run = (args: Run): Effect.Effect<number, Failure.Failure, Signals> =>
  Effect.gen(function*() {
    const { value } = yield* Token.forRun(args).pipe(Failure.orFail("text"))
    return yield* Child.run(args.child, environment(Redacted.value(value)))
  })
