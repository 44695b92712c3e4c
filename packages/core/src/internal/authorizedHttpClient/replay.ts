/*
 * The replay of a refused request: which requests may be sent twice (A2), and what becomes of the refused response.
 */
import * as Headers from "@effect/platform/Headers"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

export type Replay = "idempotent" | "always" | "never"

export const Replay: Schema.Schema<Replay> = Schema.Literal("idempotent", "always", "never").annotations({
  description: "\"idempotent\", \"always\" or \"never\""
})

/** The methods whose effect is the same when a request is sent twice (RFC 9110 §9.2.2). */
const idempotentMethods = new Set<string>(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])

/** The kinds of raw bodies that can be read twice, beside a text. Any other object may be a stream. */
const isRereadableObject = (body: unknown): boolean =>
  ArrayBuffer.isView(body) || [ArrayBuffer, Blob, FormData, URLSearchParams].some((kind) => body instanceof kind)

const isRereadable = ({ body }: HttpClientRequest.HttpClientRequest): boolean =>
  body._tag === "Raw" ? typeof body.body === "string" || isRereadableObject(body.body) : body._tag !== "Stream"

/** An empty key is none: no server could know the request again by it. */
const hasIdempotencyKey = ({ headers }: HttpClientRequest.HttpClientRequest): boolean =>
  Option.exists(Headers.get(headers, "idempotency-key"), (key) => key.trim() !== "")

/** Whether a request may be sent once more. One whose body cannot be read twice never is. */
export const isReplayable = (request: HttpClientRequest.HttpClientRequest, replay: Replay): boolean =>
  replay !== "never" && isRereadable(request) &&
  (replay === "always" || idempotentMethods.has(request.method) || hasIdempotencyKey(request))

const maxDrainedBytes = 64 * 1024

/** Reads a response that has no reader, so that its connection serves the next request, unless that takes too long. */
export const drain = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  Effect.suspend(() => {
    let left = maxDrainedBytes
    return response.stream.pipe(
      Stream.runForEachWhile((chunk) => Effect.sync(() => (left -= chunk.length) > 0)),
      Effect.raceFirst(Effect.sleep("1 second")),
      Effect.withUnhandledErrorLogLevel(Option.none()), // both of these have fibers of their own, which fail with it
      Effect.exit, // a body that the given client has already read is a defect
      Effect.asVoid
    )
  })

/**
 * Drains a response in a fiber of its own, so that a body that stalls delays nobody, and a caller that is interrupted
 * leaves no socket open. It begins when the caller first waits for something. Until then the caller may still `keep`
 * the body: `false` means that it is too late.
 */
export const drainLater = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<{ readonly keep: () => boolean }> =>
  Effect.suspend(() => {
    let body: "unread" | "kept" | "drained" = "unread"
    const keep = () => {
      if (body === "unread") body = "kept"
      return body === "kept"
    }
    const draining = Effect.suspend(() => {
      if (body === "kept") return Effect.void
      body = "drained"
      return drain(response)
    })
    return Effect.as(Effect.forkDaemon(Effect.interruptible(draining)), { keep })
  })
