/*
 * The failure of a command: the text or the JSON object that it prints, and its exit status. All of it is pure, so that
 * tables can test it.
 */
import type { ClaimsError } from "@effect-tilia/core/AccessToken"
import type { ForbiddenOriginError } from "@effect-tilia/core/AuthorizedHttpClient"
import type { TokenError } from "@effect-tilia/core/TokenError"
import * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"

/**
 * `2`: the input or the configuration is wrong. `3`: the server refused, and trying again does not help. `4`: the
 * server is unavailable, and trying again later may help.
 */
export type Status = 2 | 3 | 4

/** What every command fails with. */
export class Failure extends Data.TaggedError("Failure")<{
  /** What is printed. */
  readonly error: {
    readonly _tag: string
    readonly message: string
    readonly retryable: boolean
    readonly status?: number
  }
  readonly exitStatus: Status
  readonly format: "text" | "json"
}> {}

/**
 * One line for each setting that is missing or wrong. A message of Effect's own (`Expected …`) is replaced. No line
 * contains a value.
 */
const settings = (error: ConfigError.ConfigError): ReadonlyArray<string> => {
  if (error._op === "And" || error._op === "Or") return [...settings(error.left), ...settings(error.right)]
  const name = error.path.join("_")
  if (error._op !== "MissingData") return [`${name} ${error.message}`]
  return [/^Expected /.test(error.message) ? `${name} is not set` : `${name} is not set: ${error.message}`]
}

const nothingWasSent = new Set(["ClaimsError", "CredentialsError", "ForbiddenOriginError", "InvalidInputError"])

const exitStatus = ({ _tag, retryable }: Failure["error"]): Status => {
  if (retryable) return 4
  return nothingWasSent.has(_tag) ? 2 : 3
}

/** The exit status for the status of a response: as that of an error of the library with this status (L10). */
export const exitStatusOf = (status: number): 0 | 3 | 4 => {
  if (status >= 200 && status < 300) return 0
  const isRetryable = [408, 425, 429].includes(status) || (status >= 500 && status !== 501 && status !== 505)
  return isRetryable ? 4 : 3
}

/** What the library fails with. */
export type LibraryError = ClaimsError | ConfigError.ConfigError | ForbiddenOriginError | TokenError

/** The failure for an error of the library. */
export const fromError = (error: LibraryError, format: Failure["format"]): Failure => {
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

/** Makes each error of the library a `Failure`. */
export const orFail =
  (format: Failure["format"]) =>
  <A, R>(effect: Effect.Effect<A, Failure | LibraryError, R>): Effect.Effect<A, Failure, R> =>
    Effect.mapError(effect, (error) => error instanceof Failure ? error : fromError(error, format))

/** The failure as it is printed. */
export const render = ({ error, format }: Failure): string => {
  if (format === "json") return JSON.stringify(error)
  if (error._tag === "ConfigError") {
    return `ConfigError: some settings are missing or wrong:\n  ${error.message}`
  }
  return `${error._tag}: ${error.message}`
}
