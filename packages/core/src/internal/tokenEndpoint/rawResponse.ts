/*
 * The server's response as a value, before it is parsed: everything after this file is pure.
 */
import * as Headers from "@effect/platform/Headers"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Instant from "../../Instant.js"

export interface RawResponse {
  /** The URL that responded: another one than was asked if the client followed a redirect. */
  readonly url: string
  readonly status: number
  readonly headers: Headers.Headers
  /** At most 256 KiB (E5). */
  readonly body: Uint8Array
  /** Whether `body` is the whole body. */
  readonly isComplete: boolean
  /** Whether a browser hides a redirect that it did not follow. */
  readonly isHiddenRedirect: boolean
  /** When the body was complete, in milliseconds since 1970. */
  readonly receivedAt: number
  /** The time since before the request was sent, in milliseconds: the age of a token in the response (S5). */
  readonly age: number
}

const maxBytes = 256 * 1024

/** A body whose announced length is short, and which is not compressed. Reading it whole costs half (P3). */
const isShort = (headers: Headers.Headers): boolean =>
  !Headers.has(headers, "content-encoding") &&
  Option.exists(Headers.get(headers, "content-length"), (length) => /^\d+$/.test(length) && Number(length) <= maxBytes)

/** This is all that a browser's fetch shows of a redirect that it must not follow. */
const isHiddenRedirect = (response: HttpClientResponse.HttpClientResponse): boolean =>
  response.status === 0 &&
  Predicate.hasProperty(response, "source") &&
  Predicate.hasProperty(response.source, "type") &&
  response.source.type === "opaqueredirect"

/**
 * Counts the bytes here, because only one of Effect's clients obeys `withMaxBodySize`. Copies them, because a chunk
 * that is kept would keep the whole buffer of the socket: gigabytes, for a body in chunks of one byte each (row 27).
 */
const readUpToLimit = (
  stream: Stream.Stream<Uint8Array, HttpClientError.ResponseError>
): Effect.Effect<Uint8Array, HttpClientError.ResponseError> =>
  Effect.suspend(() => {
    let body = new Uint8Array()
    let size = 0
    const add = (chunk: Uint8Array) => {
      if (size + chunk.length > body.length) {
        const larger = new Uint8Array(Math.max(size + chunk.length, 2 * body.length))
        larger.set(body)
        body = larger
      }
      body.set(chunk, size)
      size += chunk.length
    }
    return stream.pipe(
      Stream.runForEachWhile((chunk) =>
        Effect.sync(() => {
          add(chunk)
          return size <= maxBytes
        })
      ),
      Effect.withUnhandledErrorLogLevel(Option.none()), // a stream that fails ends a fiber of its own by that (S14)
      Effect.map(() => body.subarray(0, size)),
      Effect.catchIf((error) => error.reason === "EmptyBody", () => Effect.succeed(new Uint8Array()))
    )
  })

/** Reads a response to its end, or to the limit. */
export const read = (
  response: HttpClientResponse.HttpClientResponse,
  sentAt: Instant.Instant
): Effect.Effect<RawResponse, HttpClientError.ResponseError> =>
  Effect.suspend(() => {
    const { headers } = response // the clients make them anew each time
    const body = isShort(headers)
      ? Effect.map(response.arrayBuffer, (buffer) => new Uint8Array(buffer))
      : readUpToLimit(response.stream)
    return Effect.flatMap(body, (body) =>
      Effect.map(Instant.now, (now) => ({
        url: response.request.url,
        status: response.status,
        headers,
        body: body.subarray(0, maxBytes),
        isComplete: body.length <= maxBytes,
        isHiddenRedirect: isHiddenRedirect(response),
        receivedAt: now.wall,
        age: Instant.elapsed(sentAt, now)
      })))
  })
