/*
 * Failures on the way: from what an HTTP client throws to our own errors. A client's own error holds the request and
 * prints it, so only the codes along its chain of causes are used. Pure.
 */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as Arr from "effect/Array"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { InvalidInputError, TokenTimeoutError, TokenTransportError, type TransportReason } from "../../TokenError.js"

type Kind = TransportReason | "Timeout"

/** The codes of Node, OpenSSL and undici; the first pattern that fits decides. */
const kinds: ReadonlyArray<readonly [RegExp, Kind]> = [
  [/^(ENOTFOUND|EAI_.+|ENODATA)$/, "Dns"],
  [/^ECONNREFUSED$/, "Refused"],
  [/^(ETIMEDOUT|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT)$/, "Timeout"],
  [
    /^(ECONNRESET|ECONNABORTED|EPIPE|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/,
    "Reset"
  ],
  [
    /^(ERR_(TLS|SSL|OSSL)_.+|EPROTO|.*CERT.*|UNABLE_TO_.+|CRL_.+|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED)$/,
    "Tls"
  ],
  [/^ERR_BLOCKED_BY_CSP$/, "Blocked"] // the name that Chromium has for it, given by our client for browsers (B3)
]

/** All error codes along the causes, the outermost first. The causes may be many, and may form a ring. */
const codes = (cause: unknown): ReadonlyArray<string> => {
  const causes = new Set([cause])
  for (const error of causes) {
    if (!Predicate.isRecord(error) || causes.size > 64) continue
    const inner = Array.isArray(error["errors"]) ? error["errors"].slice(0, 8) : [error["cause"]]
    for (const each of inner) causes.add(each)
  }
  return [...causes].flatMap((error) =>
    Predicate.isRecord(error) && Predicate.isString(error["code"]) ? [error["code"]] : []
  )
}

const kindOf = (cause: unknown): Kind =>
  Arr.findFirst(codes(cause), (code) => Arr.findFirst(kinds, ([pattern]) => pattern.test(code))).pipe(
    Option.match({ onNone: () => "Other", onSome: ([, kind]) => kind })
  )

/** The error of a request that got no complete response. */
export const fromHttpClientError = (
  error: HttpClientError.HttpClientError,
  context: { readonly tokenUrl: string; readonly attempts: number }
): InvalidInputError | TokenTimeoutError | TokenTransportError => {
  // Nothing was sent. Only a mediator's URL may be a path. Where a page has no origin, as in a worker that was made of
  // a blob, platform's own client cannot send to a whole URL either (B3).
  if (error.reason === "InvalidUrl") {
    return new InvalidInputError(
      context.tokenUrl.startsWith("/")
        ? { setting: "mediatorUrl", expected: "a whole URL, since a path has no origin here" }
        : {
          setting: "the HTTP client",
          expected: "one that sends to a whole URL, as BrowserTokenHttpClient does where a page has no origin"
        }
    )
  }
  const kind = kindOf(error.cause)
  return kind === "Timeout" ? new TokenTimeoutError(context) : new TokenTransportError({ ...context, reason: kind })
}
