/*
 * The bearer's origin check: which requests may carry the token (A1). Pure.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Either from "effect/Either"
import { isSafe } from "../safeUrl.js"

/**
 * The origin of a request that must not carry the token; `undefined` if it may. It may if its URL is one of the listed
 * origins, HTTPS or loopback, and contains no user info.
 */
export const forbiddenOrigin = (
  { hash, url, urlParams }: HttpClientRequest.HttpClientRequest,
  apiOrigins: ReadonlySet<string>
): string | undefined =>
  Either.match(UrlParams.makeUrl(url, urlParams, hash), {
    onLeft: () => "what is no URL",
    onRight: (url) => apiOrigins.has(url.origin) && isSafe(url) ? undefined : url.origin
  })
