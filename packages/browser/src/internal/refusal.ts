/*
 * What a page's Content-Security-Policy forbids, told as what it is (B3). It cannot succeed later.
 */
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"

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
