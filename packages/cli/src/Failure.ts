/*
 * What a command may fail with, as an operator and a script meet it: a block of text or one JSON object, and an exit
 * status. Pure; tested by a table.
 */
import type { ClaimsError } from "@effect-tilia/core/AccessToken"
import type { TokenError } from "@effect-tilia/core/TokenError"
import * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"

/** 2: bad input or configuration; 3: refused, trying again is useless; 4: unavailable, try again later. */
export type Status = 2 | 3 | 4

export class Failure extends Data.TaggedError("Failure")<{
  readonly error: {
    readonly _tag: string
    readonly message: string
    readonly retryable: boolean
    readonly status?: number
  }
  readonly exitStatus: Status
  readonly format: "text" | "json"
}> {}

/** A setting a line. What a `Config` expected is kept where it is ours; no value ever is. */
const settings = (error: ConfigError.ConfigError): ReadonlyArray<string> => {
  if (error._op === "And" || error._op === "Or") return [...settings(error.left), ...settings(error.right)]
  const name = error.path.join("_")
  if (error._op !== "MissingData") return [`${name} ${error.message}`]
  return [/^Expected /.test(error.message) ? `${name} is not set` : `${name} is not set: ${error.message}`]
}

const nothingWasSent = new Set(["ClaimsError", "CredentialsError", "InvalidInputError"])

const exitStatus = ({ _tag, retryable }: Failure["error"]): Status => {
  if (retryable) return 4
  return nothingWasSent.has(_tag) ? 2 : 3
}

export const fromError = (
  error: ClaimsError | ConfigError.ConfigError | TokenError,
  format: Failure["format"]
): Failure => {
  if (ConfigError.isConfigError(error)) {
    const message = [...new Set(settings(error))].join(format === "json" ? "; " : "\n  ")
    return new Failure({ error: { _tag: "ConfigError", message, retryable: false }, exitStatus: 2, format })
  }
  const { _tag, message } = error
  const shown = {
    _tag,
    message,
    retryable: "retryable" in error && error.retryable,
    ...(Predicate.hasProperty(error, "status") && Predicate.isNumber(error.status) && { status: error.status })
  }
  return new Failure({ error: shown, exitStatus: exitStatus(shown), format })
}

export const render = ({ error, format }: Failure): string => {
  if (format === "json") return JSON.stringify(error)
  if (error._tag === "ConfigError") {
    return `ConfigError: the configuration is not complete, or wrong:\n  ${error.message}`
  }
  return `${error._tag}: ${error.message}`
}
