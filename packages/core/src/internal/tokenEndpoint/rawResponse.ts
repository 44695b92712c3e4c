/*
 * The server's answer as a value: everything after this file is pure.
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"

/** A status, headers, and a body of at most 256 KiB; `complete` is false where the server had more to say (E5). */
export interface Answer {
  readonly url: string
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: Uint8Array
  readonly complete: boolean
  readonly hiddenRedirect: boolean
}

const limit = 256 * 1024

/** The answer behind an error that a client made of a status: it still got one. */
export const behind = (error: unknown): HttpClientResponse.HttpClientResponse | undefined =>
  HttpClientError.isHttpClientError(error) && error._tag === "ResponseError" && error.reason === "StatusCode"
    ? error.response
    : undefined

/** A body whose length is announced, small and not that of a compressed form: reading it whole costs half (P3). */
const isShort = (headers: Headers.Headers): boolean =>
  !Headers.has(headers, "content-encoding") &&
  Option.exists(Headers.get(headers, "content-length"), (length) => /^\d+$/.test(length) && Number(length) <= limit)

/** A browser's fetch that may not follow a redirect shows nothing of it but this. */
const isHiddenRedirect = (response: HttpClientResponse.HttpClientResponse): boolean =>
  response.status === 0 &&
  Predicate.hasProperty(response, "source") &&
  Predicate.hasProperty(response.source, "type") &&
  response.source.type === "opaqueredirect"

const concat = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const all = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

/** Counts bytes itself: of Effect's clients only one obeys `withMaxBodySize`. */
const readUpToLimit = (
  stream: Stream.Stream<Uint8Array, HttpClientError.ResponseError>
): Effect.Effect<Uint8Array, HttpClientError.ResponseError> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    return stream.pipe(
      Stream.runForEachWhile((chunk) =>
        Effect.sync(() => {
          chunks.push(chunk)
          size += chunk.length
          return size <= limit
        })
      ),
      Effect.map(() => concat(chunks, size)),
      Effect.catchIf((error) => error.reason === "EmptyBody", () => Effect.succeed(new Uint8Array()))
    )
  })

/** Reads an answer to its end, or to the limit. */
export const read = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<Answer, HttpClientError.ResponseError> =>
  Effect.suspend(() => {
    const { headers } = response // made anew at each look
    return Effect.map(
      isShort(headers)
        ? Effect.map(response.arrayBuffer, (buffer) => new Uint8Array(buffer))
        : readUpToLimit(response.stream),
      (body) => ({
        url: response.request.url,
        status: response.status,
        headers,
        body: body.subarray(0, limit),
        complete: body.length <= limit,
        hiddenRedirect: isHiddenRedirect(response)
      })
    )
  })
