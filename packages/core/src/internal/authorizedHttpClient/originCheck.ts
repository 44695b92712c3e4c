/*
 * The bearer's origin check: which requests may carry the token (A1). Pure.
 */
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

/** A slash or a backslash that a server might decode, and so leave the path that was checked. */
const encodedSeparator = /%(25)*(2f|5c)/i

/** A `URL` has resolved dot segments, encoded ones too. The slash at the end makes a prefix match whole segments. */
const isBelow = (pathname: string, path: string): boolean =>
  path === "/" || (`${pathname}/`.startsWith(path) && !encodedSeparator.test(pathname))

/**
 * The origin of a request that must not carry the token; `undefined` if it may. It may if its URL is at or below one of
 * the targets, HTTPS or loopback, and contains no user info.
 */
export const forbiddenOrigin = (
  { hash, url, urlParams }: HttpClientRequest.HttpClientRequest,
  targets: Targets
): string | undefined =>
  Either.match(UrlParams.makeUrl(url, urlParams, hash), {
    onLeft: () => "what is no URL",
    onRight: (url) => {
      const { origin, pathname } = url
      const isListed = targets.some((target) => target.origin === origin && isBelow(pathname, target.path))
      return isListed && isSafe(url) ? undefined : origin
    }
  })
