/*
 * CORS for the pages that call the sandbox (X6). The middleware of platform adds its headers in the server, so a
 * sandbox without a server would have none.
 */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"

/** The headers that let the page of this request read the response. There are none if its origin is not allowed. */
export const headersFor = (
  allowed: ReadonlyArray<string>,
  { headers: { origin } }: HttpServerRequest.HttpServerRequest
): Readonly<Record<string, string>> =>
  origin !== undefined && (allowed.includes("*") || allowed.includes(origin))
    ? {
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "retry-after, www-authenticate",
      "vary": "origin"
    }
    : {}

/** The response to a preflight; `undefined` if the request is not one. It allows what the page asks for. */
export const preflightOf = (
  { headers, method }: HttpServerRequest.HttpServerRequest
): HttpServerResponse.HttpServerResponse | undefined => {
  const requested = headers["access-control-request-method"]
  if (method !== "OPTIONS" || requested === undefined) return undefined
  return HttpServerResponse.empty({
    headers: {
      "access-control-allow-headers": headers["access-control-request-headers"] ?? "",
      "access-control-allow-methods": requested
    }
  })
}
