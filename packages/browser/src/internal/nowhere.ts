/*
 * A client for a page or worker whose own address is no place on a server, as one that was made of a blob, or a frame
 * of `srcdoc`. There, platform's client sends nothing: it takes the address for the base of every URL, also of a whole
 * one, and `blob:` and `about:` are no base (B3).
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** Whether platform's client can send a request from here. */
export const isSomewhere = (): boolean =>
  Either.isRight(Either.try(() => new URL(`${location.origin}${location.pathname}`)))

const isBodyInit = (body: unknown): body is BodyInit =>
  typeof body === "string" || ArrayBuffer.isView(body) ||
  [ArrayBuffer, Blob, FormData, ReadableStream, URLSearchParams].some((kind) => body instanceof kind)

const toBodyInit = (body: HttpBody.HttpBody): Effect.Effect<BodyInit | undefined> => {
  if (body._tag === "Stream") return Stream.toReadableStreamEffect(Stream.orDie(body.stream))
  const given: unknown = body._tag === "FormData" ? body.formData : body._tag === "Empty" ? undefined : body.body
  return Effect.succeed(isBodyInit(given) ? given : given === undefined ? undefined : String(given))
}

const toUrl = ({ hash, url, urlParams }: HttpClientRequest.HttpClientRequest): URL => {
  const whole = new URL(url)
  for (const [name, value] of urlParams) whole.searchParams.append(name, value)
  if (Option.isSome(hash)) whole.hash = hash.value
  return whole
}

const send = Effect.fnUntraced(function*(request: HttpClientRequest.HttpClientRequest) {
  const failed = (reason: "InvalidUrl" | "Transport") => (cause: unknown) =>
    new HttpClientError.RequestError({ request, reason, cause })
  const context = yield* Effect.context<never>()
  const fetch = Option.getOrElse(Context.getOption(context, FetchHttpClient.Fetch), () => globalThis.fetch)
  const { headers, ...options } = Option.getOrElse(
    Context.getOption(context, FetchHttpClient.RequestInit),
    (): RequestInit => ({})
  )
  const url = yield* Effect.try({ try: () => toUrl(request), catch: failed("InvalidUrl") })
  const body = yield* toBodyInit(request.body)
  const response = yield* Effect.tryPromise({
    try: (signal) =>
      fetch(url, {
        ...options,
        method: request.method,
        headers: { ...Object.fromEntries(new Headers(headers)), ...request.headers },
        signal,
        ...(body !== undefined && { body }),
        ...(request.body._tag === "Stream" && { duplex: "half" })
      }),
    catch: failed("Transport")
  })
  return HttpClientResponse.fromWeb(request, response)
})

export const client: HttpClient.HttpClient = HttpClient.makeWith(
  (request: Effect.Effect<HttpClientRequest.HttpClientRequest>) => Effect.flatMap(request, send),
  Effect.succeed
)
