/*
 * Which proxy a request goes through, by the variables of the environment. undici decides that, and does not tell: this
 * module follows its `EnvHttpProxyAgent` line by line, so that `tilia doctor` says what undici does. Pure.
 */
import * as Option from "effect/Option"

export interface Proxy {
  /** The variable that names it. */
  readonly variable: string
  /** Without the user and the password. */
  readonly url: string
}

const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 }

/** Whether `NO_PROXY` lists the host: itself, or a domain that it belongs to, with or without a port. */
const isExcluded = ({ host, port, protocol }: URL, list: string): boolean => {
  if (list === "*") return true
  const name = host.replace(/:\d*$/, "").toLowerCase()
  const actualPort = Number(port) || defaultPorts[protocol]
  return list.split(/[,\s]/).filter(Boolean).some((entry) => {
    const [, listed = entry, listedPort] = /^(.+):(\d+)$/.exec(entry) ?? []
    const domain = listed.replace(/^\*?\./, "").toLowerCase()
    return (listedPort === undefined || Number(listedPort) === 0 || Number(listedPort) === actualPort) &&
      (name === domain || name.endsWith(`.${domain}`))
  })
}

const withoutUser = (url: string): string => URL.canParse(url) ? `${new URL(url).protocol}//${new URL(url).host}` : "?"

/** A variable in lower case counts before the one in upper case. An HTTPS server may use the proxy of HTTP. */
export const find = (url: URL, env: NodeJS.ProcessEnv): Option.Option<Proxy> => {
  const value = (name: string) => env[name.toLowerCase()] ?? env[name] ?? ""
  if (isExcluded(url, value("NO_PROXY"))) return Option.none()
  const variables = url.protocol === "https:" ? ["HTTPS_PROXY", "HTTP_PROXY"] : ["HTTP_PROXY"]
  return Option.map(
    Option.fromNullable(variables.find((name) => value(name) !== "")),
    (variable) => ({ variable, url: withoutUser(value(variable)) })
  )
}
