/*
 * What a browser refuses to send, told as what it is (B3). Neither can succeed later.
 */
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"

/**
 * Refuses a path in a page or worker whose own address is no place on a server: platform would complete the path with
 * a host that does not exist. In a worker that was made of a blob, it would ask `https://shop.examplehttps`.
 */
export const checkPath = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientRequest.HttpClientRequest, HttpClientError.RequestError> =>
  request.url.startsWith("/") && !/^https?:$/.test(location.protocol)
    ? Effect.fail(new HttpClientError.RequestError({ request, reason: "InvalidUrl" }))
    : Effect.succeed(request)

const originOf = (url: string): string | undefined => {
  try {
    return new URL(url, location.href).origin
  } catch {
    return undefined
  }
}

const blocked = () => Object.assign(new Error("the Content-Security-Policy forbids it"), { code: "ERR_BLOCKED_BY_CSP" })

const nextTask = Effect.promise(() => new Promise((resolve) => setTimeout(resolve)))

/**
 * Names the Content-Security-Policy as the cause of a failure. fetch says only that it has failed; the browser tells
 * the rest by an event.
 */
export const tellCsp = <E, R>(
  send: Effect.Effect<HttpClientResponse.HttpClientResponse, E, R>,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, E | HttpClientError.RequestError, R> =>
  Effect.suspend(() => {
    let isBlocked = false
    const listen = ({ blockedURI, disposition, effectiveDirective }: SecurityPolicyViolationEvent) => {
      isBlocked ||= disposition === "enforce" && effectiveDirective === "connect-src" &&
        originOf(blockedURI) === originOf(request.url)
    }
    globalThis.addEventListener("securitypolicyviolation", listen)
    const reasonOf = (error: E) =>
      isBlocked ? new HttpClientError.RequestError({ request, reason: "Transport", cause: blocked() }) : error
    return send.pipe(
      // The event is a task of its own, which may come after the failure.
      Effect.catchAll((error) => Effect.zipRight(nextTask, Effect.suspend(() => Effect.fail(reasonOf(error))))),
      Effect.ensuring(Effect.sync(() => globalThis.removeEventListener("securitypolicyviolation", listen)))
    )
  })
