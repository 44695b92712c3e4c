/*
 * Requests from a page or worker whose own address is no place on a server, as a worker that was made of a blob, or a
 * frame of `srcdoc`. There, platform's client sends nothing: it takes the address for the base of every URL, also of a
 * whole one, and such an address is no base (B3). It is small, since each page pays for it (P7).
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** Gives the request to fetch. A raw body may be of any type, so it is passed on by reflection. */
const send = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function*() {
    const { body, headers, method, url, urlParams } = request
    const options = yield* FetchHttpClient.RequestInit
    const content: unknown = body._tag === "Stream"
      ? yield* Stream.toReadableStreamEffect(body.stream)
      : Reflect.get(body, "formData") ?? Reflect.get(body, "body")
    return yield* Effect.tryPromise({
      try: async (signal) => {
        const whole = new URL(url)
        for (const [name, value] of urlParams) whole.searchParams.append(name, value)
        const response = await Reflect.apply(fetch, undefined, [whole, {
          ...options,
          method,
          headers: Headers.merge(Headers.fromInput(options.headers), headers),
          body: content,
          duplex: "half",
          signal
        }])
        return HttpClientResponse.fromWeb(request, response)
      },
      catch: (cause) =>
        new HttpClientError.RequestError({ request, reason: isPath(request) ? "InvalidUrl" : "Transport", cause })
    })
  })

const isPath = ({ url }: HttpClientRequest.HttpClientRequest) => url.startsWith("/")

/**
 * Sends a request past platform's client, if that cannot send from here, or would complete a path with a host that does
 * not exist: in a worker that was made of a blob, it would ask `https://shop.examplehttps`. Such a path is refused.
 */
export const orDirect = <E, R>(
  sent: Effect.Effect<HttpClientResponse.HttpClientResponse, E, R>,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<
  HttpClientResponse.HttpClientResponse,
  E | HttpClientError.RequestError,
  R | FetchHttpClient.RequestInit
> => (isPath(request) ? /^https?:/ : /^(?!about|blob|data)/).test(location.protocol) ? sent : send(request)
