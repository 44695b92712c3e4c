/*
 * What `tilia doctor` says of what it has seen: one line for each check, and the exit status. Pure.
 */
import type { AccessToken } from "@effect-tilia/core/AccessToken"
import * as Printable from "@effect-tilia/core/Printable"
import * as Scopes from "@effect-tilia/core/Scopes"
import type { InvalidInputError, TokenError } from "@effect-tilia/core/TokenError"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Struct from "effect/Struct"
import * as Failure from "./Failure.js"
import type { Proxy } from "./Proxy.js"
import type { Settings } from "./Settings.js"
import * as Unreachable from "./Unreachable.js"

/** A response of the server, and when the request for it was sent and answered, in milliseconds since 1970. */
export interface Response {
  readonly status: number
  readonly date: string | undefined
  readonly sentAt: number
  readonly receivedAt: number
}

export interface Connection {
  readonly protocol: string | null
  /** The end of the certificate's validity, as the certificate states it. */
  readonly validTo: string
}

/**
 * What was seen. What is absent was not looked at, because something that it needs has failed. What a server or the
 * network has thrown is `unknown`.
 */
export interface Seen {
  readonly settings: Either.Either<Settings, ConfigError | TokenError>
  readonly proxy?: Either.Either<Option.Option<Proxy>, InvalidInputError>
  readonly dns?: Either.Either<ReadonlyArray<string>, unknown>
  readonly tls?: Either.Either<Connection, unknown>
  readonly server?: Either.Either<Response, unknown>
  readonly token?: Either.Either<AccessToken, TokenError>
  readonly origins?: ReadonlyArray<readonly [origin: string, result: Either.Either<Response, unknown>]>
}

export interface Line {
  readonly check: string
  readonly result: "ok" | "warning" | "failed" | "skipped"
  readonly message: string
  readonly todo?: string
}

/** A line, and the exit status of the command if it is the first one that has failed. */
type Verdict = Omit<Line, "check"> & { readonly exitStatus?: Failure.Status }

const ok = (message: string): Verdict => ({ result: "ok", message })

const warning = (message: string, todo: string): Verdict => ({ result: "warning", message, todo })

const skipped = (message: string): Verdict => ({ result: "skipped", message })

const failed = (exitStatus: Failure.Status, message: string, todo: string): Verdict => ({
  result: "failed",
  message,
  todo,
  exitStatus
})

const refused = (error: Failure.LibraryError, todo: string): Verdict => {
  const { error: { message }, exitStatus } = Failure.fromError(error, "json")
  return failed(exitStatus, message, todo)
}

const unreachable = (subject: string, cause: unknown): Verdict => {
  const { exitStatus, message, todo } = Unreachable.reason(cause)
  return failed(exitStatus, `${subject}: ${message}`, todo)
}

const hostOf = ({ environment }: Settings): string => new URL(environment.authUrl).hostname

const settings = ({ settings }: Seen): Verdict =>
  Either.match(settings, {
    onLeft: (error) => refused(error, "Set or correct these variables of the environment."),
    onRight: ({ environment, scopes }) => ok(`a token for ${scopes.join(", ")} from ${environment.tokenUrl}`)
  })

const proxy = ({ proxy }: Seen): Verdict | undefined =>
  proxy && Either.match(proxy, {
    onLeft: (error) => refused(error, "Correct the variable, or unset it."),
    onRight: Option.match({
      onNone: () => ok("none for this server"),
      onSome: ({ url, variable }) => ok(`${url}, by ${variable}`)
    })
  })

const proxyOf = ({ proxy }: Seen): Proxy | undefined =>
  Option.getOrUndefined(Option.flatten(Option.flatMap(Option.fromNullable(proxy), Either.getRight)))

/** Where a proxy makes the connection, this machine neither looks up the name nor sees the certificate. */
const byProxy = (seen: Seen): boolean => proxyOf(seen) !== undefined

const dns = (seen: Seen, settings: Settings): Verdict | undefined => {
  if (byProxy(seen)) return skipped("the proxy looks up the name")
  return seen.dns && Either.match(seen.dns, {
    onLeft: (cause) => unreachable(hostOf(settings), cause),
    onRight: (addresses) => ok(`${hostOf(settings)} is ${addresses.join(", ")}`)
  })
}

const tls = (seen: Seen, settings: Settings): Verdict | undefined => {
  if (settings.environment.authUrl.startsWith("http:")) return skipped("not used on loopback")
  if (byProxy(seen)) return skipped("the connection goes through the proxy")
  return seen.tls && Either.match(seen.tls, {
    onLeft: (cause) => unreachable(hostOf(settings), cause),
    onRight: ({ protocol, validTo }) => ok(`${protocol ?? "TLS"}, certificate valid until ${validTo}`)
  })
}

const server = (seen: Seen, { environment: { authUrl } }: Settings): Verdict | undefined => {
  const proxy = proxyOf(seen)
  const subject = proxy === undefined ? authUrl : `${authUrl} through the proxy ${proxy.url}`
  return seen.server && Either.match(seen.server, {
    onLeft: (cause) => unreachable(subject, cause),
    onRight: ({ receivedAt, sentAt, status }) =>
      status === 407
        ? unreachable(subject, { code: "ProxyAuthenticationError" })
        : ok(`responds (HTTP ${status}) after ${receivedAt - sentAt} ms`)
  })
}

/**
 * How far the server's clock is ahead, in milliseconds. Its `Date` has whole seconds and was written between sending
 * and receiving, so this is the smallest difference that explains it.
 */
export const skew = (date: number, { receivedAt, sentAt }: Response): number => {
  const [least, most] = [date - receivedAt, date + 999 - sentAt]
  return least > 0 ? least : Math.min(0, most)
}

/** In milliseconds. Servers allow as much, or little more, between their clocks and those of tokens. */
const tolerance = 5_000

const clock = ({ server }: Seen): Verdict | undefined => {
  if (server === undefined || Either.isLeft(server)) return undefined
  const date = Date.parse(server.right.date ?? "")
  if (Number.isNaN(date)) return skipped("the server does not tell its time")
  const ahead = skew(date, server.right)
  if (Math.abs(ahead) <= tolerance) return ok("as that of the server")
  const difference = Duration.format(Duration.seconds(Math.round(Math.abs(ahead) / 1000)))
  return warning(
    `the clock of this machine is ${difference} ${ahead > 0 ? "behind" : "ahead of"} that of the server`,
    "Set it (NTP). Until then times in tokens are misread, as by tilia inspect."
  )
}

const credentials = ({ token }: Seen): Verdict | undefined =>
  token && Either.match(token, {
    onLeft: (error) =>
      error._tag === "InvalidScopeError"
        ? ok("accepted")
        : refused(
          error,
          error.retryable
            ? "Try again later. tilia token --verbose shows each attempt."
            : "Check TILIA_CLIENT_ID and the secret, and that both belong to this environment."
        ),
    onRight: () => ok("accepted")
  })

const scopes = ({ token }: Seen, settings: Settings): Verdict | undefined => {
  if (token === undefined) return undefined
  if (Either.isLeft(token)) {
    return token.left._tag === "InvalidScopeError"
      ? refused(token.left, "Correct TILIA_SCOPES, or ask the vendor for these scopes.")
      : undefined
  }
  const missing = Scopes.missing(settings.scopes, token.right.scopes)
  return missing.length === 0
    ? ok(`all granted: ${token.right.scopes.join(", ")}`)
    : warning(`not granted: ${missing.join(", ")}`, "Ask the vendor for these scopes, or do not request them.")
}

const origins = ({ origins }: Seen): Verdict | undefined => {
  if (origins === undefined) return undefined
  if (origins.length === 0) {
    return warning("none: no API may receive the token", "List the origins of the APIs in TILIA_API_ORIGINS.")
  }
  const silent = origins.flatMap(([origin, result]) => Either.isLeft(result) ? [[origin, result.left] as const] : [])
  const [first] = silent
  if (first === undefined) return ok(`all respond: ${origins.map(([origin]) => origin).join(", ")}`)
  const { exitStatus, message, todo } = Unreachable.reason(first[1])
  return failed(exitStatus, `no response from ${silent.map(([origin]) => origin).join(", ")}: ${message}`, todo)
}

/** Each check needs the settings. `undefined` means that it was not made. */
const checks: ReadonlyArray<readonly [name: string, verdict: (seen: Seen, settings: Settings) => Verdict | undefined]> =
  [
    ["proxy", proxy],
    ["DNS", dns],
    ["TLS", tls],
    ["server", server],
    ["clock", clock],
    ["credentials", credentials],
    ["scopes", scopes],
    ["API origins", origins]
  ]

export interface Diagnosis {
  readonly lines: ReadonlyArray<Line>
  readonly exitStatus: 0 | Failure.Status
}

export const make = (seen: Seen): Diagnosis => {
  const found: Array<readonly [name: string, verdict: Verdict | undefined]> = [
    ["settings", settings(seen)],
    ...checks.map(([name, verdict]) =>
      [name, Either.isRight(seen.settings) ? verdict(seen, seen.settings.right) : undefined] as const
    )
  ]
  const [culprit, first] = found.find(([, verdict]) => verdict?.result === "failed") ?? []
  return {
    lines: found.map(([check, verdict = skipped(`it needs what has failed: ${culprit ?? ""}`)]) => ({
      check,
      ...Struct.omit(verdict, "exitStatus"),
      message: Printable.make(verdict.message)
    })),
    exitStatus: first?.exitStatus ?? 0
  }
}

const columns = "skipped  API origins  ".length

export const text = ({ lines }: Diagnosis): string =>
  lines.flatMap(({ check, message, result, todo }) => [
    `${result.padEnd(7)}  ${check.padEnd(11)}  ${message}`,
    ...(todo === undefined ? [] : [`${" ".repeat(columns)}→ ${todo}`])
  ]).join("\n")

export const json = ({ exitStatus, lines }: Diagnosis): string =>
  JSON.stringify({ ok: exitStatus === 0, exitStatus, checks: lines })
