/*
 * The bearer's origin check: which requests may carry the token (A1). Pure.
 */
import type * as Headers from "@effect/platform/Headers"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Either from "effect/Either"
import { isSafe } from "../safeUrl.js"

/** Where the token may go: to this origin, and there to this path and below it. The path ends with a slash. */
interface Target {
  readonly origin: string
  readonly path: string
}

export type Targets = ReadonlyArray<Target>

/** The targets that these `apiOrigins` name. They have been normalized. */
export const targetsOf = (apiOrigins: ReadonlyArray<string>): Targets =>
  apiOrigins.map((listed) => {
    const { origin, pathname } = new URL(listed)
    return { origin, path: pathname }
  })

/** How often a path may be encoded. Each time takes a pass over all of it, and no honest path is encoded more often. */
const mostEncodings = 8

/** The path as a server sees it that decodes it again and again; `undefined` if that does not end, or in no UTF-8. */
const fullyDecoded = (path: string, encodings = mostEncodings): string | undefined => {
  try {
    const decoded = decodeURIComponent(path)
    if (decoded === path) return path
    return encodings > 0 ? fullyDecoded(decoded, encodings - 1) : undefined
  } catch {
    return undefined
  }
}

/** A backslash, or a dot segment that `URL` takes for a name, as `..;`: a server may drop what follows the dots. */
const leadsOut = /\\|\/\.{1,2}(?![.\w-])/

/** Whether no server could take this path for one of another depth than it has for a `URL`. */
const isPlain = (pathname: string): boolean => {
  const decoded = fullyDecoded(pathname)
  return decoded !== undefined && decoded.split("/").length === pathname.split("/").length && !leadsOut.test(decoded)
}

/**
 * A `URL` has resolved dot segments, encoded ones too. The slash at the end makes a prefix match whole segments. Some
 * clients send the fragment with the path, and a server might resolve dot segments in it.
 */
const isBelow = ({ hash, pathname }: URL, path: string): boolean =>
  path === "/" || (`${pathname}/`.startsWith(path) && isPlain(pathname) && hash === "")

/** Another host in the `Host` header. undici checks the server's certificate against that, and not against the URL. */
const otherHost = (headers: Headers.Headers, url: URL): string | undefined => {
  const other = Object.entries(headers).find(([name, value]) =>
    name.toLowerCase() === "host" && value.toLowerCase() !== url.host
  )
  return other && `${url.protocol}//${other[1]}`
}

/**
 * The origin of a request that must not carry the token; `undefined` if it may. It may if its URL is at or below one of
 * the targets, HTTPS or loopback, and contains no user info, and if no `Host` header names another host.
 */
export const forbiddenOrigin = (
  { hash, headers, url, urlParams }: HttpClientRequest.HttpClientRequest,
  targets: Targets
): string | undefined =>
  Either.match(UrlParams.makeUrl(url, urlParams, hash), {
    onLeft: () => "what is no URL",
    onRight: (url) => {
      const isListed = targets.some(({ origin, path }) => origin === url.origin && isBelow(url, path))
      return isListed && isSafe(url) ? otherHost(headers, url) : url.origin
    }
  })
