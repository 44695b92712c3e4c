/*
 * Why a server gave no response: from what Node, OpenSSL or undici throws to a sentence and what to do. Only the codes
 * along the causes are used, because the error itself holds the request. Pure.
 */
import * as Predicate from "effect/Predicate"
import * as Failure from "./Failure.js"

export interface Reason {
  readonly message: string
  readonly todo: string
  readonly exitStatus: 3 | 4
}

/** All codes and names of errors along the causes, the outermost first. The causes may form a ring. */
const codes = (cause: unknown): ReadonlyArray<string> => {
  const causes = new Set([cause])
  for (const error of causes) {
    if (!Predicate.isRecord(error) || causes.size > 64) continue
    const inner = Array.isArray(error["errors"]) ? error["errors"].slice(0, 8) : [error["cause"]]
    for (const each of inner) causes.add(each)
  }
  return [...causes].flatMap((error) =>
    Predicate.isRecord(error) ? [error["code"], error["name"]].filter(Predicate.isString) : []
  )
}

/** The first pattern that fits decides. */
const reasons: ReadonlyArray<readonly [RegExp, Reason]> = [
  [/^ProxyAuthenticationError$/, {
    message: "the proxy refused its user and password, or needs them",
    todo: "Put the right ones into the URL in HTTPS_PROXY.",
    exitStatus: 3
  }],
  [/^UND_ERR_PRX_CONN$/, {
    message: "the proxy opened no connection to it",
    todo: "Ask whoever runs the proxy, or list the host in NO_PROXY if the proxy is not needed.",
    exitStatus: 4
  }],
  [/^(ENOTFOUND|ENODATA)$/, {
    message: "the name of its host does not exist",
    todo: "Check the spelling of the URL, and that this machine is in the right network (VPN).",
    exitStatus: 4
  }],
  [/^EAI_/, {
    message: "no DNS server responds",
    todo: "Check the network of this machine.",
    exitStatus: 4
  }],
  [/^ECONNREFUSED$/, {
    message: "nothing listens there",
    todo: "Check the port, and that the server runs.",
    exitStatus: 4
  }],
  [/^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|UND_ERR_HEADERS_TIMEOUT|TimeoutException)$/, {
    message: "it does not respond",
    todo: "Check the firewall, and whether a proxy is needed (HTTPS_PROXY).",
    exitStatus: 4
  }],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, {
    message: "its certificate has expired or is not valid yet",
    todo: "Check the clock of this machine. If it is right, the server needs another certificate.",
    exitStatus: 3
  }],
  [/^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/, {
    message: "its certificate is for another host",
    todo: "Check the spelling of the URL.",
    exitStatus: 3
  }],
  [/^(SELF_SIGNED_CERT.*|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_.+)$/, {
    message: "its certificate is of an authority that this machine does not trust",
    todo: "If the authority is your own, set NODE_EXTRA_CA_CERTS to the file of its certificate.",
    exitStatus: 3
  }],
  [/^(ERR_(TLS|SSL|OSSL)_.+|EPROTO|.*CERT.*|CRL_.+|INVALID_(CA|PURPOSE))$/, {
    message: "no TLS connection is possible",
    todo: "Check the URL, and that the server speaks TLS 1.2 or later.",
    exitStatus: 3
  }]
]

const other: Reason = {
  message: "the connection broke",
  todo: "Try again. If it stays so, check the proxy and the firewall.",
  exitStatus: 4
}

export const reason = (cause: unknown): Reason => {
  for (const code of codes(cause)) {
    const found = reasons.find(([pattern]) => pattern.test(code))
    if (found !== undefined) return found[1]
  }
  return other
}

/** The failure of a command that needs the server. */
export const failure = (server: string, cause: unknown, format: Failure.Failure["format"]): Failure.Failure => {
  const { exitStatus, message, todo } = reason(cause)
  return new Failure.Failure({
    error: {
      _tag: "TransportError",
      message: `${server} gave no response: ${message}. ${todo}`,
      retryable: exitStatus === 4
    },
    exitStatus,
    format
  })
}
