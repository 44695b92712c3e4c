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
  /** Whether Node is told not to verify certificates. The check of TLS verifies them in any case. */
  readonly ignoresCertificates?: boolean
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

const proxyOf = ({ proxy }: Pick<Seen, "proxy">): Proxy | undefined =>
  Option.getOrUndefined(Option.flatten(Option.flatMap(Option.fromNullable(proxy), Either.getRight)))

/** Where a proxy makes the connection, this machine neither looks up the name nor sees the certificate. */
const byProxy = (seen: Pick<Seen, "proxy">): boolean => proxyOf(seen) !== undefined

const dns = (seen: Seen, settings: Settings): Verdict | undefined => {
  if (byProxy(seen)) return skipped("the proxy looks up the name")
  return seen.dns && Either.match(seen.dns, {
    onLeft: (cause) => unreachable(hostOf(settings), cause),
    onRight: (addresses) => ok(`${hostOf(settings)} is ${addresses.join(", ")}`)
  })
}

const handshake = (seen: Seen, settings: Settings): Verdict | undefined => {
  if (settings.environment.authUrl.startsWith("http:")) return skipped("not used on loopback")
  if (byProxy(seen)) return skipped("the connection goes through the proxy")
  return seen.tls && Either.match(seen.tls, {
    onLeft: (cause) => unreachable(hostOf(settings), cause),
    onRight: ({ protocol, validTo }) => ok(`${protocol ?? "TLS"}, certificate valid until ${validTo}`)
  })
}

/**
 * Whether the secret would go to a server whose certificate nothing verifies: the HTTP client does not, and the
 * check of TLS cannot see it behind a proxy. Nothing is sent then (L8).
 */
export const isUnverifiable = (
  seen: Pick<Seen, "ignoresCertificates" | "proxy">,
  { environment: { authUrl } }: Settings
): boolean => seen.ignoresCertificates === true && byProxy(seen) && authUrl.startsWith("https:")

const ignored = "NODE_TLS_REJECT_UNAUTHORIZED is 0, which turns off the verification of certificates"

const unset = "Unset NODE_TLS_REJECT_UNAUTHORIZED: the other commands and your programs would trust any server."

const tls = (seen: Seen, settings: Settings): Verdict | undefined => {
  const verdict = handshake(seen, settings)
  if (verdict === undefined || seen.ignoresCertificates !== true) return verdict
  const message = `${verdict.message}; ${ignored}`
  if (verdict.result === "failed") return { ...verdict, message, todo: `${verdict.todo} ${unset}` }
  return isUnverifiable(seen, settings) ? failed(2, message, unset) : warning(message, unset)
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

/** What to do about an error of the token request. That of `InvalidScopeError` is in the line of the scopes. */
const advice: Readonly<Record<Exclude<TokenError["_tag"], "InvalidScopeError">, string>> = {
  InvalidInputError: "Set or correct this variable of the environment.",
  CredentialsError: "Check the file in TILIA_CLIENT_SECRET_FILE.",
  InvalidRequestError: "Check TILIA_CLIENT_ID, the secret and TILIA_SCOPES.",
  InvalidClientError: "Check TILIA_CLIENT_ID and the secret, and that both belong to this environment.",
  RateLimitedError: "Try again later. tilia token --verbose shows each attempt.",
  ServiceUnavailableError: "Try again later. tilia token --verbose shows each attempt.",
  UnexpectedResponseError:
    "Check TILIA_AUTH_URL or TILIA_ENVIRONMENT, and whether a proxy or a gateway responds there.",
  TokenTransportError: "Check TILIA_AUTH_URL or TILIA_ENVIRONMENT, and the network and the proxy of this machine.",
  TokenTimeoutError: "Try again later. If it stays so, check the proxy and the firewall."
}

const credentials = ({ token }: Seen): Verdict | undefined =>
  token && Either.match(token, {
    onLeft: (error) =>
      error._tag === "InvalidScopeError"
        ? ok("accepted")
        : refused(error, advice[error._tag]),
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
